#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Packets must do what `tieline explain` says, on networks that nobody drew by hand.

Each seed gives a network (generate.py), which `tieline lab` builds in namespaces; trial.py compares
packets with the model. A network on which they differ is made smaller (shrink.py) and printed.
Needs root. Everything happens in namespaces of this command's own, and ends with it, even if it is
killed. The last line counts the results.
"""

import argparse
import collections
import concurrent.futures
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time

import generate
import shrink
from text import render
from trial import Tools, Trial

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(HERE))
ROOM = "/run/tieline"  # a file system of our own is mounted here
CLONE_NEWNS, CLONE_NEWNET, CLONE_NEWPID = 0x00020000, 0x40000000, 0x20000000
PR_SET_PDEATHSIG = 1

# What some connections of so many networks do, or why they do not work.
MANY = 40
COMMON = {"native", "snat", "virtual", "mapped", "via_gateway", "lan", "policy", "gateway_route",
          "gateway_untouchable", "return_route"}

libc = ctypes.CDLL(None, use_errno=True)


def enclose():
    """Continues in a child with its own processes, network and mounts, which ends with us."""
    if libc.unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID):
        raise OSError(ctypes.get_errno(), "unshare")
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        sys.exit(os.waitstatus_to_exitcode(status) & 0xff)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    for words in (["--make-rprivate", "/"], ["-t", "proc", "proc", "/proc"],
                  ["-t", "tmpfs", "tmpfs", ROOM]):
        subprocess.run(["mount", *words], check=True)


def obstacle(options):
    """The reason why nothing can run here, or None."""
    if os.geteuid() != 0:
        return "not root"
    for program in ("ip", "nft", "mount"):
        if not shutil.which(program):
            return f"{program} is not installed"
    if not os.path.exists("/dev/net/tun"):
        return "no /dev/net/tun"
    if not os.access(f"{options.build}/cli/tieline", os.X_OK):
        return f"no tieline in {options.build}"
    return None


def describe(case, fault, seed, options):
    """What to print about a case that fails."""
    text = "".join(f"    {line}\n" for line in render(case.file).splitlines())
    before = "".join(f"  before, on {machine}: {', '.join(names)}\n"
                     for machine, names in case.before.items())
    flows = "".join(f"  connection: {flow}\n" for flow in case.flows)
    return (f"{fault}\n  the smallest network with this fault:\n{text}{before}{flows}"
            f"  again: sudo python3 test/proof/run.py --build {options.build} --seeds {seed}")


def try_seed(tools, seed, options):
    """Returns the word and the text of a seed's line, and what was seen (Trial.seen)."""
    trial = Trial(tools, f"{ROOM}/proof/{seed}", f"proof{seed}")
    case = generate.generate(seed)
    begun = time.monotonic()
    fault = trial.find_fault(case)
    took = time.monotonic() - begun
    if not fault:
        what = "refused" if case.wants else f"{trial.pairs} connections"
        return "ok", f"seed {seed}: {what}, {took:.1f} s", trial.seen
    if options.shrink:
        case, fault = make_smaller(trial, case, fault, options.shrink)
    return "FAIL", f"seed {seed}: {describe(case, fault, seed, options)}", trial.seen


def make_smaller(trial, case, fault, seconds):
    """Returns the smallest case with a fault that can be found in that time, and the fault."""
    deadline = time.monotonic() + seconds
    case, fault = trial.find_quickly(case, fault) or (case, fault)
    case = shrink.shrink(case, lambda smaller: fault.is_like(trial.find_fault(smaller)),
                         lambda: time.monotonic() > deadline)
    return case, trial.find_fault(case) or fault


MARK = "TIELINE_PROOF"  # in the environment of everything that a run starts


def left_of(mark):
    """The processes that a run has left."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                found += [pid] if f"{MARK}={mark}\0".encode() in file.read() else []
        except OSError:
            pass
    return found


def test_death(_tools, options):
    """Kills a run that has a lab, and expects that nothing is left. Returns word and text."""
    mark = f"killed-{os.getpid()}"
    run = subprocess.Popen([sys.executable, __file__, "--build", options.build, "--seeds", "1..8"],
                           env={**os.environ, MARK: mark}, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while len(left_of(mark)) < 20 and run.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    seen = len(left_of(mark))
    run.kill()
    run.wait()
    while left_of(mark) and time.monotonic() < deadline:
        time.sleep(0.05)
    if seen < 20 or left_of(mark):
        return "FAIL", f"a run that is killed, with {seen} processes, leaves {left_of(mark)}"
    return "ok", f"a run that is killed, with {seen} processes, leaves nothing"


def test_finding(tools, _options):
    """Plants a fault, and expects that it is found and that nothing is left of the network but what
    the fault needs. Returns the same."""
    case = generate.plant_fault()
    trial = Trial(tools, f"{ROOM}/proof/planted", "planted")
    fault = trial.find_fault(case)
    [flow] = case.flows
    if not fault or (fault.kind, fault.what) != ("another source is seen", flow):
        return "FAIL", f"a planted fault on the way {flow} is found as: {fault}"
    before = shrink.size(case)
    case, found = make_smaller(trial, case, fault, 600)
    after = shrink.size(case)
    if found.kind != fault.kind or case.flows != [flow] or after > 40 or after * 3 > before:
        return "FAIL", f"a planted fault leaves {after} of {before} parts:\n{render(case.file)}"
    return "ok", f"a planted fault is found, and {after} of {before} parts are left of the network"


def seeds(text):
    first, _, last = text.partition("..")
    return range(int(first), int(last or first) + 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=f"{TREE}/build", help="directory of the build to test")
    parser.add_argument("--seeds", type=seeds, default=seeds("1..40"), metavar="FIRST[..LAST]")
    parser.add_argument("--jobs", type=int, default=2 * (os.cpu_count() or 1),
                        help="networks at once")
    parser.add_argument("--shrink", type=float, default=300, metavar="SECONDS",
                        help="time to make each failure smaller; 0: do not")
    parser.add_argument("--test", action="store_true",
                        help="also test this command: with a planted fault, and by killing it")
    parser.add_argument("--print", action="store_true", help="print the files, and try nothing")
    options = parser.parse_args()
    options.build = os.path.abspath(options.build)
    if options.print:
        for seed in options.seeds:
            case = generate.generate(seed)
            print(f"# seed {seed}\n{render(case.file)}{case.before} {case.flows} {case.wants}\n")
        return 0
    if hindrance := obstacle(options):
        print(f"SKIP  {hindrance}\n0 passed, 0 failed, 1 skipped")
        return 0
    os.makedirs(ROOM, exist_ok=True)
    enclose()
    tools = Tools(options.build)
    counts, seen = {"ok": 0, "FAIL": 0}, collections.Counter()
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        jobs = [pool.submit(try_seed, tools, seed, options) for seed in options.seeds]
        if options.test:
            jobs += [pool.submit(test, tools, options) for test in (test_finding, test_death)]
        for job in jobs:
            word, text, *more = job.result()
            seen.update(*more)
            counts[word] += 1
            print(f"{word:<5} {text}", flush=True)
    print("connections: " + ", ".join(f"{what} {count}" for what, count in seen.most_common()))
    if len(options.seeds) >= MANY and (missing := COMMON - seen.keys()):
        print(f"FAIL  none of {len(options.seeds)} networks has: {', '.join(sorted(missing))}")
        counts["FAIL"] += 1
    print(f"{counts['ok']} passed, {counts['FAIL']} failed, 0 skipped")
    return 1 if counts["FAIL"] else 0


if __name__ == "__main__":
    sys.exit(main())
