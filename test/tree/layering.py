# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Every include points to a room that ARCHITECTURE.md's table allows, and none forms a cycle.

A room may lie in another one. A file belongs to the innermost room that the table has, and only the
row of that room says what it may include: neither includes the other unless its row says so.
"""
import re

import tree

INCLUDE = re.compile(r'\s*#\s*include\s*(?:"(?P<ours>[^"]*)"|<(?P<system>[^>]*)>|(?P<odd>.*))')
ROW = re.compile(r"\|\s*`(?P<room>[\w./]+)/`\s*\|.*\|(?P<allowed>[^|]*)\|\s*$")

# The beginnings of libraries' headers, and the rooms that may include them.
OWNERS = {
    "openssl/": {"crypto/libcrypto"},
    "libmnl/": {"io"},
    "seccomp.h": {"io"},
    "sys/capability.h": {"io"},
    "yaml.h": {"conf"},
    "jansson.h": {"host", "lab", "cli"},
    "pcap": {"capture"},
    "sqlite3.h": {"store"},
    "libpq": {"store"},
    "postgresql/": {"store"},
    "microhttpd.h": {"web"},
    "cjose/": {"identity"},
    "curl/": {"identity", "feeds"},
    "expat.h": {"feeds"},
    "gumbo.h": {"feeds"},
    "xcb/": {"clip"},
}

# What the tests of each room share.
SHARED_BY_TESTS = ("test/lib/", "test/vectors/")

# conf turns text into structs: the headers it may use have no file, socket or clock; libyaml
# parses from memory. (For base and core, see purity.py.)
CONF_SYSTEM = {"ctype.h", "errno.h", "inttypes.h", "limits.h", "stdarg.h", "stdbool.h", "stddef.h",
               "stdint.h", "stdio.h", "stdlib.h", "string.h", "yaml.h"}

PLANTED = {
    "an include that points up":
        ("base/planted.h", '#include "core/limits.h"\n', "base may not include core"),
    "core meeting io":
        ("core/planted.c", '#include "io/planted.h"\n', "core may not include io"),
    "an include without its room":
        ("core/planted.c", '#include "limits.h"\n', 'write "room/file.h"'),
    "an include of a source file":
        ("core/planted.c", '#include "core/planted.c"\n', "not a header"),
    "an include of a missing file":
        ("core/planted.c", '#include "core/nowhere.h"\n', "does not exist"),
    "a cycle of files":
        ("core/planted.h", '#include "core/planted.h"\n', "cycle"),
    "a cycle of rooms":
        ("ARCHITECTURE.md", "\n| `base/` | again | daemon |\n", "cycle"),
    "libcrypto outside its room":
        ("core/planted.c", "#include <openssl/evp.h>\n", "only crypto/libcrypto may include"),
    "libcrypto in the room around its own":
        ("crypto/planted.c", "#include <openssl/evp.h>\n", "only crypto/libcrypto may include"),
    "a system library outside its room":
        ("daemon/planted.c", "#include <seccomp.h>\n", "only io may include"),
    "a library whose room does not exist yet":
        ("daemon/planted.c", "#include <sqlite3.h>\n", "only store may include"),
    "a library with two owners outside both":
        ("daemon/planted.c", "#include <curl/curl.h>\n", "only feeds, identity may include"),
    "a room that includes one inside it":
        ("crypto/planted.c", '#include "crypto/libcrypto/context.h"\n',
         "crypto may not include crypto/libcrypto"),
    "a room that includes the one around it":
        ("ARCHITECTURE.md", "\n| `core/inner/` | planted | - |\n",
         "core/inner/planted.c", '#include "core/limits.h"\n', "core/inner may not include core"),
    "an inner room that includes what only the outer one may":
        ("ARCHITECTURE.md", "\n| `core/inner/` | planted | - |\n",
         "core/inner/planted.c", '#include "base/bits.h"\n', "core/inner may not include base"),
    "a test that includes a room above the one it tests":
        ("test/core/planted.c", '#include "io/clock.h"\n', "tests of core may not include io"),
    "a test that includes the tests of another room":
        ("test/core/planted.c", '#include "test/io/planted.h"\n', "not shared"),
    "a test that includes the library of a room above":
        ("test/core/planted.c", "#include <libmnl/libmnl.h>\n", "only io may include"),
    "a socket in conf":
        ("conf/planted.c", "#include <sys/socket.h>\n", "conf is pure"),
    "a room without a row in the table":
        ("attic/planted.c", "\n", "no room 'attic'"),
}


def rooms(root):
    """The table: room -> the rooms it may include beside itself."""
    table = {}
    for _, line in tree.lines(root, "ARCHITECTURE.md"):
        row = ROW.match(line)
        if row:
            table[row["room"]] = set(re.findall(r"[\w/]+", row["allowed"]))
    return table


def room_of(table, path):
    """The innermost room of a path, a text; None if it is in none."""
    folders = path.split("/")[:-1]
    nested = ("/".join(folders[:depth]) for depth in range(len(folders), 0, -1))
    return next((room for room in nested if room in table), None)


def tested_room(table, path):
    """The room whose tests a file of test/ is among, or None."""
    return room_of(table, path[len("test/"):]) if path.startswith("test/") else None


def within_reach(table, room):
    """A room, the rooms inside it, and all that one of these may include."""
    inside = {other for other in table if other == room or other.startswith(room + "/")}
    return inside.union(*(table[other] for other in inside))


def cycle(graph):
    """A path in the graph that ends where it began, or None."""
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
    """Whether the meson.build of a header's folder generates it."""
    folder, name = header.rsplit("/", 1)
    build = root / folder / "meson.build"
    return build.is_file() and f"output: '{name}'" in build.read_text()


def judge_system(table, path, header):
    """What is wrong with the include of a header that is not ours, or None."""
    room, tested = room_of(table, path), tested_room(table, path)
    if room == "conf" and header not in CONF_SYSTEM:
        return f"conf is pure and may not include <{header}>"
    if room == "test" and not tested:
        return None  # helpers and tools look behind the scenes of every room
    for prefix, owners in OWNERS.items():
        allowed = within_reach(table, tested) if tested else {room}
        if header.startswith(prefix) and not owners & allowed:
            return f"only {', '.join(sorted(owners))} may include <{prefix}...>"
    return None


def judge_room(table, path, header):
    """What the table says against the include of one of our headers, or None."""
    room, other, tested = room_of(table, path), room_of(table, header), tested_room(table, path)
    if tested and other == "test":
        shared = (*SHARED_BY_TESTS, f"test/{tested}/")
        return None if header.startswith(shared) else f"{header} is not shared by the tests"
    if tested:
        if other not in within_reach(table, tested):
            return f"tests of {tested} may not include {other} ({header})"
    elif other != room and other not in table[room]:
        return f"{room} may not include {other or header.split('/')[0]} ({header})"
    return None


def judge(root, table, path, include):
    """What is wrong with one include of a file, or None."""
    if include["odd"] is not None:
        return "an include of a macro instead of a file"
    if include["system"] is not None:
        return judge_system(table, path, include["system"])
    header = include["ours"]
    target = header.split("/")
    if len(target) < 2 or "." in target or ".." in target:
        return f'"{header}": write "room/file.h" from the root of the tree'
    wrong = judge_room(table, path, header)
    if wrong:
        return wrong
    if not header.endswith(".h"):
        return f"{header} is not a header"
    if not (root / header).is_file() and not is_generated(root, header):
        return f"{header} does not exist"
    return None


def check(root, _build=None):
    table = rooms(root)
    if not table:
        return ["ARCHITECTURE.md:1: the table of rooms is missing"]
    findings = [f"ARCHITECTURE.md:1: {room} may include '{other}', which is no room"
                for room, allowed in table.items() for other in allowed - set(table)]
    found = cycle(table)
    if found:
        findings.append("ARCHITECTURE.md:1: a cycle of rooms: " + " -> ".join(found))
    graph = {}
    for path in tree.files(root, ".c", ".h"):
        if not room_of(table, str(path)):
            findings.append(f"{path}:1: the table in ARCHITECTURE.md has no room '{path.parts[0]}'")
            continue
        for number, line in tree.lines(root, path):
            include = INCLUDE.match(line)
            if not include:
                continue
            wrong = judge(root, table, str(path), include)
            if wrong:
                findings.append(f"{path}:{number}: {wrong}")
            if include["ours"]:
                graph.setdefault(str(path), set()).add(include["ours"])
    found = cycle(graph)
    if found:
        findings.append(f"{found[0]}:1: a cycle of includes: " + " -> ".join(found))
    return findings


if __name__ == "__main__":
    tree.main(check)
