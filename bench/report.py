# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The output of a bench: lines for a terminal, JSON, SVG and Markdown."""

import json
import os
import statistics
import sys

import figures
import machine
import plot
import targets

BUSY = 0.1  # share of the cores used by others that is worth a warning


def heading(bench, about):
    cpu = about["machine"]
    flags = ", ".join(cpu["cpu_flags"]) or "no AVX2"
    rounds = len(bench.rounds)
    lines = [f"tieline {about['commit']}, {rounds} round{'s' if rounds > 1 else ''}",
             f"{cpu['cpu']} ({flags}), {cpu['cores']} cores, {cpu['memory_mib']} MiB, "
             f"{cpu['kernel']}, TCP {cpu['tcp_congestion_control']}"]
    if about["options"]["ours"]:
        lines.append(f"tielined runs with {' '.join(about['options']['ours'])}, and libcrypto with "
                     f"OPENSSL_ia32cap={os.environ['OPENSSL_ia32cap']}")
    lines += [f"{name}: {version}" for name, version in about["versions"].items()]
    lines += [f"LEFT OUT: {name}: {why}" for name, why in bench.left_out]
    share = max(bench.busy)
    if share > BUSY:
        lines.append(f"Others kept up to {share:.0%} of the cores busy as the rounds began: "
                     "trust the ratios more than the numbers, and neither much.")
    return lines


def describe(bench, tree):
    return {
        "machine": machine.describe(), "commit": machine.commit(tree),
        "versions": {one.name: machine.version(one.implementation) for one in bench.contenders
                     if not one.is_bound},
        "tools": machine.tools(), "options": vars(bench.options),
        "busy_before_rounds": bench.busy, "left_out": dict(bench.left_out),
    }


def remarks(bench):
    """Notes that readers of the figures need."""
    for name in bench.names():
        used = [one[name][figure] for one in bench.rounds
                for figure in ("first_generator_us", "again_generator_us") if figure in one[name]]
        if used:
            yield (f"{name}: the handshake generator used {statistics.median(used):.1f} µs of the "
                   "same cores for each handshake")
        lost = sum(one[name].get("pings_lost", 0) for one in bench.rounds)
        if lost:
            sent = sum(one[name].get("pings_beside", 0) for one in bench.rounds)
            yield f"{name}: {lost} of {sent} pings during the TCP stream were lost"
    yield from bench.notes


def write_files(bench, about, directory, tree):
    """Writes JSON, SVG and Markdown files named after the commit; returns their paths."""
    os.makedirs(directory, exist_ok=True)
    stem = os.path.join(directory, about["commit"])
    summary = bench.summary()
    judged = bench.judged()
    bounds = [one.name for one in bench.contenders if one.is_bound]
    data = {**about, "rounds": bench.rounds, "summary": summary, "targets": judged,
            "remarks": list(remarks(bench)),
            "figures": {one.name: {"title": one.title, "unit": one.unit,
                                   "more_is_better": one.more_is_better}
                        for one in bench.figures}}
    with open(f"{stem}.json", "w", encoding="utf-8") as file:
        json.dump(data, file, indent=1, allow_nan=False)
        file.write("\n")
    with open(f"{stem}.svg", "w", encoding="utf-8") as file:
        file.write(plot.draw(bench.figures, summary, bench.names(), bounds, heading(bench, about)))
    with open(f"{stem}.md", "w", encoding="utf-8") as file:
        lines = [*heading(bench, about), *remarks(bench)]
        file.write("".join(f"- {line}\n" for line in lines) + "\n")
        file.write("\n".join(figures.markdown(bench.figures, summary, bench.names())) + "\n\n")
        file.write("\n".join(targets.markdown(judged)) + "\n")
    paths = [f"{stem}.json", f"{stem}.svg", f"{stem}.md"]
    owner = os.stat(os.path.join(tree, "Makefile"))
    for path in (directory, *paths):
        os.chown(path, owner.st_uid, owner.st_gid)
    return paths


def show(bench, about, paths):
    paint = figures.Paint(sys.stdout.isatty() and "NO_COLOR" not in os.environ)
    print(*heading(bench, about), "", sep="\n")
    print("Each line shows the median, and the least and greatest of all rounds. \"Times as good\" "
          "is\nthe median of each round's ratio, inverted if necessary: above 1 tielined wins.\n")
    print(*figures.table(bench.figures, bench.summary(), bench.names(), bench.ours, paint), "",
          sep="\n")
    print(paint("bold", "Targets") + paint("dim", f"   [{bench.options.processor}; median of each "
                                           "round's ratio, ours to theirs]"))
    print(*targets.table(bench.judged(), paint), "", sep="\n")
    print(*remarks(bench), sep="\n", end="\n\n")
    print(*paths, sep="\n")
