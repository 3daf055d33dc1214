# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Text is clean: no long lines, stray white space, conflicts, foreign paths or clumsy phrases."""
import re

import tree

# Not checked: their bytes are data.
EXEMPT = ("fuzz/corpus/", "LICENSES/")
MOST_BYTES = 1 << 20
MOST_COLUMNS = 100
LONG_LINES = ("test/vectors/",)  # tables of hexadecimal numbers

# Phrases that read as if translated. Character classes keep this file from matching itself.
CLUMSY = re.compile("|".join((
    r"such that [w]ere", r"room for [s]uch", r"\b[o]f before\b", r"\b[w]hence\b", r"on the [s]pot",
    r"for a [l]ook at\b", r"in the [m]eantime", r"by itself [t]he (?:first|last|best)",
    r"(?:^\W*|[.:] )[W]ho(?:ever)? (?!.*\?)")))

# Paths of the machine that Tieline was written on; a character class, so that this line does not
# match itself.
FOREIGN = re.compile(r"/wor[k]/|(?:\.\./|(?<![\w/]))share[d]/")

PLANTED = {
    "white space at the end of a line": ("README.md", "words \n", "at the end of the line"),
    "a line over 100 columns": ("base/planted.c", f"/* {95 * 'x'} */\n", "over 100 columns"),
    "a tab in C": ("base/planted.c", "\tint a;\n", "a tab"),
    "a sentence without its subject":
        ("base/planted.c", "/* Who" + " asks again, waits. */\n", "clumsy"),
    "a conflict that was not resolved": ("README.md", "<" * 7 + " HEAD\n", "a conflict"),
    "a file without a last newline": ("base/planted.c", "int a;", "no newline at the end"),
    "a path of another machine": ("README.md", "see ../share" + "d/x\n", "foreign path"),
    "a file over 1 MiB": ("doc/planted.txt", "0123456789abcde\n" * (1 << 16) + "\n", "1 MiB"),
}


def is_too_long(path, line):
    """Whether a line has too many columns. A row of a Markdown table cannot be broken."""
    return (len(line) > MOST_COLUMNS and not str(path).startswith(LONG_LINES)
            and not (path.suffix == ".md" and line.startswith("|")))


def check(root, _build=None):
    findings = []
    for path in tree.files(root):
        if (root / path).stat().st_size > MOST_BYTES:
            findings.append(f"{path}:1: over 1 MiB")
        numbered = tree.lines(root, path)
        if not numbered or str(path).startswith(EXEMPT):
            continue
        if numbered[-1][1]:
            findings.append(f"{path}:{numbered[-1][0]}: no newline at the end of the file")
        for number, line in numbered:
            if line != line.rstrip():
                findings.append(f"{path}:{number}: white space at the end of the line")
            if is_too_long(path, line):
                findings.append(f"{path}:{number}: over {MOST_COLUMNS} columns")
            if path.suffix in (".c", ".h") and "\t" in line:
                findings.append(f"{path}:{number}: a tab")
            if line.startswith(("<" * 7 + " ", ">" * 7 + " ")):
                findings.append(f"{path}:{number}: a conflict")
            if CLUMSY.search(line):
                findings.append(f"{path}:{number}: clumsy: {line.strip()}")
            if FOREIGN.search(line):
                findings.append(f"{path}:{number}: a foreign path: {line.strip()}")
    return findings


if __name__ == "__main__":
    tree.main(check)
