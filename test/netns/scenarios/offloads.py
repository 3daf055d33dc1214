# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Superpackets on the interface and GSO/GRO on the sockets: packets arrive the same with offloads,
without them, and where the kernel offers an offload and then refuses it."""

import errno
import os
import socket

from device import Device, is_sanitized, join, meets
from lab import Skip, expect, expect_same, read
from scenario import scenario

UDP, UDP_SEGMENT, IP_RECVTOS = 17, 103, 13
ECT0, CE = 2, 3


def counters(device):
    stat = device.stat()
    return {key: stat[key] for key in ("superpackets_read", "pieces_sent", "pieces_received",
                                       "superpackets_written", "offloads_refused")}


def pair(lab, mine, theirs, mtu=None):
    """Like tunnel(), with an environment for each device; may be called repeatedly."""
    if not lab.nodes:
        lab.link(lab.node("a"), lab.node("b"))
    a, b = lab.nodes["a"], lab.nodes["b"]
    quiet = {"LOG_LEVEL": "verbose"}
    x = Device(lab, a, lab.mine, env=quiet | mine).start()
    y = Device(lab, b, lab.theirs, env=quiet | theirs).start()
    for device in (x, y):
        if mtu:
            device.node.ip("link", "set", device.name, "mtu", str(mtu))
    join(x, y)
    meets(x, y)
    return x, y


def datagrams(x, y, segment, count, family=4, tos=0):
    """Sends many datagrams of one length and a shorter one in one call. Expects all to arrive, in
    order. Returns the set of TOS values that arrived."""
    kind = socket.AF_INET6 if family == 6 else socket.AF_INET
    data = os.urandom(segment * count + segment // 3)
    server, client = y.node.socket(kind), x.node.socket(kind)
    with server, client:
        server.bind((y.inner(family), 0))
        server.settimeout(5)
        client.setsockopt(UDP, UDP_SEGMENT, segment)
        if family == 4:
            server.setsockopt(socket.IPPROTO_IP, IP_RECVTOS, 1)
            client.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, tos)
        client.connect(server.getsockname())
        client.send(data)
        seen = set()
        for at in range(0, len(data), segment):
            got, control, _, _ = server.recvmsg(65536, 64)
            expect(got == data[at:at + segment], f"datagram {at // segment} of {count} is correct")
            seen |= {value[0] for level, type_, value in control if type_ == socket.IP_TOS}
    return seen


def exchange(lab, x, y):
    lab.transfer(x.node, y.node, y.inner4, 2 << 20)
    lab.transfer(y.node, x.node, x.inner6, 2 << 20)
    for segment, count in ((1000, 20), (64, 60), (1392, 40)):
        for family in (4, 6):
            if segment < 1392 or family == 4:
                datagrams(x, y, segment, count, family)
                datagrams(y, x, segment, count, family)


@scenario(ours_only=True, seconds=60)
def offloads_on_and_off(lab):
    """Every set of offloads against a different one: data arrives, and disabled ones are unused."""
    sets = ("all", "none", "tso", "uso", "gso", "gro", "tso,uso", "gso,gro")
    lacking = set()
    for mine, theirs in zip(sets, reversed(sets)):
        x, y = pair(lab, {"TIELINE_OFFLOAD": mine}, {"TIELINE_OFFLOAD": theirs})
        exchange(lab, x, y)
        for device, wanted in ((x, mine), (y, theirs)):
            used, found = device.stat()["offloads"].split("|"), counters(device)
            expect_same(found["offloads_refused"], 0, f"offloads refused with {wanted}")
            for name in ("tso", "uso", "gso", "gro"):
                if wanted != "all" and name not in wanted.split(","):
                    expect(name not in used, f"{name} is off with {wanted}, in {used}")
                elif name not in used:
                    lacking.add(name)
            tun, gso = {"tso", "uso"} & set(used), "gso" in used
            expect(bool(found["superpackets_read"]) == bool(tun),
                   f"superpackets are read with {used}: {found}")
            expect(bool(found["pieces_sent"]) == gso, f"pieces are sent with {used}: {found}")
            other = (theirs if device is x else mine).replace("all", "gso")
            joined = "gro" in used and "gso" in other
            expect(bool(found["pieces_received"]) == joined,
                   f"pieces are received with {used}: {found}")
            if not tun or joined:
                expect(bool(found["superpackets_written"]) == bool(tun),
                       f"superpackets are written with {used}: {found}")
        for device in (x, y):
            device.stop()
    if lacking:
        lab.notes.append(f"this kernel lacks {', '.join(sorted(lacking))}")


@scenario(ours_only=True)
def offloads_keep_ecn(lab):
    """Congestion marked on an outer GSO packet is seen by each packet inside it."""
    x, y = pair(lab, {}, {})
    expect_same(datagrams(x, y, 1000, 20, tos=ECT0), {ECT0}, "TOS values")
    x.node.nft("inet", "congestion", "filter hook output priority 0", "oifname eth0 ip ecn set ce")
    expect_same(datagrams(x, y, 1000, 20, tos=ECT0), {CE}, "TOS values after CE outside")
    expect_same(datagrams(x, y, 1000, 20, tos=0xb8), {0xb8}, "TOS values without ECN")


@scenario(ours_only=True)
def pieces_too_long(lab):
    """Datagrams longer than the path MTU go singly, since GSO cannot fragment; others use GSO."""
    x, y = pair(lab, {}, {}, mtu=9000)
    for _ in range(3):
        datagrams(x, y, 5000, 5)
    lab.transfer(x.node, y.node, y.inner4, 2 << 20)
    once = counters(x)
    expect(once["offloads_refused"] >= 1, "the kernel refuses a piece (a GSO send)")
    expect(once["offloads_refused"] < 10, f"tielined remembers the refusal, not {once}")
    datagrams(x, y, 1000, 20)
    again = counters(x)
    expect(again["pieces_sent"] > once["pieces_sent"], "shorter datagrams go as pieces")
    expect_same(again["offloads_refused"], once["offloads_refused"], "offloads refused")
    expect("gso" in x.stat()["offloads"], "pieces are not given up")


def preload(lab, **refused):
    if is_sanitized(lab.mine):
        raise Skip("sanitizers make calls of their own; other builds are tested")
    return {"LD_PRELOAD": lab.tool("refuse.so")} | {key: str(number)
                                                    for key, number in refused.items()}


@scenario(ours_only=True)
def refused_superpackets(lab):
    """A TUN that refuses superpackets gets single packets; none is lost, and tielined gives up."""
    x, y = pair(lab, {}, preload(lab, REFUSE_SUPERPACKETS=errno.EINVAL))
    exchange(lab, x, y)
    found = counters(y)
    expect_same(found["superpackets_written"], 0, "superpackets written")
    expect(3 <= found["offloads_refused"] < 20, f"a few refusals, not {found}")
    expect_same(y.stat()["tun_errors"], 0, "packets lost")
    expect(not {"tso", "uso"} & set(y.stat()["offloads"].split("|")), "both are given up")
    expect(b"not used until the next start" in read(y.log), "the log says so")


@scenario(ours_only=True)
def refused_pieces(lab):
    """If the kernel refuses GSO, datagrams go singly: at once if the device cannot, else soon."""
    for number, refused in ((errno.EIO, (1, 1)), (errno.EMSGSIZE, (1, 20)),
                            (errno.EINVAL, (2, 20))):
        x, y = pair(lab, preload(lab, REFUSE_PIECES=number), {})
        exchange(lab, x, y)
        found = counters(x)
        least, most = refused
        expect(least <= found["offloads_refused"] <= most,
               f"{least} to {most} refusals with {errno.errorcode[number]}, not {found}")
        expect_same(x.stat()["tx_errors"], 0, "datagrams lost")
        expect_same("gso" in x.stat()["offloads"].split("|"), number != errno.EIO,
                    f"whether GSO is still tried after {errno.errorcode[number]}")
        expect_same(counters(y)["pieces_received"], 0, "pieces received")
        for device in (x, y):
            device.stop()
