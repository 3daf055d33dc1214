# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The smallest case with the same fault: delta debugging over the data of a network."""

import copy

from generate import Case, machines, parties

EMPTIED = {"hubs", "sites", "people", "services"}  # sections that always exist


def tidy(case):
    """Removes what refers to something that is gone."""
    file = case.file
    services = file["services"]
    names = set(machines(file))
    for name in [name for name, service in services.items() if service["at"] not in names]:
        del services[name]
    left = {*parties(file), *services}
    for rule in file.get("policy", []):
        for side in ("from", "to"):
            rule[side] = [name for name in rule[side] if name in left]
    if "policy" in file:
        file["policy"] = [rule for rule in file["policy"] if rule["from"] and rule["to"]]
    hubs = list(file["hubs"])
    peers = [*file["sites"].values(), *(device for person in file["people"].values()
                                        for device in person["devices"].values())]
    for peer in peers:
        if peer.get("hub") not in hubs:
            peer.pop("hub", None)
    for section in file.get("lab", {}).values():
        for name in [name for name in section if name not in left]:
            del section[name]
    for site in file["sites"].values():
        if isinstance(site.get("virtual"), dict):
            site["virtual"] = {here: there for here, there in site["virtual"].items()
                               if there in left or there[0].isdigit() or there == "auto"}
    case.before = {name: what for name, what in case.before.items() if name in names}
    everything = left | {address for site in file["sites"].values()
                         for addresses in site["devices"].values() for address in addresses}
    case.flows = [flow for flow in case.flows if is_known(flow, everything)]


def is_known(flow, names):
    source, _, to = flow.partition(" -> ")
    to = to[1:].partition("]")[0] if to.startswith("[") else to.partition(":")[0]
    return source in names and to.lstrip("~=") in names


def places(value, path=()):
    """The paths of all parts, larger ones first within each level."""
    items = value.items() if isinstance(value, dict) else \
        enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        yield (*path, key)
    for key, part in items:
        yield from places(part, (*path, key))


def size(case):
    """The number of parts."""
    return sum(1 for _ in places({"file": case.file, "before": case.before, "flows": case.flows}))


def without(case, path):
    """A copy of the case without a part; None if the path leads nowhere any more."""
    data = {"file": copy.deepcopy(case.file), "before": copy.deepcopy(case.before),
            "flows": list(case.flows)}
    holder = data
    try:
        for key in path[:-1]:
            holder = holder[key]
        if path[0] == "file" and path[-1] in EMPTIED:
            holder[path[-1]] = {}
        else:
            del holder[path[-1]]
        smaller = Case(data["file"], data["before"], data["flows"], case.wants, case.refusal)
        tidy(smaller)
    except (KeyError, IndexError, TypeError):
        return None
    return smaller


def shrink(case, fails, is_late):
    """Removes parts while `fails(case)` stays true, until no part can be removed, or it is late.

    Later items of a list are tried first, so that the paths of those that remain do not change."""
    is_smaller = True
    while is_smaller:
        is_smaller = False
        data = {"file": case.file, "before": case.before, "flows": case.flows}
        for path in sorted(reversed([path for path in places(data) if len(path) > 1]), key=len):
            smaller = without(case, path)
            if smaller is None or smaller == case:
                continue
            if is_late():
                return case
            if fails(smaller):
                case, is_smaller = smaller, True
    return case
