#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""How long `tieline plan` and `apply` take on the hub of a large office network, and how much
memory: before it runs, while it runs, and with a change of the policy.

Memory is that of the command and of all programs that it runs, nft above all, at the moment when it
was greatest; pages that several processes share count once. Needs root; makes network namespaces
and removes them. Fails if a plan reports other changes than it should.
"""

import argparse
import contextlib
import functools
import os
import re
import resource
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(HERE)
sys.dont_write_bytecode = True  # root would leave files in another user's tree
sys.path.append(os.path.join(TREE, "test", "netns"))

from lab import (Failure, Lab, end_in_order, expect, expect_same, obstacle,  # noqa: E402
                 read, run, sweep)
from member import Member  # noqa: E402

NAME = "acme"
POLL = 0.005  # seconds between two looks at the memory
NOTHING, SOMETHING = 0, 3  # exit status of `plan`


def memory_mib(pid):
    """The memory of a process and its descendants. Those that end meanwhile do not count."""
    found, kib = [pid], 0
    for one in found:
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{one}/task"):
                found += map(int, read(f"/proc/{one}/task/{task}/children").split())
            pss = re.search(rb"^Pss:\s+(\d+)", read(f"/proc/{one}/smaps_rollup"), re.MULTILINE)
            kib += int(pss[1]) if pss else 0
    return kib / 1024


class Hub(Member):
    """The first hub of the file that bench/plan writes."""

    def __init__(self, lab, options):
        super().__init__(lab, lab.node("z"), options.build)
        self.tell = options.tell
        lab.link(self.node, isp := lab.node("isp"))
        self.node.ip("route", "add", "default", "via", isp.v4())
        # Names that do not resolve would cost up to 6 s.
        self.text = re.sub(r"endpoint: z(\d)\.example", r"endpoint: 198.51.100.1\1", run(
            os.path.join(options.build, "bench", "plan"), "--write",
            "--sites", str(options.sites), "--people", str(options.people),
            "--rules", str(options.rules)).stdout)
        self.write(f"{NAME}.key", run("wg", "genkey").stdout)
        public = run("wg", "pubkey", input=read(self.path(f"{NAME}.key")).decode()).stdout.strip()
        self.use(re.sub('key: "[^"]*"', f'key: "{public}"', self.text, count=1))

    def use(self, text):
        self.text = text
        self.write(f"{NAME}.yaml", text)
        self.tieline("check", NAME)

    def measure(self, title, command, wanted):
        """Runs a command, and tells what it cost. Returns the lines that it printed."""
        before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        most = 0
        with subprocess.Popen(self.inside("tieline", command, NAME), stderr=subprocess.STDOUT,
                              stdout=open(log := self.lab.file(command), "wb")) as process:
            while process.poll() is None:
                most = max(most, memory_mib(process.pid))
                time.sleep(POLL)
        took, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        said = read(log).decode()
        expect_same(process.returncode, wanted, f"exit status of {command}: {said[-2000:]}")
        self.tell(f"{title:34} {took:7.2f} s {cpu:7.2f} s of CPU {most:7.0f} MiB")
        return said.splitlines()


def changes(said):
    """The changes that a plan lists."""
    return [line for line in said if re.match(r"  (nft|daemon|private|UDP|MTU|address|link|peer|"
                                              r"setting|route|rule)\b", line)]


def measure(lab, options):
    hub = Hub(lab, options)
    hub.measure("plan, nothing runs", "plan", SOMETHING)
    hub.measure("apply, nothing runs", "apply", NOTHING)
    hub.measure("plan, no changes", "plan", NOTHING)
    hub.measure("apply, no changes", "apply", NOTHING)
    fewer = re.sub(r"^  - \{from: g0, .*\n", "", hub.text, count=1, flags=re.MULTILINE)
    expect(fewer != hub.text, "there is a rule to remove")
    hub.use(fewer)
    said = hub.measure("plan, one rule less", "plan", SOMETHING)
    expect_same([line.split(" (")[0] for line in changes(said)],
                [f"  nft table inet tieline-{NAME}: replace"], "the changes")
    hub.measure("apply, one rule less", "apply", NOTHING)
    hub.measure("plan, no changes", "plan", NOTHING)
    hub.measure("down", "down", NOTHING)


def problem(build, sites, people, rules, tell):
    """The reason why it does not work, or None. `tell` gets a line for each command."""
    options = argparse.Namespace(build=build, sites=sites, people=people, rules=rules, tell=tell)
    try:
        with contextlib.closing(Lab(None, None, None)) as lab:
            measure(lab, options)
    except (Failure, OSError) as error:
        return str(error)
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sites", type=int, default=1000)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--rules", type=int, default=1000)
    parser.add_argument("--build", default=os.path.join(TREE, "build"), type=os.path.abspath,
                        metavar="DIR", help="build directory (default: build/)")
    options = parser.parse_args()
    end_in_order()
    if why := obstacle():
        print(f"large: {why}", file=sys.stderr)
        return 2
    sweep()
    if why := problem(**vars(options), tell=functools.partial(print, flush=True)):
        print(f"large: {why}", file=sys.stderr)
    return 1 if why else 0


if __name__ == "__main__":
    sys.exit(main())
