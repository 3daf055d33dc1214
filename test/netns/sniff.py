# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Captures the packets that cross an interface."""

import contextlib
import socket
import struct
import time

ETH_P_ALL = 3
SO_RCVBUFFORCE = 33
INITIATION, RESPONSE, COOKIE, DATA = 1, 2, 3, 4


class Packet:
    """An IPv4 or IPv6 packet; its UDP fields are None for other protocols."""

    def __init__(self, data, outgoing):
        self.data, self.outgoing, self.version = data, outgoing, data[0] >> 4
        self.sport = self.dport = self.payload = None
        if self.version == 4:
            self.tos, self.ttl, self.protocol = data[1], data[8], data[9]
            fragment, = struct.unpack_from("!H", data, 6)
            self.has_df, self.is_fragment = bool(fragment & 0x4000), bool(fragment & 0x3fff)
            self.source = socket.inet_ntop(socket.AF_INET, data[12:16])
            self.destination = socket.inet_ntop(socket.AF_INET, data[16:20])
            body = data[(data[0] & 15) * 4:]
            first = not fragment & 0x1fff
        else:
            self.tos = (data[0] << 4 | data[1] >> 4) & 0xff
            self.protocol, self.has_df = data[6], False
            self.is_fragment = self.protocol == 44
            self.source = socket.inet_ntop(socket.AF_INET6, data[8:24])
            self.destination = socket.inet_ntop(socket.AF_INET6, data[24:40])
            body, first = data[40:], True
        if self.protocol == socket.IPPROTO_UDP and first and len(body) >= 8:
            self.sport, self.dport, length = struct.unpack_from("!HHH", body)
            self.payload = body[8:length]

    def kind(self):
        """The type of a WireGuard message; 0 for anything else."""
        return self.payload[0] if self.payload and self.payload[1:4] == b"\0\0\0" else 0

    def __repr__(self):
        return (f"<{'out' if self.outgoing else 'in'} {self.source} > {self.destination} "
                f"protocol {self.protocol} kind {self.kind()} bytes {len(self.data)}>")


class Sniffer:
    """Collects the packets of one interface, starting now."""

    def __init__(self, node, dev):
        self.seen = []
        self.socket = node.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24)
        self.socket.bind((dev, ETH_P_ALL))
        self.socket.setblocking(False)

    def packets(self):
        """All packets so far, in order."""
        with contextlib.suppress(BlockingIOError):
            while True:
                data, address = self.socket.recvfrom(65600)
                if data and data[0] >> 4 in (4, 6) and address[1] in (0x0800, 0x86dd):
                    self.seen.append(Packet(data, address[2] == socket.PACKET_OUTGOING))
        return self.seen

    def of_kind(self, *kinds, outgoing=None):
        return [packet for packet in self.packets() if packet.kind() in kinds
                and outgoing in (None, packet.outgoing)]

    def forget(self):
        self.packets()
        self.seen.clear()


def quiet_for(sniffer, wanted, seconds):
    """The first packets selected by `wanted` that cross within that time; empty if none do."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := [packet for packet in sniffer.packets() if wanted(packet)]:
            return found
        time.sleep(0.02)
    return []
