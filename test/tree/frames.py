# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""No function of base and core needs more than 1024 bytes of stack.

A kernel's stack is small, and a packet reaches the core deep down in it. Both compilers are asked,
at the optimisation of a release and of a kernel: what they inline adds to a frame.
"""
import tempfile
from pathlib import Path

import tree

ROOMS = ("base", "core")
MOST = 1024
COMMANDS = (("gcc", "-O3"), ("clang", "-O3"), ("gcc", "-O2"))
FLAGS = ("-std=c11", "-I.", f"-Wframe-larger-than={MOST}", "-Werror")

BARE = True
PLANTED = {
    "a large frame":
        ("core/planted.c", "void wg_fill(char *);\nvoid wg_planted(void);\n"
         "void wg_planted(void) { char large[1100]; wg_fill(large); }\n", "frame size"),
    "a large frame that inlining makes":
        ("core/planted.c", "void wg_fill(char *);\nvoid wg_planted(void);\n"
         "static void half(void) { char large[600]; wg_fill(large); }\n"
         "void wg_planted(void) { char large[600]; wg_fill(large); half(); }\n", "frame size"),
}


def check(root, _build=None):
    tree.need("gcc", "clang")
    findings = []
    with tempfile.TemporaryDirectory() as name:
        for command in COMMANDS:
            _, found = tree.compiled(root, ROOMS, (*command, *FLAGS), Path(name))
            findings += found
    return findings


if __name__ == "__main__":
    tree.main(check)
