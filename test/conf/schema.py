#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The JSON schema of the network file and the parser accept the same files, and the manual page has
each key.

    schema.py JUDGE SCHEMA PAGE [EXAMPLE...]

JUDGE is the program of judge.c, PAGE the manual page. Files come from a seed (TEST_SEED): valid
ones, made from the parser's own table of keys, and the same with one mistake each. The parser and
the schema judge each of them. Then the schema is spoilt in several ways, each of which must be
found.

What no schema can find is listed in BEYOND. A schema judges a tree: it never sees duplicate keys,
anchors, aliases, tags, further documents or bad syntax, so files have none. Nor do they have
numbers in other notations (0x10, 1_000, 1e3), which some readers of YAML take for numbers, or line
breaks at the end of a value.
"""
import copy
import json
import os
import random
import re
import subprocess
import sys

try:
    import jsonschema
    import yaml
except ImportError as why:
    print(f"SKIP  {why}")
    sys.exit(77)

FILES = 1500
KEY = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeBA="

# Findings of the parser that the schema cannot have.
BEYOND = [
    re.compile(r"is an address in a prefix, not the prefix itself$"),  # host bits
    re.compile(r'expected a port .* found "0*\d+-0*\d+(/tcp|/udp)?"$'),  # the last before the first
]

IPS4 = ["10.1.2.3", "192.168.200.244", "0.0.0.0", "255.255.255.255"]
IPS6 = ["fd00::1", "::", "::1", "1::", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8",
        "1:2:3::5:6:7:8", "::ffff:10.0.0.1", "1:2:3:4:5:6:10.0.0.1", "1::6:10.0.0.1", "FD00::a"]
NO_IPS = ["10.1.2", "10.1.2.256", "10.01.2.3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3",
          "12345::", ":1", "1:", "::10.0.0", "1:2:3:4:5:6:7:10.0.0.1", "fd00::1%eth0", "x"]
PREFIXES4 = ["10.1.0.0/16", "0.0.0.0/0", "10.1.2.3/32", "10.0.0.0/008"]
PREFIXES6 = ["fd00::/64", "::/0", "fd00::1/128", "fd00::/0064"]
NO_PREFIXES = ["10.1.0.0", "10.1.0.0/33", "10.1.0.0/", "fd00::/129", "/8", "10.1.0/8",
               "10.0.0.0/-8", "10.1.2.0/16"]
NAMES = ["a", "beijing", "z9", "a-b-c", "x" * 15]
REFERENCES = NAMES + ["e/laptop"]
NO_NAMES = ["A", "9a", "a-", "-a", "a_b", "a b", "all", "hubs", "not", "true", "x" * 64, "a.b",
            "\u00e4"]
PORTS = ["443", "443/tcp", "1-65535/udp", "5-5", "icmp", "00080"]
NO_PORTS = ["0", "65536", "http", "443/sctp", "443/", "1-", "-1", "2-1", "icmp/tcp", "1-2-3"]
FLOWS = ["e -> d:443", "not e -> d", "a/b -> 10.0.0.1:53/udp", "[fd00::1] -> [fd00::2]:1/tcp",
         "fd00::1 -> fd00::2", "a->b", " a  ->\tb ", "not -> b", "not not -> b"]
NO_FLOWS = ["a", "a b", "a -> b:0", "a -> b:80/sctp", "A -> b", "a -> fd00::1:x", "[a] -> b",
            "a ->", "a -> b -> c", "a- -> b", "a -> [10.0.0.1]:80", "a -> b :80", "nota b -> c"]
ENDPOINTS = ["hub.example", "hub.example:51820", "3com.Example:1", "203.0.113.1",
             "203.0.113.1:65535", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:7",
             ("a" * 63 + ".") * 3 + "b" * 61]
NO_ENDPOINTS = ["hub.example:0", "hub.example:65536", "hub.example:", ":1", "hub.9", "hub.example.",
                "-a", "[hub]:1", "[203.0.113.1]:1", "2001:db8::1:70000", "a_b", "203.0.113.256",
                ("a" * 63 + ".") * 3 + "b" * 62]
KINDS = ["static-routes", "self", "drops-invalid", "dhcp-121", "untouchable"]

# For each type of scalar: texts that are good and bad, without quotes or with.
TEXTS = {
    "network_name": (["acme", "x" * 15], NO_NAMES + ["x" * 16]),
    "domain": (["a.example", "1.b", "internal", ("a" * 63 + ".") * 3 + "b" * 61],
               ["A.example", "a.1", "a..b", ".a", "a.", ("a" * 63 + ".") * 3 + "b" * 62]),
    "prefix4": (PREFIXES4, NO_PREFIXES + PREFIXES6),
    "prefix": (PREFIXES4 + PREFIXES6, NO_PREFIXES),
    "ip": (IPS4 + IPS6, NO_IPS),
    "key": ([KEY], [KEY[:-1], KEY + "=", "A" * 43 + "=", KEY[:-2] + "B=", "x", KEY[:-3] + "-A="]),
    "endpoint": (ENDPOINTS, NO_ENDPOINTS),
    "name": (NAMES, NO_NAMES),
    "reference": (REFERENCES, ["A", "a/", "/a", "a/b/c", "a b", "x" * 64]),
    "target": (REFERENCES + IPS4 + IPS6, ["A", "a/b/c", "10.0.0.1/32", "10.0.0.256"]),
    "gateway_kind": (KINDS, ["Self", "static_routes", "magic"]),
    "nat": (["masquerade", "symmetric", "none"], ["full", "None"]),
    "port": (PORTS, NO_PORTS),
    "flow": (FLOWS, NO_FLOWS),
}
# The same for values that only count without quotes.
WORDS = {
    "mtu": (["576", "1500", "65535"], ["575", "65536", "-1", "x"]),
    "home_mtu": (["576", "65535"], ["575", "65536"]),
    "seconds": (["1", "86400"], ["0", "86401", "30s"]),
    "boolean": (["true", "false", "True", "FALSE"], ["yes", "tRUE", "1", "x"]),
}
# Lists: the type of their items, and how few there may be.
LISTS = {"prefixes": ("prefix", 1), "routes": ("prefix", 0), "ips": ("ip", 1),
         "references": ("reference", 1), "groups": ("name", 0), "ports": ("port", 1),
         "expectations": ("flow", 0)}
# Lists with one item per family.
PAIRS = {"pools": (PREFIXES4, PREFIXES6), "node_ips": (IPS4, IPS6)}
# Mappings from names to sections or to other values, and the types of the names.
MAPS = {"hubs": ("name", "hub"), "sites": ("name", "site"), "people": ("name", "person"),
        "devices": ("name", "device"), "services": ("name", "service"),
        "lab_homes": ("reference", "home"), "hosts": ("name", "ips"),
        "lab_hosts": ("reference", "lab_host"), "lab_host": ("name", "ip"),
        "lab_networks": ("reference", "prefixes")}


class Text(str):
    """A scalar whose text counts, whether it has quotes or not."""


class Word(str):
    """A scalar without quotes."""


class Quoted(str):
    """A scalar with quotes."""


# ---- making files ----

class Maker:
    def __init__(self, rng, table):
        self.rng, self.table = rng, table
        self.used = set()

    def section(self, name, depth):
        keys = {}
        for key, type_, required in self.table[name]:
            if required or self.rng.random() < (0.5 if depth < 4 else 0.2):
                keys[key] = self.value(type_, depth + 1)
                self.used.add((name, key))
        return keys

    def virtual(self):
        """What addresses of a LAN stand for."""
        rng, stand_ins = self.rng, {}
        for _ in range(rng.randint(0, 3)):
            there = ["auto"] + IPS4 + IPS6 + PREFIXES4 + PREFIXES6
            if rng.random() < 0.5:
                stand_ins[Text(rng.choice(IPS4 + IPS6))] = Text(rng.choice(there + REFERENCES))
            else:
                stand_ins[Text(rng.choice(PREFIXES4 + PREFIXES6))] = Text(rng.choice(there))
        return stand_ins

    def value(self, type_, depth):
        rng = self.rng
        if type_ in TEXTS:
            return Text(rng.choice(TEXTS[type_][0]))
        if type_ in WORDS:
            return Word(rng.choice(WORDS[type_][0]))
        if type_ in LISTS:
            item, least = LISTS[type_]
            if rng.random() < 0.4:
                return self.value(item, depth)
            return [self.value(item, depth) for _ in range(rng.randint(least, 3))]
        if type_ in PAIRS:
            pair = [Text(rng.choice(texts)) for texts in PAIRS[type_]]
            rng.shuffle(pair)
            return rng.choice([pair, pair[:1], pair[0]])
        if type_ in MAPS:
            names, values = MAPS[type_]
            if rng.random() < 0.05:
                return Word("")
            return {Text(rng.choice(TEXTS[names][0])): self.value(values, depth + 1)
                    for _ in range(rng.randint(0, 3))}
        if type_ == "virtual":
            return rng.choice([self.value("prefixes", depth), self.virtual()])
        if type_ == "rules":
            return [self.section("rule", depth) for _ in range(rng.randint(0, 3))]
        if type_ == "node":
            return rng.choice([Text(rng.choice(NAMES)), self.section("site_node", depth)])
        if type_ == "gateway":
            return rng.choice([Text(rng.choice(KINDS)), self.section("gateway", depth)])
        keys = self.section(type_, depth)
        return keys or Word("") if not any(r for _, _, r in self.table[type_]) else keys


def places(value, path=()):
    """The paths of all parts of a file."""
    yield path
    parts = value.items() if isinstance(value, dict) else enumerate(value) \
        if isinstance(value, list) else ()
    for key, part in list(parts):
        yield from places(part, path + (key,))


def at(value, path):
    for step in path:
        value = value[step]
    return value


ALPHABET = "abzAZ019-_/:.[]>= \t,@%\u00e4"


def spoil_text(rng, text):
    """Removes, adds or replaces one character."""
    i = rng.randrange(len(text) + 1)
    return rng.choice([text[:i] + text[i + 1:], text[:i] + rng.choice(ALPHABET) + text[i:],
                       text[:i] + rng.choice(ALPHABET) + text[i + 1:]])


def spoil(rng, tree):
    """Makes one change somewhere; mostly a mistake."""
    path = rng.choice(list(places(tree))[1:])
    parent, last = at(tree, path[:-1]), path[-1]
    value, kind = parent[last], rng.randrange(8)
    if kind == 0:
        del parent[last]
    elif kind == 1 and isinstance(parent, dict):
        del parent[last]
        parent[Text(spoil_text(rng, last))] = value
    elif kind == 2:
        parent[last] = rng.choice([Word(""), Word("~"), Word("true"), Word("7"), Text("x"), [], {},
                                   Quoted(""), Quoted("true"), Quoted("7")])
    elif kind == 3:
        parent[last] = rng.choice([[value], {Text("x"): value}, [value, value]])
    elif kind == 4 and isinstance(value, dict):
        value[Text(rng.choice(["x", "lan", "key", "private-key", "at", "name"]))] = Text("x")
    elif isinstance(value, (Text, Word)):
        bad = [text for good, bad in (*TEXTS.values(), *WORDS.values()) if value in good
               for text in bad]
        if kind == 5 and bad:
            parent[last] = type(value)(rng.choice(bad))
        elif kind == 6:
            parent[last] = Quoted(value)
        else:
            parent[last] = type(value)(spoil_text(rng, value))


# ---- writing them ----

PLAIN = re.compile(r"[A-Za-z0-9/.\u00e4][A-Za-z0-9/.:>=\u00e4 -]*\Z")
NUMBER = re.compile(r"[-+]?(0[ox])?[0-9_.]+(e[-+]?[0-9]+)?\Z", re.IGNORECASE)


def is_plain(text):
    return (PLAIN.match(text) and ": " not in text and not text.endswith((":", " "))
            and not NUMBER.match(text))


def scalar(rng, value):
    if isinstance(value, Word) and (is_plain(value) or re.fullmatch("[0-9]*|-1|~", value)):
        return str(value)
    if isinstance(value, Text) and rng.random() < 0.6 and is_plain(value):
        return str(value)
    if rng.random() < 0.5 and "\t" not in value:
        return "'" + value.replace("'", "''") + "'"
    return json.dumps(value, ensure_ascii=rng.random() < 0.5)


def flow(rng, value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(rng, k)}: {flow(rng, v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(rng, v) or "~" for v in value) + "]"
    return scalar(rng, value)


def block(rng, value, indent=""):
    """The value after "key:" or "-", with what separates it."""
    if not isinstance(value, (dict, list)) or not value or rng.random() < 0.3:
        return " " + flow(rng, value) + "\n"
    lines = "\n"
    for part in value.items() if isinstance(value, dict) else [("-", part) for part in value]:
        start = "-" if isinstance(value, list) else scalar(rng, part[0]) + ":"
        lines += indent + "  " + start + block(rng, part[1], indent + "  ")
    return lines


def document(rng, tree):
    return "".join(f"{scalar(rng, key)}:{block(rng, value)}" for key, value in tree.items()) or "{}"


# ---- judging them ----

class Loader(yaml.SafeLoader):
    """Reads YAML as editors do: version 1.2, core schema; keys are texts."""
    yaml_implicit_resolvers = {}

    def construct_mapping(self, node, deep=False):
        return {key.value: self.construct_object(value, deep=True) for key, value in node.value}


def resolve(tag, pattern, construct):
    Loader.add_implicit_resolver(tag, re.compile(pattern), None)
    Loader.add_constructor(tag, lambda loader, node: construct(node.value))


resolve("tag:yaml.org,2002:null", r"(?:~|null|Null|NULL|)\Z", lambda text: None)
resolve("tag:yaml.org,2002:bool", r"(?:true|True|TRUE|false|False|FALSE)\Z",
        lambda text: text.lower() == "true")
resolve("tag:yaml.org,2002:int", r"[-+]?[0-9]+\Z", int)
resolve("tag:yaml.org,2002:float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z",
        float)
Loader.add_constructor("tag:yaml.org,2002:map", lambda loader, node: loader.construct_mapping(node))


def judged_by_parser(judge, texts):
    """The findings of each text."""
    done = subprocess.run([judge], input="\0".join(texts).encode() + b"\0", check=True,
                          stdout=subprocess.PIPE)
    lines = done.stdout.decode().split("\n")[:-1]
    assert len(lines) == len(texts), (len(lines), len(texts))
    return [line.split("\t") if line else [] for line in lines]


def differences(texts, trees, findings, schema):
    """The files that the schema judges otherwise than the parser did: indices and reasons."""
    validator = jsonschema.Draft7Validator(schema)
    for i, (tree, found) in enumerate(zip(trees, findings)):
        accepts = validator.is_valid(tree)
        if accepts and found and not all(any(b.search(f) for b in BEYOND) for f in found):
            yield i, f"only the parser rejects:\n{texts[i]}\n{found}"
        elif not accepts and not found:
            errors = [f"{list(e.path)}: {e.message}"[:300] for e in validator.iter_errors(tree)]
            yield i, f"only the schema rejects:\n{texts[i]}\n{errors}"


# ---- the table of keys ----

def read_table(judge):
    table = {}
    done = subprocess.run([judge, "keys"], check=True, stdout=subprocess.PIPE)
    for line in done.stdout.decode().splitlines():
        section, key, type_, need = line.split()
        table.setdefault(section, []).append((key, type_, need == "required"))
    return table


def schema_of(schema, section):
    names = {"network": schema, "site_node": "siteNode"}
    name = names.get(section, section)
    return name if isinstance(name, dict) else schema["definitions"][name]


def keys_that_differ(table, schema):
    """Each key of the table is in the schema, and the other way around."""
    for section, keys in table.items():
        there = schema_of(schema, section)
        if set(there["properties"]) != {key for key, _, _ in keys}:
            yield f"{section}: the schema has the keys {sorted(there['properties'])}"
        if set(there.get("required", ())) != {key for key, _, required in keys if required}:
            yield f"{section}: the schema requires {there.get('required')}"


# The parts of the manual page.
PARTS = {"network": "The file", "hub": "Hubs", "site": "Sites", "site_node": "Nodes of sites",
         "gateway": "Gateways", "person": "People", "device": "Devices of people",
         "service": "Services", "rule": "Policy", "lab": "Lab", "home": "Homes of the lab"}


def keys_that_page_lacks(table, page):
    """Keys, or words, that are not in their part of the page, and the other way around."""
    parts = dict(re.findall(r"^\.Ss (.*?)\n(.*?)(?=^\.S[sh] |\Z)", page, re.MULTILINE | re.DOTALL))
    for section, keys in table.items():
        there = set(re.findall(r"^\.It Cm ([\w-]+)", parts.get(PARTS[section], ""), re.MULTILINE))
        here = {key for key, _, _ in keys} | (set(KINDS) if section == "gateway" else set())
        if there != here:
            yield f"{section}: only the page or only the parser has {sorted(there ^ here)}"


HEAD = "network: n\naddresses: 10.0.0.0/24\n"

# Changes of the schema, each with a file that shows it.
SPOILT = {
    "a key is missing":
        (lambda s: s["definitions"]["site"]["properties"].pop("mtu"),
         HEAD + "sites: {a: {lan: 10.1.0.0/24, mtu: 1400}}\n"),
    "a key is required":
        (lambda s: s["definitions"]["hub"].update(required=["endpoint", "key"]),
         HEAD + "hubs: {z: {endpoint: hub.example}}\n"),
    "a key is not required":
        (lambda s: s["definitions"]["site"].pop("required"), HEAD + "sites: {a: {}}\n"),
    "unknown keys are allowed":
        (lambda s: s["definitions"]["rule"].pop("additionalProperties"),
         HEAD + "policy: [{from: a, to: b, deny: c}]\n"),
    "a word is missing":
        (lambda s: s["definitions"]["gatewayKind"]["enum"].remove("self"),
         HEAD + "sites: {a: {lan: 10.1.0.0/24, gateway: self}}\n"),
    "a number has no limit":
        (lambda s: s["definitions"]["mtu"].pop("maximum"),
         HEAD + "sites: {a: {lan: 10.1.0.0/24, mtu: 70000}}\n"),
    "a pattern accepts too much":
        (lambda s: s["definitions"]["name"].pop("pattern"), HEAD + "people: {E: {}}\n"),
    "a list may be empty":
        (lambda s: s["definitions"]["ports"]["allOf"][0]["anyOf"][1].pop("minItems"),
         HEAD + "services: {git: {at: d, ports: []}}\n"),
    "a list may not stand alone":
        (lambda s: s["definitions"]["references"]["anyOf"].pop(0),
         HEAD + "policy: [{from: a, to: [b]}]\n"),
}


def not_found(judge, schema):
    """The changes of the schema that make no difference."""
    for name, (change, text) in SPOILT.items():
        spoilt = copy.deepcopy(schema)
        change(spoilt)
        judged = [text], [yaml.load(text, Loader)], judged_by_parser(judge, [text])
        if any(differences(*judged, schema)) or not any(differences(*judged, spoilt)):
            yield f"not found: {name}"


def main():
    judge, schema_path, page_path, *examples = sys.argv[1:]
    seed = int(os.environ.get("TEST_SEED") or random.SystemRandom().randrange(10**6))
    print(f"TEST_SEED={seed}")
    with open(schema_path, encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft7Validator.check_schema(schema)
    table = read_table(judge)
    problems = list(keys_that_differ(table, schema))
    with open(page_path, encoding="utf-8") as file:
        problems += keys_that_page_lacks(table, file.read())

    rng = random.Random(seed)
    maker = Maker(rng, table)
    texts = [open(path, encoding="utf-8").read() for path in examples]
    for i in range(FILES):
        tree = maker.section("network", 0)
        if i % 3:
            spoil(rng, tree)
        texts.append(document(rng, tree))
    unused = {(s, key) for s in table for key, _, _ in table[s]} - maker.used
    problems += [f"no file has the key {key} of {section}" for section, key in unused]

    trees = [yaml.load(text, Loader) for text in texts]
    findings = judged_by_parser(judge, texts)
    problems += [f"rejected: {path}: {found}" for path, found in zip(examples, findings) if found]
    good = sum(not found for found in findings)
    print(f"{len(texts)} files, of which the parser accepts {good}")
    if not FILES / 4 < good < FILES * 3 / 4:
        problems.append("too few files are good, or bad")
    problems += [reason for _, reason in differences(texts, trees, findings, schema)]
    problems += not_found(judge, schema)
    for problem in problems[:10]:
        print(f"FAIL  {problem}\n")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
