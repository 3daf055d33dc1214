#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Shows where the time goes: profiles both ends of a tunnel under load.

`perf record` samples both daemons, their threads and the kernel's work for them, on the topology of
the bench. The results are build/profile/report.txt and build/profile/flame.svg, in which each box
is a function, as wide as its share and standing on its caller.

It counts time, not cycles: the event is cpu-clock, which virtual machines have too. Needs root.
"""

import argparse
import collections
import os
import re
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(HERE)
sys.dont_write_bytecode = True
sys.path.append(os.path.join(TREE, "test", "netns"))

import flame  # noqa: E402
import machine  # noqa: E402
import measure  # noqa: E402
from contenders import BOUNDS, WireGuard, bound  # noqa: E402
from lab import Failure, Skip, end_in_order, obstacle, run, sweep, until  # noqa: E402

# Bytes of stack that each sample keeps for unwinding; a batch needs 12 KiB of it.
STACK = 32768
FREQUENCY = 499  # samples per second and core; not a divisor of the kernel's ticks
TOP = 25         # number of functions in a table

# Kinds of work. A call stack belongs to the first kind that matches a frame, from the inside out.
KINDS = (
    ("AEAD", re.compile(r"chacha|poly1305|aead|EVP_"
                        r"|^(?:seal|open)_(?:one|batch|any)|^authenticate$", re.I)),
    ("copies with checksums", re.compile(
        r"checksum|^(?:copy|add)_(?:avx2|portable)|^sum$", re.I)),
    ("cutting and merging", re.compile(r"^tl_(?:cut|merge)|^cut|^merge")),
    ("reads from the TUN", re.compile(r"tun_(?:chr_|do_)?read|_readv$")),
    ("writes to the TUN, with TCP's work there", re.compile(
        r"tun_(?:chr_|do_)?write|tun_get_user|_writev$")),
    ("sends UDP, with the other end's work there",
     re.compile(r"send(?:m?msg|to)$|udp_send")),
    ("receives UDP", re.compile(r"recv(?:m?msg|from)$|udp_rec")),
    ("waits and wake-ups", re.compile(r"epoll|futex|sys_p?poll|eventfd|schedule")),
)
OTHER_KERNEL, OTHER_USER = "other work of the kernel", "other work of the program"


class Sample:
    """`frames` are (function, program or library), from the inside out."""

    def __init__(self, pid, frames):
        self.pid, self.frames = pid, frames
        self.in_kernel = frames[0][1].startswith("[kernel") or frames[0][1].startswith("[guest")


def parse(text):
    """The samples of `perf script`: a line for the thread, lines for the frames, a blank line."""
    for block in text.split("\n\n"):
        lines = block.strip("\n").split("\n")
        head = re.match(r"\s*.*?\s(\d+)/\d+\s*$", lines[0])
        if not head:
            continue
        frames = [frame for line in lines[1:] if (frame := parse_frame(line))]
        if frames:
            yield Sample(int(head[1]), frames)


def parse_frame(line):
    found = re.match(r"\s*[0-9a-f]+ (.+?) \((.*)\)$", line)
    if not found or found[1] == "[unknown]" and found[2] == "[unknown]":
        return None
    return found[1], os.path.basename(found[2]) if found[2][:1] == "/" else found[2]


def kind(sample):
    for function, _ in sample.frames:
        for name, pattern in KINDS:
            if pattern.search(function):
                return name
    return OTHER_KERNEL if sample.in_kernel else OTHER_USER


# Recording

class Recording:
    """Runs perf(1) for the length of the context."""

    def __init__(self, path, pids):
        self.argv = ["perf", "record", "--quiet", "--event", "cpu-clock", "--freq", str(FREQUENCY),
                     "--call-graph", f"dwarf,{STACK}", "--output", path,
                     "--pid", ",".join(map(str, pids))]
        self.path, self.process = path, None

    def __enter__(self):
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.process = subprocess.Popen(self.argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        text=True)
        until(self.has_begun, "perf record begins")

    def has_begun(self):
        if self.process.poll() is not None:
            raise Failure(f"perf record: {self.process.stdout.read().strip()}")
        return os.path.exists(self.path)

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        said = self.process.communicate(timeout=60)[0].strip()
        if self.process.returncode not in (0, -signal.SIGINT):
            raise Failure(f"perf record: {said}")

    def samples(self):
        text = run("perf", "script", "--input", self.path, "--no-inline", "--fields",
                   "comm,pid,tid,ip,sym,dso", timeout=300).stdout
        return list(parse(text))


def tcp(x, y, options):
    found = measure.iperf(x, y, options.seconds, *options.iperf)
    rate = measure.gbits(found["sum_received"])
    return f"TCP from x to y, {rate:.2f} Gbit/s while profiled"


def udp(x, y, options):
    flood = measure.Flood(x, y, os.path.join(options.build, "bench", "flood"))
    counts = flood.send(options.length, 0, options.seconds)
    rate = counts["received"] * 1e9 / max(1, counts["span_ns"])
    return (f"UDP datagrams of {options.length} bytes from x to y as fast as one thread can, "
            f"{rate:,.0f} per second delivered while profiled")


def record(contender, options):
    """Returns a description of the load, the samples, and pid -> name of its daemon."""
    with contender.lab() as lab:
        x, y = contender.tunnel(lab)
        x.node.reaches(y.inner4, 3)
        owners = {pid: end for end, letter in ((x, "x"), (y, "y"))
                  for pid in measure.family(end.process.pid)}
        names = {pid: "x, the sender's" if end is x else "y, the receiver's"
                 for pid, end in owners.items()}
        recording = Recording(os.path.join(options.out, "perf.data"), owners)
        with recording:
            time.sleep(0.2)
            done = (udp if options.load == "udp" else tcp)(x, y, options)
        return done, recording.samples(), names


# Telling

def shares(counter, total, count=None):
    for name, number in counter.most_common(count):
        yield f"  {100 * number / total:5.1f} %  {name}"


def tell(samples, names, heading):
    """The lines of the report."""
    yield from heading
    total = len(samples)
    yield f"{total} samples of both daemons; {FREQUENCY} are one second of one core"
    for daemon in sorted(set(names.values())):
        own = [one for one in samples if names.get(one.pid) == daemon]
        if not own:
            continue
        yield ""
        yield f"{daemon} daemon: {100 * len(own) / total:.0f} % of all"
        yield ""
        yield "  by kind of work"
        yield from shares(collections.Counter(map(kind, own)), len(own))
        yield ""
        yield "  by function, without its callees"
        functions = collections.Counter(f"{one.frames[0][0]}  [{one.frames[0][1]}]" for one in own)
        yield from shares(functions, len(own), TOP)
    yield ""
    yield "Both daemons, by caller, including callees; below 1 % is omitted"
    yield ""
    yield from flame.tree_lines(flame.fold(stacks(samples, names)), least=0.01)


def stacks(samples, names):
    """Each stack from the outside in, below the name of its daemon."""
    for one in samples:
        outside_in = [function for function, _ in reversed(one.frames)]
        yield [names.get(one.pid, "another process"), *outside_in]


def heading(contender, done, options):
    cpu = machine.describe()
    return [f"Where the time goes: {contender.name}, tieline {machine.commit(TREE)}",
            f"{cpu['cpu']} ({', '.join(cpu['cpu_flags'])}), {cpu['cores']} cores, {cpu['kernel']}",
            done, ""]


def write(samples, names, lines, options):
    paths = [os.path.join(options.out, name) for name in ("report.txt", "flame.svg", "perf.data")]
    with open(paths[0], "w", encoding="utf-8") as file:
        file.write("\n".join(tell(samples, names, lines)) + "\n")
    with open(paths[1], "w", encoding="utf-8") as file:
        file.write(flame.draw(flame.fold(stacks(samples, names)), lines[:-1]))
    owner = os.stat(os.path.join(TREE, "Makefile"))
    for path in (options.out, *paths):
        os.chown(path, owner.st_uid, owner.st_gid)
    return paths


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--of", default="tielined", metavar="PROGRAM",
                        help="program to profile: tielined, another WireGuard by its name in "
                             f"run.py, a path with options, or {' or '.join(BOUNDS[:2])} (default: "
                             "tielined)")
    parser.add_argument("--load", choices=("tcp", "udp"), default="tcp",
                        help="kind of load (default: tcp)")
    parser.add_argument("--iperf", default="", metavar="WORDS",
                        help="extra options for iperf3, such as '--parallel 8'")
    parser.add_argument("--length", type=int, default=64,
                        help="length of UDP datagrams in bytes (default: 64)")
    parser.add_argument("--seconds", type=int, default=10,
                        help="duration of the load (default: 10)")
    parser.add_argument("--build", default=os.path.join(TREE, "build"), metavar="DIR",
                        help="build directory (default: build/)")
    options = parser.parse_args()
    options.build = os.path.abspath(options.build)
    options.out = os.path.join(options.build, "profile")
    options.iperf = options.iperf.split()
    return options


def main():
    options = parse_options()
    end_in_order()
    os.environ.setdefault("TIELINED", os.path.join(options.build, "daemon", "tielined"))
    os.makedirs(options.out, exist_ok=True)
    sweep()
    try:
        if why := obstacle():
            raise Skip(why)
        contender = bound(options.of, options.build) if options.of in BOUNDS[:2] else \
            WireGuard(options.of)
        done, samples, names = record(contender, options)
        if not samples:
            raise Failure("perf took no samples; is it allowed to on this machine?")
    except (Skip, Failure, OSError) as error:
        print(f"profile: {error}", file=sys.stderr)
        return 1
    paths = write(samples, names, heading(contender, done, options), options)
    with open(paths[0], encoding="utf-8") as file:
        print(file.read().split("\nBoth daemons, by caller")[0])
    print(*paths, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
