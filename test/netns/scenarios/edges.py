# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Behaviour at the edges: purges, ports, families, errors, marks, loops."""

import base64
import ctypes
import platform
import struct
import time

from device import Device, Key, endpoint_text, join, meets, tunnel
from lab import Skip, expect, expect_same, until
from scenario import scenario
from sniff import DATA, INITIATION, Sniffer, quiet_for

ICMP, ICMPV6 = 1, 58


@scenario(ours_only=True)
def down_purges(lab):
    """Down drops sessions and waiting packets; up sends keepalives to peers with an interval.

        a eth0 ---+--- eth0 b     nothing answers on the UDP ports of c
                  |
                  +--- eth0 c
    """
    a, b, c = lab.node("a"), lab.node("b"), lab.node("c")
    lab.lan(a, b, c)
    x, y = Device(lab, a, lab.mine).start(), Device(lab, b, lab.theirs).start()
    join(x, y)
    meets(x, y)
    silent = Key(lab)
    x.set("peer", silent.public, "endpoint", f"{c.v4()}:9", "allowed-ips", "10.77.0.99/32")
    a.ping("10.77.0.99", 5, wait=0.2)
    outside = Sniffer(a, "eth0")
    for turn in range(3):
        x.down()
        until(lambda: not x.udp_ports()[0], "down closes the socket")
        outside.forget()
        x.up()
        x.address()
        found = quiet_for(outside, lambda packet: packet.kind() and packet.outgoing, 0.5)
        expect(not found, f"packets waiting for a session are dropped, not sent: {found}")
        # The minimum of 5 s between initiations is forgotten too: each turn reaches y at once.
        a.reaches(y.inner4)
        a.ping("10.77.0.99", 1, wait=0.2)
        expect(outside.of_kind(INITIATION), f"there was a new handshake in turn {turn}")
    x.set("peer", silent.public, "persistent-keepalive", "600")
    x.set("peer", y.key.public, "persistent-keepalive", "600")
    x.down()
    until(lambda: not x.udp_ports()[0], "down closes the socket")
    outside.forget()
    before = x.peer(y).handshake
    x.up()
    until(lambda: {packet.destination for packet in outside.of_kind(INITIATION, outgoing=True)}
          == {b.v4(), c.v4()}, "after up, each peer with an interval gets an initiation", 2)
    until(lambda: x.peer(y).handshake >= before, "the handshake completes")


@scenario(ours_only=True)
def first_private_key(lab):
    """The first private key is set while packets wait: they leave at once, in order."""
    a, b = lab.node("a"), lab.node("b")
    lab.link(a, b)
    # Without offloads, so that the sniffer sees each packet.
    y = Device(lab, b, lab.theirs, env={"TIELINE_OFFLOAD": "none"}).start()
    x = Device(lab, a, lab.mine)
    x.spawn()
    x.address()
    x.up()
    x.add(y, b.v4())
    y.add(x)
    outside, inside = Sniffer(a, "eth0"), Sniffer(b, y.name)
    sender = a.socket()
    for number in range(10):
        sender.sendto(bytes([number]) * 5, (y.inner4, 9))
    found = quiet_for(outside, lambda packet: packet.kind(), 0.3)
    expect(not found, "nothing leaves without a key")
    x.wg("set", "private-key", x.key.file)

    def arrived():
        return [packet.payload[0] for packet in inside.packets() if packet.dport == 9]
    until(lambda: len(arrived()) == 10, "all packets leave with the key", 2)
    expect_same(arrived(), list(range(10)), "order of arrival")


@scenario(ours_only=True)
def key_swaps(lab):
    """Private and preshared keys change under a ping every 10 ms: the gap is short.

    The peer already knows the new key, as a peer without an endpoint; the allowed IPs follow.
    """
    x, y = tunnel(lab)
    meets(x, y)
    gaps = []
    for turn in range(4):
        swapped, other = (x, y) if turn % 2 == 0 else (y, x)
        old, swapped.key = swapped.key, Key(lab)
        psk = Key(lab, "genpsk") if turn > 1 else None
        other.set("peer", old.public, "remove")
        other.add(swapped, psk=psk)
        if psk:
            swapped.set("peer", other.key.public, "preshared-key", psk.file)
        begun = time.monotonic()
        swapped.set("private-key", swapped.key.file)
        # The minimum of 5 s since the last initiation would show here.
        until(lambda: swapped.node.ping(other.inner4, 1, wait=0.2).received,
              "a ping is answered", 3)
        gaps.append(time.monotonic() - begun)
        meets(x, y)
        if psk:
            other.set("peer", swapped.key.public, "preshared-key", "/dev/null")
            swapped.set("peer", other.key.public, "preshared-key", "/dev/null")
    lab.notes.append("gaps " + " ".join(f"{gap * 1000:.0f} ms" for gap in gaps))
    before = x.peer(y).handshake
    x.set("private-key", x.key.file)
    meets(x, y)
    expect(x.peer(y).handshake == before, "the same key again changes nothing")


@scenario(ours_only=True)
def ports(lab):
    """A port must be free in both families: in use in one, it is refused; 0 finds one for both."""
    x, y = tunnel(lab)
    meets(x, y)
    port = x.port()
    other = Device(lab, x.node, lab.mine, letter="z").start()
    refused = other.set("listen-port", port, check=False)
    expect(refused.returncode != 0 and "in use" in refused.stderr,
           f"another daemon's port is refused, not {refused.stderr!r}")
    other.stop()
    taken = x.node.socket(10)  # AF_INET6
    taken.setsockopt(41, 26, 1)  # IPPROTO_IPV6, IPV6_V6ONLY
    taken.bind(("::", 45100))
    refused = x.set("listen-port", 45100, check=False)
    expect(refused.returncode != 0 and "in use" in refused.stderr,
           "a port taken only in IPv6 is refused")
    expect(x.port() == port and port in x.udp_ports()[0] and port in x.udp_ports()[1],
           "the old port stays, in both families")
    expect(45100 not in x.udp_ports()[0], "the new port is not bound in IPv4")
    meets(x, y)
    x.node.sysctl("net.ipv4.ip_local_port_range", "45100 45103")
    for _ in range(3):
        x.set("listen-port", 0)
        expect(x.port() in (45101, 45102, 45103),
               f"the port is free in IPv6 too, unlike {x.port()}")
        expect(x.port() in x.udp_ports()[0] and x.port() in x.udp_ports()[1],
               "the port is bound in both families")
        x.node.reaches(y.inner4)
        x.set("listen-port", 45999)
    x.down()
    until(lambda: not x.udp_ports()[0], "down closes the socket")
    x.set("listen-port", 45998)  # also while down
    x.up()
    until(lambda: 45998 in x.udp_ports()[0] and 45998 in x.udp_ports()[1], "up binds the port")


@scenario(ours_only=True)
def families(lab):
    """The endpoint changes between IPv4 and IPv6, by setting and by roaming, in one session."""
    x, y = tunnel(lab)
    meets(x, y)
    first = x.peer(y).handshake
    for outer in (6, 4, 6, 4):
        for mover, other in ((x, y), (y, x)):
            outside = Sniffer(mover.node, "eth0")
            there = endpoint_text(other.node.outer(outer), other.port())
            mover.set("peer", other.key.public, "endpoint", there)
            mover.node.reaches(other.inner4)
            expect(mover.peer(other).endpoint == there, "the endpoint is shown as it was set")
            expect(other.peer(mover).endpoint ==
                   endpoint_text(mover.node.outer(outer), mover.port()), "the other side follows")
            expect_same({packet.version for packet in outside.of_kind(DATA)}, {outer},
                        "outer IP versions")
    expect(x.peer(y).handshake == first, "the first session stays")


@scenario(ours_only=True)
def without_ipv6(lab):
    """A host with IPv6 disabled, and one whose kernel has no IPv6, still have tunnels."""
    a, b = lab.node("a"), lab.node("b")
    lab.link(a, b)
    for node in (a, b):
        node.sysctl("net.ipv6.conf.all.disable_ipv6", 1)
    x, y = Device(lab, a, lab.mine), Device(lab, b, lab.theirs)
    x.inner6 = y.inner6 = None
    y.spawn()
    for start in (x.spawn, lambda: spawn_without_ipv6(x)):
        start()
        for device in (x, y):
            device.wg("set", "private-key", device.key.file)
            device.node.ip("addr", "replace", f"{device.inner4}/24", "dev", device.name)
            device.up()
        x.set("peer", y.key.public, "allowed-ips", f"{y.inner4}/32", "endpoint",
              endpoint_text(b.v4(), y.port()))
        y.set("peer", x.key.public, "allowed-ips", f"{x.inner4}/32")
        meets(x, y)
        # An unreachable endpoint is not an error in the request: it may become reachable.
        x.set("peer", y.key.public, "endpoint", f"[2001:db8::7]:{y.port()}")
        a.ping(y.inner4, 1, wait=0.2)
        x.set("peer", y.key.public, "endpoint", endpoint_text(b.v4(), y.port()))
        meets(x, y)
        x.stop()
        y.set("peer", x.key.public, "remove")


def refuse_ipv6():
    """Makes socket(AF_INET6) fail with EAFNOSUPPORT from now on, by a small filter."""
    number = {"x86_64": 41, "aarch64": 198}[platform.machine()]
    program = b"".join(struct.pack("HBBI", *row) for row in (
        (0x20, 0, 0, 0), (0x15, 0, 3, number),  # is the system call socket()?
        (0x20, 0, 0, 16), (0x15, 0, 1, 10),     # is the low half of its first argument AF_INET6?
        (0x06, 0, 0, 0x00050000 | 97), (0x06, 0, 0, 0x7fff0000)))
    buffer = ctypes.create_string_buffer(program)
    rule = ctypes.create_string_buffer(struct.pack("HxxxxxxP", 6, ctypes.addressof(buffer)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(22, 2, rule, 0, 0):  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
        raise OSError(ctypes.get_errno(), "seccomp")


def spawn_without_ipv6(device):
    if platform.machine() not in ("x86_64", "aarch64"):
        raise Skip("the filter is written only for x86_64 and aarch64")
    device.process = device.node.popen(*device.implementation.argv(device.name), log=device.log,
                                       env=device.env, preexec_fn=refuse_ipv6)
    until(device.answers, "it starts without IPv6")


@scenario(ours_only=True)
def roams_with_what_is_refused(lab):
    """An authenticated packet moves the endpoint even if its inner source is then refused."""
    x, y = tunnel(lab)
    meets(x, y)
    y.node.ip("addr", "add", "10.77.0.99/32", "dev", y.name)
    for port in (40011, 40012):
        y.set("listen-port", port)
        lost = y.node.ping(x.inner4, 1, wait=0.2, options=("-I", "10.77.0.99"))
        expect(not lost.received, "the source is refused")
        until(lambda: x.peer(y).endpoint == endpoint_text(y.node.v4(), port), "the endpoint moves")
        x.node.reaches(y.inner4)


def check_error(packet, family, destination, source):
    """Checks one ICMP error to `source` about a packet to `destination`."""
    header, kind = (20, b"\x03\x01") if family == 4 else (40, b"\x01\x03")
    expect_same(packet.source, destination, "source of the error, the unreachable address")
    expect_same(packet.destination, source, "destination of the error")
    expect_same(packet.data[header:header + 2], kind, "type and code of the error")
    quoted = packet.data[header + 8:]
    expect(quoted[0] >> 4 == family and len(packet.data) <= (576 if family == 4 else 1280),
           "it quotes the packet, and is no longer than every host must accept")


@scenario(ours_only=True, needs=("nft",))
def errors_to_the_local_side(lab):
    """Unroutable packets, also from hosts behind us or NAT, get ICMP errors from the right source.

        h eth0 ------ eth0 a eth1 ------ eth0 b       h's default route leads over a
                      tl..a ============ tl..b
    """
    h, a, b = lab.node("h"), lab.node("a"), lab.node("b")
    lab.link(h, a, 0)
    lab.link(a, b, 1)
    h.ip("route", "add", "default", "via", a.v4(0))
    h.ip("route", "add", "default", "via", a.v6(0))
    a.sysctl("net.ipv4.ip_forward", 1)
    a.sysctl("net.ipv6.conf.all.forwarding", 1)
    x, y = Device(lab, a, lab.mine).start(), Device(lab, b, lab.theirs).start()
    x.add(y, b.v4(1))
    y.add(x)
    meets(x, y)
    x.set("peer", Key(lab).public, "allowed-ips", "10.77.0.88/32,fd77::88/128")
    inside = Sniffer(a, x.name)
    for family, protocol, hosts in ((4, ICMP, ("10.77.0.77", "10.77.0.88")),
                                    (6, ICMPV6, ("fd77::77", "fd77::88"))):
        for address in hosts:
            for size in (56, 1300):
                inside.forget()
                a.ping(address, 1, wait=1, options=("-s", str(size)))
                errors = [packet for packet in inside.packets()
                          if not packet.outgoing and packet.protocol == protocol]
                expect_same(len(errors), 1, f"errors for a ping to {address}")
                check_error(errors[0], family, address, x.inner(family))
            ping = h.ping(address, 1, wait=2)
            expect("nreachable" in ping.text,
                   f"a host behind us gets an error for {address}: {ping.text}")
    # Behind NAT the error is translated back, as with any router.
    a.nft("inet", "nat", "nat hook postrouting priority 100", f"oifname {x.name} masquerade")
    for address in ("10.77.0.77", "10.77.0.88", "fd77::77"):
        ping = h.ping(address, 1, wait=2)
        expect("nreachable" in ping.text, f"the error for {address} passes NAT: {ping.text}")
    # Later fragments get none: one error for a fragmented packet.
    inside.forget()
    a.ping("10.77.0.77", 1, wait=1, options=("-s", "4000"))
    errors = [packet for packet in inside.packets() if not packet.outgoing]
    expect_same(len(errors), 1, "errors for a packet in three fragments")
    meets(x, y)


@scenario(ours_only=True)
def marks_and_rules(lab):
    """Marks and rules decide the route: a new mark or rule unpins the source address.

        a eth0 ------------------ eth0 b
        a eth1 ------------------ eth1 b      the routes to a by eth1 are in table 51 of b
    """
    a, b = lab.node("a"), lab.node("b")
    lab.link(a, b, 0)
    lab.link(a, b, 1)
    for node in (a, b):
        node.accept_any_source("eth0", "eth1")
    x, y = Device(lab, a, lab.mine).start(), Device(lab, b, lab.theirs).start()
    for outer in (4, 6):
        family = f"-{outer}"
        b.ip(family, "route", "add", a.outer(outer, 0), "via", a.outer(outer, 1), "dev", "eth1",
             "table", "51")
        b.ip(family, "rule", "add", "fwmark", "7", "table", "51", "priority", "100")
        x.add(y, b.outer(outer, 0))
        y.add(x)
        meets(x, y)

        def leaves_from(net):
            # b's packets move x's endpoint.
            b.ping(x.inner4, 1, wait=1)
            return x.peer(y).endpoint == endpoint_text(b.outer(outer, net), y.port())
        expect(leaves_from(0), "b answers from eth0")
        y.set("fwmark", 7)
        until(lambda: leaves_from(1), f"with a mark, IPv{outer} leaves from eth1's address")
        y.set("fwmark", 0)
        until(lambda: leaves_from(0), f"without a mark, IPv{outer} leaves from eth0's again")
        b.ip(family, "rule", "add", "to", a.outer(outer, 0), "table", "51", "priority", "99")
        until(lambda: leaves_from(1), f"a new rule moves IPv{outer} to eth1")
        b.ip(family, "rule", "del", "priority", "99")
        b.ip(family, "rule", "del", "priority", "100")
        until(lambda: leaves_from(0), f"without the rule, IPv{outer} leaves from eth0's again")
        x.remove(y)
        y.remove(x)


@scenario(ours_only=True)
def allowed_ips_in_order(lab):
    """Allowed IPs are listed masked, in order of insertion; one set again comes last."""
    x = Device(lab, lab.node("a"), lab.mine).start(up=False)
    one, two = Key(lab).public, Key(lab).public

    def give(peer, allowed):
        x.set("peer", peer, "allowed-ips", allowed)

    def told(peer):
        return x.peers()[peer].allowed
    give(one, "10.3.0.7/16,fd03::7/32,10.1.0.7/16,10.2.0.7/16")
    expect_same(told(one), ["10.3.0.0/16", "fd03::/32", "10.1.0.0/16", "10.2.0.0/16"],
                "allowed IPs of the first peer")
    give(two, "10.9.0.0/16,fd03::/32,10.1.0.0/16")
    expect_same(told(one), ["10.3.0.0/16", "10.2.0.0/16"], "allowed IPs left to the first peer")
    with x.uapi() as uapi:  # adds to the existing ones, which today's wg cannot do
        expect(uapi.set(f"public_key={base64.b64decode(one).hex()}\nallowed_ip=10.1.9.0/16\n"
                        "allowed_ip=10.3.9.0/16\n") == 0, "the set is accepted")
    expect_same(told(one), ["10.2.0.0/16", "10.1.0.0/16", "10.3.0.0/16"],
                "allowed IPs, with those that returned or were set again last")
    expect_same(told(two), ["10.9.0.0/16", "fd03::/32"], "allowed IPs left to the second peer")
    give(two, "")
    expect_same(told(two), [], "allowed IPs of a peer with none")
    expect_same(list(x.peers()), [one, two], "peers in order of creation")


@scenario(ours_only=True)
def routing_loop(lab):
    """Outer packets routed into the tunnel itself are dropped and do not multiply."""
    x, y = tunnel(lab)
    meets(x, y)
    x.set("peer", y.key.public, "allowed-ips", "0.0.0.0/0,::/0")
    for outer in (4, 6):
        there = y.node.outer(outer)
        x.set("peer", y.key.public, "endpoint", endpoint_text(there, y.port()))
        meets(x, y)
        x.node.ip("route", "add", there, "dev", x.name)
        before = x.peer(y).tx
        for size in (56, 1372, 1300, 4000):
            x.node.ping(y.inner4, 3, wait=0.1, options=("-s", str(size)))
        sent = x.peer(y).tx - before
        expect(sent < 200_000, f"12 pings do not become {sent} bytes")
        x.node.ip("route", "del", there, "dev", x.name)
        meets(x, y)


@scenario(ours_only=True)
def a_loaded_peer_goes(lab):
    """A peer is removed and added again while UDP floods it and pings come from it."""
    x, y = tunnel(lab)
    meets(x, y)
    log = lab.file("pour")
    pour = x.node.popen(lab.tool("blast"), "send", "--count", "10000000", "--rate", "20000",
                        "--seed", "1", y.inner4, "7777", log=log)
    back = y.node.popen("ping", "-n", "-i", "0.01", x.inner4, log=log)
    for _ in range(20):
        x.remove(y)
        x.add(y, y.node.v4())
        until(lambda: x.peer(y).tx > 100_000, "it carries traffic again")
    pour.kill()
    back.kill()
    meets(x, y)
