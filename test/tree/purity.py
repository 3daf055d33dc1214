# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""base and core stand alone: no C library, no system, no writable data; only crypto/ and wg_panic.

Shown in three ways. Only base/std.h includes C headers. Every source compiles as freestanding C11
with no header but the compiler's own, and the objects, linked into one, lack nothing but four
functions that a compiler may call by itself, wg_panic, and what crypto/*.h declares (those are
exchanged at link time). The same holds for the libraries of a finished build, with whatever its
options made of them.
"""
import re
import tempfile
from pathlib import Path

import tree

ROOMS = ("base", "core")
C_HEADERS = Path("base/std.h")
SYSTEM_INCLUDE = re.compile(r"\s*#\s*include\s*(<[^>]*>)")
OUTSIDE = {"memcpy", "memmove", "memset", "memcmp", "wg_panic"}
LINKER = {"_GLOBAL_OFFSET_TABLE_"}
HARDENING = {"__stack_chk_fail"}  # calls that a finished build's options add
FLAGS = ("-std=c11", "-pedantic-errors", "-ffreestanding", "-nostdinc", "-O2", "-fno-pic",
         "-fno-stack-protector", "-I.")

# Planted in an empty tree: the whole one would be compiled again for each.
BARE = True
PLANTED = {
    "a header of the C library":
        ("core/planted.c", "#include <string.h>\n", "string.h: No such file"),
    "a C header outside base/std.h":
        ("core/planted.h", "#include <stdint.h>\n", "only base/std.h may include <stdint.h>"),
    "a call into the C library":
        ("core/planted.c", "void *malloc(unsigned long);\nvoid *wg_planted(void);\n"
         "void *wg_planted(void) { return malloc(1); }\n", "needs malloc"),
    "a call up into another layer":
        ("base/planted.c", "void tl_log(void);\nvoid wg_planted(void);\n"
         "void wg_planted(void) { tl_log(); }\n", "needs tl_log"),
    "state in a global":
        ("core/planted.c", "int wg_planted(void);\n"
         "int wg_planted(void) { static int calls; return ++calls; }\n", "writable data: calls"),
    "GNU C":
        ("core/planted.c", "int wg_planted(int);\n"
         "int wg_planted(int a) { return ({ a; }); }\n", "braced-groups"),
}


def includes(root):
    findings = []
    for path in tree.files(root, ".c", ".h"):
        if path.parts[0] not in ROOMS or path == C_HEADERS:
            continue
        findings += [f"{path}:{number}: only {C_HEADERS} may include {found[1]}"
                     for number, line in tree.lines(root, path)
                     if (found := SYSTEM_INCLUDE.match(line))]
    return findings


def declared(root):
    """The functions that crypto's headers declare."""
    text = "".join(path.read_text() for path in sorted((root / "crypto").glob("*.h")))
    return set(re.findall(r"\b(wg_\w+)\(", re.sub(r"/\*.*?\*/", "", text, flags=re.S)))


def missing(root, together, name, allowed=frozenset()):
    """Findings about what one linked object expects from outside."""
    _, output = tree.run("nm", "--undefined-only", "--format=posix", together)
    undefined = {line.split()[0] for line in output.splitlines() if line}
    return [f"{name}:1: needs {symbol} from outside"
            for symbol in sorted(undefined - OUTSIDE - LINKER - allowed - declared(root))]


def writable(together, name):
    _, output = tree.run("nm", "--defined-only", "--format=posix", together)
    symbols = [line.split() for line in output.splitlines() if line]
    return [f"{name}:1: has writable data: {symbol[0].split('.')[0]}"
            for symbol in symbols if symbol[1] in "bBdDC"]


def linked(root, folder, what, *compiler):
    """Compiles every source with the compiler and its flags, and links the objects. Returns the
    findings, of missing symbols and writable data too; `what` says what the flags stand for."""
    findings, objects = [], []
    for source in [path for path in tree.files(root, ".c") if path.parts[0] in ROOMS]:
        object_file = folder / (str(source).replace("/", "-") + ".o")
        status, output = tree.run(*compiler, "-c", source, "-o", object_file, cwd=root)
        if status:
            errors = [line for line in output.splitlines() if "error:" in line] or [output.strip()]
            findings.append(f"{source}:1: not {what}: {errors[0]}")
        else:
            objects.append(object_file)
    together = folder / "together.o"
    status, output = tree.run("ld", "-r", "-o", together, *objects)
    if status:
        return findings + [f"base, core:1: do not link into one: {output.strip()}"]
    name = f"base and core, {what}"
    return findings + missing(root, together, name) + writable(together, name)


def freestanding(root, folder):
    _, own = tree.run("gcc", "-print-file-name=include")
    return linked(root, folder, "freestanding C11", "gcc", *FLAGS, "-isystem", own.strip())


def built(root, build, folder):
    libraries = [build / room / f"lib{room}.a" for room in ROOMS]
    for library in libraries:
        if not library.is_file():
            return [f"{library}:1: was not built"]
    together = folder / "built.o"
    status, output = tree.run("ld", "-r", "-o", together, "--whole-archive", *libraries, cwd=build)
    if status:
        return [f"{build}:1: libbase.a and libcore.a do not link into one: {output.strip()}"]
    return missing(root, together, f"libbase.a and libcore.a in {build}", HARDENING)


def check(root, build=None):
    tree.need("gcc", "ld", "nm")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        findings = includes(root) + freestanding(root, folder)
        if build:
            findings += built(root, build, folder)
    return findings


if __name__ == "__main__":
    tree.main(check)
