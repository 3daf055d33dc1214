# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""An attacker with a processor and thousands of addresses, while a transfer goes on.

Quiet rounds alternate with rounds under siege, so that other work on this machine affects both;
only their ratio counts. A siege that seems to do more harm than allowed is measured several more
times, since on a busy machine TCP in one second may get half of what it gets in another.
"""

import json
import re
import statistics
import struct
import threading
import time

from device import Device, is_sanitized, join, meets
from lab import Failure, counts_in, ended, expect, expect_same, read, until
from scenario import scenario
from sniff import DATA, Sniffer

PEERS = 5000
SOURCES = 4096
FIRST_SOURCE = {4: "10.66.0.1", 6: "2001:db8:66:1::1"}
RSS_GROWTH_KIB = 16 << 10
STRANGERS = 8
KINDS = {  # datagrams per second of each kind
    "random": 60_000,
    "truncated": 60_000,
    "replayed": 60_000,
    "forged": 60_000,
    "initiations": 45_000,
    "cookies": 25_000,
    "handshakes": 0,  # as fast as 5,000 peers can go
}


class Siege:
    """One run of the attacker."""

    def __init__(self, lab, node, mode, *options):
        self.mode, self.log = mode, lab.file(f"siege-{mode}")
        self.process = node.popen(lab.tool("siege"), mode, *map(str, options), log=self.log)
        until(lambda: b"ready" in read(self.log) or self.process.poll() is not None,
              f"siege {mode} begins", 20)

    def lift(self):
        """Ends it. Returns its counts."""
        self.process.terminate()
        return self.counts()

    def counts(self, seconds=20):
        """Returns its counts, once it has ended."""
        status = ended(self.process, seconds)
        text = read(self.log).decode()
        expect_same(status, 0, f"exit status of siege {self.mode}, with the output {text!r}")
        return counts_in(text)


class Arrivals:
    """Records when a device receives from its one peer, and how many bytes."""

    def __init__(self, device):
        self.device, self.over, self.seen = device, threading.Event(), []
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def watch(self):
        with self.device.uapi() as uapi:
            while not self.over.wait(0.01):
                bytes_, now = int(re.search(r"rx_bytes=(\d+)", uapi.get())[1]), time.monotonic()
                if not self.seen or bytes_ != self.seen[-1][1]:
                    self.seen.append((now, bytes_))

    def end(self):
        """Returns the times at which the counter changed, each with the bytes received."""
        self.over.set()
        self.thread.join(5)
        return [(now, bytes_ - before) for (_, before), (now, bytes_)
                in zip(self.seen, self.seen[1:])]


class Field:
    """The topology.

        a eth0 ------- eth0 b       the transfer goes from b to a
          eth1 ------- eth0 c       the attacker, and a peer that sends once
          eth2 ------- eth0 d       a peer with keepalives, and strangers
    """

    def __init__(self, lab):
        self.lab = lab
        # Only builds without sanitizers are expected to meet times and memory limits. The others
        # show what sanitizers find, with less of everything.
        self.counts = not is_sanitized(lab.mine)
        self.peers = PEERS if self.counts else PEERS // 20
        a, b, c, d = (lab.node(name) for name in "abcd")
        for net, other in enumerate((b, c, d)):
            lab.link(a, other, net)
        for node, net in ((c, 1), (d, 2)):
            for family, prefix in ((4, f"10.6{5 + net}.0.0/16"), (6, f"2001:db8:6{5 + net}::/48")):
                node.ip(f"-{family}", "route", "add", "local", prefix, "dev", "lo")
                a.ip(f"-{family}", "route", "add", prefix, "via", node.outer(family, net))
        self.x, self.y, self.w, self.z = (Device(lab, node, lab.mine).start()
                                          for node in (a, b, c, d))
        join(self.x, self.y)
        self.x.add(self.w, c.v4(1))
        self.w.add(self.x, a.v4(1))
        self.x.add(self.z, d.v4(2), keepalive=1)
        self.z.add(self.x, a.v4(2))
        for other in (self.y, self.w, self.z):
            meets(self.x, other)
        self.add_crowd(1, "10.80")
        self.add_crowd(2, "10.81")
        log = lab.file("iperf3")
        a.popen("iperf3", "-s", "-B", self.x.inner4, "--forceflush", log=log)
        until(lambda: b"listening" in read(log), "iperf3 listens")
    def add_crowd(self, seed, network):
        """Adds the initiators of that seed to x as peers."""
        keys = self.x.node.run(self.lab.tool("siege"), "keys", "--peers", str(self.peers),
                               "--seed", str(seed)).stdout.split()
        text = "".join(f"public_key={key}\nallowed_ip={network}.{i >> 8}.{i & 255}/32\n"
                       for i, key in enumerate(keys))
        with self.x.uapi() as uapi:
            expect_same(uapi.set(text), 0, f"errno of the request for {self.peers} peers")

    def rss_kib(self):
        return int(re.search(rb"VmRSS:\s+(\d+)", read(f"/proc/{self.x.process.pid}/status"))[1])

    def transfer(self, seconds):
        """Bits per second received at a."""
        done = self.y.node.run("iperf3", "-c", self.x.inner4, "-t", str(seconds), "-J",
                               check=False, timeout=seconds + 30)
        try:
            return json.loads(done.stdout)["end"]["sum_received"]["bits_per_second"]
        except (ValueError, KeyError):
            raise Failure(f"iperf3: {done.stdout[-300:]}{done.stderr[-300:]}") from None

    def capture(self):
        """Some messages of the session with y, as seen on the wire."""
        sniffer = Sniffer(self.y.node, "eth0")
        self.y.node.reaches(self.x.inner4, 3)
        return [packet.payload for packet in sniffer.of_kind(DATA, outgoing=True)]

    def lay_siege(self, mode, family=4):
        options = ["--to", self.x.node.outer(family, 1), "--port", self.x.port(), "--from",
                   FIRST_SOURCE[family], "--sources", SOURCES, "--public", self.x.key.public_hex,
                   "--rate", KINDS[mode] // (1 if self.counts else 8), "--duration", 60_000]
        if mode in ("forged", "truncated"):
            index, = struct.unpack_from("<I", self.capture()[-1], 4)
            options += ["--index", index]
        elif mode == "replayed":
            path = self.lab.file("captured.secret")
            with open(path, "wb") as file:
                for message in self.capture():
                    file.write(struct.pack("!H", len(message)) + message)
            options += ["--captured", path]
        elif mode in ("initiations", "cookies"):
            options += ["--peers", 1024, "--seed", 77]
        elif mode == "handshakes":
            options += ["--peers", self.peers, "--seed", 1, "--retry", 1000]
        return Siege(self.lab, self.w.node, mode, *options)

    def ask_nothing(self):
        """w sends a packet that gets no reply, so x should send a passive keepalive after 10
        seconds. Returns the time of sending."""
        sink = self.x.node.socket()
        sink.bind((self.x.inner4, 9))
        self.w.node.socket().sendto(b"no answer, please", (self.x.inner4, 9))
        return time.monotonic()

    def meet_strangers(self):
        """Peers that x may never have met each ask for a session. Real peers retry every 5 s."""
        return Siege(self.lab, self.z.node, "handshakes", "--to", self.x.node.v4(2), "--port",
                     self.x.port(), "--from", "10.67.0.1", "--sources", STRANGERS, "--duration",
                     15_000, "--public", self.x.key.public_hex, "--peers", STRANGERS, "--seed", 2,
                     "--retry", 500).counts()


class Tally:
    """The effects of one kind of siege."""

    def __init__(self):
        self.rates, self.thrown, self.tries, self.cookies, self.slowest = [], [], 0, 0, 0
        self.handshakes = []

    def round(self, field, mode, family, seconds):
        siege = field.lay_siege(mode, family)
        self.rates.append(field.transfer(seconds))
        strangers = field.meet_strangers()
        if field.counts:
            expect_same(strangers["responses"], STRANGERS,
                        f"strangers that get a session during {mode}")
        self.tries, self.cookies = self.tries + strangers["tries"], self.cookies + strangers[
            "cookies"]
        self.slowest = max(self.slowest, strangers["ms"])
        if mode == "handshakes":
            counts = siege.counts(40)
            expect_same(counts["responses"], field.peers, "peers that get a session at once")
            self.handshakes.append(counts["ms"])
        else:
            counts = siege.lift()
            self.thrown.append(counts["sent"] * 1000 // max(counts["ms"], 1))

    def tell(self, mode, quiet):
        what = (f"all in {max(self.handshakes)} ms" if self.handshakes
                else f"{statistics.median(self.thrown) / 1000:.0f}k/s")
        return (f"{mode} {what}: {self.ratio(quiet):.2f} (strangers {self.slowest} ms, "
                f"{self.tries} tries, {self.cookies} cookies)")

    def ratio(self, quiet):
        return statistics.median(self.rates) / statistics.median(quiet)


def keepalives_on_time(field, arrivals):
    """x sends z a keepalive every second, whatever else happens. x omits one when z, 10 seconds
    after the first pings, acknowledges them; and queues of the kernel may lose some."""
    times = [at for at, bytes_ in arrivals if bytes_ % 32 == 0]
    gaps = [later - earlier for earlier, later in zip(times, times[1:])]
    expect(len(gaps) > 5, "there are enough keepalives")
    lost = sum(round(gap) - 1 for gap in gaps)
    late = max(gap - round(gap) for gap in gaps)
    field.lab.notes.append(f"{len(times)} keepalives every {statistics.median(gaps):.2f} s, "
                           f"at most {late:.2f} s late, {lost} omitted or lost")
    if field.counts:
        expect(abs(statistics.median(gaps) - 1) < 0.1 and late < 0.4 and 10 * lost < len(times),
               f"a keepalive every second, not {[round(gap, 2) for gap in gaps]}")


def answered_on_time(field, asked, arrivals):
    """Field.ask_nothing() led to a keepalive, neither early nor late."""
    after = [at - asked for at, _ in arrivals if at > asked]
    expect(after, "there is a passive keepalive")
    field.lab.notes.append(f"passive keepalive after {after[0]:.2f} s")
    if field.counts:
        expect(9.9 < after[0] < 11, "the passive keepalive comes after 10 seconds")


def lay_sieges(lab, rounds, seconds, more):
    field = Field(lab)
    tallies = {mode: Tally() for mode in KINDS}
    quiet = [field.transfer(seconds)]
    rss = field.rss_kib()
    kept, spoken = Arrivals(field.z), Arrivals(field.w)
    asked = field.ask_nothing()

    def besiege(mode, family):
        tallies[mode].round(field, mode, family, seconds)
        quiet.append(field.transfer(seconds))

    for i in range(rounds if field.counts else 1):
        for mode in KINDS:
            # Only once, since each time leaves 5,000 more sessions.
            if mode != "handshakes" or i == 0:
                besiege(mode, 4 if i % 2 == 0 else 6)
    growth = field.rss_kib() - rss
    for mode in KINDS if field.counts else ():
        for _ in range(more):
            if tallies[mode].ratio(quiet) < 0.5:
                besiege(mode, 4)
    until(lambda: time.monotonic() > asked + 10.5, "10 seconds pass", 11)
    keepalives_on_time(field, kept.end())
    answered_on_time(field, asked, spoken.end())
    lab.notes[:0] = [f"quiet median {statistics.median(quiet) / 1e9:.2f} Gbit/s",
                     *(tally.tell(mode, quiet) for mode, tally in tallies.items()),
                     f"memory +{growth} KiB"]
    if not field.counts:
        lab.notes.append("with sanitizers: fewer datagrams and peers; rates, memory, times and "
                         "strangers are not judged")
        return
    for mode, tally in tallies.items():
        expect(tally.ratio(quiet) >= 0.5, "a transfer keeps half of its quiet median during "
               f"{mode}; {'; '.join(lab.notes)}")
    expect(growth < RSS_GROWTH_KIB, f"memory grows by less than 16 MiB, not {growth} KiB")


@scenario(ours_only=True, alone=True, needs=("iperf3",), seconds=150)
def siege(lab):
    """Floods of every kind hardly affect a transfer, strangers, timers and memory."""
    lay_sieges(lab, rounds=2, seconds=1, more=8)


@scenario(ours_only=True, alone=True, long=True, needs=("iperf3",), seconds=900)
def long_siege(lab):
    """The same for minutes, so that sessions and cookie secrets change meanwhile."""
    lay_sieges(lab, rounds=8, seconds=4, more=8)
