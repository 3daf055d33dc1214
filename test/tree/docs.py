# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The documents agree with the tree: the commands, links, rooms, files and names in them exist."""
import re
import shlex
import shutil

import layering
import tree

# Shell commands, and our own programs, which exist once they are built.
KNOWN = {"cd", "umask", "tieline", "tielined", "tieline-quick"}
CODE = re.compile(r"`([^`]+)`")
NAME = re.compile(r"\b(?:wg|tl|WG|TL)_\w+")
LINK = re.compile(r"\]\((?!\w+:|#)([^)#]+)")

PLANTED = {
    "an unknown target of make":
        ("README.md", "\n```sh\nmake planted\n```\n", "no target 'planted'"),
    "a script that does not exist":
        ("HACKING.md", "\n```sh\nscripts/planted.sh --all\n```\n", "scripts/planted.sh is not"),
    "a program that is not installed":
        ("README.md", "\n```sh\nsudo planted-program --all\n```\n", "planted-program is not"),
    "a dead link":
        ("README.md", "\nSee [this](doc/planted.md).\n", "doc/planted.md is not"),
    "a file that does not exist":
        ("ARCHITECTURE.md", "\nSee `core/planted`.\n", "core/planted is not"),
    "a function that does not exist":
        ("HACKING.md", "\nCall `wg_planted()`.\n", "wg_planted is nowhere"),
    "a room without a folder":
        ("ARCHITECTURE.md", "\n| `attic/` | old things | - |\n", "no folder attic/"),
    "a folder without a row in the table":
        ("attic/planted.txt", "\n", "the table does not name attic/"),
}


def commands(root, path):
    """The numbered command lines of the ```sh blocks, continuation lines joined."""
    inside, joined = False, ""
    for number, line in tree.lines(root, path):
        if line.startswith("```"):
            inside = line.strip() == "```sh"
            continue
        if not inside:
            continue
        joined += line
        if joined.endswith("\\"):
            joined = joined[:-1] + " "
            continue
        for part in re.split(r"&&|\|\|?|;", joined.split(" # ")[0]):
            if part.strip() and not part.startswith("#"):
                yield number, part
        joined = ""


def program(words):
    """The words of a command from its program on: without variables, sudo or `ip netns exec`."""
    while words and (re.match(r"\w+=", words[0]) or words[0] == "sudo"):
        words = words[1:]
    if words[:3] == ["ip", "netns", "exec"]:
        words = words[4:]
    return words


def judge(root, targets, line):
    """What is wrong with a command line, or None."""
    words = program(shlex.split(line))
    if not words:
        return None
    name = words[0]
    if name == "make":
        asked = [word for word in words[1:] if "=" not in word and not word.startswith("-")]
        unknown = [word for word in asked if word not in targets]
        return f"the Makefile has no target '{unknown[0]}'" if unknown else None
    if name in KNOWN:
        return None
    if name.startswith("build"):
        made = name.split("/")[-1]
        known = any(f"'{made}'" in (root / path).read_text()
                    for path in tree.files(root) if path.name == "meson.build")
        return None if known else f"{name} is not built by any meson.build"
    if "/" in name:
        return None if (root / name).exists() else f"{name} is not in the tree"
    return None if shutil.which(name) else f"{name} is not a program on this machine"


def names(root, table, sources, line):
    """What is wrong with the files and C names that a line of text quotes."""
    for code in CODE.findall(line):
        if re.fullmatch(r"[\w.]+/[\w./-]*", code) and code.split("/")[0] in table:
            if not any((root / (code + suffix)).exists() for suffix in ("", ".h", ".c")):
                yield f"{code} is not in the tree"
        for name in NAME.findall(code):
            if name not in sources:
                yield f"{name} is nowhere in the sources"


def check(root, _build=None):
    findings = []
    table = set(layering.rooms(root))
    sources = set()
    for path in tree.files(root, ".c", ".h"):
        sources |= set(NAME.findall((root / path).read_text()))
    targets = set(re.findall(r"^([a-z-]+):", (root / "Makefile").read_text(), re.M))
    for path in tree.files(root, ".md"):
        for number, line in commands(root, path):
            wrong = judge(root, targets, line)
            if wrong:
                findings.append(f"{path}:{number}: {wrong}")
        for number, line in tree.lines(root, path):
            findings += [f"{path}:{number}: {wrong}"
                         for wrong in names(root, table, sources, line)]
            for target in LINK.findall(line):
                if not (root / path.parent / target).exists():
                    findings.append(f"{path}:{number}: {target} is not in the tree")
    folders = {path.parts[0] for path in tree.files(root) if len(path.parts) > 1}
    findings += [f"ARCHITECTURE.md:1: there is no folder {room}/"
                 for room in table if not (root / room).is_dir()]
    findings += [f"ARCHITECTURE.md:1: the table does not name {room}/" for room in folders - table]
    return findings


if __name__ == "__main__":
    tree.main(check)
