# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""A machine that may become a node of office networks: a namespace with mounts of its own."""

import os
import subprocess

from lab import read, run, until

# What several commands and all networks share, but one test must not share with the machine.
PRIVATE = ("/etc/tieline", "/run/tieline", "/var/lib/tieline", "/var/run/wireguard")


class Member:
    """`node` is the Node that gets the mounts, for as long as its Lab is open; `bin` is the build
    directory of tieline and tielined."""

    def __init__(self, lab, node, build):
        self.lab, self.node, self.bin = lab, node, build
        for path in PRIVATE:
            os.makedirs(path, exist_ok=True)
        mounts = "; ".join(f"mount -t tmpfs none {path}" for path in PRIVATE)
        self.anchor = node.popen("unshare", "-m", "sh", "-c", f"{mounts}; exec sleep infinity",
                                 log=lab.file("anchor"))
        # Until it is `sleep`, its mounts may still be those of the machine.
        until(lambda: read(f"/proc/{self.anchor.pid}/comm") == b"sleep\n", "mounts are private")

    def inside(self, *argv, env=None):
        """The command line that runs a program on this machine."""
        path = f"{self.bin}/cli:{self.bin}/daemon:{os.environ['PATH']}"
        return ("nsenter", "-t", str(self.anchor.pid), "-m", "-n", "env", f"PATH={path}",
                *(f"{name}={value}" for name, value in (env or {}).items()), *argv)

    def run(self, *argv, env=None, **more):
        return run(*self.inside(*argv, env=env), **more)

    def popen(self, *argv):
        return subprocess.Popen(self.inside(*argv), stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def tieline(self, *arguments, **more):
        return self.run("tieline", *arguments, **more)

    def path(self, file):
        """Where a file in /etc/tieline is, seen from outside."""
        return f"/proc/{self.anchor.pid}/root/etc/tieline/{file}"

    def write(self, file, text):
        with open(self.path(file), "w", encoding="utf-8",
                  opener=lambda path, flags: os.open(path, flags, 0o600)) as out:
            out.write(text)
