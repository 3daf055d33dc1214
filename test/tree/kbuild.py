# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""base and core compile as part of a Linux kernel module.

Every source compiles with gcc and clang, with a kernel's flags and without warnings, against shims/
in place of the C headers. Those define what a kernel offers: uint64_t is unsigned long long, and
atomics are compiler builtins. Nothing uses floating-point or vector registers. As in purity.py, the
linked objects need only the mem* functions, wg_panic and what crypto/*.h declares.
"""
import sys
import tempfile
from pathlib import Path

import purity
import tree

SHIMS = Path(__file__).parent / "shims"
COMPILERS = ("gcc", "clang")
FLAGS = ("-std=gnu11", "-ffreestanding", "-nostdinc", "-O2", "-fno-pic", "-fno-stack-protector",
         "-fno-strict-aliasing", "-fno-common", "-fshort-wchar", "-mgeneral-regs-only", "-Werror",
         "-Wall", "-Wextra", "-Wundef", "-Wvla", "-Wstrict-prototypes", "-Wmissing-prototypes",
         "-Wdeclaration-after-statement", "-DWG_NORETURN=", "-isystem", SHIMS, "-iquote", ".")

# Planted in an empty tree: the whole one would be compiled again for each.
BARE = True
PLANTED = {
    "a uint64_t that is not unsigned long":
        ("core/planted.c", "#include <stdint.h>\nunsigned long *wg_planted(uint64_t *);\n"
         "unsigned long *wg_planted(uint64_t *a) { return a; }\n", "incompatible pointer type"),
    "an atomic operation that the shims lack":
        ("core/planted.c", "#include <stdatomic.h>\nint wg_planted(_Atomic int *);\n"
         "int wg_planted(_Atomic int *a) { return atomic_fetch_xor(a, 1); }\n",
         "atomic_fetch_xor"),
    "floating point":
        ("base/planted.c", "int wg_planted(int);\n"
         "int wg_planted(int a) { return (int)(a * 0.5); }\n", "not for a kernel, by gcc"),
    "a C header that has no shim":
        ("base/planted.c", "#include <limits.h>\n", "limits.h"),
}


def check(root, _build=None):
    tree.need(*COMPILERS, "ld", "nm")
    if sys.maxsize < 1 << 32:
        raise tree.Skip("the shims are those of a 64-bit kernel")
    findings = []
    for compiler in COMPILERS:
        with tempfile.TemporaryDirectory() as folder:
            findings += purity.linked(root, Path(folder), f"for a kernel, by {compiler}", compiler,
                                      *FLAGS)
    return findings


if __name__ == "__main__":
    tree.main(check)
