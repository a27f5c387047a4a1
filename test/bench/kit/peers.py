"""Programs of peers that are neither C++ nor a package's own: they are made on first use."""

import subprocess

from processes import need, skip

UNDICI = "undici@6.21.1"  # of the last series that Debian's Node.js runs


def last_line(process):
    return (process.stderr.strip() or "no word").splitlines()[-1]


class Peers:
    def __init__(self, sources, made, may_make):
        self.sources, self.made, self.may_make = sources, made, may_make

    def make(self, *command):
        """Runs what makes a program, if anything may be made."""
        if not self.may_make:
            skip("has not been built, nor is to be")
        self.made.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            skip(f"{command[1]} failed: {last_line(done)}")

    def go(self, name):
        """The command of a Go program, built when it is older than its source."""
        source, program = self.sources / f"{name}.go", self.made / name
        if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
            self.make(need("go"), "build", "-o", program, source)
        return [program]

    def undici(self):
        """The command of the client that uses it."""
        node = need("node")
        if not (self.made / "node_modules" / "undici").exists():
            self.make(need("npm"), "install", "--prefix", self.made, "--no-audit", "--no-fund",
                      UNDICI)
        return [node, self.sources / "undici_client.mjs", "--modules", self.made]
