#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Runs tielined in network namespaces, against itself and against other WireGuards.

Needs root, ip, ping and wg; each scenario names what else it needs. Each scenario runs in its own
process (lab.py says what it may touch) and prints one line on stdout; the logs of a failed one go
to stderr. The last line counts the results.
"""

import argparse
import contextlib
import multiprocessing
import os
import re
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter, deque

import lab
import scenarios  # noqa: F401 (it fills SCENARIOS)
from device import PEERS, check_after, find_implementation
from lab import Failure, Lab, Skip, obstacle
from scenario import SCENARIOS

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(HERE))
FORK = multiprocessing.get_context("fork")
GRACE = 20  # seconds that a scenario gets to clean up after it is told to end


class Case:
    """A scenario and the implementations to run it with; `skip` is the reason why it cannot run."""

    def __init__(self, scenario, mine, theirs, name, skip=None):
        self.scenario, self.mine, self.theirs = scenario, mine, theirs
        self.name, self.skip = name, skip


class Result:
    def __init__(self, word, reason="", details=""):
        self.word, self.reason, self.details = word, reason, details


def list_cases(options, mine):
    """All cases that the options select. A peer is looked for only if a scenario needs it."""
    found = {}

    def peer(name):
        if name not in found:
            try:
                found[name] = find_implementation(name)
            except Skip as skip:
                found[name] = str(skip)
        return found[name]

    hindrance = obstacle()
    for scenario in SCENARIOS:
        names = [options.impl_b] if options.impl_b else [options.impl_a]
        if scenario.each_peer and not options.impl_b:
            names += [name for name in PEERS if name != options.impl_a]
        for name in names:
            title = f"{scenario.name}/{name}" if scenario.each_peer else scenario.name
            if options.names and not {title, scenario.name} & set(options.names):
                continue
            if scenario.long and not (options.long or options.names):
                continue
            if options.without and options.without.match(scenario.name) and not options.names:
                continue
            missing = [program for program in scenario.needs if not shutil.which(program)]
            theirs = mine if name == options.impl_a else None
            if hindrance:
                yield Case(scenario, mine, theirs, title, hindrance)
            elif missing:
                yield Case(scenario, mine, theirs, title, f"{missing[0]} is not installed")
            elif scenario.ours_only and not mine.ours:
                yield Case(scenario, mine, theirs, title, "only tielined is expected to pass this")
            else:
                theirs = theirs or peer(name)
                skip = theirs if isinstance(theirs, str) else None
                yield Case(scenario, mine, theirs, title, skip)


class Ended(BaseException):
    """The runner told this scenario to end."""


def run_case(case, tools, pipe):
    """Runs one scenario in this process, a child of the runner, and reports through the pipe."""
    def end(*_):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # do not interrupt the cleanup
        raise Ended
    os.setpgid(0, 0)  # Ctrl-C reaches the runner alone, which then ends us cleanly
    lab.libc.prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG: also if the runner is killed
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, end)
    here = Lab(case.mine, case.theirs, tools)
    try:
        case.scenario.function(here)
        check_after(here)
        result = Result("ok", "; ".join(here.notes))
    except Skip as skip:
        result = Result("SKIP", str(skip))
    except Failure as failure:
        where = traceback.extract_tb(failure.__traceback__)
        lines = [f"{os.path.basename(at.filename)}:{at.lineno} {at.line}" for at in where]
        result = Result("FAIL", str(failure).split("\n")[0],
                        "\n".join([*lines, str(failure), here.logs()]))
    except Ended:
        result = Result("FAIL", f"still running after {case.scenario.seconds} s",
                        f"{traceback.format_exc()}\n{here.whereabouts()}\n{here.logs()}")
    except Exception as error:
        result = Result("FAIL", repr(error), f"{traceback.format_exc()}\n{here.logs()}")
    finally:
        here.close()
    pipe.send(result)


class Job:
    """A case that is running."""

    def __init__(self, case, tools):
        self.case, self.begun = case, time.monotonic()
        self.ours, theirs = FORK.Pipe(duplex=False)
        self.process = FORK.Process(target=run_case, args=(case, tools, theirs))
        self.process.start()
        theirs.close()
        self.deadline = self.begun + case.scenario.seconds
        self.told = False

    def poll(self):
        """The result, or None while the case still runs. Ends the case when its time is up."""
        if time.monotonic() > self.deadline:
            self.process.kill() if self.told else self.process.terminate()
            self.told, self.deadline = True, time.monotonic() + GRACE
        if self.process.is_alive() and not self.ours.poll():
            return None
        try:
            result = self.ours.recv()
        except EOFError:
            result = Result("FAIL", "its process died")
        self.process.join()
        self.process.close()
        return result

    def end(self):
        with contextlib.suppress(ValueError):
            self.process.terminate()
            self.process.join(GRACE)


class Programs:
    """Copies of the programs under test and of the tools of scenarios, laid out as meson built
    them, in a directory that every user may read and whose path has no space: the tree may lie in
    root's home, and a space ends a path in LD_PRELOAD. Tools that meson did not build next to
    tielined are compiled here, except those made of several files."""

    UNDER_TEST = ("daemon/tielined", "quick/tieline-quick", "quick/tielined@.service",
                  "quick/tieline.conf", "cli/tieline")
    TOOLS = ("badlink", "blast", "pulse", "setclock.so", "starve.so")

    def __init__(self):
        self.home = tempfile.mkdtemp(prefix=f"{lab.DIRECTORY}tl{os.getpid()}-")
        os.chmod(self.home, 0o755)
        os.makedirs(f"{self.home}/test/netns")

    def take(self, mine, tools):
        """Makes `mine` point to a copy, if it is ours. `tools` is the directory of the tools;
        None if they are next to `mine`."""
        build = os.path.dirname(os.path.dirname(os.path.abspath(mine.path)))
        if mine.ours:
            for name in filter(lambda name: os.path.exists(f"{build}/{name}"), self.UNDER_TEST):
                os.makedirs(os.path.dirname(f"{self.home}/{name}"), exist_ok=True)
                shutil.copy(f"{build}/{name}", f"{self.home}/{name}")
            mine.path = shutil.copy(mine.path, f"{self.home}/daemon/tielined")
        tools = tools or f"{build}/test/netns"
        if os.path.exists(f"{tools}/blast"):
            for entry in filter(os.DirEntry.is_file, os.scandir(tools)):
                shutil.copy(entry.path, f"{self.home}/test/netns")
        elif compiler := shutil.which("cc"):
            self.build(compiler)

    def __call__(self, tool):
        path = f"{self.home}/test/netns/{tool}"
        if not os.path.exists(path):
            raise Skip(f"{tool} is not built: run `make`, or give its directory with --tools")
        return path

    def build(self, compiler):
        for name in self.TOOLS:
            shape = ("-fPIC", "-shared") if name.endswith(".so") else ()
            lab.run(compiler, "-std=gnu17", "-D_GNU_SOURCE", "-O2", f"-I{TREE}", *shape, "-o",
                    f"{self.home}/test/netns/{name}", f"{HERE}/{name.removesuffix('.so')}.c",
                    f"{TREE}/test/lib/tool.c")

    def done(self):
        shutil.rmtree(self.home)


class Runner:
    def __init__(self, options, tools):
        self.options, self.tools = options, tools
        self.count = Counter()
        self.jobs = []
        self.end = time.monotonic() + options.total

    def report(self, case, result, seconds=0.0):
        self.count[result.word] += 1
        reason = f" {result.reason}" if result.reason else ""
        print(f"{result.word} {case.name} ({seconds:.1f}){reason}", flush=True)
        if result.details:
            print(f"===== {case.name}\n{result.details}\n===== end of {case.name}",
                  file=sys.stderr, flush=True)

    def run(self, cases):
        """Runs the cases, those that need the machine to themselves last and one by one."""
        ready = deque(sorted(cases, key=lambda case: case.scenario.alone))
        while ready or self.jobs:
            while ready and self.may_start(ready[0]):
                self.start(ready.popleft())
            for job in list(self.jobs):
                if result := job.poll():
                    self.jobs.remove(job)
                    self.report(job.case, result, time.monotonic() - job.begun)
                    lab.sweep()
            time.sleep(0.02)

    def may_start(self, case):
        if case.scenario.alone or any(job.case.scenario.alone for job in self.jobs):
            return not self.jobs
        return len(self.jobs) < self.options.jobs

    def start(self, case):
        if case.skip:
            self.report(case, Result("SKIP", case.skip))
        elif time.monotonic() > self.end:
            self.report(case, Result("FAIL", f"not run: {self.options.total} s have passed"))
        else:
            self.jobs.append(Job(case, self.tools))

    def stop(self):
        for job in self.jobs:
            job.end()


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*",
                        help="scenarios to run (default: all but the long ones)")
    parser.add_argument("--list", action="store_true", help="list the scenarios")
    parser.add_argument("--impl-a", default="tielined", metavar="NAME|PATH",
                        help="implementation under test (default: tielined, which is $TIELINED "
                             "or build/daemon/tielined)")
    parser.add_argument("--impl-b", metavar="NAME|PATH",
                        help="run against this peer only (default: the implementation under test, "
                             f"{', '.join(PEERS)})")
    parser.add_argument("--jobs", type=int, choices=(1, 2), default=2,
                        help="number of scenarios to run at once (default: 2)")
    parser.add_argument("--long", action="store_true", help="include scenarios that take minutes")
    parser.add_argument("--tools", metavar="DIR", help="directory of the tools that scenarios run")
    parser.add_argument("--without", metavar="REGEX", type=re.compile,
                        help="leave out scenarios whose names begin with this")
    parser.add_argument("--total", type=float, metavar="SECONDS",
                        help="time limit for the whole run")
    options = parser.parse_args()
    options.total = options.total or (3600 if options.long else 900)
    return options


def main():
    options = parse_options()
    if options.list:
        for scenario in SCENARIOS:
            marks = [mark for mark in ("each_peer", "long") if getattr(scenario, mark)]
            print(f"{scenario.name:28} {scenario.summary} {' '.join(marks)}".rstrip())
        return 0
    try:
        mine = find_implementation(options.impl_a)
    except Skip as skip:
        print(f"run.py: {skip}", file=sys.stderr)
        return 2
    known = {scenario.name for scenario in SCENARIOS}
    for name in options.names:
        if name.split("/")[0] not in known:
            print(f"run.py: no scenario {name}; --list names them", file=sys.stderr)
            return 2

    programs = Programs()
    runner = Runner(options, programs)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda got, _: sys.exit(128 + got))
    try:
        if os.geteuid() == 0:
            lab.sweep()
            programs.take(mine, options.tools)
        runner.run(list_cases(options, mine))
    finally:
        runner.stop()
        programs.done()
    count = runner.count
    print(f"{count['ok']} passed, {count['FAIL']} failed, {count['SKIP']} skipped")
    return 1 if count["FAIL"] else 0


if __name__ == "__main__":
    sys.exit(main())
