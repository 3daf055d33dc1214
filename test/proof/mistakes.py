# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Networks that must be refused: each of these functions plants one mistake in a good file.

It returns the pattern of the message, or None if the file has no place for it."""

from ipaddress import ip_network


def any_site(draw, file):
    return file["sites"][draw.choice(list(file["sites"]))]


def same_address(draw, file):
    """Two nodes with one address in the tunnel."""
    sites = list(file["sites"].values())
    if len(sites) < 2:
        return None
    for site in draw.sample(sites, 2):
        site["address"] = "10.70.0.77"
    return "10.70.0.77"


def lan_holds_pool(draw, file):
    any_site(draw, file)["lan"] = ["10.0.0.0/8"]
    return "10.0.0.0/8"


def lan_is_mapped(draw, file):
    any_site(draw, file)["lan"].append("10.200.9.0/24")
    return "10.200.9.0/24"


def lans_of_one_site(draw, file):
    site = any_site(draw, file)
    if site["lan"][0].startswith("fd"):
        return None
    site["lan"].append(site["lan"][0].replace(".0/24", ".128/25"))
    return f"LAN {site['lan'][-1]} .* overlaps LAN {site['lan'][0]}"


def ipv6_overlap(draw, file):
    sites = list(file["sites"].values())
    if len(sites) < 2:
        return None
    for site in draw.sample(sites, 2):
        site["lan"].append("fd78::/64")
    return "fd78::/64"


def endpoint_inside(draw, file):
    lan = next((lan for site in file["sites"].values() for lan in site["lan"] if "." in lan), None)
    if not file["hubs"] or not lan:
        return None
    file["hubs"]["z1"]["endpoint"] = str(ip_network(lan)[66 % ip_network(lan).num_addresses])
    return "endpoint"


def unknown_name(draw, file):
    file["policy"] = [*file.get("policy", []), {"from": ["s1"], "to": ["nobody"]}]
    return "nobody"


def default_route(draw, file):
    any_site(draw, file)["lan"].append("0.0.0.0/0")
    return r"0\.0\.0\.0/0"


def same_key(draw, file):
    sites = list(file["sites"].values())
    if len(sites) < 2:
        return None
    first, second = draw.sample(sites, 2)
    first["key"] = second["key"]
    return "key"


def untouchable(draw, file):
    """A site whose router cannot be changed, with its IPv4 LAN; None if there is no place."""
    sites = [site for site in file["sites"].values() if site["lan"][0].endswith(".0/24")]
    if not sites:
        return None, None
    site = draw.choice(sites)
    site["gateway"] = {"kind": "untouchable"}
    if not isinstance(site["node"], str):
        site["node"] = site["node"]["name"]
    return site, site["lan"][0].removesuffix(".0/24")


def virtual_elsewhere(draw, file):
    site, _ = untouchable(draw, file)
    if not site:
        return None
    site["virtual"] = "172.31.0.0/27"
    return "172.31.0.0/27"


def virtual_taken(draw, file):
    """A range that has a device in it."""
    site, start = untouchable(draw, file)
    if not site or not any(address.startswith(start) for addresses in site["devices"].values()
                           for address in addresses):
        return None
    site["virtual"] = f"{start}.16/28"
    return rf"{start}\.(16/28|3\d)"


def virtual_twice(draw, file):
    site, start = untouchable(draw, file)
    if not site:
        return None
    site["virtual"] = [f"{start}.192/27", f"{start}.192/28"]
    return f"{start}.192/2"


def virtual_nobody(draw, file):
    site, start = untouchable(draw, file)
    if not site:
        return None
    site["virtual"] = {f"{start}.250": "nobody"}
    return "nobody"


def virtual_unlike(draw, file):
    """A prefix that stands for a longer one."""
    site, start = untouchable(draw, file)
    if not site:
        return None
    site["virtual"] = {f"{start}.192/27": "10.70.0.0/28"}
    return "10.70.0.0/28"


def home_is_pool(draw, file):
    if not file["people"]:
        return None
    for device in file["people"]["p1"]["devices"].values():
        device["lan"] = "10.70.0.0/24"
    return "10.70.0.0/24"


MISTAKES = (virtual_elsewhere, virtual_taken, virtual_twice, virtual_nobody, virtual_unlike,
            home_is_pool, same_address, lan_holds_pool, lan_is_mapped, lans_of_one_site,
            ipv6_overlap, endpoint_inside, unknown_name, default_route, same_key)


def plant(draw, case):
    for mistake in draw.sample(MISTAKES, len(MISTAKES)):
        case.wants = mistake(draw, case.file)
        if case.wants:
            return
