# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Every C file is laid out according to .clang-format (`make format` does it)."""
import re

import tree

PLANTED = {
    "a function body on its first line": ("base/planted.c", "int f(void) { return 0; }\n",
                                          "base/planted.c:1"),
}


def check(root, _build=None):
    tree.need("clang-format")
    paths = tree.files(root, ".c", ".h")
    status, output = tree.run("clang-format", "--dry-run", "-Werror", *paths, cwd=root)
    found = re.findall(r"^(\S+?:\d+):\d+: error: code should", output, re.M)
    findings = [f"{place}: not laid out according to .clang-format"
                for place in dict.fromkeys(found)]
    return findings or ([output.strip()] if status else [])


if __name__ == "__main__":
    tree.main(check)
