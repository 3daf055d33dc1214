# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""A flow leaves a tunnel in the order it entered, even if the session begins in the middle."""

import contextlib
import os
import socket
import struct
import threading
import time

from device import Device, join, meets, tunnel
from lab import expect, until
from scenario import scenario

UDP_SEGMENT, SO_RCVBUFFORCE = 103, 33
DATAGRAMS = 800  # per flow and start: many wait for the session, and many come after it
EACH_S = 40e-6


class Flow:
    """Numbered datagrams from one device to another, as single packets or as superpackets."""

    def __init__(self, source, destination, family, port, a_send=1, size=300):
        self.name = (f"{source.name} to {destination.name} over IPv{family}"
                     + (f", {a_send} a send" if a_send > 1 else ""))
        self.to = destination.inner(family), port
        self.a_send, self.size, self.number = a_send, size, 0
        kind = socket.AF_INET if family == 4 else socket.AF_INET6
        self.sender = source.node.socket(kind)
        if a_send > 1:
            self.sender.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, size)
        self.receiver = destination.node.socket(kind)
        self.receiver.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
        self.receiver.setblocking(False)
        self.receiver.bind(self.to)

    def send(self):
        first, self.number = self.number, self.number + self.a_send
        data = b"".join(struct.pack(">I", number).ljust(self.size, b"x")
                        for number in range(first, self.number))
        with contextlib.suppress(OSError):  # for example, if the interface's queue is full
            self.sender.sendto(data, self.to)

    def received(self):
        """The numbers that have arrived since the last call, in order of arrival."""
        numbers = []
        with contextlib.suppress(BlockingIOError):
            while True:
                numbers.append(struct.unpack(">I", self.receiver.recv(4096)[:4])[0])
        return numbers

    def close(self):
        self.sender.close()
        self.receiver.close()


def stream(flows):
    """Sends on all flows in parallel, at a fixed pace."""
    due = time.monotonic()
    while any(flow.number < DATAGRAMS for flow in flows):
        for flow in flows:
            if flow.number < DATAGRAMS:
                flow.send()
            due += EACH_S * flow.a_send
        while time.monotonic() < due:
            pass


def arrives_in_order(flow):
    numbers = flow.received()

    def has_last():
        numbers.extend(flow.received())
        return numbers and numbers[-1] == flow.number - 1

    while not has_last():  # a busy machine may lose the last one
        flow.send()
        time.sleep(0.02)
    late = [number for before, number in zip(numbers, numbers[1:]) if number < before]
    expect(not late, f"{flow.name}: no datagram overtakes another, but {len(late)} of"
                     f" {len(numbers)} came late, {late[0] if late else ''} first")


def begin_anew(x, y, y_knows):
    """Takes both links down and up, which ends the session. y may know x's endpoint."""
    x.down()
    y.down()
    if not y_knows:
        y.remove(x)
        y.add(x)
    for device in (y, x):
        device.up()
        device.address()  # the kernel has removed the IPv6 address


def crowd(device):
    """Pins all threads of the daemon to one processor, so that they preempt each other anywhere."""
    for task in os.listdir(f"/proc/{device.process.pid}/task"):
        os.sched_setaffinity(int(task), [min(os.sched_getaffinity(0))])


def starts(lab, workers):
    lab.mine.options = ["--workers", str(workers)]
    x, y = (Device(lab, lab.nodes[name], lab.mine, letter=name).start() for name in "xy")
    join(x, y)
    meets(x, y)
    for start in range(4):
        if start == 2:
            crowd(x)
            crowd(y)
        begin_anew(x, y, start % 2)
        family = 4 if start % 4 < 2 else 6
        flows = [Flow(x, y, family, 7001), Flow(y, x, family, 7002),
                 Flow(x, y, family, 7003, a_send=20), Flow(y, x, family, 7004, a_send=20)]
        stream(flows)
        for flow in flows:
            arrives_in_order(flow)
            flow.close()
    x.stop()
    y.stop()


@contextlib.contextmanager
def flood(flow):
    """Sends as fast as possible for the length of the context."""
    is_over = threading.Event()

    def send():
        while not is_over.is_set():
            flow.send()

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def goes_directly(device):
    """Whether packets bypass the engine: many are sent, and it drops none for a full queue."""
    before = device.stat()
    time.sleep(0.3)
    after = device.stat()
    return (after["tx_packets"] > before["tx_packets"] + 100 and after["staged_packets"] == 0 and
            after["drop_staged_full"] == before["drop_staged_full"])


@scenario(ours_only=True, alone=True)
def flood_that_begins_before_its_session(lab):
    """A flood too fast for the engine begins without a session: it soon bypasses the engine."""
    x, y = tunnel(lab)
    meets(x, y)
    crowd(x)
    flow = Flow(x, y, 4, 7001, a_send=40, size=1300)
    with flood(flow):
        for _ in range(3):
            begin_anew(x, y, True)
            until(lambda: goes_directly(x), "packets go directly", 20)
    flow.close()


@scenario(ours_only=True, seconds=120)
def stream_that_begins_before_its_session(lab):
    """Packets that waited for a handshake leave before later ones, on both sides."""
    lab.link(lab.node("x"), lab.node("y"))
    for workers in (1, 2, 4):
        starts(lab, workers)
