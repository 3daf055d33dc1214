# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Networks that use the same addresses (S10, S11)."""

import re

from lab import expect, expect_same
from scenario import scenario
from shown import Shown

# ---- a home with the LAN of an office ----

# The homes of e, f and g have beijing's LAN. The file says so of f and g, whose phone runs the
# official client; that of e is found by e alone.
HOME = """\
network: {n}
addresses: 10.70.0.0/24
hubs:
  z: {endpoint: "203.0.113.10:51820", key: {KEY}}
sites:
  shenzhen:
    lan: 192.168.201.0/24
    node: a
    key: {KEY}
    devices: {b: 192.168.201.55}
  beijing:
    lan: [192.168.200.0/24, "2001:db8:200::/64"]
    node: c
    key: {KEY}
    devices: {d: [192.168.200.244, "2001:db8:200::244"]}
people:
  e: {devices: {laptop: {key: {KEY}}, tv: {stock: true, lan: 192.168.200.0/24}}}
  f: {devices: {laptop: {key: {KEY}, lan: 192.168.200.0/24}}}
  g: {devices: {phone: {key: {KEY}, stock: true, lan: 192.168.200.0/24}}}
expect:
  - e/laptop -> d:443
  - d -> e/laptop:9000
  - f -> d:443
  - g -> d:443
  - d -> g:9000
lab:
  homes: {e: {lan: 192.168.200.0/24}}
"""
MAPPED = "10.200.1.244"


@scenario(ours_only=True, needs=("nft", "bash"), seconds=120)
def one_lan_home(lab):
    """A home has the LAN of an office: both work, and callbacks too (S10)."""
    with Shown(lab, HOME) as net:
        for person, name in (("e/laptop", "e/laptop"), ("f", "f"), ("g", "g")):
            expect_same(net.address("d", 4, person), MAPPED, f"d, as {person} knows it")
            net.works(f"{person} -> d:443")
            net.works(f"{person} -> d:443", 6)
            net.works(f"{person} -> b")
            net.works(f"d -> {name}:9000", to=tunnel_address(net, person))
        own_address_is_hidden(net)
        home_still_answers(net)
        names_lead_to_mapped_addresses(net)
        what_devices_see(net)
        without_what_hides_them(net)


def tunnel_address(net, person):
    return net.address_on(person, net.name)


def own_address_is_hidden(net):
    """The address of d in its LAN leads into the home; explain says which one to use instead."""
    net.explained("f -> 192.168.200.244:443", "overlap", "lan: 192.168.200.0/24", MAPPED)
    said = net.explain_on("e/laptop", "e/laptop -> 192.168.200.244:443")
    expect_same((said["reachable"], said["cause"]), (False, "overlap"), "e -> d, where e is")
    expect(MAPPED in said["fix"], f"the fix names the mapped address: {said['fix']}")
    net.breaks("e/laptop -> 192.168.200.244:443")


def home_still_answers(net):
    """The router of each home, a neighbour at home, and a neighbour with the address of d."""
    for person in ("e", "f", "g"):
        net.sh(f"router.{person}", "ip addr add 192.168.200.244/32 dev eth1")
    for person, router in (("e/laptop", "e"), ("f", "f"), ("g", "g")):
        own = net.address_on(person, "eth0")
        for address in ("192.168.200.1", "192.168.200.244"):
            expect_same(net.talk(person, address), "pong", f"{address} at the home of {person}")
            line = net.sh(person, f"ip route get {address}")
            expect("dev eth0" in line, f"{person} looks for {address} at home: {line}")
        expect_same(net.talk(f"router.{router}", own), "pong", f"{person}, asked by its own router")
    net.works("e/laptop -> e/tv", to=net.address_on("e/tv", "eth0"))
    line = net.sh("e/laptop", f"ip route get {MAPPED}")
    expect(f"dev {net.name}" in line, f"e looks for the mapped address in the tunnel: {line}")


def names_lead_to_mapped_addresses(net):
    """explain says which address to use: of f by the file alone, of e where e is."""
    said = net.explain("f -> d:443")
    expect_same((said["dials"], said["form"]), (MAPPED, "mapped"), "f -> d")
    said = net.explain_on("e/laptop", "e/laptop -> d:443")
    expect_same((said["dials"], said["form"], said["reachable"]), (MAPPED, "mapped", True),
                "e -> d, where e is")


def what_devices_see(net):
    """d sees people's own addresses; a stock device sees d's mapped one."""
    for person in ("e/laptop", "f", "g"):
        seen = net.works(f"{person} -> d:443", to=MAPPED).split()[-1]
        expect_same(seen, tunnel_address(net, person), f"the source of {person} -> d")
    answer = net.works("d -> g:9000", to=tunnel_address(net, "g"))
    expect_same(answer.split()[-1], MAPPED, "d, as g sees it")


def without_what_hides_them(net):
    """Replies of e would go to its own LAN, if no rule led them into the tunnel."""
    good = net.picture("e/laptop")
    to = tunnel_address(net, "e/laptop")
    rules = re.findall(r"^(\d+):.*proto 109", net.sh("e/laptop", "ip -4 rule"), re.M)
    expect(rules, "e has rules")
    for priority in rules:
        net.sh("e/laptop", f"ip -4 rule del priority {priority}")
    net.breaks("d -> e/laptop:9000", to=to)
    net.works("e/laptop -> d:443", to=MAPPED)
    net.tieline("e/laptop", "apply")
    net.looks("e/laptop", good, "apply without its rules")
    net.works("d -> e/laptop:9000", to=to)


# ---- offices with the same addresses ----

# one, two and three have the same LAN; that of four contains it; that of five lies in the pool;
# six has the addresses of Docker, which runs on n1, z and e.
TWINS = """\
network: {n}
addresses: 10.70.0.0/24
mapped: 10.192.0.0/12
hubs:
  z: {endpoint: "203.0.113.10:51820", key: {KEY}}
sites:
  one: {lan: 192.168.1.0/24, node: n1, key: {KEY}, devices: {h1: 192.168.1.55}}
  two: {lan: 192.168.1.0/24, node: n2, key: {KEY}, gateway: self, devices: {h2: 192.168.1.55}}
  three:
    {lan: 192.168.1.0/24, node: n3, key: {KEY}, gateway: drops-invalid,
     devices: {h3: 192.168.1.55}}
  four: {lan: 192.168.0.0/20, node: n4, key: {KEY}, gateway: dhcp-121, devices: {h4: 192.168.1.55}}
  five: {lan: 10.70.0.128/25, node: n5, key: {KEY}, devices: {h5: 10.70.0.200}}
  six: {lan: 172.17.3.0/24, node: n6, key: {KEY}, devices: {h6: 172.17.3.2}}
people:
  e: {devices: {laptop: {key: {KEY}}}}
expect:
  - h1 -> h2:443
  - h2 -> h1:443
  - h3 -> h1:443
  - h6 -> e:9000
lab:
  networks: {n1: 172.17.0.0/16, z: 172.17.0.0/16, e: 172.17.0.0/16}
"""


@scenario(ours_only=True, needs=("nft", "bash"), seconds=120)
def one_lan_twins(lab):
    """Offices with the same LAN, one within another, one in the pool, one with Docker's addresses:
    all reach each other both ways by mapped addresses (S11)."""
    with Shown(lab, TWINS) as net:
        hosts = [f"h{number}" for number in range(1, 7)]
        for one in hosts:
            for other in hosts:
                if one != other:
                    net.works(f"{one} -> {other}")
        expect("all as the model says" in net.output(), "packets and model agree")
        for flow in ("h1 -> h2:443", "h2 -> h1:443", "h3 -> h1:443", "h4 -> h3:443",
                     "h1 -> h6:443", "h6 -> e:443", "h5 -> e:443"):
            said = net.agree_on(flow)
            expect_same((said["reachable"], said["cause"]), (True, "none"), flow)
        for machine in ("n1", "z", "e"):
            expect_same(net.talk(machine, "172.17.0.2"), "pong", f"the container on {machine}")
            net.works(f"{machine} -> h6:443")
        sources_are_mapped(net)
        net.serve("h2")
        net.transfers("h1 -> h2", megabytes=1)
        warnings(net)


def sources_are_mapped(net):
    """The source is known by the address at which it can be called back."""
    for one, other in (("h1", "h2"), ("h3", "h1"), ("h5", "h1"), ("h4", "h2")):
        seen = net.works(f"{one} -> {other}:443").split()[-1]
        expect_same(seen, net.address(one, 4, other), f"{one}, as {other} sees it")


def warnings(net):
    """check says which LANs are mapped, and why."""
    text = net.check()
    for lan in ("192.168.1.0/24", "192.168.0.0/20", "10.70.0.128/25"):
        expect(re.search(f"warning: .*{lan}", text), f"check warns about {lan}: {text}")
