"""Processes that are measured, each on a processor of its own choice, and the servers among them."""

import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from rounds import Skip

PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"  # where Debian keeps servers


def find(program):
    return shutil.which(program, path=PATH)


def need(program, whence="tools/setup --bench-peers"):
    return find(program) or skip(f"{program} is not installed ({whence} installs it)")


def skip(why):
    raise Skip(why)


def pinned(command, cpu):
    return ["taskset", "-c", str(cpu), *map(str, command)]


def free_port():
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        return any_port.getsockname()[1]


def busy_seconds():
    """Processor time that the machine has spent so far, all processors together."""
    fields = pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    user, nice, system, _, _, irq, softirq = map(int, fields[:7])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def children_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run(command, cpu, seconds, server=None):
    """Runs a program to its end: its output, with the processor time that the server used and that
    other processes did."""
    elapsed, machine, own = time.monotonic(), busy_seconds(), children_seconds()
    served = server.seconds() if server else 0
    try:
        done = subprocess.run(pinned(command, cpu), capture_output=True, text=True,
                              timeout=60 + 10 * seconds, check=False)
    except subprocess.TimeoutExpired:
        skip(f"{pathlib.Path(command[0]).name} did not end")
    served = server.seconds() - served if server else 0
    elapsed, own = time.monotonic() - elapsed, children_seconds() - own
    if done.returncode != 0:
        said = (done.stderr.strip() or "no word").splitlines()[0]
        skip(f"{pathlib.Path(command[0]).name} ended with {done.returncode}: {said}")
    others = max(0.0, (busy_seconds() - machine - own - served) / elapsed)
    return done.stdout, {"server_seconds": served, "others": round(others, 3)}


def json_lines(text):
    """The lines of JSON in a program's output; Skip if it says that it skips."""
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    for line in lines:
        if "skip" in line:
            skip(line["skip"])
    return lines


def certificate_in(folder):
    """Flags of ServiceB for a certificate that is made in the folder."""
    files = {"--key": pathlib.Path(folder) / "key.pem", "--cert": pathlib.Path(folder) / "cert.pem"}
    made = subprocess.run(
        [need("openssl", "tools/setup --bench"), "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=127.0.0.1", "-days", "2",
         "-keyout", files["--key"], "-out", files["--cert"]],
        capture_output=True, text=True, check=False)
    if made.returncode != 0:
        skip("no certificate: " + made.stderr.strip().splitlines()[-1])
    return [word for flag, file in files.items() for word in (flag, file)]


class Server:
    """A server on a processor, for as long as the `with` block lasts. In its command {port} and
    {folder} are replaced."""

    def __init__(self, command, cpu, config=None):
        self.command, self.cpu, self.config = command, cpu, config
        self.port = free_port()

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="httpool-bench-")
        folder = pathlib.Path(self.folder.name)
        folder.chmod(0o755)
        fill = lambda text: str(text).replace("{port}", str(self.port)).replace("{folder}", str(folder))
        if self.config:
            (folder / "config").write_text(fill(self.config))
        with open(folder / "log", "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(pinned(map(fill, self.command), self.cpu),
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = time.monotonic() + 20
        while self.process.poll() is None and time.monotonic() < end:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.01)
        said = (folder / "log").read_text(errors="replace").strip() or "no word"
        self.__exit__()
        skip(f"{pathlib.Path(str(self.command[0])).name} does not listen: {said.splitlines()[-1]}")

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.folder.cleanup()

    def seconds(self):
        """Processor time of its threads so far."""
        total = 0
        for each in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir():
            total += int((each / "schedstat").read_text().split()[0])
        return total / 1e9


NGINX = """daemon off; master_process off; worker_processes 1; pid {folder}/pid;
error_log {folder}/error.log; events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 1000000000; keepalive_timeout 1h; default_type text/plain;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server { listen 127.0.0.1:{port} backlog=4096; location / { return 200 "Hello, World!"; } }
}
"""


def nginx(cpu):
    return Server([need("nginx"), "-p", "{folder}", "-c", "{folder}/config", "-e", "stderr"], cpu,
                  NGINX)
