# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The moment at which a link comes up: whoever sends to its port then is heard."""

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
    """x has a port that y knows, and does not know y's endpoint, so that y begins."""
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
    """The daemon does nothing, as where the processors are busy with something else."""
    device.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        device.process.send_signal(signal.SIGCONT)


def begin(device, other):
    """The device starts a handshake; its packet waits for it. Returns once that has arrived at the other."""
    outside = Sniffer(other.node, "eth0")
    ping = device.node.popen("ping", "-n", "-c", "1", "-W", "9", other.inner4, log=device.lab.file("ping"))
    until(lambda: outside.of_kind(INITIATION, outgoing=False), "the initiation arrives")
    return ping


def is_answered(ping):
    """In less time than another initiation would take."""
    until(lambda: ping.poll() is not None, "the first initiation is answered", 4.5)
    expect_same(ping.returncode, 0, "exit status of ping")


def forget_session(device):
    device.node.ip("link", "set", device.name, "down")
    device.node.ip("link", "set", device.name, "up")


@scenario(ours_only=True)
def heard_once_up(lab):
    """An initiation that arrives as soon as `ip link set up' has returned is answered, however late the
    daemon notices: at the first time up, and after going down and up again."""
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
    """The same without a daemon that sleeps, with IPv6 and a mark, from a daemon that was just started and
    from one whose link went to another network namespace."""
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
    """Before the first `up' nothing is answered, by the daemon or the system, and what is old by the time that
    the link is up is not either."""
    x, y = two_with_a_port(lab)
    outside = Sniffer(x.node, "eth0")
    stranger = y.node.socket()
    for length in (1, 32, 148, 1400):
        stranger.sendto(bytes([1, 0, 0, 0]) + bytes(length), (x.node.v4(), PORT))
    y.node.popen("ping", "-n", "-c", "1", "-W", "20", x.inner4, log=lab.file("ping"))
    until(lambda: y.stat()["initiations_sent"] >= 2, "another try", 15)
    found = [packet for packet in outside.packets()
             if packet.outgoing and packet.protocol in (socket.IPPROTO_UDP, socket.IPPROTO_ICMP)]
    expect(not found, f"silence, not {found}")
    x.up()
    until(lambda: y.peer(x).handshake, "the last try is answered", 15)
    expect(x.stat()["initiations_received"] < y.stat()["initiations_sent"], "the first is not looked at")
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
    """A port is bound from when it is set until the link goes down. One that is taken is no error before the
    link is up, and is bound once it is free."""
    x, y = two_with_a_port(lab)
    node = x.node
    expect(not can_bind(node, PORT), "the port is bound")
    x.set("listen-port", PORT + 1)
    until(lambda: can_bind(node, PORT), "another one: the first is free")
    expect(not can_bind(node, PORT + 1), "and the other bound")
    x.set("listen-port", 0)
    until(lambda: can_bind(node, PORT + 1), "none: it is free")
    with contextlib.closing(node.socket()) as taken:
        taken.bind(("", PORT))
        with x.uapi() as uapi:
            expect_same(uapi.set(f"listen_port={PORT}\n"), 0, "a port that is taken, while down")
        expect_same(x.port(), PORT, "the port that is shown")
        expect(b"cannot listen" not in read(x.log), "and nobody complains")
        node.ip("link", "set", x.name, "up")
        until(lambda: b"cannot listen on UDP port" in read(x.log), "once up, it says so")
    until(lambda: PORT in x.udp_ports()[0] and PORT in x.udp_ports()[1], "it is free, and so bound", 8)
    y.node.reaches(x.inner4)
    x.down()
    until(lambda: can_bind(node, PORT), "down, the port is free, as with the kernel's device")
    x.up()
    forget_session(y)
    y.node.reaches(x.inner4, wait=9)


@scenario(ours_only=True)
def port_for_one_of_two(lab):
    """Two links with the same port, of which one is up at a time: the second may have it once the first has
    gone down, or has another port."""
    x, y = two_with_a_port(lab, up=True)
    z = Device(lab, x.node, lab.mine, letter="z").start(up=False)
    with z.uapi() as uapi:
        expect_same(uapi.set(f"listen_port={PORT}\n"), 0, "the port of another that is up")
    x.down()
    until(lambda: can_bind(x.node, PORT), "the port is free")
    z.up()
    until(lambda: PORT in z.udp_ports()[0], "it goes to the other")
    expect(b"cannot listen" not in read(z.log), "at once")
    x.node.ip("link", "set", x.name, "up")
    until(lambda: b"cannot listen" in read(x.log), "now the first lacks it")
    z.stop()
    until(lambda: PORT in x.udp_ports()[0], "until the other ends", 8)
    y.node.reaches(x.inner4, wait=9)


@scenario(ours_only=True, long=True, seconds=90)
def port_is_not_held_for_ever(lab):
    """A link that does not come up after all gives its port up, and another that waits for it gets it."""
    x, y = two_with_a_port(lab)
    z = Device(lab, x.node, lab.mine, letter="z").start(up=False)
    z.set("listen-port", PORT)
    z.node.ip("link", "set", z.name, "up")
    until(lambda: b"cannot listen" in read(z.log), "the port is the first link's")
    until(lambda: PORT in z.udp_ports()[0] and x.stat()["bound_ipv4"] is False, "it is given up", 40)
    z.stop()
    x.up()
    y.node.reaches(x.inner4, wait=9)
