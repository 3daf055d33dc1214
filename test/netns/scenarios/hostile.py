# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Datagrams from strangers: they get no answer and have no effect."""

import contextlib
import hashlib
import random
import socket
import struct
import threading
import time

from device import Device, meets, tunnel
from lab import expect, until
from scenario import scenario
from sniff import COOKIE, DATA, INITIATION, RESPONSE, Sniffer

SIZES = {INITIATION: 148, RESPONSE: 92, COOKIE: 64}


def with_mac1(message, public):
    """The handshake message with a correct mac1, which takes only the public key."""
    head, key = message[:-32], hashlib.blake2s(b"mac1----" + public).digest()
    return head + hashlib.blake2s(head, key=key, digest_size=16).digest() + bytes(16)


def malformed(generator, public):
    """Datagrams that no peer would send."""
    for size in (0, 1, 3, 4, 15, 16, 31, 32, 33, 63, 65, 91, 93, 147, 149, 1500, 9000):
        yield bytes(size)
        yield generator.randbytes(size)
    for kind, size in SIZES.items():
        for change in (-1, 0, 1):
            yield struct.pack("<I", kind) + generator.randbytes(size - 4 + change)
        yield struct.pack("<I", kind | 0x100) + generator.randbytes(size - 4)
    for kind in (0, 5, 255, 0x01000000):
        yield struct.pack("<I", kind) + generator.randbytes(144)
    for size in (0, 1, 15, 16, 17, 1420):
        yield struct.pack("<IIQ", DATA, generator.getrandbits(32), 0) + generator.randbytes(size)
        yield struct.pack("<IIQ", DATA, 0, 2**64 - 1) + generator.randbytes(size)
    for kind, size in ((INITIATION, 148), (RESPONSE, 92)):
        for _ in range(4):
            message = struct.pack("<I", kind) + generator.randbytes(size - 4)
            yield with_mac1(message, public)
    for _ in range(300):
        yield generator.randbytes(generator.randrange(1600))


def altered(generator, messages):
    """Captured messages: unchanged, truncated, extended, and with one bit flipped."""
    for message in messages:
        yield message
        yield message[:-1]
        yield message + b"\0"
        yield message[:generator.randrange(len(message))]
        for _ in range(20):
            at = generator.randrange(8 * len(message))
            turned = bytearray(message)
            turned[at // 8] ^= 1 << at % 8
            yield bytes(turned)


class Attacker:
    """Sends from its own port on one host to the device on another, over IPv4 and IPv6."""

    def __init__(self, node, victim):
        self.sockets = []
        for family, address in ((socket.AF_INET, victim.node.v4()),
                                (socket.AF_INET6, victim.node.v6())):
            made = node.socket(family)
            made.connect((address, victim.port()))
            self.sockets.append(made)
        self.ports = {made.getsockname()[1] for made in self.sockets}

    def send(self, datagram):
        for made in self.sockets:
            with contextlib.suppress(OSError):
                made.send(datagram)

    def answers(self, sniffer):
        return [packet for packet in sniffer.packets()
                if not packet.outgoing and packet.dport in self.ports]


@scenario(each_peer=True)
def malformed_datagrams(lab):
    """Random, truncated, altered and replayed datagrams get no answer; the tunnel goes on."""
    x, y = tunnel(lab)
    outside = Sniffer(y.node, "eth0")
    meets(y, x)
    captured = [packet.payload for packet in outside.of_kind(1, 2, 3, 4)
                if packet.outgoing][:12]
    expect({message[0] for message in captured} >= {INITIATION, DATA}, "both types are captured")
    attacker = Attacker(y.node, x)
    before = x.peer(y)
    generator = random.Random(1)
    sent = 0
    for datagram in (*malformed(generator, x.key.public_raw), *altered(generator, captured)):
        attacker.send(datagram)
        sent += 1
    meets(x, y)
    after = x.peer(y)
    expect(not attacker.answers(outside), f"no answer, not {attacker.answers(outside)[:3]}")
    expect(after.endpoint == before.endpoint, "no replayed packet moves the endpoint")
    expect(after.handshake == before.handshake, "there was no new handshake")
    expect(x.is_alive(), "the daemon still runs")
    lab.notes.append(f"{sent} datagrams")


@scenario(each_peer=True)
def stranger(lab):
    """A well-formed handshake from a node that is not a peer gets no answer.

        a eth0 ---+--- eth0 b     c has a as peer, but a knows only b
                  |
                  +--- eth0 c
    """
    a, b, c = lab.node("a"), lab.node("b"), lab.node("c")
    lab.lan(a, b, c)
    x = Device(lab, a, lab.mine).start()
    y, z = Device(lab, b, lab.theirs).start(), Device(lab, c, lab.theirs).start()
    x.add(y, b.v4())
    y.add(x, a.v4())
    z.add(x, a.v4())
    outside = Sniffer(c, "eth0")
    expect(c.ping(x.inner4, 2, wait=1).received == 0, "a stranger's ping does not pass")
    expect(outside.of_kind(INITIATION, outgoing=True), "the stranger did try")
    expect(not outside.of_kind(1, 2, 3, 4, outgoing=False), "the stranger gets no answer")
    meets(x, y)


@scenario(each_peer=True, alone=True, seconds=90)
def flood(lab):
    """During a flood of initiations a peer still gets through, with a cookie.

    The flood repeats one captured initiation from another port: its mac1 is correct, but it is
    a replay. Only cookie replies may answer it.
    """
    x, y = tunnel(lab)
    outside = Sniffer(y.node, "eth0")
    meets(y, x)
    initiation = outside.of_kind(INITIATION)[0].payload
    attacker = Attacker(y.node, x)
    over = threading.Event()

    def throw():
        while not over.is_set():
            for _ in range(200):
                attacker.send(initiation)
            time.sleep(0.004)
    thread = threading.Thread(target=throw, daemon=True)
    thread.start()
    try:
        begun = time.monotonic()
        # The socket's buffer is full of the flood, so some pings may be lost.
        until(lambda: x.node.ping(y.inner4, 1, wait=1).received, "the old session goes on", 10)
        first = y.peer(x).handshake
        y.remove(x)
        y.add(x, x.node.v4())
        until(lambda: y.node.ping(x.inner4, 1, wait=1).received,
              "a new handshake succeeds in the flood", 40)
        expect(y.peer(x).handshake >= first, "the handshake is shown")
        took = time.monotonic() - begun
    finally:
        over.set()
        thread.join()
    answers = attacker.answers(outside)
    expect(all(packet.kind() == COOKIE and len(packet.payload) == 64 for packet in answers),
           "only cookie replies answer the flood")
    if x.ours:
        expect(answers, "under load it sends cookie replies")
    # The rest of the flood in the socket's buffer comes first.
    until(lambda: x.node.ping(y.inner4, 3, wait=1).received == 3, "the flood has drained", 10)
    meets(x, y)
    lab.notes.append(f"{len(answers)} cookie replies, new handshake after {took:.1f} s")
