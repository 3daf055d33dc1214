# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The two stories of the product: two offices on a leased line, and people who work remotely.

    b, printer --- router.shenzhen --- isp.shenzhen ---+
                          |                            |
                          a                            +--- z (hub)
                                                       |
    d ------------ router.beijing ---- isp.beijing ----+
                          |                            |
                          c                            +--- router.e --- e
                                                       +--- router.f --- f

a and c run tieline, and so do z, e and f; everything else knows nothing of it.
"""

import json
import re
import time

from lab import expect, expect_same, until
from scenario import scenario
from shown import Shown

LEASED_LINE = """\
network: {n}
addresses: 10.70.0.0/24
hubs:
  z: {endpoint: "203.0.113.10:51820", key: {KEY}}
sites:
  shenzhen:
    lan: [192.168.201.0/24, "2001:db8:201::/64"]
    node: a
    key: {KEY}
    gateway: static-routes
    devices: {b: [192.168.201.55, "2001:db8:201::55"], printer: 192.168.201.9}
  beijing:
    lan: [192.168.200.0/24, "2001:db8:200::/64"]
    node: c
    key: {KEY}
    gateway: static-routes
    devices: {d: [192.168.200.244, "2001:db8:200::244"]}
people:
  e: {groups: [developers], devices: {laptop: {key: {KEY}}}}
  f: {groups: [developers], devices: {laptop: {key: {KEY}}}}
expect:
  - b -> d:443
  - d -> b:8080
  - e -> f:22
  - d -> e:9000
  - b -> d:53/udp
  - e -> printer:631
"""

NODES = ("z", "a", "c", "e")


@scenario(ours_only=True, needs=("nft", "bash"), seconds=150)
def one_lan_leased_line(lab):
    """Offices behind NAT are as one LAN; people reach them and each other (S1-S6, S22), IPv4, IPv6.
    """
    with Shown(lab, LEASED_LINE) as net:
        handshakes_need_no_open_port(net)
        for family in (4, 6):
            seen = net.address("b", family)
            for flow in ("b -> d:443", "b -> d:53/udp"):
                expect_same(net.works(flow, family).split()[-1], seen, f"the source of {flow}")
            net.works("b -> d", family)
            net.works("d -> b", family)
            expect_same(net.works("d -> b:8080", family).split()[-1], net.address("d", family),
                        "the source of a callback")
            for flow in ("e -> d", "e -> d:443", "e -> b", "d -> e:9000", "e -> f:22", "f -> e"):
                net.works(flow, family)
        net.works("e -> printer:631")
        for machine in ("b", "d", "printer"):
            expect_same(net.daemon(machine), [], f"daemons on {machine}")
        people_keep_their_internet(net)
        sources_are_checked(net)
        net.agree([f"{a} -> {b}" for a in ("z", "a", "b", "d", "e", "f", "printer")
                   for b in ("z", "c", "d", "b", "e", "f") if a != b] + ["e -> 192.168.77.1"])


def handshakes_need_no_open_port(net):
    """S1: the NATs of both offices let nothing in but replies; both meet the hub all the same."""
    for site, node in (("shenzhen", "a"), ("beijing", "c")):
        net.tieline(node, "down")
        public = net.address_on(f"isp.{site}", "eth0")
        port = net.sh("z", f"wg show {net.name} listen-port").strip()
        expect(net.talk("z", public, port, "udp") is None, f"isp.{site} lets nothing in")
    begun = time.monotonic()
    for node in ("a", "c"):
        net.tieline(node, "apply")
    for node in ("a", "c"):
        until(lambda node=node: net.shakes_hands(node), f"{node} has shaken hands with z", 30)
    net.lab.notes.append(f"handshakes {time.monotonic() - begun:.1f} s after apply")
    for site in ("shenzhen", "beijing"):
        rules = net.sh(f"isp.{site}", "nft list ruleset")
        expect("dnat to" not in rules, f"isp.{site} forwards no port")


def people_keep_their_internet(net):
    """S4: the default route and the resolver of e are its own."""
    show = "ip route show default; ip -6 route show default; cat /etc/resolv.conf"
    during = net.sh("e", show)
    way = net.sh("e", "ip route get 198.18.99.99")
    expect(net.name not in way, f"e goes to the Internet by itself: {way}")
    net.tieline("e", "down")
    expect_same(net.sh("e", show), during, "default route and resolver without the tunnel")
    net.tieline("e", "apply")
    net.works("e -> d")


def sources_are_checked(net):
    """S22: c sends with an address of shenzhen's LAN; z drops it and counts it."""
    def dropped():
        text = net.sh("z", f"tielined --stat {net.name} --json")
        return json.loads(text)["drop_source_refused"]
    before = dropped()
    net.sh("c", f"ip addr add 192.168.201.66/32 dev {net.name}")
    done = net.run("c", "ping", "-n", "-c", "3", "-i", "0.05", "-W", "0.5", "-I", "192.168.201.66",
                   "10.70.0.1", check=False)
    net.sh("c", f"ip addr del 192.168.201.66/32 dev {net.name}")
    expect(" 0 received" in done.stdout, f"z does not answer to a false source: {done.stdout}")
    expect(dropped() >= before + 3, f"z counts three packets with a false source: {dropped()}")
    said = net.explain("c -> z", "--as", "192.168.201.66")
    expect_same(said["message"], "z drops it: 192.168.201.66 does not belong to c", "explain")
    net.works("c -> z")


# ---- before and after ----

# What an administrator and other programs may have on a machine; apply must leave it alone.
FOREIGN = r"""
ip link add foreign type veth peer name other; ip link set other up; ip link set foreign up
ip addr add 172.31.7.1/24 dev foreign
ip route add 10.99.0.0/16 via 172.31.7.2; ip -6 route add 2001:db8:99::/48 dev foreign
ip rule add fwmark 77 table 77 priority 9000; ip -6 rule add fwmark 77 table 77 priority 9000
nft 'add table inet foreign
     add chain inet foreign output { type filter hook output priority 5; }
     add rule inet foreign output tcp dport 9 drop
     add table ip other'
for name in all default foreign; do echo 2 >/proc/sys/net/ipv4/conf/$name/rp_filter; done
echo 0 >/proc/sys/net/ipv4/conf/all/send_redirects
"""

# Moments in seconds at which apply is killed; it takes about 0.1 s on an idle machine.
MOMENTS = (0.005, 0.02, 0.03, 0.045, 0.06, 0.1)


@scenario(ours_only=True, needs=("nft", "bash"), seconds=150)
def one_lan_leaves_nothing(lab):
    """down leaves a machine as it was, and kill -9 of apply or tielined nothing to tidy (S25, S26).
    """
    with Shown(lab, LEASED_LINE) as net:
        before = {}
        for node in NODES:
            net.tieline(node, "down")
            net.sh(node, FOREIGN)
            until(lambda node=node: not net.daemon(node), f"the daemon of {node} ends")
            before[node] = net.picture(node)
        planned = {}
        for node in NODES:
            net.tieline(node, "apply")
            planned[node] = net.picture(node)
            expect(planned[node] != before[node], f"apply changes {node}")
        net.works("b -> d")
        dead_daemons_leave_no_trace(net, planned)
        for node in NODES:
            net.tieline(node, "down")
            net.looks(node, before[node], "down")
        for node in ("a", "e"):
            for moment in MOMENTS:
                net.run(node, "timeout", "-s", "KILL", str(moment), net.program, "apply", net.name,
                        check=False)
                net.tieline(node, "down")
                net.looks(node, before[node], f"apply, killed after {moment} s, and down")
                net.run(node, "timeout", "-s", "KILL", str(moment), net.program, "apply", net.name,
                        check=False)
                net.tieline(node, "apply")
                net.looks(node, planned[node], f"apply, killed after {moment} s, and apply")
                net.tieline(node, "down")
                net.looks(node, before[node], "down")


def dead_daemons_leave_no_trace(net, planned):
    """S26: apply after kill -9 of tielined makes what a fresh one makes, and nothing twice. Until
    then, packets for the other LAN are refused, and do not loop between the node and its router.
    """
    for node in ("z", "a", "c", "a"):
        net.sh(node, "kill -9 $(pgrep -x tielined)")
        until(lambda node=node: not net.has_link(node), f"tielined on {node} and its link are gone")
        if node == "a":
            for family in (4, 6):
                text = net.run("b", "ping", "-n", "-c", "1", "-W", "2", net.address("d", family),
                               check=False).stdout
                expect("nreachable" in text and "exceeded" not in text, f"b is refused: {text}")
        net.tieline(node, "apply")
        net.looks(node, planned[node], "apply after kill -9 of tielined")
        net.tieline(node, "apply")
        net.looks(node, planned[node], "another apply")
    net.works("b -> d")
    net.works("d -> b", 6)


# ---- conflicts ----

MAPPED = r"overlaps {}.*: others reach the LAN of"

# Overlaps that mapped prefixes solve.
FILE_OVERLAPS = {
    # what: texts to replace, the warning of check
    "two sites with one LAN (S11)":
        ({"192.168.200.": "192.168.201."}, MAPPED.format("LAN 192.168.201.0/24")),
    "a LAN within another":
        ({"192.168.200.0/24": "192.168.201.128/25", "192.168.200.": "192.168.201."},
         MAPPED.format("LAN 192.168.201.0/24")),
    "a LAN in the pool":
        ({"192.168.201.0/24": "10.70.0.0/25", "192.168.201.": "10.70.0."},
         MAPPED.format("the address pool 10.70.0.0/24")),
}

FILE_CONFLICTS = {
    # what: texts to replace, what check says
    "two sites with one IPv6 LAN":
        ({"2001:db8:200:": "2001:db8:201:"}, "overlaps LAN 2001:db8:201::/64"),
    "two LANs of one site":
        ({"192.168.201.0/24": "192.168.201.0/24, 192.168.201.128/25"},
         "overlaps LAN 192.168.201.0/24"),
    "the pool in a LAN":
        ({"192.168.201.0/24": "10.70.0.0/23", "192.168.201.": "10.70.1."},
         "the address pool 10.70.0.0/24 overlaps"),
    "a LAN in the mapped prefixes":
        ({"192.168.201.": "10.200.7."}, "overlaps the pool of mapped prefixes"),
    "a default route":
        ({"192.168.200.0/24": "0.0.0.0/0"}, "covers the whole Internet"),
    "a hub inside an office":
        ({"203.0.113.10": "192.168.200.10"}, "routed into the tunnel"),
    "two devices with one address":
        ({"printer: 192.168.201.9": "printer: 192.168.201.55"}, "both have 192.168.201.55"),
    "a device at home in the pool":
        ({"laptop: {": "laptop: {lan: 10.70.0.0/28, "}, "overlaps the address pool 10.70.0.0/24"),
}

LOCAL_CONFLICTS = {
    # what: how it comes, how it goes, what apply says
    "docker0 in the pool":
        ("ip link add docker0 type bridge; ip link set docker0 up; "
         "ip addr add 10.70.0.129/25 dev docker0", "ip link del docker0",
         r"the address pool 10.70.0.0/24 overlaps a network of this machine, .*docker0"),
    "another VPN's route":
        ("ip link add vpn type veth peer name far; ip link set vpn up; ip link set far up; "
         "ip route add 192.168.200.128/25 dev vpn", "ip link del vpn",
         r"another program's route to 192.168.200.128/25"),
}

# Networks of e that have a LAN's addresses: apply takes the mapped prefix instead (S10).
LOCAL_OVERLAPS = {
    # what: how it comes, how it goes, what apply says
    "docker0":
        ("ip link add docker0 type bridge; ip link set docker0 up; "
         "ip addr add 192.168.200.1/24 dev docker0", "ip link del docker0",
         r"LAN 192.168.200.0/24 .* overlaps a network of this machine, .*docker0"),
    "the LAN that e is in":
        ("ip addr add 192.168.200.7/24 dev eth0", "ip addr del 192.168.200.7/24 dev eth0",
         r"LAN 192.168.200.0/24 .* overlaps the LAN that this machine, .*, is in"),
}


def replace(text, texts):
    for old, new in texts.items():
        text = text.replace(old, new)
    return text


@scenario(ours_only=True, needs=("nft", "bash"), seconds=90)
def one_lan_conflicts(lab):
    """Each class of conflict is found before apply, which then changes nothing (S11, S12)."""
    with Shown(lab, LEASED_LINE) as net:
        good = {node: net.picture(node) for node in ("z", "e")}
        for what, (texts, says) in FILE_OVERLAPS.items():
            net.write(replace(LEASED_LINE, texts))
            shown = net.check(wants=0)
            expect(re.search(says, shown) and "fix:" in shown, f"check warns of {what}: {shown}")
        for what, (texts, says) in FILE_CONFLICTS.items():
            net.write(replace(LEASED_LINE, texts))
            shown = net.check(wants=1)
            expect(re.search(says, shown) and "fix:" in shown, f"check finds {what}: {shown}")
            for node, picture in good.items():
                file = net.edit(node, lambda old, texts=texts: replace(old, texts))
                net.tieline(node, "plan", wants=1, says=f"{says}|does not match this file")
                net.tieline(node, "apply", wants=1, says=f"{says}|does not match this file")
                expect_same(net.picture(node), picture, f"{node} after apply with {what}")
                net.edit(node, lambda _, file=file: file)
        net.works("b -> d")
        for what, (come, go, says) in LOCAL_CONFLICTS.items():
            net.works("e -> d")
            net.sh("e", come)
            if "VPN" in what:
                net.breaks("e -> d")
            text = net.tieline("e", "apply", wants=1, says=says)
            expect("fix:" in text, f"a way out of {what}: {text}")
            net.tieline("e", "down")
            net.tieline("e", "apply", wants=1, says=says)
            net.sh("e", go)
            net.tieline("e", "apply")
        local_overlaps(net)
        names_of_the_hub(net)
        net.works("e -> d")
        net.works("e -> b")


def local_overlaps(net):
    """The mapped address of d works while e is in a network with its prefix, and e's own router
    still answers."""
    lock = net.sh("e", f"cat /etc/tieline/{net.name}.lock")
    there = re.search(r"^mapped beijing \S+ (10\.200\.\d+\.)0/24", lock, re.MULTILINE)[1] + "244"
    gateway = net.sh("e", "ip route show default").split()[2]
    net.sh("router.e", f"""ip addr add 192.168.200.99/24 dev "$(
        ip -4 -o addr | awk '$4 ~ "^{gateway}/" {{print $2}}')" """)
    for what, (come, go, says) in LOCAL_OVERLAPS.items():
        net.works("e -> d")
        net.sh("e", come)
        if "LAN" in what:  # the tunnel hides the router of e's own LAN
            net.breaks("e -> d", to="192.168.200.99")
        net.tieline("e", "apply", says=says)
        net.works("e -> d", to=there)
        if "LAN" in what:
            net.works("e -> d", to="192.168.200.99")
        net.sh("e", go)
        net.tieline("e", "apply")


def names_of_the_hub(net):
    """The hub's name resolves to an address inside an office, as it may with DNS that differs
    there."""
    file = net.edit("e", lambda text: text.replace("203.0.113.10:51820", "hub.example:51820"))
    for address, wants, says in (("192.168.200.10", 1, "lies in LAN 192.168.200.0/24"),
                                 ("203.0.113.10", 0, "nothing to change")):
        net.sh("e", f"sed -i /hub.example/d /etc/hosts; echo {address} hub.example >>/etc/hosts")
        net.tieline("e", "plan", wants=wants, says=says)
    net.edit("e", lambda _: file)


# ---- gateways ----

# The gateways of the sites, whose LANs are 192.168.1.0/24 and so on, each with a device d-SITE.
GATEWAYS = {
    "full": "static-routes",
    "none": "{kind: static-routes, routes: []}",
    "part": "{kind: static-routes, routes: [192.168.1.0/24]}",
    "shut": "untouchable",
    "strict": "drops-invalid",
    "own": "self",
    "dhcp": "dhcp-121",
}


def many_gateways():
    """A network file with these sites."""
    lines = ["network: {n}", "addresses: 10.70.0.0/24", "hubs:",
             '  z: {endpoint: "203.0.113.10:51820", key: {KEY}}', "sites:"]
    for number, (site, gateway) in enumerate(GATEWAYS.items(), 1):
        lines += [f"  {site}:", f"    lan: 192.168.{number}.0/24", "    key: {KEY}",
                  f"    gateway: {gateway}", f"    devices: {{d-{site}: 192.168.{number}.55}}"]
    lines += ["people:", "  e: {devices: {laptop: {key: {KEY}}}}", "services:"]
    lines += [f"  web-{site}: {{at: d-{site}, ports: [443/tcp]}}" for site in GATEWAYS]
    return "\n".join(lines) + "\n"


@scenario(ours_only=True, needs=("nft", "bash"), seconds=120)
def one_lan_gateways(lab):
    """With gateways of every kind, packets do what explain says, for the reason that it names (S2,
    S7-S9)."""
    with Shown(lab, many_gateways()) as net:
        hosts = [f"d-{site}" for site in GATEWAYS]
        answers = net.agree([f"{a} -> {b}{port}" for a in (*hosts, "e") for b in hosts if a != b
                             for port in ("", ":443")])
        broken = [flow for flow, said in answers.items() if not said["reachable"]]
        lab.notes.append(f"{len(answers)} connections, {len(broken)} of them break")

        missing_routes(net)
        untouchable_gateway(net)
        strict_gateway(net)


def node_in_lan(net, site):
    """The address of a site's node in its LAN."""
    number = list(GATEWAYS).index(site) + 1
    return net.sh(f"{site}-node", "ip -4 -o addr | sed -n "
                  f"'s|.* inet \\(192.168.{number}.[0-9]*\\)/.*|\\1|p'").split()[0]


def missing_routes(net):
    """A static route is missing on either side; adding it on that router is what mends it."""
    node = node_in_lan(net, "none")
    net.explained("d-none -> d-full:443", "gateway_route", "routes: []", r"192\.168\.1\.0/24")
    net.sh("router.none", f"ip route add 192.168.1.0/24 via {node}")
    net.works("d-none -> d-full:443")
    net.works("d-full -> d-none:443")
    net.sh("router.none", "ip route del 192.168.1.0/24")
    net.explained("d-full -> d-none:443", "return_route", "routes: []", r"192\.168\.1\.0/24")
    net.explained("d-part -> d-own:443", "gateway_route", "routes: [192", r"192\.168\.6\.0/24")
    net.explained("d-own -> d-part:443", "return_route", "routes: [192", r"192\.168\.6\.0/24")
    net.works("d-part -> d-full:443")


def untouchable_gateway(net):
    """S7: e reaches a LAN whose router has no routes, because its node translates the source. S8:
    the other direction breaks because of the router."""
    seen = net.works("e -> d-shut:443").split()[-1]
    expect_same(seen, node_in_lan(net, "shut"), "the source that d-shut sees")
    net.explained("d-shut -> d-full:443", "gateway_untouchable", "untouchable")
    net.sh("router.shut", f"ip route add 192.168.1.0/24 via {node_in_lan(net, 'shut')}")
    net.works("d-shut -> d-full:443")
    net.sh("router.shut", "ip route del 192.168.1.0/24")
    # Without the translation, replies go to the router, which sends them to the Internet.
    good = net.picture("shut-node")
    net.sh("shut-node", f"nft delete table inet tieline-{net.name}")
    net.breaks("e -> d-shut:443")
    net.tieline("shut-node", "apply")
    expect_same(net.picture("shut-node"), good, "shut-node after its table was deleted, and apply")
    net.works("e -> d-shut:443")


def strict_gateway(net):
    """S9: a router that drops packets of connections that it sees half of gets both halves."""
    net.works("d-strict -> d-full:443")
    net.works("d-full -> d-strict:443")


# ---- policy ----

POLICY = """\
network: {n}
addresses: 10.70.0.0/24
hubs:
  z: {endpoint: "203.0.113.10:51820", key: {KEY}}
sites:
  shenzhen:
    lan: [192.168.201.0/24, "2001:db8:201::/64"]
    node: a
    key: {KEY}
    devices: {b: [192.168.201.55, "2001:db8:201::55"]}
  beijing:
    lan: [192.168.200.0/24, "2001:db8:200::/64"]
    node: c
    key: {KEY}
    devices: {d: [192.168.200.244, "2001:db8:200::244"]}
people:
  e: {groups: [developers], devices: {laptop: {key: {KEY}}}}
  f: {groups: [guests], devices: {laptop: {key: {KEY}}}}
services:
  git: {at: d, ports: [443/tcp, 53/udp]}
policy:
  - {from: developers, to: [shenzhen, git]}
  - {from: shenzhen, to: beijing, ports: [443/tcp, icmp]}
  - {from: guests, to: git, ports: 443/tcp}
expect:
  - e -> b:8080
  - b -> d:443
  - not d -> b
  - not e -> f
  - not e -> d:22
  - not f -> e:22
"""


@scenario(ours_only=True, needs=("nft", "bash"), seconds=120)
def one_lan_policy(lab):
    """What the policy does not allow is blocked, replies pass, and a client cannot help itself (S3,
    S5)."""
    with Shown(lab, POLICY) as net:
        ends = ("a", "b", "c", "d", "e", "f", "z")
        net.agree([f"{one} -> {other}" for one in ends for other in ends if one != other])
        net.agree([f"{one} -> {other}:22" for one in "bdef" for other in "bdez" if one != other])
        net.agree(["e -> b:8080", "e -> git:443", "e -> d:443", "e -> d:53/udp", "e -> d:22",
                   "f -> d:443", "f -> d:53/udp", "f -> b:8080", "b -> d:443", "b -> d:53/udp",
                   "e -> 192.168.77.1:80", "b -> 10.70.0.99"])
        for family in (4, 6):
            net.works("b -> d:443", family)
            net.works("e -> b:8080", family)
            for flow in ("d -> b", "e -> f", "f -> e:22", "e -> d:22", "f -> d:53/udp"):
                net.breaks(flow, family)
        net.explained("d -> b", "policy", "policy:", "from: d, to: b")
        net.explained("e -> f", "policy")
        net.explained("f -> e:22", "policy")
        net.explained("e -> git:22", "service_port", "git:", "22/tcp")
        net.explained("e -> 192.168.77.1:80", "not_in_network")
        clients_cannot_help_themselves(net)
        policy_is_the_cause(net)


def clients_cannot_help_themselves(net):
    """f removes the policy from its own copy of the file, and its own rules: others still drop."""
    file = net.edit("f", lambda text: re.sub(r"policy:\n(  - .*\n)+", "", text))
    net.tieline("f", "apply")
    net.sh("f", f"nft delete table inet tieline-{net.name} || true")
    for flow in ("f -> e:22", "f -> b:8080", "f -> d:53/udp", "f -> z:22"):
        net.breaks(flow)
    net.edit("f", lambda _: file)
    net.tieline("f", "apply")
    net.works("f -> d:443")


def policy_is_the_cause(net):
    """The same connections work as soon as the nodes on the way have no rules."""
    for node in ("z", "a", "e", "f"):
        net.sh(node, f"nft delete table inet tieline-{net.name}")
    for flow in ("d -> b", "e -> f", "f -> e:22"):
        net.works(flow)
    for node in ("z", "a", "e", "f"):
        net.tieline(node, "apply")
    for flow in ("d -> b", "e -> f", "f -> e:22"):
        net.breaks(flow)
