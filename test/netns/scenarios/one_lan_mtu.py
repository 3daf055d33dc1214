# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Links that are narrower than Ethernet, without ICMP errors that say so (S19)."""

from lab import expect, expect_same
from scenario import scenario
from shown import Shown

# shenzhen has PPPoE; beijing is behind a tunnel of its provider, and its node is the router; so is
# the uplink of e. The uplink of f is narrower than the file says.
NARROW = """\
network: {n}
addresses: 10.70.0.0/24
hubs:
  z: {endpoint: "203.0.113.10:51820", key: {KEY}}
sites:
  shenzhen:
    lan: [192.168.201.0/24, "2001:db8:201::/64"]
    node: a
    key: {KEY}
    mtu: 1492
    devices: {b: [192.168.201.55, "2001:db8:201::55"]}
  beijing:
    lan: [192.168.200.0/24, "2001:db8:200::/64"]
    node: c
    key: {KEY}
    gateway: self
    mtu: 1420
    devices: {d: [192.168.200.244, "2001:db8:200::244"]}
  oslo:
    lan: [192.168.202.0/24, "2001:db8:202::/64"]
    node: o
    key: {KEY}
    devices: {h: [192.168.202.55, "2001:db8:202::55"]}
people:
  e: {devices: {laptop: {key: {KEY}, mtu: 1400}}}
  f: {devices: {laptop: {key: {KEY}}}}
lab:
  homes: {f: {mtu: 1380}}
"""


@scenario(ours_only=True, needs=("nft", "bash"), seconds=150)
def one_lan_black_holes(lab):
    """Packets that are too big vanish without a word; megabytes get through all the same (S19)."""
    with Shown(lab, NARROW, words=("--disturb", "drop-pmtu")) as net:
        for machine in ("b", "d", "h", "e", "f"):
            net.serve(machine)
        for family in (4, 6):
            for flow in ("b -> d", "d -> b", "h -> b", "h -> d", "e -> d", "b -> e", "e -> h"):
                net.transfers(flow, family, 1)
        for flow, most in (("b -> d", 1340), ("h -> b", 1412), ("h -> d", 1340), ("e -> d", 1320),
                          ("h -> e", 1320)):
            said = net.explain(flow)
            expect_same(said["cause"], "none", f"cause of {flow}")
            expect(most - 16 < said["mtu"] <= most, f"{flow}: MTU {said['mtu']}, at most {most}")
        clamping_is_what_helps(net)
        uplink_is_narrower_than_the_file_says(net)


def clamping_is_what_helps(net):
    """Without it, packets of 1500 bytes vanish in both families and directions."""
    table = f"inet tieline-{net.name}"
    show = f"nft -s list table {table}"
    good = net.sh("a", show)
    for node in "azo":
        net.sh(node, rf"""nft -a list table {table} |
            awk '/^\tchain/ {{ chain = $2 }} /maxseg/ {{ print chain, $NF }}' |
            while read -r chain handle; do
                nft delete rule {table} "$chain" handle "$handle"
            done""")
        expect("maxseg" not in net.sh(node, show), f"{node} has no clamp")
    for family in (4, 6):
        net.stalls("b -> h", family)
        net.stalls("h -> b", family)
    net.tieline("a", "apply")
    expect_same(net.sh("a", show), good, "the table of a after apply")
    for node in "zo":
        net.tieline(node, "apply")
    for family in (4, 6):
        net.transfers("b -> h", family)


def uplink_is_narrower_than_the_file_says(net):
    """Then packets for f vanish on the way; explain names the cause, and the fix mends it."""
    said = net.explain("d -> f")
    expect_same((said["reachable"], said["cause"]), (True, "mtu"), "d -> f")
    expect("1380" in said["fix"], f"the fix of d -> f: {said['fix']}")
    for family in (4, 6):
        net.stalls("h -> f", family)
    mend = "f: {devices: {laptop: {mtu: 1380, "
    for machine in ("z", "a", "c", "o", "f"):
        net.edit(machine, lambda text: text.replace("f: {devices: {laptop: {", mend))
        net.tieline(machine, "apply")
    net.write(NARROW.replace("f: {devices: {laptop: {", mend))
    expect_same(net.explain("d -> f")["cause"], "none", "the cause after the fix")
    for family in (4, 6):
        net.transfers("h -> f", family)
        net.transfers("f -> h", family)
