# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Offices whose routers drop packets of connections that they have not seen begin (S9)."""

from lab import expect, expect_same, until
from scenario import scenario
from shown import Shown

STRICT = """\
network: {n}
addresses: 10.70.0.0/24
hubs:
  z: {endpoint: "203.0.113.10:51820", key: {KEY}}
sites:
  shenzhen:
    lan: [192.168.201.0/24, "2001:db8:201::/64"]
    node: a
    key: {KEY}
    gateway: drops-invalid
    devices: {b: [192.168.201.55, "2001:db8:201::55"]}
  beijing:
    lan: [192.168.200.0/24, "2001:db8:200::/64"]
    node: {name: c, at: [192.168.200.2, "2001:db8:200::2"]}
    key: {KEY}
    gateway: {kind: drops-invalid, at: [192.168.200.1, "2001:db8:200::1"]}
    devices: {d: [192.168.200.244, "2001:db8:200::244"]}
people:
  e: {devices: {laptop: {key: {KEY}}}}
expect:
  - b -> d:443
  - d -> b:8080
  - e -> d:443
  - d -> e:9000
  - b -> d:53/udp
"""


@scenario(ours_only=True, needs=("nft", "bash"), seconds=120)
def one_lan_strict(lab):
    """Megabytes pass two routers that drop invalid packets, because these see both directions; the
    destination sees the source's own address (S9)."""
    with Shown(lab, STRICT) as net:
        for machine in ("b", "d"):
            net.serve(machine)
        for family in (4, 6):
            for flow in ("b -> d:443", "d -> b:8080", "e -> d:443", "d -> e:9000", "b -> d:53/udp"):
                seen = net.works(flow, family).split()[-1]
                expect_same(seen, net.address(flow.split()[0], family), f"the source of {flow}")
            for flow in ("b -> d", "d -> b", "e -> d"):
                net.transfers(flow, family)
        for flow in ("b -> d:443", "d -> b", "e -> d:443"):
            said = net.agree_on(flow)
            expect_same((said["reachable"], said["travel_in"]), (True, "via_gateway"), flow)
        routers_are_strict(net)
        half_is_dropped(net)


def routers_are_strict(net):
    """The routers are as strict as the scenario says, and the nodes learn no shorter way."""
    for site, node in (("shenzhen", "a"), ("beijing", "c")):
        expect("ct state invalid drop" in net.sh(f"router.{site}", "nft list ruleset"),
               f"router.{site} drops what is invalid")
        takes = net.sh(node, "cat /proc/sys/net/ipv4/conf/eth0/accept_redirects")
        expect_same(takes.strip(), "0", f"{node} takes redirects")


def half_is_dropped(net):
    """Without the rule that leads to the router, connections break: it is what makes them work."""
    good = net.picture("a")
    for family in (4, 6):
        net.sh("a", f"ip -{family} rule del iif {net.name}")
        for flow in ("d -> b:8080", "b -> d:443", "e -> b:8080"):
            net.breaks(flow, family)
    net.tieline("a", "apply")
    net.looks("a", good, "apply without its rules")
    for family in (4, 6):
        net.transfers("d -> b", family)
    # The same routers, in a file that does not say what they do.
    net.write(STRICT.replace("gateway: drops-invalid", "gateway: static-routes"))
    expect(net.explain("d -> b:8080")["reachable"], "the model knows no better")
    net.edit("a", lambda text: text.replace("gateway: drops-invalid", "gateway: static-routes"))
    net.tieline("a", "apply", "--no-probe")
    net.breaks("d -> b:8080")
    until(lambda: "drops-invalid" in net.tieline("a", "plan"), "plan says what the router does")
