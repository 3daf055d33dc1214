# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Every file that can have a licence line has one."""
import tree

LINE = "SPDX-License-Identifier: MIT OR GPL-2.0-only"

# Files whose bytes are data, whose format has no comments, and the licences themselves.
EXEMPT = ("fuzz/corpus/", "LICENSES/", "debian/changelog", "debian/source/format")

PLANTED = {
    "a source without the line": ("base/planted.c", "int wg_planted;\n", "base/planted.c"),
    "a source with another licence":
        ("base/planted.c", "/* SPDX-License-Identifier: " + "GPL-3.0-only */\n", "base/planted.c"),
}


def check(root, _build=None):
    return [f"{path}:1: no '{LINE}' in the first 5 lines"
            for path in tree.files(root)
            if not str(path).startswith(EXEMPT)
            and not any(LINE in line for _, line in tree.lines(root, path)[:5])]


if __name__ == "__main__":
    tree.main(check)
