# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""doc/status.md has a row for each key of the status protocol, and for no other."""
import re

import tree

DOC, KEYS, VERDICTS = "doc/status.md", "conf/status.h", "core/verdict.h"
FIRST_DROP = 16  # in the list of verdicts, the accepting ones come first

PLANTED = {
    "a key that is not documented":
        (KEYS, '/* X(TL_STATUS_PLANTED, PEERS, LEVEL, planted, "planted") */\n', "planted (level)"),
    "a documented key that does not exist":
        (DOC, "| `planted` | count | planted |\n", "'planted'"),
    "a key documented with another kind":
        (DOC, "| `peers` | count | planted |\n", "peers"),
    "a drop counter that is not documented":
        (VERDICTS, '/* X(WG_VERDICT_PLANTED, 99, planted, "planted") */\n', "drop_planted"),
    "a documented drop counter that does not exist":
        (DOC, "| `drop_planted` | planted |\n", "'drop_planted'"),
}


def told(root):
    """The keys of the code with their kinds."""
    keys = (root / KEYS).read_text().replace("\\\n", " ")
    verdicts = (root / VERDICTS).read_text().replace("\\\n", " ")
    found = {name: kind.lower() for kind, name in
             re.findall(r"X\(TL_STATUS_\w+, [A-Z]+, ([A-Z]+), (\w+),\s+\"", keys)}
    found |= {f"drop_{name}": "count" for value, name in
              re.findall(r"X\(WG_VERDICT_\w+, (\d+), (\w+),\s+\"", verdicts)
              if int(value) >= FIRST_DROP}
    return found


def described(root):
    """Where the document describes a key, and its kind there."""
    for number, line in tree.lines(root, DOC):
        if row := re.match(r"\| `(\w+)` \| (text|flag|count|level) \|", line):
            yield number, row[1], row[2]
        elif row := re.match(r"\| `(drop_\w+)` \|", line):
            yield number, row[1], "count"


def check(root, _build=None):
    missing = told(root)
    if len(missing) < 50:
        return [f"{KEYS}:1: only {len(missing)} keys were recognised"]
    findings = []
    for number, key, kind in described(root):
        if missing.pop(key, None) != kind:
            findings.append(f"{DOC}:{number}: '{key}' ({kind}) is not told, or again, or of "
                            "another kind")
    return findings + [f"{DOC}:1: there is no row for {key} ({kind})"
                       for key, kind in missing.items()]


if __name__ == "__main__":
    tree.main(check)
