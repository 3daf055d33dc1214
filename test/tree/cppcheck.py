# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""cppcheck finds nothing; what it gets wrong is in cppcheck.suppressions, each with its reason."""
import os
from pathlib import Path

import tree

SUPPRESSIONS = Path(__file__).with_name("cppcheck.suppressions")
# Without `style`: what it says of scopes, const and names is often a matter of taste.
OPTIONS = ("--quiet", "--error-exitcode=1", "--template={file}:{line}: {id}: {message}",
           "--enable=warning,performance,portability", "--inconclusive", "--std=c11",
           "--language=c", "--library=posix", "--library=gnu", "-I.", f"-j{os.cpu_count()}",
           f"--suppressions-list={SUPPRESSIONS}")

# Planted into a tree of its own: the whole one would be read again for each.
BARE = True
PLANTED = {
    "a read past the end":
        ("base/planted.c", "int wg_planted(void);\n"
         "int wg_planted(void)\n{\n        int a[2] = {1, 2};\n\n        return a[2];\n}\n",
         "arrayIndexOutOfBounds"),
    "memory that is not freed":
        ("daemon/planted.c", "#include <stdlib.h>\nint tl_planted(void);\n"
         "int tl_planted(void)\n{\n        char *p = malloc(1);\n\n        return p ? 1 : 0;\n}\n",
         "memleak"),
}


def check(root, _build=None):
    tree.need("cppcheck")
    # Tests are left to the sanitizers: it does not know that a failed assertion goes no further.
    sources = [path for path in tree.files(root, ".c") if path.parts[0] != "test"]
    status, output = tree.run("cppcheck", *OPTIONS, *sources, cwd=root)
    findings = output.splitlines()
    return findings or (["cppcheck:1: failed without a word"] if status else [])


if __name__ == "__main__":
    tree.main(check)
