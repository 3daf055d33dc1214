# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The man pages pass mandoc's lint, and all are installed."""
import re

import tree

# Other packages' pages need not be installed where the check runs.
HARMLESS = ("referenced manual not found", "outdated mandoc.db")

PLANTED = {
    "a block that is not closed":
        ("doc/planted.8", ".Dd $Mdocdate$\n.Dt PLANTED 8\n.Os\n.Sh NAME\n.Nm planted\n"
         ".Nd planted\n.Bl -tag\n", "doc/planted.8:"),
    "a page that is not installed":
        ("doc/planted.8", ".Dd January 1, 2026\n", "does not install"),
}


def check(root, _build=None):
    tree.need("mandoc")
    findings = []
    installs = (root / "doc" / "meson.build").read_text()
    for path in tree.files(root):
        if not re.fullmatch(r"\.[1-9]", path.suffix):
            continue
        _, output = tree.run("mandoc", "-Tlint", "-Wstyle", path, cwd=root)
        findings += [line.removeprefix("mandoc: ") for line in output.splitlines()
                     if not any(word in line for word in HARMLESS)]
        if f"'{path.name}'" not in installs:
            findings.append(f"{path}:1: doc/meson.build does not install it")
    return findings


if __name__ == "__main__":
    tree.main(check)
