# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Packets between two hosts as seen on the wire."""

from device import Device, meets, tunnel
from lab import expect, expect_same
from scenario import scenario
from sniff import DATA, INITIATION, RESPONSE, Sniffer, quiet_for

AF41 = 0x88
ECT1, ECT0, CE = 1, 2, 3


@scenario(each_peer=True)
def sizes(lab):
    """Handshake messages have their fixed sizes; data is padded to 16 bytes, up to the MTU."""
    x, y = tunnel(lab)
    for device in (x, y):
        device.node.offloads_off("eth0")
    outside = Sniffer(x.node, "eth0")
    meets(x, y)
    for kind, size in ((INITIATION, 148), (RESPONSE, 92)):
        seen = outside.of_kind(kind)
        expect_same({len(packet.payload) for packet in seen}, {size}, f"sizes of type {kind}")
    if not x.ours:
        return
    for inner in (28, 29, 60, 76, 77, 84, 1405, 1408, 1409, 1419, 1420):
        outside.forget()
        x.node.reaches(y.inner4, 1, options=("-s", str(inner - 28)))
        padded = min((inner + 15) // 16 * 16, 1420)
        sent = [len(packet.payload) for packet in outside.of_kind(DATA, outgoing=True)]
        expect_same(sent, [padded + 32], f"size of the message that carries {inner} bytes")
    keepalives = Sniffer(x.node, "eth0")
    x.set("peer", y.key.public, "persistent-keepalive", "1")
    found = quiet_for(keepalives, lambda packet: packet.kind() == DATA and packet.outgoing, 3)
    expect(found and len(found[0].payload) == 32, "a keepalive has 32 bytes")


@scenario(ours_only=True, needs=("nft",))
def tos(lab):
    """Handshakes carry AF41, data no DSCP; ECN is copied outward and combined inward.

    Outward, the inner ECN bits are copied, but CE becomes ECT(0). Inward, an outer CE marks
    packets that are ECT inside.
    """
    for outer in (4, 6):
        a, b = lab.node(f"a{outer}"), lab.node(f"b{outer}")
        lab.link(a, b)
        x, y = Device(lab, a, lab.mine).start(), Device(lab, b, lab.theirs).start()
        x.add(y, b.outer(outer))
        y.add(x)
        outside = Sniffer(b, "eth0")
        meets(x, y)
        for kind, expected in ((INITIATION, AF41), (RESPONSE, AF41), (DATA, 0)):
            seen = {packet.tos for packet in outside.of_kind(kind)}
            expect_same(seen, {expected}, f"TOS of message type {kind} over IPv{outer}")
        for inner, expected in ((0, 0), (ECT1, ECT1), (ECT0, ECT0), (CE, ECT0),
                                (0xb8, 0), (0xb8 | ECT0, ECT0)):
            for family in (4, 6):
                where = f"for IPv{family} in IPv{outer}"
                outside.forget()
                a.reaches(y.inner(family), 2, options=("-Q", str(inner)))
                seen = {packet.tos for packet in outside.of_kind(DATA, outgoing=False)}
                expect_same(seen, {expected}, f"outer TOS {where}, inner TOS {inner:#x}")

        a.nft("inet", "congestion", "filter hook output priority 0",
              f"oifname eth0 {'ip' if outer == 4 else 'ip6'} ecn set ce")
        inside = Sniffer(b, y.name)
        for inner, expected in ((0, 0), (ECT1, CE), (ECT0, CE), (CE, CE), (0xb8 | ECT0, 0xb8 | CE)):
            for family in (4, 6):
                where = f"for IPv{family} in IPv{outer}"
                inside.forget()
                a.reaches(y.inner(family), 2, options=("-Q", str(inner)))
                seen = {packet.tos for packet in inside.packets() if not packet.outgoing}
                expect_same(seen, {expected}, f"TOS {where}, inner TOS {inner:#x}, with CE outside")


@scenario(ours_only=True)
def quiet_when_up(lab):
    """Coming up sends nothing, even when a peer has ::/0."""
    a, b = lab.node("a"), lab.node("b")
    lab.link(a, b)
    y = Device(lab, b, lab.theirs).start()
    x = Device(lab, a, lab.mine).start(up=False)
    x.add(y, b.v4(), allowed="0.0.0.0/0,::/0")
    outside = Sniffer(a, "eth0")
    x.up()
    found = quiet_for(outside, lambda packet: packet.kind(), 2.5)
    expect(not found, f"it sends nothing, not {found}")
    expect("fe80" not in a.ip("addr", "show", x.name).stdout, "it has no link-local address")
    y.add(x)
    meets(x, y)


# Public keys of low order: the shared secret is zero with any private key (RFC 7748, section 6.1).
LOW_ORDER = (
    "00" * 32,
    "01" + "00" * 31,
    "ec" + "ff" * 30 + "7f",
    "ed" + "ff" * 30 + "7f",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
)


@scenario(ours_only=True)
def low_order_key(lab):
    """A peer whose public key yields an all-zero secret is never sent anything."""
    x, y = tunnel(lab)
    outside = Sniffer(x.node, "eth0")
    for number, key in enumerate(LOW_ORDER):
        with x.uapi() as uapi:
            uapi.set(f"public_key={key}\nendpoint={y.node.v4()}:{y.port()}\n"
                     f"allowed_ip=10.78.0.{number}/32\npersistent_keepalive_interval=1\n")
        x.node.ip("route", "replace", "10.78.0.0/24", "dev", x.name)
        x.node.ping(f"10.78.0.{number}", 1, wait=0.3)
    found = quiet_for(outside, lambda packet: packet.kind(), 1)
    expect(not found, f"it sends nothing, not {found}")
    meets(x, y)
