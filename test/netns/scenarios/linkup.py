# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Bringing a link up: datagrams that reach its port at that moment are not lost."""

import contextlib
import errno
import signal
import socket

from device import Device, join, meets
from lab import expect, expect_same, read, until
from scenario import scenario
from sniff import INITIATION, Sniffer

PORT = 45110


def two_with_a_port(lab, up=False):
    """y knows x's port and x does not know y's endpoint, so y initiates."""
    a, b = lab.node("a"), lab.node("b")
    lab.link(a, b)
    x, y = Device(lab, a, lab.mine).start(up=False), Device(lab, b, lab.theirs).start()
    x.set("listen-port", PORT)
    join(x, y, b_knows=True, a_knows=False)
    if up:
        x.up()
    return x, y


@contextlib.contextmanager
def asleep(device):
    """Stops the daemon for the length of the context, as if the processors were busy."""
    device.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        device.process.send_signal(signal.SIGCONT)


def begin(device, other):
    """Makes a device start a handshake. Returns once the initiation has reached the other."""
    outside = Sniffer(other.node, "eth0")
    ping = device.node.popen("ping", "-n", "-c", "1", "-W", "9", other.inner4,
                             log=device.lab.file("ping"))
    until(lambda: outside.of_kind(INITIATION, outgoing=False), "the initiation arrives")
    return ping


def is_answered(ping):
    """Expects an answer before the next initiation is due."""
    until(lambda: ping.poll() is not None, "the first initiation is answered", 4.5)
    expect_same(ping.returncode, 0, "exit status of ping")


def forget_session(device):
    device.node.ip("link", "set", device.name, "down")
    device.node.ip("link", "set", device.name, "up")


@scenario(ours_only=True)
def heard_once_up(lab):
    """An initiation right after `ip link set up' is answered, however late the daemon notices.

    This holds for the first `up' and for `down' followed by `up'.
    """
    x, y = two_with_a_port(lab)
    with asleep(x):
        x.node.ip("link", "set", x.name, "up")
        ping = begin(y, x)
    is_answered(ping)
    for turn in range(3):
        forget_session(y)
        with asleep(x):
            x.node.ip("link", "set", x.name, "down")
            x.node.ip("link", "set", x.name, "up")
            x.address()
            ping = begin(y, x)
        is_answered(ping)
    meets(x, y)


@scenario(ours_only=True)
def heard_at_once(lab):
    """The same with a running daemon, IPv6 and a mark, after a start and after the link moves."""
    x, y = two_with_a_port(lab)
    far = lab.node("c")
    for turn in range(6):
        x.set("fwmark", turn)
        moves = turn % 3 == 2
        if moves:
            x.node.ip("link", "set", x.name, "netns", far.ns)
            x.address(far)
        forget_session(y)
        y.add(x, x.node.outer(6 if turn % 2 else 4))
        (far if moves else x.node).ip("link", "set", x.name, "up")
        is_answered(begin(y, x))
        x.stop()
        x.start(up=False)
        x.set("listen-port", PORT)
        x.add(y)


@scenario(ours_only=True, seconds=60)
def silent_while_down(lab):
    """Nothing is answered before the first `up'; messages too old by then are never answered."""
    x, y = two_with_a_port(lab)
    outside = Sniffer(x.node, "eth0")
    stranger = y.node.socket()
    for length in (1, 32, 148, 1400):
        stranger.sendto(bytes([1, 0, 0, 0]) + bytes(length), (x.node.v4(), PORT))
    y.node.popen("ping", "-n", "-c", "1", "-W", "20", x.inner4, log=lab.file("ping"))
    until(lambda: y.stat()["initiations_sent"] >= 2, "y initiates again", 15)
    found = [packet for packet in outside.packets()
             if packet.outgoing and packet.protocol in (socket.IPPROTO_UDP, socket.IPPROTO_ICMP)]
    expect(not found, f"x stays silent, not {found}")
    x.up()
    until(lambda: y.peer(x).handshake, "the last initiation is answered", 15)
    expect(x.stat()["initiations_received"] < y.stat()["initiations_sent"], "the first was dropped")
    meets(x, y)


def can_bind(node, port):
    with contextlib.closing(node.socket()) as one:
        try:
            one.bind(("", port))
        except OSError as error:
            expect_same(error.errno, errno.EADDRINUSE, "why a port cannot be bound")
            return False
        return True


@scenario(ours_only=True)
def port_before_up(lab):
    """A port is bound once it is set, until `down'; before `up' a taken port is not an error."""
    x, y = two_with_a_port(lab)
    node = x.node
    expect(not can_bind(node, PORT), "the port is bound")
    x.set("listen-port", PORT + 1)
    until(lambda: can_bind(node, PORT), "changing the port frees the first one")
    expect(not can_bind(node, PORT + 1), "the new port is bound")
    x.set("listen-port", 0)
    until(lambda: can_bind(node, PORT + 1), "without a port, nothing is bound")
    with contextlib.closing(node.socket()) as taken:
        taken.bind(("", PORT))
        with x.uapi() as uapi:
            expect_same(uapi.set(f"listen_port={PORT}\n"), 0, "errno for a taken port while down")
        expect_same(x.port(), PORT, "the port shown")
        expect(b"cannot listen" not in read(x.log), "the log has no error")
        node.ip("link", "set", x.name, "up")
        until(lambda: b"cannot listen on UDP port" in read(x.log), "once up, the log has the error")
    until(lambda: PORT in x.udp_ports()[0] and PORT in x.udp_ports()[1], "the port is bound", 8)
    y.node.reaches(x.inner4)
    x.down()
    until(lambda: can_bind(node, PORT), "down frees the port, as with the kernel's device")
    x.up()
    forget_session(y)
    y.node.reaches(x.inner4, wait=9)


@scenario(ours_only=True)
def port_for_one_of_two(lab):
    """Two links share a port and are up in turn: the second gets it once the first frees it."""
    x, y = two_with_a_port(lab, up=True)
    z = Device(lab, x.node, lab.mine, letter="z").start(up=False)
    with z.uapi() as uapi:
        expect_same(uapi.set(f"listen_port={PORT}\n"), 0, "errno for a port of a link that is up")
    x.down()
    until(lambda: can_bind(x.node, PORT), "the port is free")
    z.up()
    until(lambda: PORT in z.udp_ports()[0], "the other link gets the port")
    expect(b"cannot listen" not in read(z.log), "the other link gets it without an error")
    x.node.ip("link", "set", x.name, "up")
    until(lambda: b"cannot listen" in read(x.log), "the first link now lacks the port")
    z.stop()
    until(lambda: PORT in x.udp_ports()[0], "it gets the port once the other daemon ends", 8)
    y.node.reaches(x.inner4, wait=9)


@scenario(ours_only=True, long=True, seconds=90)
def port_is_not_held_for_ever(lab):
    """A link that stays down frees its port after a while, and a waiting link gets it."""
    x, y = two_with_a_port(lab)
    z = Device(lab, x.node, lab.mine, letter="z").start(up=False)
    z.set("listen-port", PORT)
    z.node.ip("link", "set", z.name, "up")
    until(lambda: b"cannot listen" in read(z.log), "the first link has the port")
    until(lambda: PORT in z.udp_ports()[0] and x.stat()["bound_ipv4"] is False, "it is freed", 40)
    z.stop()
    x.up()
    y.node.reaches(x.inner4, wait=9)
