"""What including the library costs a user's file: time of the compiler, and size of the object."""

import os
import pathlib
import shlex
import subprocess
import tempfile

from processes import children_seconds
from rounds import Skip


def compile_once(source, include, cpu):
    """A sample; nothing of it comes from a cache of compiled files."""
    compiler = shlex.split(os.environ.get("CXX", "c++"))
    with tempfile.TemporaryDirectory(prefix="httpool-bench-") as folder:
        result = pathlib.Path(folder) / "object.o"
        before = children_seconds()
        done = subprocess.run(
            ["taskset", "-c", str(cpu), *compiler, "-std=c++20", "-O2", "-DNDEBUG",
             "-DBOOST_ASIO_NO_DEPRECATED", f"-I{include}", "-c", str(source), "-o", str(result)],
            env={**os.environ, "CCACHE_DISABLE": "1"}, capture_output=True, text=True, check=False)
        used = children_seconds() - before
        if done.returncode != 0:
            errors = [line for line in done.stderr.splitlines() if "error" in line] or ["no word"]
            raise Skip(f"does not compile: {errors[0]}")
        sizes = subprocess.run(["size", str(result)], capture_output=True, text=True, check=True)
        text, data, bss = map(int, sizes.stdout.splitlines()[1].split()[:3])
        return {"seconds": used, "object_kib": result.stat().st_size / 1024,
                "loaded_kib": (text + data + bss) / 1024}
