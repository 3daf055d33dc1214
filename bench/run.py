#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Measures tielined and other WireGuards, alternately, on the same topology, in one run.

doc/performance.md tells what each figure means. Needs root; makes network namespaces and removes
them, also when it is interrupted. An implementation that is not to be had is named and left out.

With --quick it measures briefly, judges nothing by its speed, and checks that every figure comes
out and is possible; the last line then counts these checks.
"""

import argparse
import contextlib
import functools
import json
import os
import shlex
import signal
import statistics
import sys
import time
import traceback
import xml.etree.ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(HERE)
sys.dont_write_bytecode = True  # root would leave files in a tree of somebody else
sys.path.append(os.path.join(TREE, "test", "net"))

import figures  # noqa: E402
import machine  # noqa: E402
import measure  # noqa: E402
import plot  # noqa: E402
from device import PEERS, find_implementation  # noqa: E402
from lab import Failure, Lab, Skip, expect, obstacle, sweep  # noqa: E402

OURS = "tielined"
ALSO = ("wireguard-go-new", "wireguard-go", "boringtun")
assert set(ALSO) == set(PEERS)
BUSY = 0.1  # from this share of the cores on, what others do is worth a warning


class Contender:
    """An implementation with further words for its command line, and what to call both."""

    def __init__(self, wanted):
        program, *self.options = shlex.split(wanted)
        self.implementation = find_implementation(program)
        self.name, self.ours = wanted, self.implementation.ours


class Measurement:
    """`function` gives a sample of each of these figures, for any implementation or for ours."""

    def __init__(self, name, function, its_figures, ours_only=False):
        self.name, self.function, self.figures = name, function, its_figures
        self.ours_only = ours_only


def measurements(options):
    found = []
    if "transfer" in options.only:
        found.append(Measurement("transfers and pings", measure.transfer, figures.TRANSFER))
    if "handshakes" in options.only:
        found.append(Measurement("handshakes", measure.handshakes, figures.HANDSHAKES))
    if "peers" in options.only:
        for count in options.peers + options.peers_ours:
            found.append(Measurement(figures.peers_name(count),
                                     functools.partial(measure.peers, count=count),
                                     figures.peers_figures(count), count in options.peers_ours))
    return found


class Progress:
    """One line that changes, on a terminal; else a line for each step."""

    def __init__(self):
        self.is_terminal = sys.stderr.isatty()

    def say(self, text):
        if self.is_terminal:
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
        else:
            print(text, file=sys.stderr, flush=True)

    def clear(self):
        if self.is_terminal:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


class Bench:
    def __init__(self, options, contenders):
        self.options, self.contenders = options, contenders
        self.measurements = measurements(options)
        self.figures = [figure for one in self.measurements for figure in one.figures]
        self.rounds, self.busy, self.notes, self.failed = [], [], [], []
        self.progress = Progress()

    def run(self):
        for number in range(self.options.rounds):
            self.busy.append(machine.busy_share(1))
            self.rounds.append({name: {} for name in self.names()})
            # Who comes first changes, so that nobody always meets a machine that others warmed.
            turn = number % len(self.contenders)
            for contender in self.contenders[turn:] + self.contenders[:turn]:
                for measurement in self.measurements:
                    if contender.ours or not measurement.ours_only:
                        self.measure(number, contender, measurement)
        self.progress.clear()

    def measure(self, number, contender, measurement):
        title = f"{contender.name}: {measurement.name}"
        self.progress.say(f"round {number + 1} of {self.options.rounds}: {title}")
        try:
            samples = measured(contender, measurement, self.options, self.note)
        except (Failure, OSError, ValueError, KeyError) as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            self.note(f"{title}: {error} ({os.path.basename(where.filename)}:{where.lineno})")
            self.failed.append((contender.name, measurement.name))
            return
        self.rounds[number][contender.name].update(samples)

    def note(self, text):
        if text not in self.notes:
            self.notes.append(text)

    def names(self):
        return [one.name for one in self.contenders]

    def summary(self):
        return figures.summarize(self.figures, self.rounds, OURS)


@contextlib.contextmanager
def lab_of(contender):
    """A Lab in which both sides are the same, and log no more than they must."""
    implementation = contender.implementation
    implementation.verbosity, implementation.options = "error", list(contender.options)
    with contextlib.closing(Lab(implementation, implementation, None)) as lab:
        yield lab


def measured(contender, measurement, options, note):
    """The samples of one measurement, in a Lab of its own."""
    with lab_of(contender) as lab:
        samples = measurement.function(lab, options)
        for device in lab.devices:
            expect(device.is_alive(), f"{contender.name} still runs")
        for text in lab.notes:
            note(f"{contender.name}: {text}")
    return samples


def find_all(wanted, note):
    found, progress = [], Progress()
    for name in wanted:
        progress.say(f"looking for {name}; at the first time that may mean building it")
        try:
            found.append(Contender(name))
        except Skip as why:
            note(f"{name} is left out: {why}")
    progress.clear()
    return found


# What comes out

def heading(bench, about):
    cpu = about["machine"]
    flags = ", ".join(cpu["cpu_flags"]) or "no AVX2"
    rounds = len(bench.rounds)
    lines = [f"tieline {about['commit']}, {rounds} round{'s' if rounds > 1 else ''}",
             f"{cpu['cpu']} ({flags}), {cpu['cores']} cores, {cpu['memory_mib']} MiB, "
             f"{cpu['kernel']}, TCP {cpu['tcp_congestion_control']}"]
    lines += [f"{name}: {version}" for name, version in about["versions"].items()]
    share = max(bench.busy)
    if share > BUSY:
        lines.append(f"Others kept up to {share:.0%} of the cores busy as the rounds began: "
                     "trust the quotients more than the numbers, and neither too much.")
    return lines


def describe(bench):
    return {
        "machine": machine.describe(), "commit": machine.commit(TREE),
        "versions": {one.name: machine.version(one.implementation) for one in bench.contenders},
        "tools": machine.tools(), "options": vars(bench.options),
        "busy_before_rounds": bench.busy,
    }


def remarks(bench):
    """What a reader of the figures should know beside them."""
    for name in bench.names():
        used = [one[name][figure] for one in bench.rounds
                for figure in ("first_generator_us", "again_generator_us") if figure in one[name]]
        if used:
            yield (f"{name}: beside it, the generator of handshakes used "
                   f"{statistics.median(used):.1f} µs of the same cores for each")
        lost = sum(one[name].get("pings_lost", 0) for one in bench.rounds)
        if lost:
            sent = sum(one[name].get("pings_beside", 0) for one in bench.rounds)
            yield f"{name}: {lost} of {sent} pings beside the TCP stream were lost"
    yield from bench.notes


def write_files(bench, about, directory):
    """JSON, SVG and Markdown, named by the commit; returns their paths."""
    os.makedirs(directory, exist_ok=True)
    stem = os.path.join(directory, about["commit"])
    summary = bench.summary()
    data = {**about, "rounds": bench.rounds, "summary": summary, "remarks": list(remarks(bench)),
            "figures": {one.name: {"title": one.title, "unit": one.unit,
                                   "more_is_better": one.more_is_better}
                        for one in bench.figures}}
    with open(f"{stem}.json", "w", encoding="utf-8") as file:
        json.dump(data, file, indent=1, allow_nan=False)
        file.write("\n")
    with open(f"{stem}.svg", "w", encoding="utf-8") as file:
        file.write(plot.draw(bench.figures, summary, bench.names(), heading(bench, about)))
    with open(f"{stem}.md", "w", encoding="utf-8") as file:
        lines = [*heading(bench, about), *remarks(bench)]
        file.write("".join(f"- {line}\n" for line in lines) + "\n")
        file.write("\n".join(figures.markdown(bench.figures, summary, bench.names())) + "\n")
    paths = [f"{stem}.json", f"{stem}.svg", f"{stem}.md"]
    owner = os.stat(os.path.join(TREE, "Makefile"))
    for path in (directory, *paths):
        os.chown(path, owner.st_uid, owner.st_gid)
    return paths


def report(bench, about, paths):
    paint = figures.Paint(sys.stdout.isatty() and "NO_COLOR" not in os.environ)
    print(*heading(bench, about), "", sep="\n")
    print("Median, and the least and the greatest of all rounds. What is as good is the median of "
          "each\nround's quotient, turned so that over 1 is in favour of tielined.\n")
    print(*figures.table(bench.figures, bench.summary(), bench.names(), OURS, paint), "", sep="\n")
    print(*remarks(bench), sep="\n", end="\n\n")
    print(*paths, sep="\n")


# The checks of --quick

class Checks:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def check(self, name, problem, seconds=None):
        took = "" if seconds is None else f" ({seconds:.1f})"
        if problem:
            self.failed += 1
            print(f"FAIL  {name}{took}: {problem}", flush=True)
        else:
            self.passed += 1
            print(f"ok    {name}{took}", flush=True)

    def skip(self, text):
        self.skipped += 1
        print(f"SKIP  {text}", flush=True)

    def done(self):
        print(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped")
        return 1 if self.failed else 0


def insane(bench, name, measurement):
    """What of one measurement is missing or impossible, or None."""
    samples = bench.rounds[-1][name]
    odd = [f"{one.name}={samples.get(one.name)}" for one in measurement.figures
           if not one.is_sane(samples.get(one.name))]
    return f"{', '.join(odd)} ({'; '.join(bench.notes)})" if odd else None


def counts_forgeries(contender, options):
    """Whether the generator takes responses for valid that it cannot open: here they are made with a
    preshared key that it does not have."""
    with lab_of(contender) as lab:
        generator = measure.Generator(lab, options.handshakes, 10)
        device = measure.responder(lab, generator.keys(), psk="5a" * 32)
        counts = generator.run(device, 1)
    if counts["valid"] or counts["invalid"] != 10:
        return f"10 responses under another preshared key count as {counts}"
    return None


def misjudges():
    """Whether summing up is wrong, on rounds whose result is known."""
    fast = figures.Figure("fast", "fast", "1/s", True, (0, 10))
    slow = figures.Figure("slow", "slow", "s", False, (0, 10))
    rounds = [{OURS: {"fast": 2.0, "slow": 2.0}, "other": {"fast": 1.0, "slow": 1.0}},
              {OURS: {"fast": 9.0, "slow": 3.0}, "other": {"fast": 3.0, "slow": 6.0}},
              {OURS: {"fast": 4.0}, "other": {"fast": 1.0, "slow": 9.0}}]
    found = figures.summarize([fast, slow], rounds, OURS)
    expected = {"fast": {OURS: [4.0, 2.0, 9.0, 3], "other": [1.0, 1.0, 3.0, 3, 3.0]},
                "slow": {OURS: [2.5, 2.0, 3.0, 2], "other": [6.0, 1.0, 9.0, 3, 1.25]}}
    flat = {figure: {name: list(numbers.values()) for name, numbers in by_name.items()}
            for figure, by_name in found.items()}
    if flat != expected:
        return f"expected {expected}, found {flat}"
    if [figures.percentile(range(1, 201), 0.99), figures.percentile([5], 0.99)] != [198, 5]:
        return "a percentile is wrong"
    return None


def unreadable(bench, about, directory):
    paths = write_files(bench, about, directory)
    with open(paths[0], encoding="utf-8") as file:
        data = json.load(file)
    if set(data["summary"]) != {one.name for one in bench.figures}:
        return f"{paths[0]} lacks figures"
    xml.etree.ElementTree.parse(paths[1])
    with open(paths[2], encoding="utf-8") as file:
        rows = [line for line in file if line.startswith("| ")]
    if len(rows) != 1 + len(bench.figures):
        return f"{paths[2]} has {len(rows)} rows for {len(bench.figures)} figures"
    return None


def quick(bench, options):
    checks = Checks()
    checks.check("rounds are summed up rightly", misjudges())
    for note in bench.notes:
        checks.skip(note)
    bench.busy.append(0)
    bench.rounds.append({name: {} for name in bench.names()})
    for contender in bench.contenders:
        for measurement in bench.measurements:
            if measurement.ours_only and not contender.ours:
                continue
            begun = time.monotonic()
            bench.measure(0, contender, measurement)
            checks.check(f"{contender.name}: {measurement.name}",
                         insane(bench, contender.name, measurement),
                         time.monotonic() - begun)
    bench.progress.clear()
    checks.check("a response that does not open is not counted",
                 counts_forgeries(bench.contenders[0], options))
    if not checks.failed:
        checks.check("JSON, SVG and Markdown can be read", unreadable(bench, describe(bench), options.out))
    return checks.done()


# The command line

def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="only check that the bench works")
    parser.add_argument("--rounds", type=int, default=int(os.environ.get("BENCH_ROUNDS") or 5),
                        help="how many times each is measured (BENCH_ROUNDS, else 5)")
    parser.add_argument("--only", default="transfer,handshakes,peers", metavar="LIST",
                        help="of transfer, handshakes, peers")
    parser.add_argument("--against", default=",".join(ALSO), metavar="LIST",
                        help=f"of {', '.join(ALSO)}, tielined, or paths, with options for them")
    parser.add_argument("--seconds", type=int, default=5, help="of each transfer (5)")
    parser.add_argument("--build", default=os.path.join(TREE, "build"), metavar="DIR",
                        help="where tielined and the generator of handshakes are built (build/)")
    options = parser.parse_args()
    options.only = options.only.split(",")
    if unknown := set(options.only) - {"transfer", "handshakes", "peers"}:
        parser.error(f"--only: nothing is called {' '.join(sorted(unknown))}")
    if options.rounds < 1 or options.seconds < 1:
        parser.error("at least one round, and one second")
    set_sizes(options)
    return options


def set_sizes(options):
    options.against = [name.strip() for name in options.against.split(",") if name.strip()]
    if OURS in options.against:
        sys.exit("bench: --against tielined: with other options than none, or by another path")
    options.build = os.path.abspath(options.build)
    options.out = os.path.join(options.build, "bench")
    options.handshakes = os.path.join(options.build, "bench", "handshakes")
    options.pings, options.handshake_peers, options.handshakes_each = 100, 6000, 2
    options.peers, options.peers_ours = [1, 1000, 60_000], [100_000, 1_000_000]
    if options.quick:
        options.rounds, options.seconds = 1, 1
        options.pings, options.handshake_peers = 10, 200
        options.peers, options.peers_ours = [1, 1000], [5000]
        options.against = ["wireguard-go"]
        options.out = os.path.join(options.build, "bench", "quick")


def end_in_order():
    """Ctrl-C and its like raise SystemExit, so that what was made is removed."""
    def end(number, _):
        for later in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(later, signal.SIG_IGN)  # once is enough: cleaning up goes on
        sys.exit(128 + number)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)


def main():
    options = parse_options()
    end_in_order()
    os.environ.setdefault("TIELINED", os.path.join(options.build, "daemon", "tielined"))
    hindrance = obstacle()
    if not hindrance and not os.access(options.handshakes, os.X_OK):
        hindrance = f"no {options.handshakes}: build it first"
    notes = []
    contenders = [] if hindrance else find_all([OURS, *options.against], notes.append)
    if hindrance or not contenders or not contenders[0].ours:
        print(f"bench: {hindrance or notes[0]}", file=sys.stderr)
        return 2

    sweep()
    bench = Bench(options, contenders)
    for text in notes:
        bench.note(text)
    if options.quick:
        return quick(bench, options)
    bench.run()
    about = describe(bench)
    report(bench, about, write_files(bench, about, options.out))
    return 1 if any(name == OURS for name, _ in bench.failed) else 0


if __name__ == "__main__":
    sys.exit(main())
