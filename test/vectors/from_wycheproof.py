#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Turns a file of C2SP Wycheproof's testvectors_v1 into a table of C on standard output.

usage: from_wycheproof.py x25519_test.json > wycheproof_x25519.h
"""
import json
import sys
from pathlib import Path

HEADER = """/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * wycheproof_{name}.h - facts from C2SP Wycheproof, testvectors_v1/{name}_test.json; made by
 * from_wycheproof.py, see README.md. */
#ifndef TEST_VECTORS_WYCHEPROOF_{guard}_H
#define TEST_VECTORS_WYCHEPROOF_{guard}_H

#include "test/lib/vector.h"

/* clang-format off */
static const struct {kind}_vector wycheproof_{name}[] = {{
{rows}
}};
/* clang-format on */

#endif"""


def row(kind, test):
    """A row in the order of the struct in test/lib/vector.h."""
    if kind == "x25519":
        values, texts = [], ("private", "public", "shared")
    else:
        values = ["true" if test["result"] == "valid" else "false"]
        texts = ("key", "iv", "aad", "msg", "ct", "tag")
    values += [f'"{test[text]}"' for text in texts]
    return f"        {{{test['tcId']}, {', '.join(values)}}},"


def main(path):
    name = Path(path).name.removesuffix("_test.json")
    kind = "x25519" if name == "x25519" else "aead"
    groups = json.loads(Path(path).read_text(encoding="utf-8"))["testGroups"]
    rows = [row(kind, test) for group in groups for test in group["tests"]]
    print(HEADER.format(name=name, guard=name.upper(), kind=kind, rows="\n".join(rows)))


if __name__ == "__main__":
    main(*sys.argv[1:])
