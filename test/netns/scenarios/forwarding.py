# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Forwarding on an office's path (office.py): superpackets stay whole, and flows stay in order."""

import contextlib
import re
import socket
import struct
import threading
import time

from lab import expect, expect_same, until
from office import Office
from scenario import scenario

UDP, UDP_SEGMENT = 17, 103
SOL_PACKET, PACKET_VNET_HDR = 263, 15
NEEDS_CHECKSUM, GSO_TCP4, GSO_TCP6 = 1, 1, 4
# Payload bytes per packet, which fit a tunnel of MTU 1420 over either family, and the number of
# packets that make nearly 64 KiB.
SEGMENT, SEGMENTS = 1350, 47
COUNT = 20


def counters(device):
    stat = device.stat()
    return {key: stat[key] for key in ("superpackets_read", "superpackets_written", "tx_packets",
                                       "rx_packets")}


def has_uso(device):
    return "uso" in device.stat()["offloads"].split("|")


def send_udp(office, source, destination, family):
    """Sends UDP superpackets, one per call. Every datagram must arrive as it was sent."""
    kind = socket.AF_INET6 if family == 6 else socket.AF_INET
    with destination.socket(kind) as server, source.socket(kind) as client:
        server.bind((office.address(destination, family), 0))
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        server.settimeout(20)
        client.setsockopt(UDP, UDP_SEGMENT, SEGMENT)
        client.connect(server.getsockname())
        for number in range(COUNT):
            parts = [struct.pack("!II", number, at) * (SEGMENT // 8) for at in range(SEGMENTS)]
            parts = [part.ljust(SEGMENT, b".") for part in parts]
            client.send(b"".join(parts))
            for part in parts:
                expect(server.recv(2048) == part, "each datagram arrives as it was sent, in order")


def mac(node, dev):
    shown = node.ip("-o", "link", "show", dev).stdout
    return bytes.fromhex(re.search(r"link/ether (\S+)", shown)[1].replace(":", ""))


def tcp_superpacket(source, destination, family):
    """A TCP superpacket with a partial checksum, and the virtio header that describes it."""
    kind = socket.AF_INET6 if family == 6 else socket.AF_INET
    ends = socket.inet_pton(kind, source) + socket.inet_pton(kind, destination)
    tcp_len = 20 + SEGMENT * SEGMENTS
    if family == 4:
        ip = bytearray(struct.pack("!BBHHHBBH", 0x45, 0, 20 + tcp_len, 1, 0x4000, 64, 6, 0) + ends)
        ip[10:12] = struct.pack("!H", 0xffff ^ folded(ip))
    else:
        ip = struct.pack("!IHBB", 6 << 28, tcp_len, 6, 64) + ends
    pseudo = folded(ends + struct.pack("!II", tcp_len, 6))
    tcp = struct.pack("!HHIIBBHHH", 4000, 4001, 1, 1, 5 << 4, 0x10, 1000, pseudo, 0)
    header = struct.pack("=BBHHHH", NEEDS_CHECKSUM, GSO_TCP6 if family == 6 else GSO_TCP4,
                         14 + len(ip) + 20, SEGMENT, 14 + len(ip), 16)
    return header, bytes(ip) + tcp + bytes(SEGMENT * SEGMENTS)


def folded(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xffff:
        total = (total & 0xffff) + (total >> 16)
    return total


def send_tcp(office, source, destination, family):
    """Sends TCP superpackets of a fixed size, independent of this machine's TCP.

    They belong to no connection; the destination's firewall drops them.
    """
    gateway = office.gateway(source)
    destination.nft("inet", "stray", "filter hook input priority 0", "tcp dport 4001 drop")
    header, packet = tcp_superpacket(office.address(source, family),
                                     office.address(destination, family), family)
    frame = mac(gateway, "eth0") + mac(source, "eth0") + \
        struct.pack("!H", 0x86dd if family == 6 else 0x0800)
    with source.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as raw:
        raw.bind(("eth0", 0))
        raw.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        for _ in range(COUNT):
            raw.send(header + frame + packet)
            time.sleep(0.002)


@scenario(ours_only=True, seconds=60)
def superpackets_are_forwarded_whole(lab):
    """64 KiB superpackets from hosts behind a gateway cross its tunnel and a hub whole."""
    office = Office(lab)
    office.meet()
    kinds = [send_tcp]
    if has_uso(office.x):
        kinds.append(send_udp)
    else:
        lab.notes.append("this kernel's TUN has no UDP superpackets")
    for send in kinds:
        for family in (4, 6):
            for source, destination in ((office.b, office.d), (office.d, office.b)):
                near, far = office.device(source), office.device(destination)
                before = [counters(device) for device in (near, office.hub, far)]

                def grown(i, key):
                    return counters((near, office.hub, far)[i])[key] - before[i][key]
                what = f"{send.__name__} from {source.name} over IPv{family}"
                send(office, source, destination, family)
                until(lambda: grown(2, "rx_packets") >= COUNT * SEGMENTS,
                      f"all packets arrive: {what}", 20)
                expect_same(grown(0, "superpackets_read"), COUNT, f"superpackets read, {what}")
                written = grown(1, "superpackets_written")
                expect(written >= COUNT, f"the hub writes superpackets, not {written}: {what}")
                expect_same(grown(1, "superpackets_read"), written,
                            f"superpackets that return to the hub, {what}")


@scenario(ours_only=True, seconds=90)
def tcp_is_forwarded(lab):
    """TCP between hosts behind two gateways, in both directions and families.

    The hosts send superpackets, then single packets that the gateway's own device coalesces.
    """
    office = Office(lab)
    office.meet()

    def transfer_all():
        for family in (4, 6):
            for source, destination in ((office.b, office.d), (office.d, office.b)):
                before = counters(office.device(source))
                lab.transfer(source, destination, office.address(destination, family), 4 << 20)
                after = counters(office.device(source))
                expect(after["superpackets_read"] > before["superpackets_read"],
                       f"superpackets from {source.name} are read, over IPv{family}")
    transfer_all()
    for host in (office.b, office.d):
        host.offloads_off("eth0")
        office.gateway(host).offload("eth0", "gro", True)
    transfer_all()
    hub = counters(office.hub)
    expect_same(hub["superpackets_read"], hub["superpackets_written"],
                "superpackets that the hub reads, compared with those it wrote")


class Stream:
    """Numbered datagrams from one socket to another, at a moderate rate."""

    def __init__(self, source, destination, count):
        self.source, self.destination, self.count = source, destination, count
        self.got = []
        self.threads = [threading.Thread(target=run, daemon=True) for run in (self.send, self.take)]

    def send(self):
        for number in range(self.count):
            self.source.send(struct.pack("!I", number) * 50)
            if number % 20 == 19:
                time.sleep(0.002)

    def take(self):
        with contextlib.suppress(OSError):
            while len(self.got) < self.count:
                self.got.append(struct.unpack("!I", self.destination.recv(2048)[:4])[0])

    def late(self):
        """The number of datagrams that arrived after one with a greater number."""
        greatest, late = -1, 0
        for number in self.got:
            late += number < greatest
            greatest = max(greatest, number)
        return late


@scenario(ours_only=True, seconds=90)
def hub_keeps_order(lab):
    """A hub with many workers keeps both directions of a forwarded flow in order."""
    office = Office(lab, hub_env={"LOG_LEVEL": "verbose", "TIELINE_WORKERS": "16"})
    office.meet()
    count, late, total = 4000, 0, 0
    for family in (4, 6):
        kind = socket.AF_INET6 if family == 6 else socket.AF_INET
        ends = [host.socket(kind) for host in (office.b, office.d)]
        addresses = [(office.address(host, family), 5000) for host in (office.b, office.d)]
        for end, own, other in zip(ends, addresses, reversed(addresses)):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            end.settimeout(3)
            end.bind(own)
            end.connect(other)
        streams = [Stream(ends[0], ends[1], count), Stream(ends[1], ends[0], count)]
        for thread in [thread for stream in streams for thread in stream.threads]:
            thread.start()
        for stream in streams:
            for thread in stream.threads:
                thread.join()
            expect(len(stream.got) > count / 2,
                   f"most datagrams arrive, not only {len(stream.got)} of {count}")
            late += stream.late()
            total += len(stream.got)
    # On a busy machine the cable itself may let packets overtake each other.
    expect(late <= total / 200, f"datagrams arrive in order, not {late} of {total} late")
    lab.notes.append(f"{late} of {total} late")
