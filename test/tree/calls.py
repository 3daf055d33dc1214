# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""No source file calls another one that calls back, directly or through others.

A file calls another if its object needs a symbol that the other's object defines. A call through a
pointer that the caller passed in needs none. The sources are compiled here, without optimisation:
nothing is inlined away, and no build is needed.
"""
import tempfile
from pathlib import Path

import layering
import tree

# The sources of crypto need the flags of their processor. In sim, nodes and their checks know each
# other. The rest are programs for tests.
EXEMPT = {"crypto", "sim", "fuzz", "bench", "test"}
UPWARD = {"wg_panic"}  # base calls what the program provides
FLAGS = ("-std=gnu17", "-O0", "-w", "-I.", "-D_GNU_SOURCE=", '-DTL_VERSION=""',
         '-DTL_USER=""', '-DTL_SBINDIR=""')

BARE = True
PLANTED = {
    "two files that call each other":
        ("core/planted.c", "void wg_b(void);\nvoid wg_a(void) { wg_b(); }\n",
         "core/planted2.c", "void wg_a(void);\nvoid wg_b(void) { wg_a(); }\n",
         "core/planted.c -> core/planted2.c (wg_b) -> core/planted.c (wg_a)"),
    "a call back through a third file":
        ("core/planted.c", "void wg_b(void);\nvoid wg_a(void) { wg_b(); }\n",
         "core/planted2.c", "void wg_c(void);\nvoid wg_b(void) { wg_c(); }\n",
         "core/planted3.c", "void wg_a(void);\nvoid wg_c(void) { wg_a(); }\n",
         "core/planted3.c (wg_c) -> core/planted.c (wg_a)"),
    "a call back from a header":
        ("core/planted.c", "void wg_b(void);\nvoid wg_a(void) { wg_b(); }\n",
         "core/planted.h", "void wg_a(void);\nstatic inline void wg_call(void) { wg_a(); }\n",
         "core/planted2.c", '#include "core/planted.h"\nvoid wg_b(void) { wg_call(); }\n',
         "core/planted2.c (wg_b) -> core/planted.c (wg_a)"),
}


def symbols(made, which):
    _, output = tree.run("nm", which, "--extern-only", "--format=posix", made)
    return {line.split()[0] for line in output.splitlines() if line}


def cycle(sources):
    """Files that call each other in a cycle, or None; from source -> its object."""
    owner = {symbol: source for source, made in sources.items()
             for symbol in symbols(made, "--defined-only") - UPWARD}
    calls = {source: {owner[symbol]: symbol
                      for symbol in sorted(symbols(made, "--undefined-only"), reverse=True)
                      if symbol in owner}
             for source, made in sources.items()}
    found = layering.cycle(calls)
    if not found:
        return None
    steps = [f"{after} ({calls[before][after]})" for before, after in zip(found, found[1:])]
    return " -> ".join([str(found[0]), *steps])


def check(root, _build=None):
    tree.need("gcc", "nm")
    rooms = {path.parts[0] for path in tree.files(root, ".c")} - EXEMPT
    with tempfile.TemporaryDirectory() as name:
        sources, findings = tree.compiled(root, rooms, ("gcc", *FLAGS), Path(name))
        found = cycle(sources)
    if found:
        findings.append(f"{found.split()[0]}:1: a cycle of calls: {found}")
    return findings


if __name__ == "__main__":
    tree.main(check)
