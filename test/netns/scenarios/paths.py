# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The path between two hosts changes: ports, addresses, NAT, MTU, the link itself."""

import re
import time

from device import Device, endpoint_text, join, meets, tunnel
from lab import expect, expect_same, stays, until
from scenario import scenario
from sniff import DATA, Sniffer


@scenario(each_peer=True)
def roaming_port(lab):
    """One side's port changes; the other replies to the new port after one packet from it."""
    x, y = tunnel(lab)
    meets(x, y)
    for mover, other in ((x, y), (y, x)):
        for port in (40001, 40002):
            mover.set("listen-port", port)
            mover.node.reaches(other.inner4, 2)
            expect(other.peer(mover).endpoint == endpoint_text(mover.node.v4(), port),
                   f"{other.name} follows it to port {port}")
            other.node.reaches(mover.inner4, 2)


@scenario(each_peer=True)
def roaming_address(lab):
    """One side's outer address changes, then its family; the session and the pings go on.

        a eth0 -------------- eth0 b      a: 192.0.2.1, then 192.0.2.101, then 2001:db8:1::1
    """
    x, y = tunnel(lab)
    meets(x, y)
    first = y.peer(x).handshake
    x.node.ip("addr", "add", "192.0.2.101/24", "dev", "eth0")
    x.node.ip("addr", "del", f"{x.node.v4()}/24", "dev", "eth0")
    # With the first address of a subnet the kernel also removes the second.
    x.node.ip("addr", "replace", "192.0.2.101/24", "dev", "eth0")
    if x.ours:
        x.node.reaches(y.inner4)
    else:  # wireguard-go keeps a removed source address until it retries a handshake
        until(lambda: x.node.ping(y.inner4, 1, wait=1).received, "a ping arrives", 30)
    expect(y.peer(x).endpoint == endpoint_text("192.0.2.101", x.port()), "the other side follows")
    outside = Sniffer(y.node, "eth0")
    y.node.reaches(x.inner4)
    expect({packet.destination for packet in outside.of_kind(DATA, outgoing=True)}
           == {"192.0.2.101"}, "it sends only to the new address")
    if x.ours and y.ours:  # the newest wireguard-go fails for a while after such a change
        x.set("peer", y.key.public, "endpoint", endpoint_text(y.node.v6(), y.port()))
        x.node.reaches(y.inner4)
        expect(y.peer(x).endpoint == endpoint_text(x.node.v6(), x.port()),
               "the other side follows to IPv6")
        y.node.reaches(x.inner4)
        expect(y.peer(x).handshake == first, "the session stays")


@scenario(each_peer=True, needs=("nft",), seconds=90)
def nat(lab):
    """Behind a NAT that forgets after 2 s, a keepalive every second keeps a host reachable.

        a eth0 ------ eth0 r eth1 ------ eth0 b
        192.0.2.0/24      masquerade     198.51.100.0/24
    """
    a, r, b = lab.node("a"), lab.node("r"), lab.node("b")
    lab.link(a, r, 0)
    lab.link(r, b, 1)
    a.ip("route", "add", "default", "via", r.v4(0))
    r.sysctl("net.ipv4.ip_forward", 1)

    def masquerade(ports):
        r.nft("ip", "nat", "nat hook postrouting priority 100",
              f"oifname eth1 meta l4proto udp masquerade to :{ports}")
    masquerade("50000-50009")
    for name in ("udp_timeout", "udp_timeout_stream"):
        r.sysctl(f"net.netfilter.nf_conntrack_{name}", 2)
    r.nft("ip", "filter", "filter hook forward priority 0; policy drop",
          "iifname eth0 accept", "ct state established accept")

    x, y = Device(lab, a, lab.mine).start(), Device(lab, b, lab.theirs).start()
    x.add(y, b.v4(1))
    y.add(x)
    a.reaches(y.inner4)
    expect(y.peer(x).endpoint.startswith(f"{r.v4(1)}:5000"), "b sees the router's address")
    # Every successful ping refreshes the NAT's mapping, hence the pause between them.
    until(lambda: not b.ping(x.inner4, 1, wait=0.5).received, "the NAT forgets", 15, poll=2.5)
    x.set("peer", y.key.public, "persistent-keepalive", "1")
    until(lambda: b.ping(x.inner4, 1, wait=1).received, "b reaches a again", 5)
    first = y.peer(x).handshake
    stays(lambda: b.ping(x.inner4, 1, wait=1).received, "b reaches a through the NAT", 4)

    # A new mapping, as after the router restarts: a's next packet shows b the new port.
    x.set("peer", y.key.public, "persistent-keepalive", "off")
    masquerade("51000-51009")
    until(lambda: not b.ping(x.inner4, 1, wait=0.5).received, "the NAT forgets", 15, poll=2.5)
    x.set("peer", y.key.public, "persistent-keepalive", "1")
    until(lambda: re.search(":5100[0-9]$", y.peer(x).endpoint), "b follows the new mapping")
    b.reaches(x.inner4)
    expect(y.peer(x).handshake - first < 60, "it takes no more than two sessions")


@scenario(each_peer=True)
def reply_source(lab):
    """A host with two addresses answers from the one that was addressed.

        a eth0 -------------- eth0 b      a: 192.0.2.1, 192.0.2.11; 2001:db8:1::1, ::11
    """
    a, b = lab.node("a"), lab.node("b")
    lab.link(a, b)
    a.ip("addr", "add", "192.0.2.11/24", "dev", "eth0")
    a.ip("addr", "add", "2001:db8:1::11/64", "dev", "eth0", "nodad")
    outside = Sniffer(b, "eth0")
    for addresses in (("192.0.2.11", a.v4()), ("2001:db8:1::11", a.v6())):
        x, y = Device(lab, a, lab.mine).start(), Device(lab, b, lab.theirs).start()
        for address in addresses:
            y.add(x, address)
            x.add(y)
            outside.forget()
            b.reaches(x.inner4)
            a.reaches(y.inner4)
            sources = {packet.source for packet in outside.of_kind(1, 2, 3, 4, outgoing=False)}
            expect_same(sources, {address}, "source of its answers")
            expect(y.peer(x).endpoint == endpoint_text(address, x.port()), "the endpoint stays")
            x.remove(y)
            y.remove(x)
        x.stop()
        y.stop()


@scenario(ours_only=True)
def pinned_source_goes(lab):
    """The source address of replies is removed; they leave from another one, and none is lost."""
    x, y = tunnel(lab, b_knows=False)
    y.node.ip("addr", "add", "192.0.2.22/24", "dev", "eth0")
    y.node.ip("addr", "add", "2001:db8:1::22/64", "dev", "eth0", "nodad")
    for pinned, other, length in (("192.0.2.22", y.node.v4(), 24),
                                  ("2001:db8:1::22", y.node.v6(), 64)):
        x.set("peer", y.key.public, "endpoint", endpoint_text(pinned, y.port()))
        meets(x, y)
        expect(x.peer(y).endpoint == endpoint_text(pinned, y.port()), f"b sends from {pinned}")
        y.node.ip("addr", "del", f"{pinned}/{length}", "dev", "eth0")
        y.node.reaches(x.inner4)
        expect(x.peer(y).endpoint == endpoint_text(other, y.port()), f"then from {other}")


@scenario(ours_only=True, long=True, needs=("nft",))
def pinned_source_is_silenced(lab):
    """The address that the peer last reached stops working: the pin goes after a silence."""
    x, y = tunnel(lab, b_knows=False)
    y.node.ip("addr", "add", "192.0.2.22/24", "dev", "eth0")
    x.set("peer", y.key.public, "endpoint", endpoint_text("192.0.2.22", y.port()))
    meets(x, y)
    x.node.nft("ip", "in", "filter hook input priority 0", "ip saddr 192.0.2.22 drop")
    x.node.nft("ip", "out", "filter hook output priority 0", "ip daddr 192.0.2.22 drop")
    begun = time.monotonic()
    until(lambda: y.node.ping(x.inner4, 1, wait=1).received, "it sends from another address", 30)
    lab.notes.append(f"after {time.monotonic() - begun:.0f} s")
    expect(x.peer(y).endpoint == endpoint_text(y.node.v4(), y.port()),
           "it sends from the first address")


@scenario(ours_only=True)
def pinned_route_changes(lab):
    """A better route over another link appears: replies leave there, with that link's source.

        a eth0 ------------------ eth0 b
        a eth1 ------------------ eth1 b      b's route to a's first address moves to eth1
    """
    a, b = lab.node("a"), lab.node("b")
    lab.link(a, b, 0)
    lab.link(a, b, 1)
    for node in (a, b):
        node.accept_any_source("eth0", "eth1")
    x, y = Device(lab, a, lab.mine).start(), Device(lab, b, lab.theirs).start()
    x.add(y, b.v4(0))
    y.add(x)
    meets(x, y)
    expect(x.peer(y).endpoint == endpoint_text(b.v4(0), y.port()), "b answers from eth0")
    b.ip("route", "add", f"{a.v4(0)}/32", "via", a.v4(1), "dev", "eth1")

    def moved():
        b.ping(x.inner4, 1, wait=1)
        return x.peer(y).endpoint == endpoint_text(b.v4(1), y.port())
    until(moved, "b sends from eth1's address")
    b.reaches(x.inner4)


@scenario(ours_only=True)
def link_local(lab):
    """Tunnels between IPv6 link-local addresses, whose endpoints need a zone."""
    a, b = lab.node("a"), lab.node("b")
    lab.link(a, b, 0)
    lab.link(a, b, 1)
    x, y = Device(lab, a, lab.mine).start(), Device(lab, b, lab.theirs).start()
    y.add(x)
    for dev in ("eth0", "eth1"):
        for node, number in ((a, 1), (b, 2)):
            node.ip("addr", "add", f"fe80::77:{number}/64", "dev", dev, "nodad")
        index = a.ip("-o", "link", "show", dev).stdout.split(":")[0]
        for zone in (index, dev):
            x.remove(y)
            x.add(y)
            with x.uapi() as uapi:
                status = uapi.set(f"public_key={y.key.public_hex}\n"
                                  f"endpoint=[fe80::77:2%{zone}]:{y.port()}\n")
            expect(status == 0, f"zone {zone} is accepted")
            meets(x, y)
            expect(f"endpoint=[fe80::77:2%{index}]:{y.port()}\n" in x.get(),
                   f"the zone is shown as a number in {x.get()!r}")


@scenario(each_peer=True)
def mtu_changes(lab):
    """The MTU of the tunnel changes while it carries TCP and pings."""
    x, y = tunnel(lab)
    meets(x, y)
    with x.node.pinging(y.inner4):
        for mtu in (1280, 576, 1420, 1500, 9000, 1420):
            if mtu > 1420 and not y.ours:
                continue  # boringtun lacks longer packets; the newest wireguard-go stalls
            for device in (x, y):
                device.node.ip("link", "set", device.name, "mtu", str(mtu))
            biggest = str(mtu - 28)
            if not y.ours:  # for a while, boringtun goes on cutting packets to the old MTU
                until(lambda: y.node.ping(x.inner4, 1, wait=1, options=("-s", biggest, "-M", "do"))
                      .received, "the peer notices its MTU", 10)
            y.node.reaches(x.inner4, 2, options=("-s", biggest, "-M", "do"))
            lab.transfer(x.node, y.node, y.inner4, 1 << 18)
            lab.transfer(y.node, x.node, x.inner4, 1 << 18)


@scenario(ours_only=True)
def fragments(lab):
    """Outer packets carry no DF, and are fragmented where a link on the path has a smaller MTU.

        a eth0 ------ eth0 r eth1 ------ eth0 b
            MTU 1500           MTU 1300
    """
    a, r, b = lab.node("a"), lab.node("r"), lab.node("b")
    lab.link(a, r, 0)
    lab.link(r, b, 1)
    a.ip("route", "add", "default", "via", r.v4(0))
    a.ip("route", "add", "default", "via", r.v6(0))
    b.ip("route", "add", "default", "via", r.v4(1))
    b.ip("route", "add", "default", "via", r.v6(1))
    r.sysctl("net.ipv4.ip_forward", 1)
    r.sysctl("net.ipv6.conf.all.forwarding", 1)
    r.ip("link", "set", "eth1", "mtu", "1300")
    b.ip("link", "set", "eth0", "mtu", "1300")
    x, y = Device(lab, a, lab.mine).start(), Device(lab, b, lab.theirs).start()
    for family, target in ((4, b.v4(1)), (6, b.v6(1))):
        x.add(y, target)
        y.add(x)
        outside = Sniffer(b, "eth0")
        # In IPv6 only the sender fragments: the first packets are lost, and tell it the MTU.
        until(lambda: a.ping(y.inner4, 1, wait=0.5, options=("-s", "1392")).received,
              f"a full packet arrives over IPv{family}")
        a.reaches(y.inner4, options=("-s", "1392"))
        lab.transfer(a, b, y.inner4)
        lab.transfer(b, a, x.inner4)
        expect(any(packet.is_fragment for packet in outside.packets()), "fragments arrive")
        expect(not any(packet.has_df for packet in outside.packets()), "no packet has DF")
        x.remove(y)
        y.remove(x)


@scenario()
def black_hole(lab):
    """A link silently drops long packets: a smaller tunnel MTU fixes it.

        a eth0 ------ (drops packets longer than 1000) ------ eth0 b
    """
    a, b = lab.node("a"), lab.node("b")
    lab.bad_link(a, b, hold_ms=0, mtu=1000)
    x, y = Device(lab, a, lab.mine).start(), Device(lab, b, lab.theirs).start()
    join(x, y)
    meets(x, y)
    lost = a.ping(y.inner4, 2, wait=0.5, options=("-s", "1200"))
    expect(lost.received == 0, "no long ping passes")
    for device in (x, y):
        device.node.ip("link", "set", device.name, "mtu", "900")
    a.reaches(y.inner4, options=("-s", "1200"))  # the kernel fragments the inner packet
    lab.transfer(a, b, y.inner4)
    lab.transfer(b, a, x.inner4)


@scenario(ours_only=True)
def huge_mtu(lab):
    """A tunnel with an MTU of 34736 works over a link with one of 1500."""
    x, y = tunnel(lab)
    for device in (x, y):
        device.node.ip("link", "set", device.name, "mtu", "34736")
    for outer in (4, 6):
        x.remove(y)
        y.remove(x)
        join(x, y, outer)
        x.node.reaches(y.inner4, options=("-s", str(34736 - 28), "-M", "do"))
        lab.transfer(x.node, y.node, y.inner4, 1 << 23)


@scenario(each_peer=True)
def link_down_and_up(lab):
    """Down closes the socket; up binds the same port at once, and traffic resumes."""
    x, y = tunnel(lab)
    meets(x, y)
    port = x.port()
    for _ in range(3):
        x.down()
        if x.ours:
            until(lambda: port not in x.udp_ports()[0], "down closes the socket")
            expect(x.port() == port, "the port is still shown")
        x.up()
        until(lambda: port in x.udp_ports()[0] and port in x.udp_ports()[1],
              "up binds the same port")
        x.address()  # the kernel dropped the IPv6 address
        x.node.reaches(y.inner4)
        y.node.reaches(x.inner6)


@scenario(ours_only=True)
def port_lost_while_down(lab):
    """If another process took the port, up logs an error and retries until the port is free."""
    x, y = tunnel(lab)
    x.set("listen-port", 45004)
    meets(x, y)
    x.down()
    until(lambda: 45004 not in x.udp_ports()[0], "down closes the socket")
    taken = x.node.socket()
    taken.bind(("", 45004))
    x.node.ip("link", "set", x.name, "up")
    expect(x.node.ping(y.inner4, 1, wait=1).received == 0, "without a port nothing passes")
    expect(x.is_alive(), "the daemon goes on")
    taken.close()
    until(lambda: x.node.ping(y.inner4, 1, wait=1).received, "once free, the port is bound", 15)
