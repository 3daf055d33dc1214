# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""A large number of peers, and many clients that configure, while packets flow."""

import contextlib
import hashlib
import re
import threading
import time

from device import Device, is_sanitized, meets, reply_errno, tunnel
from lab import Pulse, expect, expect_same, namespace_pids, read
from scenario import scenario


def stranger(number):
    """A public key whose private key nobody has."""
    return hashlib.sha256(b"peer %d" % number).hexdigest()


def address(number):
    return f"10.{100 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


def peer_lines(number):
    return (f"public_key={stranger(number)}\nendpoint=198.51.100.{number % 250 + 1}:51820\n"
            f"replace_allowed_ips=true\nallowed_ip={address(number)}/32\n")


def status_kib(device, name):
    """A value in KiB from /proc/PID/status, summed over the daemon's processes."""
    total = 0
    for pid in namespace_pids(device.node.ns):
        status = read(f"/proc/{pid}/status").decode()
        if status.startswith("Name:\ttielined"):
            total += int(re.search(rf"^{name}:\s+(\d+) kB", status, re.MULTILINE)[1])
    return total


class Handshakes:
    """Makes a peer forget its session and start a handshake, over and over, for the length of the
    context. `longest_ms` is the longest time that the first ping after that took."""

    def __init__(self, device, to):
        self.device, self.to = device, to
        self.longest_ms, self.count, self.failures = 0.0, 0, []
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.go_on)

    def go_on(self):
        node, name = self.device.node, self.device.name
        while not self.is_over.is_set():
            node.ip("link", "set", name, "down")
            node.ip("link", "set", name, "up")
            ping = node.ping(self.to, 1, wait=20)
            found = re.search(r"time=([\d.]+) ms", ping.text)
            if not found:
                self.failures.append(ping.text)
                return
            self.longest_ms = max(self.longest_ms, float(found[1]))
            self.count += 1
            time.sleep(0.05)  # initiations of one peer within 20 ms count as a flood

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join()
        expect(not self.failures, f"each handshake leads to an answer: {self.failures}")

    def __str__(self):
        return f"{self.count} handshakes, slowest {self.longest_ms:.1f} ms"


def load(lab, count, chunk):
    """A tunnel, and a third host; meanwhile x gets `count` peers in requests of `chunk`."""
    x, y = tunnel(lab)
    c = lab.node("c")
    lab.link(x.node, c, net=1)
    z = Device(lab, c, lab.theirs).start()
    x.add(z)
    z.add(x, x.node.v4(1))
    meets(x, y)
    requests = ["".join(map(peer_lines, range(at, min(at + chunk, count))))
                for at in range(0, count, chunk)]
    before = status_kib(x, "VmRSS")
    with Pulse(y.node, x.node, x.inner4) as pulse, Handshakes(z, x.inner4) as handshakes:
        with x.uapi() as uapi:
            uapi.stream.settimeout(120)
            began = time.monotonic()
            for request in requests:
                expect(uapi.set(request) == 0, "the peers are accepted")
            took = time.monotonic() - began
        kept, peak = status_kib(x, "VmRSS") - before, status_kib(x, "VmHWM")
    lab.notes.append(f"{count} peers in requests of {chunk}: {took:.2f} s, peak {peak / 1024:.0f} "
                     f"MiB, {kept * 1024 / count:.0f} bytes per peer; "
                     f"meanwhile {pulse}; {handshakes}")
    pulse.expect_whole("while the peers are loaded")
    return x, y, z, peak


def expect_peers(x, numbers, others):
    """The device lists those peers, in that order, and that many others."""
    text = x.get()
    told = re.findall(r"^public_key=(\w+)$", text, re.MULTILINE)
    expect_same(len(told), len(numbers) + others, "number of peers")
    expect(told[others:] == [stranger(number) for number in numbers], "peers are listed in order")
    allowed = re.findall(r"^allowed_ip=(10\.1\d\d\..*)/32$", text, re.MULTILINE)
    expect(allowed == [address(number) for number in numbers], "each peer has its allowed IP")


def clear(x, others):
    """Replaces all peers by the real ones."""
    with x.uapi() as uapi:
        uapi.stream.settimeout(120)
        lines = "".join(f"public_key={other.key.public_hex}\nallowed_ip={other.inner4}/32\n"
                        for other in others)
        expect(uapi.set("replace_peers=true\n" + lines) == 0, "the peers are replaced")
    expect_same(len(x.peers()), len(others), "number of peers left")


@scenario(ours_only=True, alone=True, seconds=120)
def a_hundred_thousand_peers(lab):
    """100,000 peers are set and listed by single requests, while packets and handshakes flow."""
    count = 20_000 if is_sanitized(lab.mine) else 100_000
    x, y, z, peak = load(lab, count, count)
    if not is_sanitized(lab.mine):
        expect(peak < 250 << 10, f"peak memory is below 250 MiB, not {peak} KiB")
    with Pulse(y.node, x.node, x.inner4) as pulse:
        with Handshakes(z, x.inner4) as handshakes:
            expect_peers(x, range(count), 2)
            with x.uapi() as uapi:  # sets all again, then removes every other one by the thousand
                uapi.stream.settimeout(120)
                expect(uapi.set("".join(map(peer_lines, range(count)))) == 0, "all are set again")
                for at in range(0, count, 1000):
                    lines = "".join(f"public_key={stranger(number)}\nremove=true\n"
                                    for number in range(at, at + 1000, 2))
                    expect(uapi.set(lines) == 0, "every other peer is removed")
            expect_peers(x, range(1, count, 2), 2)
    lab.notes.append(f"listed, set again, half removed: {pulse}; {handshakes}")
    pulse.expect_whole("while the peers are listed and changed")
    clear(x, (y, z))
    meets(x, y)


@scenario(ours_only=True, alone=True, long=True, seconds=300)
def a_million_peers(lab):
    """1,000,000 peers are set by one request."""
    x, y, z, peak = load(lab, 1_000_000, 1_000_000)
    expect(peak < 2 << 20, f"peak memory is below 2 GiB, not {peak} KiB")
    with Pulse(y.node, x.node, x.inner4) as pulse, Handshakes(z, x.inner4) as handshakes:
        with x.uapi() as uapi:
            uapi.stream.settimeout(120)
            uapi.send("get=1\n\n")
            told, tail = 0, b""
            while not tail.endswith(b"\n\n"):
                data = tail + uapi.stream.recv(1 << 20)
                told += data.count(b"public_key=", len(tail) and 1)
                tail = data[-11:]
        clear(x, (y, z))
    lab.notes.append(f"listed and removed: {pulse}; {handshakes}")
    pulse.expect_whole("while the peers are listed and removed")


@scenario(ours_only=True, seconds=90)
def many_clients(lab):
    """A thousand clients stall, hang up, set and get at once; each set takes effect as a whole."""
    x, y = tunnel(lab)
    meets(x, y)
    few = is_sanitized(x.implementation)
    bulk = "".join(map(peer_lines, range(2000 if few else 20000)))
    with Pulse(y.node, x.node, x.inner4) as pulse, contextlib.ExitStack() as clients:
        stalled = [clients.enter_context(x.uapi()) for _ in range(200 if few else 900)]
        for number, client in enumerate(stalled):
            client.send(("", "set=1\n", "get=1\n", "set=1\n" + peer_lines(number)[:100],
                         "get=1\n\n" * 3)[number % 5])
        # Requests with many peers are in progress; small ones and gets of other clients wait.
        heavy = [clients.enter_context(x.uapi()) for _ in range(4)]
        for number, client in enumerate(heavy):
            client.stream.settimeout(60)
            threading.Thread(target=client.send, daemon=True, args=(
                f"set=1\nfwmark={number + 1}\nreplace_peers=true\npublic_key={y.key.public_hex}\n"
                f"allowed_ip={y.inner4}/32\n{bulk if number % 2 else ''}\n",)).start()
        quitter = clients.enter_context(x.uapi())
        quitter.send(f"set=1\n{peer_lines(99_999)}\n")
        quitter.stream.close()  # its request is complete; it does not wait for the reply
        light = [clients.enter_context(x.uapi()) for _ in range(20)]
        for round in range(5):
            for number, client in enumerate(light):
                client.send("get=1\n\n" if number % 2 else f"set=1\n{peer_lines(round)}\n")
            for client in light:
                expect(reply_errno(client.reply()) == 0, "each request is answered")
        for client in heavy:
            expect_same(reply_errno(client.reply()), 0, "errno of a set with many peers")
        for client in stalled[::7]:
            client.stream.close()
    pulse.expect_whole("whatever the clients do")
    lab.notes.append(str(pulse))
    with x.uapi() as uapi:  # pipelined requests are answered in order
        uapi.send("".join(f"set=1\nreplace_peers=true\nfwmark={number}\n"
                          f"{''.join(map(peer_lines, range(number * 100)))}\nget=1\n\n"
                          for number in (1, 2, 3)))
        text = b""
        while text.count(b"\n\n") < 6:
            text += uapi.stream.recv(1 << 20)
    replies = text.decode().split("\n\n")
    expect_same([reply.count("public_key=") for reply in replies], [0, 100, 0, 200, 0, 300, 0],
                "peers that each get lists after its set")


@scenario(ours_only=True, seconds=60)
def told_while_changing(lab):
    """A slow reader, while peers come and go, sees every peer that stays, and each one whole."""
    x = Device(lab, lab.node("a"), lab.mine).start()
    count = 4000
    with x.uapi() as writer, x.uapi() as reader:
        expect(writer.set("".join(map(peer_lines, range(count)))) == 0, "the peers are accepted")
        reader.send("get=1\n\n")
        text = reader.stream.recv(20000)
        for at in range(0, count, 100):
            gone = "".join(f"public_key={stranger(number)}\nremove=true\n"
                           for number in range(at, at + 100) if number % 4)
            again = "".join(peer_lines(number) for number in range(at, at + 100, 4))
            expect(writer.set(gone + again) == 0, "three of four are removed, one is set again")
            text += reader.stream.recv(4096)
        while not text.endswith(b"\n\n"):
            text += reader.stream.recv(1 << 16)
    peers = text.decode().split("public_key=")[1:]
    told = {}
    for peer in peers:
        expect(peer[:64] not in told, "no peer is listed twice")
        told[peer[:64]] = re.findall("^allowed_ip=(.*)/32$", peer, re.MULTILINE)
    for number in range(0, count, 4):
        expect(told.get(stranger(number)) == [address(number)],
               f"peer {number} is listed with its allowed IP")
    expect(len(x.peers()) == count // 4, "the remaining peers are there")
