# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""A flood in one direction leaves the others their share of a daemon, and does not delay its end.

    c eth0 ------ eth0 a eth1 ------ eth0 b     the cables carry IPv4 and IPv6
                    tl..a ============ tl..b    x and y, over IPv4
                    tl..a ============ tl..z    x and z, which is also on b, over IPv6

x is under test. Its AEAD is slow and it usually has one worker for all directions, so a flood of
GSO pieces keeps it busy. c is a stranger. While one direction of x is flooded, a few datagrams
go in each of the others, strangers ask for sessions, and clients ask for the configuration and
the status. Packets in the flooded direction may be lost.
"""

import json
import math
import os
import signal
import time

from device import Device, is_sanitized
from lab import counts_in, expect, expect_same, read, run, until
from scenario import scenario

PORT = 45000
INTERVAL_US = 5000
TRIES = 4  # a busy machine may cause delays itself, but hardly on every try
STRANGERS = 8
QUIET = {"LOG_LEVEL": "error"}  # so that the daemon spends its time on packets
SOURCES = {4: ("10.66.0.0/16", "10.66.0.1"), 6: ("2001:db8:66::/48", "2001:db8:66::1")}
OUT, IN4, IN6 = "out", "in over IPv4", "in over IPv6"


def know_each_other(one, other, net, devs):
    """Sets neighbours, so that no datagram waits for a lookup that a flood could lose."""
    for here, dev, there, remote in ((one, devs[0], other, devs[1]),
                                     (other, devs[1], one, devs[0])):
        mac = json.loads(there.ip("-j", "link", "show", remote).stdout)[0]["address"]
        for address in (there.v4(net), there.v6(net)):
            here.ip("neigh", "replace", address, "lladdr", mac, "nud", "permanent", "dev", dev)


class Swamp:
    """A flood from a node for the length of the context."""

    def __init__(self, node, *options):
        self.node, self.options = node, [str(option) for option in options]

    def __enter__(self):
        log = self.node.lab.file("swamp")
        self.process = self.node.popen(self.node.lab.tool("swamp"), *self.options, log=log)
        until(lambda: b"ready" in read(log), "the swamp is ready")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)


class Trickle:
    """A few datagrams from a node to an address of another node."""

    ports = iter(range(46000, 60000))

    def __init__(self, source, destination, address, count):
        lab, port, self.count = source.lab, str(next(self.ports)), count
        self.log = lab.file("trickle")
        self.receiver = destination.popen(lab.tool("trickle"), "receive", port, str(count), "3000",
                                          log=self.log)
        until(lambda: b"ready" in read(self.log), "the trickle is ready")
        self.sender = source.popen(lab.tool("trickle"), "send", address, port, str(INTERVAL_US),
                                   str(count), log=lab.file("trickling"))

    def end(self):
        for process in (self.sender, self.receiver):
            process.wait(60)
        self.counts = counts_in(read(self.log).decode())

    def is_fair(self):
        return self.counts["received"] >= math.ceil(0.95 * self.count) and not self.counts["late"]

    def __str__(self):
        c = self.counts
        return (f"{c['received']} of {self.count}, median delay {c['median_us'] / 1000:.1f} ms, "
                f"at most {c['most_us'] / 1000:.1f}")


class Field:
    def __init__(self, lab, *options, mtu=None):
        self.lab, self.a, self.b, self.c = lab, *(lab.node(name) for name in "abc")
        for node, net in ((self.c, 1), (self.b, 0)):
            devs = lab.link(self.a, node, net)
            know_each_other(self.a, node, net, devs)
            if mtu and mtu > 1420:
                self.a.ip("link", "set", devs[0], "mtu", str(mtu + 100))
                node.ip("link", "set", devs[1], "mtu", str(mtu + 100))
        for family, (prefix, _) in SOURCES.items():
            self.c.ip(f"-{family}", "route", "add", "local", prefix, "dev", "lo")
            self.a.ip(f"-{family}", "route", "add", prefix, "via", self.c.outer(family, 1))
        self.x, self.y, self.z = (Device(lab, node, lab.mine, letter, env=QUIET)
                                  for node, letter in ((self.a, "a"), (self.b, "b"), (self.b, "z")))
        self.z.inner4, self.z.inner6 = "10.78.0.1", "fd78::1"
        self.options, self.mtu = list(options), mtu
        # Under sanitizers the daemon is too slow for time limits, but errors still count.
        self.judges = not is_sanitized(lab.mine)
        self.start(self.y)
        self.start(self.z)
        self.start_x()
        self.y.add(self.x, self.a.v4())
        self.z.add(self.x, self.a.v6(), allowed="10.78.0.2/32")
        self.meet()

    def start(self, device):
        device.start()
        if self.mtu:
            device.node.ip("link", "set", device.name, "mtu", str(self.mtu))

    def start_x(self):
        """Starts x, always on the same port, so that the others need no change."""
        self.lab.mine.options = self.options
        self.start(self.x)
        self.lab.mine.options = []
        self.x.set("listen-port", PORT)
        self.a.ip("addr", "replace", "10.78.0.2/24", "dev", self.x.name)
        self.x.add(self.y, self.b.v4())
        self.x.add(self.z, self.b.v6())
        self.add_strangers()

    def meet(self):
        """Returns once the queues of x hold nothing of a flood. The first pings may find them
        full."""
        for inner in (self.y.inner4, self.z.inner4):
            until(lambda inner=inner: self.a.ping(inner, wait=1).received == 3,
                  f"{inner} answers three pings", seconds=20)

    def add_strangers(self):
        keys = run(self.lab.tool("siege"), "keys", "--peers", str(STRANGERS), "--seed",
                   "2").stdout.split()
        for number, key in enumerate(keys):
            with self.x.uapi() as uapi:
                expect_same(uapi.set(f"public_key={key}\nallowed_ip=10.79.0.{number}/32\n"), 0,
                            "errno of the set request")

    def floods(self):
        """The floods by name, each with its direction, its node and the options of swamp."""
        length = json.loads(self.a.ip("-j", "link", "show", self.x.name).stdout)[0]["mtu"] - 28
        data = ["--length", length, "--segments", min(64, 59000 // length)]
        junk = ["--initiations", "--segments", 64]
        return {
            "a local program, to IPv4": (OUT, self.a, [*data, self.y.inner4, 9]),
            "a local program, to IPv6": (OUT, self.a, [*data, self.z.inner4, 9]),
            "a peer over IPv4": (IN4, self.b, [*data, self.x.inner4, 9]),
            "a peer over IPv6": (IN6, self.b, [*data, "10.78.0.2", 9]),
            "a stranger over IPv4": (IN4, self.c, [*junk, self.a.v4(1), PORT]),
            "a stranger over IPv6": (IN6, self.c, [*junk, self.a.v6(1), PORT]),
        }

    def trickles(self, flooded, count):
        ends = {OUT: (self.a, self.b, self.y.inner4), IN4: (self.b, self.a, self.x.inner4),
                IN6: (self.b, self.a, "10.78.0.2")}
        return {direction: Trickle(*its, count) for direction, its in ends.items()
                if direction != flooded}

    def meet_strangers(self, family):
        """Each stranger tries twice a second, over the family that is not flooded."""
        log = self.lab.file("strangers")
        process = self.c.popen(
            self.lab.tool("siege"), "handshakes", "--to", self.a.outer(family, 1), "--port",
            str(PORT), "--from", SOURCES[family][1], "--sources", str(STRANGERS),
            "--duration", "5000", "--public", self.x.key.public_hex, "--peers", str(STRANGERS),
            "--seed", "2", "--retry", "500", log=log)
        process.wait(20)
        return counts_in(read(log).decode())

    def ask(self):
        """The time that replies with the configuration and the status take, in seconds."""
        begun = time.monotonic()
        with self.x.uapi() as uapi:
            expect(uapi.get(), "the daemon sends its configuration")
        self.x.stat()
        return time.monotonic() - begun

    def measure(self, flooded, count=250):
        """Returns whether the result is fair, and a description of it."""
        trickles = self.trickles(flooded, count)
        strangers = self.meet_strangers(6 if flooded == IN4 else 4)
        asked = []
        while any(trickle.sender.poll() is None for trickle in trickles.values()):
            asked.append(self.ask())
        for trickle in trickles.values():
            trickle.end()
        slowest = max(asked, default=0)
        text = "; ".join((*(f"{direction}: {trickle}" for direction, trickle in trickles.items()),
                          f"{strangers['responses']} strangers served after {strangers['ms']} ms",
                          f"clients answered after {slowest * 1000:.0f} ms"))
        return all((*(trickle.is_fair() for trickle in trickles.values()),
                    strangers["responses"] == STRANGERS, strangers["ms"] < 2000, slowest < 2)), text

    def endure(self, name, flooded, node, options):
        for number in range(TRIES):
            self.meet()
            with Swamp(node, *options):
                is_fair, text = self.measure(flooded)
            if is_fair or not self.judges:
                break
            self.lab.notes.append(f"{name}, try {number + 1} is unfair: {text}")
        self.lab.notes.append(f"{name}: {text}")
        expect(is_fair or not self.judges, "95% arrive within a second, and strangers and clients "
               f"are served, during a flood from {name}: {text}")

    def endure_all(self):
        for name, how in self.floods().items():
            self.endure(name, *how)


@scenario(ours_only=True, alone=True, seconds=240)
def floods_leave_a_share(lab):
    """During a flood in any direction, other packets, strangers and clients are served."""
    Field(lab, "--workers", "1", "--aead", "libcrypto").endure_all()


@scenario(ours_only=True, alone=True, seconds=240)
def floods_of_single_packets(lab):
    """The same with an MTU of 1280 and without offloads."""
    Field(lab, "--workers", "1", "--aead", "libcrypto", "--offload", "none", mtu=1280).endure_all()


@scenario(ours_only=True, alone=True, seconds=240)
def floods_of_long_packets(lab):
    """The same with packets of 9,000 bytes and two workers."""
    Field(lab, "--workers", "2", "--aead", "libcrypto", mtu=9000).endure_all()


def end_by_signal(device):
    device.process.send_signal(signal.SIGTERM)


def end_by_link(device):
    device.node.ip("link", "del", device.name)


def end_by_socket(device):
    os.unlink(device.socket)


def down_and_up(field):
    """Returns the time until the port was bound again, in seconds."""
    begun = time.monotonic()
    field.x.down()
    until(lambda: PORT not in field.x.udp_ports()[0], "down closes the port")
    field.x.up()
    return time.monotonic() - begun


@scenario(ours_only=True, alone=True, seconds=120)
def ends_in_a_flood(lab):
    """During a flood, a signal and the removal of the link or socket end the daemon at once."""
    field = Field(lab, "--workers", "1", "--aead", "libcrypto")
    floods = field.floods()
    for name in ("a local program, to IPv4", "a peer over IPv4", "a stranger over IPv6"):
        _, node, options = floods[name]
        for end in (end_by_signal, end_by_link, end_by_socket):
            with Swamp(node, *options):
                time.sleep(0.2)
                took = down_and_up(field)
                begun = time.monotonic()
                end(field.x)
                until(lambda: field.x.process.poll() is not None,
                      f"{end.__name__} during a flood from {name}", 4 if field.judges else 30)
                lab.notes.append(f"{name}, {end.__name__}: {(time.monotonic() - begun) * 1000:.0f}"
                                 f" ms, down and up: {took * 1000:.0f} ms")
                field.x.ended()
            field.start_x()
            field.meet()
