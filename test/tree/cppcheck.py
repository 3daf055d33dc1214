# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""cppcheck finds nothing; its false findings are in cppcheck.suppressions, each with its reason."""
import os
from pathlib import Path

import tree

SUPPRESSIONS = Path(__file__).with_name("cppcheck.suppressions")
# Without `style`: its findings about scopes, const and names are often a matter of taste.
OPTIONS = ("--quiet", "--error-exitcode=1", "--template={file}:{line}: {id}: {message}",
           "--enable=warning,performance,portability", "--inconclusive", "--std=c11",
           "--language=c", "--library=posix", "--library=gnu", "-I.", f"-j{os.cpu_count()}",
           f"--suppressions-list={SUPPRESSIONS}")

# Planted in an empty tree: the whole one would be analysed again for each.
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
    # Sanitizers check the tests: cppcheck does not know that a failed assertion ends a test.
    sources = [path for path in tree.files(root, ".c") if path.parts[0] != "test"]
    status, output = tree.run("cppcheck", *OPTIONS, *sources, cwd=root)
    findings = output.splitlines()
    return findings or (["cppcheck:1: failed without a message"] if status else [])


if __name__ == "__main__":
    tree.main(check)
