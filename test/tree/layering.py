# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Every include points to a room that ARCHITECTURE.md's table allows, and none in a circle."""
import re

import tree

INCLUDE = re.compile(r'\s*#\s*include\s*(?:"(?P<ours>[^"]*)"|<(?P<system>[^>]*)>|(?P<odd>.*))')
ROW = re.compile(r"\|\s*`(?P<room>[\w.]+)/`\s*\|.*\|(?P<allowed>[^|]*)\|\s*$")

# Libraries that the table keeps in one room; test/ may look behind the scenes.
OWNERS = {"openssl/": "crypto", "libmnl/": "io"}

# conf turns text into structs: there is no file, socket or clock in the headers it may use. (What
# base and core may use is purity.py's business.)
CONF_SYSTEM = {"ctype.h", "errno.h", "inttypes.h", "limits.h", "stdarg.h", "stdbool.h", "stddef.h",
               "stdint.h", "stdio.h", "stdlib.h", "string.h"}

PLANTED = {
    "an include that points up":
        ("base/planted.h", '#include "core/limits.h"\n', "base may not include core"),
    "core meeting io":
        ("core/planted.c", '#include "io/planted.h"\n', "core may not include io"),
    "an include without its room":
        ("core/planted.c", '#include "limits.h"\n', 'write "room/file.h"'),
    "an include of a source file":
        ("core/planted.c", '#include "core/planted.c"\n', "not a header"),
    "an include of nothing":
        ("core/planted.c", '#include "core/nowhere.h"\n', "does not exist"),
    "a circle of files":
        ("core/planted.h", '#include "core/planted.h"\n', "circle"),
    "a circle of rooms":
        ("ARCHITECTURE.md", "\n| `base/` | again | daemon |\n", "circle"),
    "libcrypto outside its room":
        ("core/planted.c", "#include <openssl/evp.h>\n", "only crypto may include"),
    "a socket in conf":
        ("conf/planted.c", "#include <sys/socket.h>\n", "conf is pure"),
    "a room that the table does not know":
        ("attic/planted.c", "\n", "no room 'attic'"),
}


def rooms(root):
    """The table: room -> the rooms it may include beside itself."""
    table = {}
    for _, line in tree.lines(root, "ARCHITECTURE.md"):
        row = ROW.match(line)
        if row:
            table[row["room"]] = set(re.findall(r"\w+", row["allowed"]))
    return table


def circle(graph):
    """Some path of the graph that ends where it began, or None."""
    done = set()

    def walk(node, path):
        if node in path:
            return path[path.index(node):] + [node]
        if node in done:
            return None
        for after in sorted(graph.get(node, ())):
            found = walk(after, path + [node])
            if found:
                return found
        done.add(node)
        return None

    for node in sorted(graph):
        found = walk(node, [])
        if found:
            return found
    return None


def is_generated(root, header):
    """Whether the meson.build of its folder makes a header."""
    folder, name = header.rsplit("/", 1)
    build = root / folder / "meson.build"
    return build.is_file() and f"output: '{name}'" in build.read_text()


def judge(root, table, path, include):
    """What is wrong with one include of a file, or None."""
    room = path.parts[0]
    if include["odd"] is not None:
        return "an include whose file is not written out"
    if include["system"] is not None:
        for prefix, owner in OWNERS.items():
            if include["system"].startswith(prefix) and room not in (owner, "test"):
                return f"only {owner} may include <{prefix}...>"
        if room == "conf" and include["system"] not in CONF_SYSTEM:
            return f"conf is pure and may not include <{include['system']}>"
        return None
    target = include["ours"].split("/")
    if len(target) < 2 or "." in target or ".." in target:
        return f'"{include["ours"]}": write "room/file.h" from the root of the tree'
    if target[0] != room and target[0] not in table[room]:
        return f"{room} may not include {target[0]} ({include['ours']})"
    if not target[-1].endswith(".h"):
        return f"{include['ours']} is not a header"
    if not (root / include["ours"]).is_file() and not is_generated(root, include["ours"]):
        return f"{include['ours']} does not exist"
    return None


def check(root, _build=None):
    table = rooms(root)
    if not table:
        return ["ARCHITECTURE.md:1: the table of rooms is missing"]
    findings = [f"ARCHITECTURE.md:1: {room} may include '{other}', which is no room"
                for room, allowed in table.items() for other in allowed - set(table)]
    found = circle(table)
    if found:
        findings.append("ARCHITECTURE.md:1: a circle of rooms: " + " -> ".join(found))
    graph = {}
    for path in tree.files(root, ".c", ".h"):
        if path.parts[0] not in table:
            findings.append(f"{path}:1: the table in ARCHITECTURE.md has no room '{path.parts[0]}'")
            continue
        for number, line in tree.lines(root, path):
            include = INCLUDE.match(line)
            if not include:
                continue
            wrong = judge(root, table, path, include)
            if wrong:
                findings.append(f"{path}:{number}: {wrong}")
            if include["ours"]:
                graph.setdefault(str(path), set()).add(include["ours"])
    found = circle(graph)
    if found:
        findings.append(f"{found[0]}:1: a circle of includes: " + " -> ".join(found))
    return findings


if __name__ == "__main__":
    tree.main(check)
