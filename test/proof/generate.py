# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Networks from seeds: what a file may say, in combinations that nobody would draw by hand.

A case is plain data, so that it can be shrunk:

    file     the network file, see text.py
    before   by node: what other programs have done there before we come, see foreign.py
    flows    connections to try: "d1a -> d2a:443", as `expect:` writes them; "~d2a" stands for the
             mapped address of d2a, "=d2a" for its own
    wants    None, or the pattern of the message with which the file must be refused
    refusal  None, or what `tieline apply` must say on a node that it refuses to change
"""

import base64
import hashlib
import random
from dataclasses import dataclass, field
from ipaddress import ip_network

import foreign
import mistakes

POOL = "10.70.0.0/24"
MAPPED = "10.200.0.0/16"
GATEWAYS = ("static-routes", "self", "dhcp-121", "untouchable", "drops-invalid")
PORTS = (("443/tcp", ":443"), ("53/udp", ":53/udp"), ("8000-8003/tcp", ":8001"))
FLOWS = 16
RULE_PORTS = ("443/tcp", "53/udp", "icmp", "8000-8010/tcp", "1-1000/udp")


@dataclass
class Case:
    file: dict
    before: dict = field(default_factory=dict)
    flows: list = field(default_factory=list)
    wants: str | None = None
    refusal: str | None = None

    def site_nodes(self):
        return [name_of_node(site) for site in self.file["sites"].values()]

    def carries_ipv4(self, node):
        return any(name_of_node(site) == node and has_ipv4(site["lan"])
                   for site in self.file["sites"].values())

    def nodes(self):
        """The machines that run `tieline apply`."""
        devices = [f"{person}/{name}" for person, entry in self.file["people"].items()
                   for name, device in entry["devices"].items() if not device.get("stock")]
        return [*self.file["hubs"], *self.site_nodes(), *devices]


def name_of_node(site):
    return site["node"] if isinstance(site["node"], str) else site["node"]["name"]


class Draw(random.Random):
    """Random choices, all from one seed."""

    def chance(self, percent):
        return self.randrange(100) < percent

    def some(self, items, most):
        items = list(items)
        return self.sample(items, self.randint(1, min(most, len(items))))


def key(name):
    """A public key; whose private key it is does not matter, since labs make keys of their own."""
    return base64.b64encode(hashlib.sha256(name.encode()).digest()).decode()


def nth(prefix, number):
    return str(ip_network(prefix)[number])


def by_family(prefixes, version):
    return [prefix for prefix in prefixes if ip_network(prefix).version == version]


# ---- sites ----

def draw_lan(draw, i, others):
    """An IPv4 LAN: often of its own, else the same as another one, inside it, around it, or inside
    the pool of tunnel addresses."""
    if draw.chance(60):
        return f"192.168.{200 + i}.0/24"
    if draw.chance(15) or not others:
        return draw.choice(("10.70.0.128/25", "10.70.0.64/26"))
    other = ip_network(draw.choice(others))
    if draw.chance(60) or other.prefixlen > 25:
        return str(other)
    if draw.chance(70):
        longer = draw.randint(other.prefixlen + 1, 26)
        return str(draw.choice(list(other.subnets(new_prefix=longer))))
    around = other.supernet(draw.randint(1, 4))
    return str(other if around.supernet_of(ip_network(POOL)) else around)


def draw_lans(draw, i, file):
    """The LANs of a site."""
    others = [lan for site in file["sites"].values() for lan in site["lan"] if is_ipv4(lan)]
    lans = []
    if draw.chance(90):
        lans.append(draw_lan(draw, i, others))
        second = f"172.16.{draw.choice((1, i))}.64/26"
        if draw.chance(15) and not overlaps(second, lans):
            lans.append(second)
    if not lans or draw.chance(40):
        lans.append(f"fd77:{i}::/64")
    return lans


def overlaps(prefix, others):
    return any(ip_network(prefix).overlaps(ip_network(other)) for other in others
               if is_ipv4(other) == is_ipv4(prefix))


def is_ipv4(text):
    return ":" not in text


def has_ipv4(lans):
    return any(map(is_ipv4, lans))


def draw_routes(draw, i, file):
    """The routes of a router to whose administrator not everything was said."""
    own = file["sites"][f"s{i}"]["lan"]
    lans = {lan for site in file["sites"].values() for lan in site["lan"] if not overlaps(lan, own)}
    return [route for route in [POOL, MAPPED, *sorted(lans)] if draw.chance(70)]


def draw_gateway(draw, lans):
    # Without IPv4 on its LAN, a node does not reach a hub that has nothing else, unless it is the
    # router itself.
    kind = draw.choice(GATEWAYS) if has_ipv4(lans) else "self"
    gateway = {"kind": kind}
    if kind != "self" and draw.chance(50):
        gateway["at"] = [nth(lan, 1) for lan in lans]
    return gateway


def draw_range(draw, lan):
    """A range of a LAN that nobody uses: devices and routers are in its first quarter."""
    upper = list(ip_network(lan).subnets(1))[1]
    longer = 122 if upper.version == 6 else max(upper.prefixlen + 1, draw.choice((26, 27, 28)))
    return str(next(upper.subnets(new_prefix=longer)))


def draw_virtual(draw, site, file):
    """What addresses of a LAN stand for, if its router cannot be changed."""
    lan = draw.choice(site["lan"])
    ours = draw_range(draw, lan)
    if draw.chance(60):
        return ours
    plain = {name: addresses for other in file["sites"].values()
             for name, addresses in other["devices"].items()}
    elsewhere = [name for name in machines(file)
                 if name not in site["devices"] and name != name_of_node(site)
                 and any(is_ipv4(address) == is_ipv4(lan) for address in plain.get(name, [lan]))]
    names = draw.some(elsewhere, 2) if elsewhere else []
    top = ip_network(lan)
    virtual = {str(top[-2 - number]): name for number, name in enumerate(names)}
    if draw.chance(50) or not virtual:
        virtual[ours] = "auto"
    elif is_ipv4(lan):
        virtual[ours] = str(next(ip_network(POOL).subnets(new_prefix=ip_network(ours).prefixlen)))
    return virtual


def draw_devices(draw, i, lans):
    devices = {}
    for letter in "ab"[:draw.randint(1, 2)]:
        addresses = [nth(lan, 30 + ord(letter) - ord("a"))
                     for version in (4, 6) for lan in by_family(lans, version)[:1]]
        if draw.chance(20):
            addresses = addresses[-1:]
        devices[f"d{i}{letter}"] = addresses
    return devices


def draw_site(draw, i, file, is_public):
    lans = draw_lans(draw, i, file)
    site = {"lan": lans, "node": f"n{i}", "key": key(f"n{i}")}
    gateway = draw_gateway(draw, lans)
    if gateway["kind"] != "static-routes" or draw.chance(80):
        site["gateway"] = gateway  # it is the default
    if draw.chance(75):
        last = 1 if gateway["kind"] == "self" else 2
        site["node"] = {"name": f"n{i}", "at": [nth(lan, last) for lan in lans]}
    if is_public:
        site["endpoint"] = f"198.51.100.{i}" if draw.chance(60) else f"s{i}.example:4500"
    if file["hubs"]:
        site["hub"] = draw.choice(list(file["hubs"]))
    if draw.chance(15):
        site["mtu"] = draw.choice((1492, 1420, 1400))
    site["devices"] = draw_devices(draw, i, lans)
    return site


# ---- people, services, policy ----

def draw_home(draw, file):
    """A network at home, or a container network: often one that an office has, too."""
    lans = [lan for site in file["sites"].values() for lan in site["lan"] if is_ipv4(lan)]
    lans = [lan for lan in lans if not ip_network(lan).overlaps(ip_network(POOL))]
    if not lans or draw.chance(25):
        return draw.choice(("192.168.1.0/24", "172.17.0.0/16"))
    lan = ip_network(draw.choice(lans))
    if draw.chance(60) or lan.prefixlen > 25:
        return str(lan)
    return str(draw.choice(list(lan.subnets(1))) if draw.chance(60) else lan.supernet(2))


def draw_person(draw, i, file):
    devices = {}
    for name in ("x", "y")[:draw.choice((1, 1, 2))]:
        device = {"key": key(f"p{i}/{name}"), "hub": draw.choice(list(file["hubs"]))}
        if draw.chance(30):
            device["stock"] = True
        devices[name] = device
    if draw.chance(40):
        lan = draw_home(draw, file)
        for device in devices.values():
            device["lan"] = lan
    person = {"devices": devices}
    if draw.chance(70):
        person["groups"] = draw.some(("g1", "g2"), 2)
    return person


def machines(file):
    """Every name that is one machine."""
    names = list(file["hubs"])
    for site in file["sites"].values():
        names.append(name_of_node(site))
        names += site["devices"]
    for person, entry in file["people"].items():
        names += [f"{person}/{device}" for device in entry["devices"]]
    return names


def parties(file):
    groups = {group for person in file["people"].values()
              for group in person.get("groups", ())}
    return [*machines(file), *file["sites"], *file["people"], *sorted(groups),
            "all", "hubs", "sites", "people"]


def draw_rule(draw, file):
    targets = parties(file) + 3 * list(file["services"])
    rule = {"from": draw.some(parties(file), 3), "to": draw.some(targets, 3)}
    if draw.chance(30):
        rule["ports"] = draw.some(RULE_PORTS, 2)
    return rule


def draw_flow(draw, file):
    names = machines(file)
    source, to = draw.sample(names, 2) if len(names) > 1 else names * 2
    service = draw.choice(list(file["services"])) if file["services"] and draw.chance(25) else None
    if service and file["services"][service]["at"] != source:
        [offered] = file["services"][service]["ports"]
        return f"{source} -> {service}{dict(PORTS)[offered]}"
    addresses = [address for site in file["sites"].values()
                 for address in site["devices"].get(to, ())]
    if not all(map(is_ipv4, addresses)) and draw.chance(60):
        to = f"[{addresses[-1]}]"
    elif addresses and is_ipv4(addresses[0]) and draw.chance(30):
        to = draw.choice("~~=") + to  # its mapped address, or its own one
    return f"{source} -> {to}{draw.choice((':443', ':443', ':8001', ':53/udp', ':22'))}"


def draw_secret(draw, file, name):
    """A network that the file does not declare. Stock devices cannot find it by themselves."""
    devices = file["people"].get(name, {"devices": {}})["devices"].values()
    if any(device.get("stock") for device in devices):
        return "192.168.1.0/24"
    return draw_home(draw, file)


def draw_homes(draw, file):
    homes, networks = {}, {}
    hidden = [name for name, site in file["sites"].items() if "endpoint" not in site]
    for name in [*hidden, *file["people"]]:
        if draw.chance(15):
            homes[name] = {"nat": "symmetric"}
        elif name not in file["sites"] and draw.chance(10):
            homes[name] = {"nat": "none"}
        elif name in file["people"] and draw.chance(15):
            homes[name] = {"lan": draw_secret(draw, file, name)}
    own = {name_of_node(site): site["lan"] for site in file["sites"].values()}
    for name, person in file["people"].items():
        own[name] = [device["lan"] for device in person["devices"].values() if "lan" in device]
        own[name] += [homes[name]["lan"]] if "lan" in homes.get(name, ()) else []
    for name in [*own, *file["hubs"]]:
        network = draw_secret(draw, file, name)
        if draw.chance(12) and not overlaps(network, own.get(name, ())):
            networks[name] = network
    lab = {"homes": homes, "networks": networks}
    return {key: value for key, value in lab.items() if value}


def is_public(file, flow):
    """Whether everything that decides about a connection is in the file. What only the lab knows,
    `tieline check` does not."""
    lab = file.get("lab", {})
    secret = [*lab.get("networks", ()),
              *(name for name, home in lab.get("homes", {}).items() if "lan" in home)]
    source, _, to = flow.partition(" -> ")
    service = file["services"].get(to.partition(":")[0], {"at": to.lstrip("~=")})["at"]
    return not any(end.partition("/")[0].partition(":")[0] in secret for end in (source, service))


# ---- all of it ----

def draw_network(draw):
    file = {"network": "n", "addresses": POOL,
            "hubs": {}, "sites": {}, "people": {}, "services": {}}
    for i in range(1, 1 + draw.choice((0, 1, 1, 1, 2, 2, 3))):
        file["hubs"][f"z{i}"] = {"endpoint": f"203.0.113.{i}" if draw.chance(60) else
                                 f"z{i}.example:{51820 + i}", "key": key(f"z{i}")}
    for i in range(1, 1 + draw.choice((1, 2, 2, 3, 3, 4))):
        is_public = not file["hubs"] or draw.chance(25)
        file["sites"][f"s{i}"] = draw_site(draw, i, file, is_public)
    for i, site in enumerate(file["sites"].values(), 1):
        gateway = site.get("gateway")
        if gateway and gateway["kind"] in ("static-routes", "drops-invalid") and draw.chance(30):
            gateway["routes"] = draw_routes(draw, i, file)
    if file["hubs"]:
        file["people"] = {f"p{i}": draw_person(draw, i, file)
                          for i in range(1, 1 + draw.choice((0, 1, 2, 2, 3)))}
    for site in file["sites"].values():
        if site.get("gateway", {}).get("kind") == "untouchable" and draw.chance(70):
            site["virtual"] = draw_virtual(draw, site, file)
    names = machines(file)
    file["services"] = {f"v{i}": {"at": draw.choice(names), "ports": [draw.choice(PORTS)[0]]}
                        for i in range(1, 1 + draw.randrange(3))}
    if draw.chance(60):
        file["policy"] = [draw_rule(draw, file) for _ in range(draw.randint(0, 5))]
    if lab := draw_homes(draw, file):
        file["lab"] = lab
    return file


def generate(seed):
    """The case of a seed."""
    draw = Draw(seed)
    case = Case(draw_network(draw))
    if draw.chance(15):
        mistakes.plant(draw, case)
        return case
    case.flows = sorted({draw_flow(draw, case.file) for _ in range(FLOWS)})
    if draw.chance(40):
        foreign.move_in(draw, case)
    return case


def plant_fault():
    """A case with a connection that a program of others changes, which nobody can foresee."""
    for seed in range(1000, 2000):
        draw = Draw(seed)
        case = Case(draw_network(draw))
        case.file.pop("policy", None)
        good = [site for site in case.file["sites"].values()
                if site.get("gateway", {}).get("kind") in ("self", "dhcp-121")
                and any("." in address for address in first_device(site)[1])]
        if len(good) > 1 and len(case.file["hubs"]) > 1 and case.file["people"]:
            case.flows = [f"{first_device(good[0])[0]} -> {first_device(good[1])[0]}:443"]
            case.before = {name: ["loose"] for name in case.site_nodes()}
            case.before[name_of_node(good[1])] = ["containers", "planted"]
            return case
    raise AssertionError("no network is good enough")


def first_device(site):
    return next(iter(site["devices"].items()))
