# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The contenders: WireGuards, and bounds that show the cost of moving packets without a
cipher, without a protocol, and without a tunnel.

Each makes a `tunnel` between two namespaces and returns its two ends. Measurements use their `lab`,
`node`, `name` (of the interface), `inner4` (its address there) and `process` (None if no process
serves it).
"""

import contextlib
import os
import shlex

from device import find_implementation, tunnel
from lab import Lab, Skip, read, until
from office import Office

QUIET = {"LOG_LEVEL": "error"}
PORT = "51820"


class WireGuard:
    """A program with extra command-line arguments, and a name for both."""
    is_bound = False

    def __init__(self, wanted, options=(), name=None):
        program, *words = shlex.split(wanted)
        self.options = [*words, *options]
        self.implementation = find_implementation(program)
        self.implementation.verbosity = "error"
        self.name, self.ours = name or wanted, self.implementation.ours

    @contextlib.contextmanager
    def lab(self):
        self.implementation.options = list(self.options)  # a measurement may add to them
        with contextlib.closing(Lab(self.implementation, self.implementation, None)) as lab:
            yield lab

    def tunnel(self, lab):
        return tunnel(lab, env=QUIET)

    @staticmethod
    def office(lab):
        return Office(lab, env=QUIET)


class NullCipher(WireGuard):
    """tielined without the cipher: bench/null_aead.c."""
    is_bound = True

    def __init__(self, build):
        super().__init__(shlex.quote(os.path.join(build, "bench", "tielined-null")),
                         name="null cipher")
        self.ours = False


class End:
    """One end of a bound's tunnel."""

    def __init__(self, node, name, inner4, process=None):
        self.lab, self.node, self.name = node.lab, node, name
        self.inner4, self.process = inner4, process

    def is_alive(self):
        return self.process is None or self.process.poll() is None


class Bound:
    is_bound, ours = True, False

    @contextlib.contextmanager
    def lab(self):
        with contextlib.closing(Lab(None, None, None)) as lab:
            yield lab

    @staticmethod
    def nodes(lab):
        a, b = lab.node("a"), lab.node("b")
        return a, b, lab.link(a, b)


class Bare(Bound):
    """bench/bare.c: a tunnel without a cipher, as simple as possible."""
    name = "bare tunnel"

    def __init__(self, build):
        self.path = os.path.join(build, "bench", "bare")
        if not os.access(self.path, os.X_OK):
            raise Skip(f"no {self.path}: build it first")

    def tunnel(self, lab):
        a, b, _ = self.nodes(lab)
        lab.devices += [self.end(a, b), self.end(b, a)]
        return lab.devices

    def end(self, node, other):
        name, log = f"{node.lab.prefix}{node.name}", node.lab.file("bare")
        process = node.popen(self.path, name, other.v4(), PORT, log=log)
        until(lambda: read(log), "the bare tunnel is ready")
        end = End(node, name, f"10.77.0.{node.number}", process)
        node.ip("addr", "add", f"{end.inner4}/24", "dev", name)
        node.ip("link", "set", name, "mtu", "1420", "up")
        return end


class Veth(Bound):
    """No tunnel at all, only the cable."""
    name = "veth"

    def tunnel(self, lab):
        a, b, names = self.nodes(lab)
        return [End(node, name, node.v4()) for node, name in zip((a, b), names)]


def bound(name, build):
    return {"bare": Bare, "null": NullCipher}[name](build) if name != "veth" else Veth()


BOUNDS = ("bare", "null", "veth")


def daemons(*ends):
    """The ends that a process serves."""
    return [end for end in ends if end.process]


