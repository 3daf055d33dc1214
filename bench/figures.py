# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The figures, and how the samples of several rounds are summarized. doc/performance.md explains
each figure.

A sample is one number of one implementation in one round. The median summarizes the rounds, with
the least and the greatest next to it. `better` is how many times as good as another ours is: the
median of the ratios within each round, inverted if necessary so that a value above 1 is in our
favour. Both samples of a round are taken within minutes of each other, so a machine whose speed
changes, or that has other work to do, affects both.
"""

import math
import statistics


class Figure:
    """`sane` are limits that no current machine exceeds; outside, the bench is broken. Bounds are
    measured only if `for_bounds`."""

    def __init__(self, name, title, unit, more_is_better, sane, for_bounds=True):
        self.name, self.title, self.unit = name, title, unit
        self.more_is_better, self.sane, self.for_bounds = more_is_better, sane, for_bounds

    def is_sane(self, value):
        return value is not None and self.sane[0] <= value <= self.sane[1]

    def format(self, value):
        """Formats with three significant digits, or all digits before the decimal point."""
        before = math.floor(math.log10(value)) if value > 0 else 0
        return f"{value:,.{max(0, 2 - before)}f}"


TCP = [
    Figure("tcp", "TCP, one stream", "Gbit/s", True, (0.01, 1000)),
    Figure("tcp_cpu", "TCP, one stream, CPU of both daemons", "s/Gbit", False, (0.001, 1000)),
    Figure("tcp8", "TCP, 8 streams", "Gbit/s", True, (0.01, 1000)),
    Figure("tcp_both", "TCP, both directions at once, sum", "Gbit/s", True, (0.01, 1000)),
    Figure("ping", "ping, idle, mean", "ms", False, (0.005, 1000)),
    Figure("ping_p99", "ping during a TCP stream, p99", "ms", False, (0.005, 10_000)),
]


def udp_figures(length):
    """Figures for datagrams of that length."""
    name = f"UDP, {length:,} bytes"
    return [
        Figure(f"udp{length}", f"{name}, flood, delivered", "1000/s", True, (0.5, 100_000)),
        Figure(f"udp{length}_cpu", f"{name}, flood, CPU of both", "µs/packet", False,
               (0.01, 1000)),
        Figure(f"udp{length}_lossless", f"{name}, without loss", "1000/s", True, (0.05, 100_000),
               for_bounds=False),
    ]


HANDSHAKES = [
    Figure("first", "handshakes, the first of each peer", "1/s", True, (10, 10_000_000)),
    Figure("first_cpu", "first handshakes, CPU of the responder", "µs", False, (1, 100_000)),
    Figure("again", "handshakes, later ones", "1/s", True, (10, 10_000_000)),
    Figure("again_cpu", "later handshakes, CPU of the responder", "µs", False, (1, 100_000)),
]


def peers_name(count):
    return "1 peer" if count == 1 else f"{count:,} peers"


def peers_figures(count):
    """Figures for loading that many peers."""
    name = peers_name(count)
    return [
        Figure(f"load_{count}", f"{name}: load", "ms", False, (0.001, 1_000_000)),
        Figure(f"resident_{count}", f"{name}: resident", "MiB", False, (0.1, 1_000_000)),
        Figure(f"peak_{count}", f"{name}: resident, peak", "MiB", False, (0.1, 1_000_000)),
    ]


def spread(samples):
    return {"median": statistics.median(samples), "least": min(samples),
            "greatest": max(samples), "samples": len(samples)}


def summarize(figures, rounds, ours):
    """figure -> implementation -> spread, with `better` for all but ours. `rounds` is a list of
    implementation -> figure -> sample; samples that were not measured are absent."""
    summary = {}
    for figure in figures:
        by_name = {}
        for one in rounds:
            for name, samples in one.items():
                if figure.name in samples:
                    by_name.setdefault(name, []).append(samples[figure.name])
        if not by_name:
            continue
        summary[figure.name] = {name: spread(samples) for name, samples in by_name.items()}
        for name, found in summary[figure.name].items():
            quotients = [better(figure, one[ours][figure.name], one[name][figure.name])
                         for one in rounds
                         if figure.name in one.get(ours, {}) and figure.name in one.get(name, {})]
            if name != ours and quotients:
                found["better"] = statistics.median(quotients)
    return summary


def better(figure, our_value, their_value):
    pair = (our_value, their_value) if figure.more_is_better else (their_value, our_value)
    return pair[0] / pair[1]


def percentile(values, share):
    """The least value that is not below that share of all values."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


class Paint:
    """Colours, only on a terminal."""

    def __init__(self, is_terminal):
        self.codes = {"bold": 1, "dim": 2, "green": 32, "red": 31} if is_terminal else {}

    def __call__(self, colour, text):
        return f"\033[{self.codes[colour]}m{text}\033[0m" if colour in self.codes else text


def table(figures, summary, names, ours, paint):
    """The lines of a report: one block per figure."""
    wide = max(len(name) for name in names)
    for figure in figures:
        found = summary.get(figure.name)
        if not found:
            continue
        way = "more" if figure.more_is_better else "less"
        yield paint("bold", figure.title) + paint("dim", f"   [{figure.unit}, {way} is better]")
        for name in [name for name in names if name in found]:
            yield f"   {name:{wide}}  {row(figure, found[name], paint)}"


def row(figure, numbers, paint):
    span = f"{figure.format(numbers['least'])} .. {figure.format(numbers['greatest'])}"
    text = f"{figure.format(numbers['median']):>9}   {paint('dim', f'{span:<22}')}"
    if "better" not in numbers:
        return text.rstrip()
    colour = "green" if numbers["better"] >= 1 else "red"
    return text + "  " + paint(colour, f"ours is {numbers['better']:.2f} times as good")


def markdown(figures, summary, names):
    """The lines of a Markdown table: one row per figure, one column per implementation."""
    yield f"| figure | unit | {' | '.join(names)} |"
    yield f"|---|---|{'---:|' * len(names)}"
    for figure in figures:
        if found := summary.get(figure.name):
            cells = [cell(figure, found[name]) if name in found else "" for name in names]
            yield f"| {figure.title} | {figure.unit} | {' | '.join(cells)} |"


def cell(figure, numbers):
    shown = {end: figure.format(numbers[end]) for end in ("median", "least", "greatest")}
    return f"{shown['median']} ({shown['least']} .. {shown['greatest']})"
