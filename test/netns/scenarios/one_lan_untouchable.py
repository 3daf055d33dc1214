# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Offices whose routers nobody can change (S7, S8).

Connections into such a LAN come from the address of its node. Out of it, they go to addresses of
the LAN for which the node answers: shenzhen has one for each machine of the network, oslo a block
for a part of beijing. beijing has none, so that its devices can open no connections.
"""

from lab import expect, expect_same
from scenario import scenario
from shown import Shown

UNTOUCHABLE = """\
network: {n}
addresses: 10.70.0.0/24
hubs:
  z: {endpoint: "203.0.113.10:51820", key: {KEY}}
sites:
  shenzhen:
    lan: [192.168.201.0/24, "2001:db8:201::/64"]
    node: {name: a, at: [192.168.201.2, "2001:db8:201::2"]}
    key: {KEY}
    gateway: untouchable
    virtual: [192.168.201.192/27, "2001:db8:201::f00/120"]
    devices: {b: [192.168.201.55, "2001:db8:201::55"]}
  beijing:
    lan: [192.168.200.0/24, "2001:db8:200::/64"]
    node: {name: c, at: [192.168.200.2, "2001:db8:200::2"]}
    key: {KEY}
    gateway: untouchable               # and nothing stands in for others
    devices: {d: [192.168.200.244, "2001:db8:200::244"]}
  oslo:
    lan: 192.168.202.0/24
    node: {name: o, at: 192.168.202.2}
    key: {KEY}
    gateway: untouchable
    virtual: {192.168.202.128/26: 192.168.200.192/26}
    devices: {h: 192.168.202.55}
  rome:
    lan: [192.168.203.0/24, "2001:db8:203::/64"]
    node: r
    key: {KEY}
    devices: {k: [192.168.203.55, "2001:db8:203::55"]}
people:
  e: {devices: {laptop: {key: {KEY}}}}
services:
  git: {at: d, ports: 443/tcp}
  hook: {at: e/laptop, ports: 9000/tcp}
expect:
  - b -> git:443
  - b -> hook:9000
  - k -> b:8080
  - b -> k:80
  - h -> 192.168.202.136:22
  - not d -> b:8080
lab:
  devices: {beijing: {q: 192.168.200.200}}
"""

NODES = ("z", "a", "c", "o", "r", "e")


@scenario(ours_only=True, needs=("nft", "bash"), seconds=150)
def one_lan_untouchable(lab):
    """Devices behind routers that nobody can change reach others through addresses of their own
    LAN, and are reached with the node's address; without `virtual:`, explain says why not."""
    with Shown(lab, UNTOUCHABLE) as net:
        into_the_lan(net)
        out_of_the_lan(net)
        through_a_block(net)
        net.agree(["b -> d", "d -> b", "b -> e", "e -> d", "d -> e", "h -> d", "h -> b", "k -> b",
                   "b -> k:80", "d -> k"])
        translation_is_what_helps(net)
        the_fix_works(net)


def into_the_lan(net):
    """S7: the node stands in for the source where replies have no other way, and only there."""
    seen = {"d": {4: "192.168.200.2", 6: "2001:db8:200::2"},
            "b": {4: "192.168.201.2", 6: "2001:db8:201::2"}}
    for family in (4, 6):
        for flow in ("e -> d:443", "k -> b:8080", "b -> d:443"):
            expect_same(net.works(flow, family).split()[-1], seen[flow.split()[2][0]][family],
                        f"the source of {flow}")


def out_of_the_lan(net):
    """S8: b dials addresses of its LAN, for which a answers. Sources keep their addresses."""
    for family, prefix in ((4, "192.168.201."), (6, "2001:db8:201::f")):
        for name, port in (("d", 443), ("k", 80), ("e", 9000)):
            address = net.address(name, family, "b")
            expect(address.startswith(prefix), f"b knows {name} as {address}")
            net.works(f"b -> {name}", family)
            seen = net.works(f"b -> {name}:{port}", family)
            if name != "d":
                expect_same(seen.split()[-1], net.address("b", family), f"b, as {name} sees it")
        said = net.explain("b -> d:443")
        expect_same((said["form"], said["dials"]), ("virtual", net.address("d", 4, "b")), "b -> d")
    mac = net.sh("a", "cat /sys/class/net/eth0/address").strip()
    for name in ("d", "k"):
        shown = net.sh("b", f"ip neigh show {net.address(name, 4, 'b')}")
        expect(mac in shown, f"a answers for {name}: {shown}")
    answered = net.talk("b", "192.168.201.222")
    expect_same(answered, None, "the answer of an address that stands for nothing")


def through_a_block(net):
    """A block stands for a part of beijing, whether the file names its machines or not."""
    for name, address in (("d", "192.168.202.180"), ("q", "192.168.202.136")):
        expect_same(net.address(name, 4, "h"), address, f"the address of {name} in oslo")
        net.works(f"h -> {name}")
    expect(net.works("h -> 192.168.202.136:22"), "a machine that the file does not name")
    net.explained("h -> k", "gateway_untouchable", "untouchable", "virtual")


def translation_is_what_helps(net):
    """Without the proxy entries, or the rules, nothing answers; apply restores them."""
    good = net.picture("a")
    virtual = net.address("d", 4, "b")
    net.sh("a", f"ip neigh del proxy {virtual} dev eth0")
    net.sh("b", f"ip neigh del {virtual} dev eth0 || true")
    net.breaks("b -> d")
    net.tieline("a", "apply")
    net.looks("a", good, "apply without a proxy entry")
    net.works("b -> d")
    net.sh("a", f"nft delete table inet tieline-{net.name}")
    net.breaks("b -> d:443")
    net.tieline("a", "apply")
    net.looks("a", good, "apply without its table")
    net.works("b -> d:443")


def the_fix_works(net):
    """d opens no connections, for the cause that explain names; with its fix, it does."""
    for flow in ("d -> b:8080", "d -> e:9000"):
        said = net.explained(flow, "gateway_untouchable", "untouchable", "virtual")
    fix = said["fix"]
    expect("192.168.200." in fix, f"the fix has a range: {fix}")
    virtual = [word.strip("`,.") for word in fix.split() if word.startswith("192.168.200.")][0]
    mend = f"gateway: untouchable\n    virtual: {virtual}\n"
    net.write(UNTOUCHABLE.replace("gateway: untouchable               # and nothing stands in for "
                                  "others\n", mend).replace("  - not d -> b:8080\n", ""))
    net.check()
    net.hand_out(NODES)
    for node in NODES:
        net.tieline(node, "apply")
    for flow in ("d -> b:8080", "d -> e:9000", "d -> k"):
        said = net.explain(flow)
        expect_same((said["reachable"], said["form"]), (True, "virtual"), flow)
        net.works(flow, to=said["dials"])
