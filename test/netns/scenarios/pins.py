# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The source address of replies to a peer, as routes, rules, addresses and links change."""

import signal
import time

from device import Device, endpoint_text, meets, tunnel
from lab import Skip, expect, expect_same, until
from scenario import scenario
from sniff import DATA, Sniffer

FAR = {4: "203.0.113.1", 6: "2001:db8:3::1"}      # a's address behind both cables
ASKED = {4: "192.0.2.22", 6: "2001:db8:1::22"}    # b's second address on the first cable
WIDE = {4: "203.0.113.0/24", 6: "2001:db8:3::/64"}
OWN_UID = 0  # the helper opens the sockets, and it runs as root


def uplinks(lab):
    """Two hosts with two cables. a sends from its own address to b's second address, on eth0.

        a eth0 ------------------ eth0 b     192.0.2.22, 2001:db8:1::22 as well
        a eth1 ------------------ eth1 b     b's default route
    """
    a, b = lab.node("a"), lab.node("b")
    for net in (0, 1):
        lab.link(a, b, net)
    for node in (a, b):
        node.accept_any_source("default", "eth0", "eth1")
        node.sysctl("net.ipv6.conf.all.forwarding", 0)
    for family in (4, 6):
        length = {4: 32, 6: 128}[family]
        for node, address, dev in ((a, FAR[family], "lo"), (b, ASKED[family], "eth0")):
            node.ip("addr", "add", f"{address}/{length}", "dev", dev,
                    *(["nodad"] if family == 6 else []))
        a.ip("route", "add", f"{ASKED[family]}/{length}", "dev", "eth0", "src", FAR[family])
        b.ip(f"-{family}", "route", "add", "default", "via", a.outer(family, 1), "dev", "eth1",
             "metric", "5")
        b.ip(f"-{family}", "route", "add", "default", "via", a.outer(family, 0), "dev", "eth0",
             "table", "100")
    return Device(lab, a, lab.mine).start(), Device(lab, b, lab.theirs).start()


def follow(node, family, cable):
    """Makes the main table's route to a's own address use that cable."""
    via = node.lab.nodes["a"].outer(family, cable)
    node.ip(f"-{family}", "route", "replace", WIDE[family], "via", via, "dev", f"eth{cable}")


def begins(x, y, family):
    """a sends to b's second address, and b answers from it."""
    x.remove(y)
    y.remove(x)
    x.add(y, ASKED[family])
    y.add(x)
    meets(x, y)
    expect_same(x.peer(y).endpoint, endpoint_text(ASKED[family], y.port()),
                "address that b answers from")
    expect_same(y.peer(x).endpoint, endpoint_text(FAR[family], x.port()),
                "address that a sends from")


def sent(sniffer):
    """The tunnel's packets sent over a link; none if it is down."""
    try:
        return sniffer.of_kind(DATA, outgoing=True)
    except OSError:
        return []


class Replies:
    """The cable and the source address of the tunnel's packets from b."""

    def __init__(self, x, y):
        self.x, self.y = x, y

    def now(self):
        """Makes b send packets, and returns how they left."""
        sniffers = {number: Sniffer(self.y.node, f"eth{number}") for number in (0, 1)}
        self.y.node.ping(self.x.inner4, 1, wait=0.2)
        return {(number, packet.source) for number, sniffer in sniffers.items()
                for packet in sent(sniffer)}

    def expect(self, cable, source, when):
        expect_same(self.now(), {(cable, source)}, f"cable and source of b's packets {when}")

    def come_to(self, cable, source, when):
        until(lambda: self.now() == {(cable, source)},
              f"b's packets leave by eth{cable} from {source} {when}", 10)


def count(device, name):
    return device.stat()[name]


def examined(device, change, what):
    """Changes routing and waits until the daemon has looked up the affected routes."""
    before = count(device, "route_lookups")
    change()
    until(lambda: count(device, "route_lookups") > before, f"routes are looked up after {what}", 10)


def quiet(device):
    """Waits until the daemon has read all events so far. Returns their number."""
    seen, since = count(device, "route_events"), time.monotonic()

    def is_quiet():
        nonlocal seen, since
        now = count(device, "route_events")
        if now != seen:
            seen, since = now, time.monotonic()
        return time.monotonic() - since > 0.2
    until(is_quiet, "no routing event comes for a while", 40)
    return seen


@scenario(ours_only=True, seconds=120)
def pinned_by_a_rule(lab):
    """Rules route b's replies by eth0, the main table by eth1: their source address stays.

    The rules match what only a full lookup knows: ports, protocol, mark, user and source.
    """
    x, y = uplinks(lab)
    b = y.node
    port = y.port()
    replies = Replies(x, y)
    for family in (4, 6):
        for rule in (f"ipproto udp sport {port}", f"sport {port - 1}-{port + 1}", "ipproto udp",
                     f"dport {x.port()}", "fwmark 0x10/0xf0", f"from {ASKED[family]}",
                     f"to {FAR[family]} uidrange {OWN_UID}-{OWN_UID}"):
            y.set("fwmark", "0x11" if rule.startswith("fwmark") else "off")
            b.ip(f"-{family}", "rule", "add", *rule.split(), "lookup", "100", "pref", "100")
            begins(x, y, family)
            when = f"under the rule {rule}, IPv{family}"
            replies.expect(0, ASKED[family], when)
            examined(y, lambda: follow(b, family, 1), "a route in the main table")
            replies.expect(0, ASKED[family], f"{when}, after a better route in the main table")
            b.ip(f"-{family}", "rule", "del", "pref", "100")
            replies.come_to(1, b.outer(family, 1), f"once the rule {rule} is gone")
            b.ip(f"-{family}", "route", "del", WIDE[family])


@scenario(ours_only=True)
def pinned_port_changes(lab):
    """A rule matches the next port that the daemon listens on, and applies from then on."""
    x, y = uplinks(lab)
    b = y.node
    replies = Replies(x, y)
    for family, port in ((4, 40007), (6, 40008)):
        b.ip(f"-{family}", "rule", "add", "ipproto", "udp", "sport", str(port), "lookup", "100")
        follow(b, family, 1)
        y.set("listen-port", port)
        quiet(y)
        begins(x, y, family)
        examined(y, lambda: follow(b, family, 0), "a route")
        examined(y, lambda: follow(b, family, 1), "a route back")
        replies.expect(0, ASKED[family], f"by the rule for port {port}, IPv{family}")


@scenario(ours_only=True)
def pinned_route_flaps(lab):
    """The only route to the peer goes and returns while packets are sent: the source stays."""
    x, y = uplinks(lab)
    b = y.node
    replies = Replies(x, y)
    for family in (4, 6):
        b.ip(f"-{family}", "route", "del", "default", "via", y.lab.nodes["a"].outer(family, 1))
        follow(b, family, 0)
        begins(x, y, family)
        replies.expect(0, ASKED[family], "at first")
        for _ in range(3):
            b.ip(f"-{family}", "route", "del", WIDE[family])
            expect_same(replies.now(), set(), "packets that leave without a route")
            examined(y, lambda: follow(b, family, 0), "the route returned")
            replies.expect(0, ASKED[family], f"after the route returned, IPv{family}")


@scenario(ours_only=True)
def pinned_by_nexthop(lab):
    """A nexthop object moves routes to the other cable without an event for any route."""
    x, y = uplinks(lab)
    a, b = x.node, y.node
    if b.ip("nexthop", "list", check=False).returncode:
        raise Skip("this kernel or ip(8) has no nexthop objects")
    for family in (4, 6):
        b.ip("nexthop", "add", "id", str(family), "via", a.outer(family, 0), "dev", "eth0")
        b.ip(f"-{family}", "route", "add", WIDE[family], "nhid", str(family))
    b.sysctl("net.ipv4.nexthop_compat_mode", 0)
    replies = Replies(x, y)
    for family in (4, 6):
        begins(x, y, family)
        replies.expect(0, ASKED[family], "with the nexthop on the first cable")
        b.ip("nexthop", "replace", "id", str(family), "via", a.outer(family, 1), "dev", "eth1")
        replies.come_to(1, b.outer(family, 1), "once the nexthop is on the second cable")


@scenario(ours_only=True)
def pinned_route_goes_silently(lab):
    """Routes vanish without an event, together with an address or a link."""
    x, y = uplinks(lab)
    a, b = x.node, y.node
    replies = Replies(x, y)
    b.ip("addr", "add", "192.0.2.33/32", "dev", "lo")
    b.ip("route", "add", WIDE[4], "via", a.v4(0), "dev", "eth0", "src", "192.0.2.33")
    begins(x, y, 4)
    replies.expect(0, ASKED[4], "with the route that prefers an address")
    b.ip("addr", "del", "192.0.2.33/32", "dev", "lo")
    replies.come_to(1, b.v4(1), "after that address and its route are gone")
    b.ip("link", "set", "eth1", "down")
    b.ip("route", "add", WIDE[4], "via", a.v4(0), "dev", "eth0", "metric", "9")
    b.ip("link", "set", "eth1", "up")
    b.ip("route", "add", WIDE[4], "via", a.v4(1), "dev", "eth1", "metric", "4")
    a.ip("route", "replace", f"{b.v4(1)}/32", "dev", "eth1", "src", FAR[4])
    x.set("peer", y.key.public, "endpoint", endpoint_text(b.v4(1), y.port()))
    meets(x, y)
    replies.expect(1, b.v4(1), "with a route over the second cable")
    b.ip("link", "set", "eth1", "down")
    replies.come_to(0, b.v4(0), "after that link is down")


def batch(node, lines):
    node.run("ip", "-batch", "-", input="".join(f"{line}\n" for line in lines), timeout=60)


@scenario(ours_only=True)
def unrelated_changes(lab):
    """Thousands of changes that cannot affect a peer cause no lookup."""
    x, y = uplinks(lab)
    b = y.node
    follow(b, 4, 0)
    quiet(y)
    begins(x, y, 4)
    examined(y, lambda: b.ip("route", "add", FAR[4], "via", x.node.v4(), "dev", "eth0"),
             "a route to the peer")
    before, lookups = quiet(y), count(y, "route_lookups")
    lines = []
    for number in range(250):
        lines += [f"route add 198.18.{number}.0/24 via 192.0.2.1",
                  f"route del 198.18.{number}.0/24",
                  f"route add 2001:db8:{number + 16:x}::/64 dev eth0",
                  f"route del 2001:db8:{number + 16:x}::/64",
                  f"rule add fwmark {number + 1} lookup 100", f"rule del fwmark {number + 1}",
                  f"rule add to 198.18.{number}.0/24 lookup 100",
                  f"rule del to 198.18.{number}.0/24"]
    batch(b, lines)
    until(lambda: count(y, "route_events") - before >= len(lines), "all events are read", 20)
    quiet(y)
    expect_same(count(y, "route_lookups"), lookups, "lookups after changes that affect no peer")
    meets(x, y)


@scenario(ours_only=True)
def routes_flap(lab):
    """A route to the peer flaps a thousand times: lookups are few, and the last route counts."""
    x, y = uplinks(lab)
    b = y.node
    replies = Replies(x, y)
    follow(b, 4, 0)
    quiet(y)
    begins(x, y, 4)
    before, lookups, begun = quiet(y), count(y, "route_lookups"), time.monotonic()
    ways = [f"route replace {WIDE[4]} via {x.node.v4(cable)} dev eth{cable}" for cable in (0, 1)]
    batch(b, ways * 500)
    # The first change may have no effect.
    until(lambda: count(y, "route_events") - before >= 999, "all events are read", 20)
    quiet(y)
    # Passes are at least 50 ms apart, and each looks a flow up once.
    passes = (time.monotonic() - begun) / 0.05 + 2
    expect(count(y, "route_lookups") - lookups <= passes, f"there are at most {passes:.0f} lookups")
    replies.come_to(1, b.v4(1), "after the last change")


@scenario(ours_only=True)
def routing_events_are_lost(lab):
    """A stopped daemon misses events that overflow the kernel's queue, but learns of the change."""
    x, y = uplinks(lab)
    b = y.node
    replies = Replies(x, y)
    follow(b, 4, 0)
    quiet(y)
    begins(x, y, 4)
    y.process.send_signal(signal.SIGSTOP)
    batch(b, [f"route add 10.{100 + (number >> 8)}.{number & 255}.0/24 dev eth1"
              for number in range(25000)])
    follow(b, 4, 1)
    y.process.send_signal(signal.SIGCONT)
    replies.come_to(1, b.v4(1), "despite the lost event")
    quiet(y)
    expect(count(y, "route_events") < 25000, "some events were lost")


@scenario(ours_only=True)
def links_come_and_go(lab):
    """A hundred other links come and go, some to other namespaces: the tunnel goes on."""
    x, y = tunnel(lab)
    meets(x, y)
    with x.node.pinging(y.inner4):
        batch(y.node, [line for number in range(100) for line in (
            f"link add v{number} type veth peer name w{number}", f"link set v{number} up",
            f"link set w{number} up", f"addr add 10.99.{number}.1/24 dev v{number}")])
        batch(y.node, [f"link del v{number}" for number in range(100)])
        y.node.ip("link", "set", y.name, "mtu", "1400")
        until(lambda: count(y, "mtu") == 1400, "changes of its own link are still followed")
    meets(x, y)
