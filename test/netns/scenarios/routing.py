# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Where packets may go: allowed IPs, spoofed sources, and destinations without a peer."""

import time

from device import Device, Key, meets, tunnel
from lab import expect
from scenario import scenario
from sniff import Sniffer


@scenario(each_peer=True)
def prefix_moves(lab):
    """A prefix given to a second peer takes effect at once, and the first peer loses it.

        a eth0 ---+--- eth0 b     10.80.0.1 on the tunnel interfaces of both b and c
                  |
                  +--- eth0 c
    """
    a, b, c = lab.node("a"), lab.node("b"), lab.node("c")
    lab.lan(a, b, c)
    x = Device(lab, a, lab.mine).start()
    y, z = Device(lab, b, lab.theirs).start(), Device(lab, c, lab.theirs).start()
    a.ip("route", "add", "10.80.0.0/24", "dev", x.name)
    for other in (y, z):
        other.node.ip("addr", "add", "10.80.0.1/32", "dev", other.name)
        x.add(other, other.node.v4())
        other.add(x, a.v4())
        meets(x, other)

    def give(owner, loser):
        x.set("peer", owner.key.public, "allowed-ips",
              f"{owner.inner4}/32,{owner.inner6}/128,10.80.0.0/24")
        expect("10.80.0.0/24" in x.peer(owner).allowed, "the new owner has the prefix")
        expect("10.80.0.0/24" not in x.peer(loser).allowed, "the old one no longer has it")
        arrivals = {device: Sniffer(device.node, device.name) for device in (owner, loser)}
        a.reaches("10.80.0.1")
        lost = loser.node.ping(x.inner4, 2, wait=0.5, options=("-I", "10.80.0.1"))
        expect(lost.received == 0, "packets of the prefix from the old owner are dropped")
        owner.node.reaches(x.inner4, 2, options=("-I", "10.80.0.1"))
        expect(not [packet for packet in arrivals[loser].packets()
                    if packet.destination == "10.80.0.1" and not packet.outgoing],
               "no packet for the prefix goes to the old owner")

    give(y, z)
    give(z, y)
    give(y, z)


@scenario(each_peer=True)
def longest_prefix(lab):
    """The longest matching prefix decides, for destinations and for sources.

        a eth0 ---+--- eth0 b     b has 0.0.0.0/0, c has 10.77.0.3/32 (its own address)
                  |
                  +--- eth0 c
    """
    a, b, c = lab.node("a"), lab.node("b"), lab.node("c")
    lab.lan(a, b, c)
    x = Device(lab, a, lab.mine).start()
    y, z = Device(lab, b, lab.theirs).start(), Device(lab, c, lab.theirs).start()
    x.add(y, b.v4(), allowed="0.0.0.0/0,::/0")
    x.add(z, c.v4())
    y.add(x, a.v4())
    z.add(x, a.v4())
    meets(x, y)
    meets(x, z)
    meets(x, z, 6)
    b.ip("addr", "add", f"{z.inner4}/32", "dev", y.name)
    inside = Sniffer(a, x.name)
    expect(b.ping(x.inner4, 2, wait=0.5, options=("-I", z.inner4)).received == 0,
           "b gets no answer when it uses c's address")
    if x.ours:
        expect(not [packet for packet in inside.packets() if packet.source == z.inner4],
               "no packet from b with c's source leaves the tunnel")


@scenario(each_peer=True)
def spoofed_source(lab):
    """A packet whose inner source is not the peer's is dropped; the tunnel goes on."""
    x, y = tunnel(lab)
    meets(x, y)
    y.node.ip("addr", "add", "10.77.0.99/32", "dev", y.name)
    y.node.ip("addr", "add", "fd77::99/128", "dev", y.name, "nodad")
    inside = Sniffer(x.node, x.name)
    before = y.peer(x).tx
    for to, source in ((x.inner4, "10.77.0.99"), (x.inner6, "fd77::99")):
        y.node.ping(to, 3, wait=0.2, options=("-I", source))
    expect(y.peer(x).tx > before, "y sends them")
    meets(x, y)
    expect(not [packet for packet in inside.packets() if packet.source.endswith("99")],
           "no spoofed packet leaves the tunnel")


@scenario(ours_only=True)
def unreachable(lab):
    """Packets for no peer, or for a peer without an endpoint, get an ICMP unreachable at once."""
    x, y = tunnel(lab)
    meets(x, y)
    x.set("peer", Key(lab).public, "allowed-ips", "10.77.0.88/32,fd77::88/128")
    outside = Sniffer(x.node, "eth0")
    for address, word in (("10.77.0.77", "Destination Host Unreachable"),
                          ("10.77.0.88", "Destination Host Unreachable"),
                          ("fd77::77", "Address unreachable"),
                          ("fd77::88", "Address unreachable")):
        ping = x.node.ping(address, 1, wait=2)
        expect(word in ping.text, f"{address}: {word}\n{ping.text}")
    expect(not outside.of_kind(1, 2, 3, 4), "nothing goes out")
    meets(x, y)


@scenario(ours_only=True)
def no_storm_of_errors(lab):
    """ICMP errors are rate limited; multicast, broadcast and ICMP errors get none."""
    x, y = tunnel(lab)
    inside = Sniffer(x.node, x.name)
    sender, begun = x.node.socket(), time.monotonic()
    for number in range(20000):
        sender.sendto(bytes(number % 100), ("10.77.0.77", 9))
    seconds = time.monotonic() - begun
    answers = [packet for packet in inside.packets() if not packet.outgoing]
    expect(0 < len(answers) < 1000 + 2000 * seconds,
           f"some errors for 20000 datagrams in {seconds:.1f} s, not {len(answers)}")
    x.node.reaches(y.inner4)  # its packets follow all of those
    inside.forget()
    for several in ("224.0.0.5", "255.255.255.255"):
        x.node.ip("route", "add", several, "dev", x.name)
        x.node.ping(several, 2, wait=0.3, options=("-b",))
    expect([packet for packet in inside.packets() if packet.outgoing], "they reach the tunnel")
    errors = [packet for packet in inside.packets() if not packet.outgoing]
    expect(not errors, f"no error answers multicast or broadcast, not {errors}")
