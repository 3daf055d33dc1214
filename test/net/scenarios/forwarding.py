# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""What others send through us: whole superpackets, in their order, on the path of an office (office.py)."""

import contextlib
import socket
import struct
import threading
import time

from lab import expect
from office import Office
from scenario import scenario


class Stream:
    """Numbered datagrams from one socket to another, at a bearable rate."""

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
        """How many came after one with a greater number."""
        greatest, late = -1, 0
        for number in self.got:
            late += number < greatest
            greatest = max(greatest, number)
        return late


@scenario(ours_only=True, seconds=90)
def hub_keeps_order(lab):
    """A hub with many workers forwards both directions of a flow, each in its order."""
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
            expect(len(stream.got) > count / 2, f"most arrives, not only {len(stream.got)} of {count}")
            late += stream.late()
            total += len(stream.got)
    # Where processors are short, the cable itself may let two packets overtake each other.
    expect(late <= total / 200, f"datagrams arrive in their order, not {late} of {total} late")
    lab.notes.append(f"{late} of {total} late")
