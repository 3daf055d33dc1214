#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Measures tielined and other WireGuards, in turn, on the same topology, in one run.

doc/performance.md explains each figure. Needs root; makes network namespaces and removes them, even
if interrupted. Implementations that are unavailable are named and left out.

With --quick it measures each once and briefly. With --check it judges no speed; it only checks, for
tielined and the bare tunnel, that every figure is measured and plausible. The last line then counts
these checks.
"""

import argparse
import functools
import os
import subprocess
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(HERE)
sys.dont_write_bytecode = True  # root would leave files in another user's tree
sys.path.append(os.path.join(TREE, "test", "netns"))

import check  # noqa: E402
import figures  # noqa: E402
import forward  # noqa: E402
import machine  # noqa: E402
import measure  # noqa: E402
import network  # noqa: E402
import report  # noqa: E402
import targets  # noqa: E402
from contenders import BOUNDS, WireGuard, bound  # noqa: E402
from device import BUILT  # noqa: E402
from lab import Failure, Skip, end_in_order, expect, obstacle, sweep  # noqa: E402

OURS = "tielined"
# Debian's wireguard-go replaces the newest one if that is unavailable.
NEWEST, INSTEAD = "wireguard-go-new", "wireguard-go"
AGAINST = (NEWEST, "boringtun", "gotatun")
PARTS = ("tcp", "udp", "forward", "network", "handshakes", "peers", "aead")


class Measurement:
    """`function` returns a sample of each of `figures`; `is_for` selects the contenders; `seconds`
    estimates the duration for a contender."""

    def __init__(self, name, function, its_figures, seconds, whom):
        self.name, self.function, self.figures = name, function, its_figures
        self.seconds, self.is_for = seconds, whom


def is_wireguard(contender):
    return not contender.is_bound


def is_usual(contender):
    """Whether it is ours, or the implementation that ours is mainly compared with."""
    return is_wireguard(contender) and not contender.implementation.is_rust


def is_ours(contender):
    return contender.ours


def tcp_seconds(options, _):
    return 3 + options.pings * 0.02 + options.seconds + 2 * options.seconds_more


def udp_seconds(options, contender):
    search = 0 if contender.is_bound else options.probes * (options.probe_seconds + 0.2)
    return 2 + len(measure.LENGTHS) * (options.flood_seconds + 0.4 + search)


def handshake_seconds(options, _):
    return 1 + options.handshake_peers * (1 + options.handshakes_each) / 1500


def peers_seconds(_, contender, count):
    return 1 + count / (100_000 if contender.ours else 4000)


def measurements(options):
    def add(name, function, its_figures, seconds, whom=lambda contender: True):
        found.append(Measurement(name, function, its_figures, functools.partial(seconds, options),
                                 whom))
    found = []
    if "tcp" in options.only:
        add("TCP and pings", measure.tcp, figures.TCP, tcp_seconds)
    if "udp" in options.only:
        its_figures = [one for length in measure.LENGTHS for one in figures.udp_figures(length)]
        add("UDP", measure.udp, its_figures, udp_seconds)
    if "forward" in options.only:
        add("forwarding", forward.forward, list(forward.figures()), forward.seconds, is_usual)
    if "network" in options.only:
        for form, title in network.FORMS.items():
            add(title, functools.partial(network.network, form=form),
                list(network.figures_of(form, title)), network.seconds, is_usual)
        add("office network, small and large", network.sizes, list(network.size_figures()),
            network.size_seconds, is_ours)
    if "handshakes" in options.only:
        add("handshakes", measure.handshakes, figures.HANDSHAKES, handshake_seconds, is_wireguard)
    if "peers" in options.only:
        for count in options.peers + options.peers_ours:
            add(figures.peers_name(count), functools.partial(measure.peers, count=count),
                figures.peers_figures(count), functools.partial(peers_seconds, count=count),
                is_ours if count in options.peers_ours else is_wireguard)
    return found


class Progress:
    """On a terminal, one line that changes; otherwise one line per step."""

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
    """All rounds, each a dict of contender -> figure -> sample. The key `aead` in place of a
    contender holds bench/aead's results for the cipher alone."""

    def __init__(self, options, contenders, ours):
        self.options, self.contenders, self.ours = options, contenders, ours
        self.measurements = measurements(options)
        self.figures = [figure for one in self.measurements for figure in one.figures]
        self.rounds, self.busy, self.notes, self.failed, self.left_out = [], [], [], [], []
        self.progress = Progress()

    def jobs(self, number=0):
        """(contender, measurement) of one round. The order rotates, so that no contender always
        runs on a machine that others warmed up."""
        turn = number % len(self.contenders)
        return [(contender, measurement)
                for contender in self.contenders[turn:] + self.contenders[:turn]
                for measurement in self.measurements if measurement.is_for(contender)]

    def estimate(self):
        """Seconds per round."""
        return sum(measurement.seconds(contender) for contender, measurement in self.jobs())

    def run(self):
        begun, total = time.monotonic(), self.options.rounds * len(self.jobs())
        done = 0
        for number in range(self.options.rounds):
            self.begin_round(machine.busy_share(1))
            for contender, measurement in self.jobs(number):
                took = time.monotonic() - begun
                left = self.estimate() * self.options.rounds if not done else \
                    took / done * (total - done)
                self.measure(number, contender, measurement, f", {minutes(left)} to go")
                done += 1
            if "aead" in self.options.only:
                self.measure_aead(number)
        self.progress.clear()

    def begin_round(self, busy):
        self.busy.append(busy)
        self.rounds.append({name: {} for name in self.names()})

    def measure(self, number, contender, measurement, more=""):
        title = f"{contender.name}: {measurement.name}"
        self.progress.say(f"round {number + 1} of {self.options.rounds}{more}: {title}")
        try:
            samples = measured(contender, measurement, self.options, self.note)
        except (Failure, OSError, ValueError, KeyError) as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            self.note(f"{title}: {error} ({os.path.basename(where.filename)}:{where.lineno})")
            self.failed.append((contender.name, measurement.name))
            return
        self.rounds[number][contender.name].update(samples)

    def measure_aead(self, number):
        self.progress.say(f"round {number + 1} of {self.options.rounds}: the AEAD alone")
        try:
            self.rounds[number]["aead"] = measure.aead(self.options)
        except (Failure, OSError, ValueError, KeyError) as error:
            self.note(f"the AEAD alone was not measured: {error}")

    def note(self, text):
        if text not in self.notes:
            self.notes.append(text)

    def names(self):
        return [one.name for one in self.contenders]

    def summary(self):
        return figures.summarize(self.figures, self.rounds, self.ours)

    def judged(self):
        return list(targets.judge(self.rounds, self.ours, self.options.processor))


def minutes(seconds):
    return f"{seconds / 60:.0f} min" if seconds > 90 else f"{seconds:.0f} s"


def measured(contender, measurement, options, note):
    """The samples of one measurement, in its own Lab."""
    with contender.lab() as lab:
        samples = measurement.function(lab, contender, options)
        for device in lab.devices:
            expect(device.is_alive(), f"{contender.name} still runs")
        for text in lab.notes:
            note(f"{contender.name}: {text}")
    return samples


def find_all(options):
    """The contenders, ours first, and those left out, as (name, reason)."""
    found, left_out, progress = [], [], Progress()
    wanted = [OURS, *options.against]
    for name in wanted:
        progress.say(f"looking for {name}; the first time, building it may take minutes")
        try:
            found.append(WireGuard(name, options.ours if name == OURS else ()))
        except Skip as why:
            left_out.append((name, str(why)))
            if name == NEWEST and INSTEAD not in wanted:
                wanted.append(INSTEAD)
    for name in options.bounds:
        try:
            found.append(bound(name, options.build))
        except Skip as why:
            left_out.append((name, str(why)))
    progress.clear()
    return found, left_out


# The command line

def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true",
                        help="measure briefly, in one round unless --rounds is given")
    parser.add_argument("--check", action="store_true", help="only check that the bench works")
    parser.add_argument("--rounds", type=int, default=int(os.environ.get("BENCH_ROUNDS") or 0),
                        help="number of rounds (default: $BENCH_ROUNDS or 5)")
    parser.add_argument("--only", default=",".join(PARTS), metavar="LIST",
                        help=f"parts to run, of {', '.join(PARTS)}, or transfer for the first two "
                             "(default: all)")
    parser.add_argument("--against", default=",".join(AGAINST), metavar="LIST",
                        help=f"peers to compare with, of {', '.join(BUILT)}, tielined, or paths, "
                             f"each with options (default: {', '.join(AGAINST)}; {INSTEAD} if "
                             "the newest is unavailable)")
    parser.add_argument("--bounds", default=",".join(BOUNDS), metavar="LIST",
                        help=f"bounds to measure, of {', '.join(BOUNDS)}: without a cipher or a "
                             "tunnel (default: all)")
    parser.add_argument("--processor", choices=("avx512", "avx2"), default=machine.processor(),
                        help="avx2: keep tielined and libcrypto from using AVX-512, and use the "
                             "targets for machines without it (default: this machine's)")
    parser.add_argument("--seconds", type=int, help="duration of each TCP transfer (default: 5)")
    parser.add_argument("--build", default=os.path.join(TREE, "build"), metavar="DIR",
                        help="build directory of tielined and of bench/ (default: build/)")
    options = parser.parse_args()
    for name, known in (("only", (*PARTS, "transfer")), ("bounds", BOUNDS), ("against", None)):
        words = [word.strip() for word in getattr(options, name).split(",") if word.strip()]
        setattr(options, name, words)
        if unknown := known and set(words) - set(known):
            parser.error(f"--{name}: unknown: {' '.join(sorted(unknown))}")
    if options.rounds < 0 or options.seconds is not None and options.seconds < 1:
        parser.error("--rounds and --seconds must be at least 1")
    if OURS in options.against:
        parser.error("--against tielined: give it options, or another path")
    set_sizes(options)
    return options


FULL = {"rounds": 5, "seconds": 5, "pings": 100, "flood_seconds": 2, "probes": 6,
        "probe_seconds": 0.5, "turns": 2, "handshake_peers": 6000, "handshakes_each": 2,
        "peers": [1, 60_000], "peers_ours": [1_000_000]}
QUICK = {**FULL, "rounds": 1, "seconds": 2, "flood_seconds": 1, "probe_seconds": 0.4,
         "handshake_peers": 2000}
CHECK = {**QUICK, "seconds": 1, "pings": 10, "flood_seconds": 0.3, "probes": 2,
         "probe_seconds": 0.2, "turns": 1, "handshake_peers": 200, "peers": [1, 1000],
         "peers_ours": [5000]}


def set_sizes(options):
    options.build = os.path.abspath(options.build)
    programs = os.path.join(options.build, "bench")
    options.out = os.path.join(programs, "check") if options.check else programs
    for name in ("handshakes", "flood", "aead"):
        setattr(options, name, os.path.join(programs, name))
    sizes = CHECK if options.check else QUICK if options.quick else FULL
    for name, size in sizes.items():
        setattr(options, name, getattr(options, name, None) or size)
    options.seconds_more = max(1, round(options.seconds * 0.6))
    if "transfer" in options.only:
        options.only += ["tcp", "udp"]
    if options.check:
        options.rounds, options.against, options.bounds = 1, [], ["bare"]
    options.ours = []
    if options.processor == "avx2" and machine.processor() != "avx2":
        options.ours = ["--aead", "avx2"]
        os.environ["OPENSSL_ia32cap"] = machine.NO_AVX512


def hindrance(options):
    """The reason why nothing can be measured, or None."""
    for path in (options.handshakes, options.flood):
        if not os.access(path, os.X_OK):
            return f"no {path}: build it first"
    tielined = os.environ["TIELINED"]
    if os.access(tielined, os.X_OK) and subprocess.run(
            [tielined, *options.ours, "--version"], capture_output=True).returncode != 0:
        return f"{tielined} does not accept {' '.join(options.ours)}"
    return obstacle()


def main():
    options = parse_options()
    end_in_order()
    os.environ.setdefault("TIELINED", os.path.join(options.build, "daemon", "tielined"))
    if why := hindrance(options):
        print(f"bench: {why}", file=sys.stderr)
        return 2
    contenders, left_out = find_all(options)
    if not contenders or not contenders[0].ours:
        print(f"bench: {left_out[0][1]}", file=sys.stderr)
        return 2

    sweep()
    bench = Bench(options, contenders, OURS)
    bench.left_out = left_out
    if options.check:
        return check.run(bench)
    for name, why in left_out:
        print(f"bench: LEFT OUT: {name}: {why}", file=sys.stderr)
    print(f"bench: {', '.join(bench.names())}; {options.rounds} rounds, about "
          f"{minutes(options.rounds * bench.estimate())}", file=sys.stderr)
    bench.run()
    about = report.describe(bench, TREE)
    report.show(bench, about, report.write_files(bench, about, options.out, TREE))
    return 1 if any(name == OURS for name, _ in bench.failed) else 0


if __name__ == "__main__":
    sys.exit(main())
