# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Targets of tielined: ratios of our figure to another's in the same round. They inform and fail
nothing: a figure says something about a program only if the machine is quiet."""

import statistics

GO = ("wireguard-go-new", "wireguard-go")  # the first that was measured
BARE = ("bare tunnel",)
MIB = 1 << 20


class Target:
    """`limits` holds the limits for a machine with AVX-512 and for one with only AVX2."""

    def __init__(self, title, limits, is_at_least, samples):
        self.title, self.is_at_least, self.samples = title, is_at_least, samples
        self.limits = dict(zip(("avx512", "avx2"), limits))


def quotient(title, figure, others, limits, is_at_least):
    """A target for the ratio of one of our figures to another's."""
    def samples(rounds, ours):
        for other in others:
            found = [one[ours][figure] / one[other][figure] for one in rounds
                     if figure in one.get(ours, {}) and one.get(other, {}).get(figure)]
            if found:
                return found
        return []
    against = "the bare tunnel" if others is BARE else "wireguard-go"
    return Target(f"{title}, against {against}", limits, is_at_least, samples)


def large_against_small(title, figure, limits, is_at_least):
    """A target for the ratio of our figure with a large file to that with a small one."""
    def samples(rounds, ours):
        return [one[ours][f"large_{figure}"] / one[ours][f"small_{figure}"] for one in rounds
                if {f"large_{figure}", f"small_{figure}"} <= set(one.get(ours, ()))]
    return Target(f"office network, 200 sites and 1,000 rules against two, {title}", limits,
                  is_at_least, samples)


def bytes_a_peer(count):
    def samples(rounds, ours):
        return [(one[ours][f"resident_{count}"] - one[ours]["resident_1"]) * MIB / count
                for one in rounds if {f"resident_{count}", "resident_1"} <= set(one.get(ours, ()))]
    return samples


def aead(packets, length, limits):
    """A target for the slower of sealing and opening, against libcrypto packet by packet."""
    name = f"{packets} packets" if packets > 1 else "one packet"
    return Target(f"AEAD, {name} of {length:,} bytes, time against libcrypto", limits, False,
                  lambda rounds, _: [one["aead"][aead_name(packets, length)] for one in rounds
                                     if aead_name(packets, length) in one.get("aead", {})])


def aead_name(packets, length):
    return f"{packets}x{length}"


TARGETS = [
    quotient("TCP, one stream", "tcp", GO, (2.1, 1.7), True),
    quotient("TCP, one stream", "tcp", BARE, (0.70, 0.58), True),
    quotient("CPU per gigabit", "tcp_cpu", GO, (0.45, 0.55), False),
    quotient("UDP, 64 bytes, flood, delivered", "udp64", GO, (4, 4), True),
    quotient("office path, TCP, one stream", "path_tcp", GO, (2.6, 2), True),
    quotient("office path, CPU per gigabit", "path_tcp_cpu", GO, (0.35, 0.45), False),
    quotient("office path, all CPU per gigabit", "path_tcp_system", GO, (0.35, 0.45), False),
    quotient("office path, TCP, 8 streams", "path_tcp8", GO, (2.6, 2), True),
    quotient("forwarding hub, TCP, one stream", "hub_tcp", GO, (2.6, 2), True),
    quotient("forwarding hub, CPU per gigabit", "hub_tcp_cpu", GO, (0.35, 0.45), False),
    *(target for form, name in (("native", "office network"), ("snat", "the same, SNAT"),
                                ("netmap", "the same, NETMAP")) for target in (
        quotient(f"{name}, TCP, one stream", f"{form}_tcp", GO, (2.6, 2), True),
        quotient(f"{name}, TCP, 8 streams", f"{form}_tcp8", GO, (2.6, 2), True),
        quotient(f"{name}, CPU per gigabit", f"{form}_tcp_cpu", GO, (0.35, 0.45), False))),
    large_against_small("TCP, one stream", "tcp", (0.95, 0.95), True),
    large_against_small("CPU per gigabit", "tcp_cpu", (1.05, 1.05), False),
    aead(32, 1424, (0.31, 0.58)),
    aead(32, 64, (0.06, 0.13)),
    aead(1, 1424, (0.55, 0.8)),
    quotient("handshakes, later ones", "again", GO, (1.5, 1.5), True),
    quotient("CPU per handshake, later ones", "again_cpu", GO, (0.6, 0.6), False),
    quotient("ping, idle, mean", "ping", GO, (0.75, 0.75), False),
    quotient("ping during a TCP stream, 99th percentile", "ping_p99", GO, (0.7, 0.7), False),
    quotient("60,000 peers, resident", "resident_60000", GO, (0.08, 0.08), False),
    quotient("60,000 peers, load", "load_60000", GO, (0.1, 0.1), False),
    Target("1,000,000 peers, bytes per peer", (2048, 2048), False, bytes_a_peer(1_000_000)),
]


def judge(rounds, ours, processor):
    """A dict per target with its limit and the result; None where it was not measured."""
    for target in TARGETS:
        limit, samples = target.limits[processor], target.samples(rounds, ours)
        median = statistics.median(samples) if samples else None
        yield {
            "title": target.title, "limit": limit, "at_least": target.is_at_least,
            "median": median, "least": min(samples, default=None),
            "greatest": max(samples, default=None), "samples": len(samples),
            "reached": None if median is None else
            (median >= limit if target.is_at_least else median <= limit),
        }


WORDS = {None: "not measured", True: "reached", False: "NOT reached"}


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def cells(judged):
    """A target's limit, the result, and the word for it."""
    limit = f"{'>=' if judged['at_least'] else '<='} {number(judged['limit'])}"
    if judged["median"] is None:
        return limit, "", WORDS[None]
    median, least, greatest = (number(judged[name]) for name in ("median", "least", "greatest"))
    return limit, f"{median} ({least} .. {greatest})", WORDS[judged["reached"]]


def table(all_judged, paint):
    """Lines for a terminal."""
    colours = {None: "dim", True: "green", False: "red"}
    wide = max(len(one["title"]) for one in all_judged)
    for one in all_judged:
        limit, found, word = cells(one)
        yield (f"   {one['title']:{wide}}  {limit:>9}  {found:<26} "
               f"{paint(colours[one['reached']], word)}")


def markdown(all_judged):
    yield "| target | limit | median (least .. greatest) | |"
    yield "|---|---:|---:|---|"
    for one in all_judged:
        limit, found, word = cells(one)
        yield f"| {one['title']} | {limit} | {found} | {word} |"
