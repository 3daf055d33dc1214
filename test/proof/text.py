# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""A network file as data, and as text: tieline.yaml(5) from dictionaries and lists.

Data can be shrunk, text cannot. Each entry is on a line of its own, so that messages with line
numbers, and people, find it."""

import json
import re

PLAIN = re.compile(r"[a-z][a-z0-9/-]*|[0-9][0-9./]*/[0-9a-z]+|[0-9]+(\.[0-9]+){3}")
RESERVED = {"true", "false", "null", "yes", "no", "on", "off"}


def flow(value):
    """One value in YAML's flow style."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{flow(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, str):
        if PLAIN.fullmatch(value) and value not in RESERVED:
            return value
        return json.dumps(value)
    return json.dumps(value)


def render(file):
    """The text of a network file. Sections without entries are left out, but not the policy."""
    lines = []
    for key, value in file.items():
        if value == {}:
            continue
        if key == "lab" and value:
            lines.append("lab:")
            lines += [f"  {name}: {flow(part)}" for name, part in value.items()]
        elif isinstance(value, dict) and value:
            lines.append(f"{key}:")
            lines += [f"  {name}: {flow(entry)}" for name, entry in value.items()]
        elif isinstance(value, list) and value and key in ("policy", "expect"):
            lines.append(f"{key}:")
            lines += [f"  - {flow(item)}" for item in value]
        else:
            lines.append(f"{key}: {flow(value)}")
    return "\n".join(lines) + "\n"
