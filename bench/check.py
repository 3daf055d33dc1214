# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Checks of the bench itself: every figure is measured and plausible, forgeries do not count,
summaries are correct, files and profiles are readable. The last line counts the checks."""

import json
import time
import xml.etree.ElementTree

import figures
import flame
import hotpath
import large
import measure
import report
import targets
from contenders import bound
from device import TREE
from lab import Failure

OURS = "tielined"


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


def insane(bench, contender, measurement):
    """Names the missing or implausible figures of a measurement; None if all are fine."""
    samples = bench.rounds[-1][contender.name]
    odd = [f"{one.name}={samples.get(one.name)}" for one in measurement.figures
           if (one.for_bounds or not contender.is_bound) and not one.is_sane(samples.get(one.name))]
    return f"{', '.join(odd)} ({'; '.join(bench.notes)})" if odd else None


def counts_forgeries(contender, options):
    """Whether the generator counts responses as valid that it cannot open: here the responder uses
    a preshared key that the generator does not have."""
    with contender.lab() as lab:
        generator = measure.Generator(lab, options.handshakes, 10)
        device = measure.responder(lab, generator.keys(), psk="5a" * 32)
        counts = generator.run(device, 1)
    if counts["valid"] or counts["invalid"] != 10:
        return f"10 responses under another preshared key count as {counts}"
    return None


def spoils(name, build):
    """Whether a bound loses or alters some of the data that it carries."""
    contender = bound(name, build)
    with contender.lab() as lab:
        x, y = contender.tunnel(lab)
        x.node.reaches(y.inner4, 3)
        try:
            lab.transfer(x.node, y.node, y.inner4, 8 << 20)
            lab.transfer(y.node, x.node, x.inner4, 8 << 20)
        except Failure as failure:
            return str(failure)
    return None


def misjudges():
    """Whether rounds with a known result are summarized wrongly."""
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


def misjudges_targets():
    """Whether a target is wrongly judged as reached or not reached."""
    rounds = [{OURS: {"tcp": ours, "ping": 1.0}, "wireguard-go": {"tcp": 1.0, "ping": 2.0},
               "bare tunnel": {"tcp": 5.0}} for ours in (1.0, 2.5, 3.0)]
    found = {one["title"]: one for one in targets.judge(rounds, OURS, "avx512")}
    expected = {"TCP, one stream, against wireguard-go": (2.5, True),
                "TCP, one stream, against the bare tunnel": (0.5, False),
                "ping, idle, mean, against wireguard-go": (0.5, True),
                "CPU per gigabit, against wireguard-go": (None, None)}
    for title, (median, reached) in expected.items():
        if (found[title]["median"], found[title]["reached"]) != (median, reached):
            return f"{title}: expected {median}, {reached}, found {found[title]}"
    return None


STACKS = """
tielined 11/12
\tffffffff82046e22 udp_sendmsg ([kernel.kallsyms])
\tffffffff8213215d __x64_sys_sendmmsg ([kernel.kallsyms])
\t           2e675 send_batch (/build/daemon/tielined)
\tffffffffffffffff [unknown] ([unknown])

tielined 11/12
\t           3aaaa rounds (/build/daemon/tielined)
\t           3bbbb seal_batch (/build/daemon/tielined)
\t           10bcf run (/build/daemon/tielined)

a name 21/22
\tffffffff81db2bc0 tun_do_read ([kernel.kallsyms])
"""


def misreads_profile():
    """Whether stacks as printed by perf are parsed wrongly."""
    samples = list(hotpath.parse(STACKS))
    kinds = [(one.pid, hotpath.kind(one), one.in_kernel) for one in samples]
    expected = [(11, "sends UDP, with the other end's work there", True), (11, "AEAD", False),
                (21, "reads from the TUN", True)]
    if kinds != expected:
        return f"expected {expected}, found {kinds}"
    names = {11: "x", 21: "y"}
    lines = "\n".join(hotpath.tell(samples, names, ["a profile"]))
    for wanted in ("x daemon: 67 % of all", "50.0 %  AEAD", "33.3 %      __x64_sys_sendmmsg"):
        if wanted not in lines:
            return f"'{wanted}' is not in the report:\n{lines}"
    root = flame.fold(hotpath.stacks(samples, names))
    xml.etree.ElementTree.fromstring(flame.draw(root, ["a < b"]))
    return None


def unreadable(bench):
    paths = report.write_files(bench, report.describe(bench, TREE), bench.options.out, TREE)
    with open(paths[0], encoding="utf-8") as file:
        data = json.load(file)
    if set(data["summary"]) != {one.name for one in bench.figures}:
        return f"{paths[0]} lacks figures"
    xml.etree.ElementTree.parse(paths[1])
    with open(paths[2], encoding="utf-8") as file:
        rows = [line for line in file if line.startswith("| ")]
    wanted = 2 + len(bench.figures) + len(targets.TARGETS)
    if len(rows) != wanted:
        return f"{paths[2]} has {len(rows)} rows instead of {wanted}"
    return None


def run(bench):
    checks = Checks()
    checks.check("rounds are summarized correctly", misjudges())
    checks.check("targets are judged correctly", misjudges_targets())
    checks.check("a profile is parsed correctly", misreads_profile())
    for name, why in bench.left_out:
        checks.skip(f"{name}: {why}")
    bench.begin_round(0)
    for contender, measurement in bench.jobs():
        begun = time.monotonic()
        bench.measure(0, contender, measurement)
        checks.check(f"{contender.name}: {measurement.name}",
                     insane(bench, contender, measurement), time.monotonic() - begun)
    bench.progress.clear()
    for name in ("bare", "null"):
        checks.check(f"all data arrives intact: {name}", spoils(name, bench.options.build))
    checks.check("plan and apply of a hub agree with what runs",
                 large.problem(bench.options.build, 50, 100, 40, lambda line: None))
    checks.check("a response that does not open is not counted",
                 counts_forgeries(bench.contenders[0], bench.options))
    if not checks.failed:
        checks.check("JSON, SVG and Markdown are readable", unreadable(bench))
    return checks.done()
