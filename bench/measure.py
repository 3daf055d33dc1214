# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The measurements. Each takes a Lab and its contender (contenders.py), builds what it needs, and
returns figure -> sample; remarks go into lab.notes.

    a eth0 -------------- eth0 b      192.0.2.0/24, a veth of 1500 bytes
      tl..a ============ tl..b        10.77.0.0/24, the tunnel

iperf3, ping and the load generators run in the namespaces too, on the same cores.
"""

import contextlib
import json
import os
import re
import subprocess
import time

from contenders import QUIET
from device import Device
from figures import percentile
from lab import Failure, counts_in, expect, inside, read, run, until
from targets import aead_name

PORT = 5201
LISTENING = f":{PORT:04X} 00000000:0000 0A"
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
PAUSE = 0.5  # seconds for a started or loaded daemon to settle
LENGTHS = (64, 512, 1400)  # bytes of UDP payload


# The daemons' use of CPU time and memory

def family(pid):
    """The process and all its descendants, since a daemon may have a helper."""
    found = [pid]
    for parent in found:
        for task in os.listdir(f"/proc/{parent}/task"):
            with contextlib.suppress(FileNotFoundError):
                found += map(int, read(f"/proc/{parent}/task/{task}/children").split())
    return found


def cpu_seconds(*ends):
    """utime and stime of all processes of these daemons since their start; 0 without processes."""
    ticks = 0
    for process in filter(None, (end.process for end in ends)):
        for pid in family(process.pid):
            after_name = read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
            ticks += int(after_name[11]) + int(after_name[12])
    return ticks / TICKS_A_SECOND


def cpu_since(before, *ends):
    """CPU seconds that these daemons used since `before`; at least one tick, the kernel's unit."""
    return max(cpu_seconds(*ends) - before, 1 / TICKS_A_SECOND)


def busy_seconds():
    """CPU seconds of the whole machine since boot, including the kernel's own work."""
    numbers = [int(word) for word in read("/proc/stat").split(b"\n")[0].split()[1:9]]
    return (sum(numbers) - numbers[3] - numbers[4] - numbers[7]) / TICKS_A_SECOND


def memory_mib(device, field):
    """VmRSS or VmHWM of all processes of a device. Shared pages count for each process."""
    kib = 0
    for pid in family(device.process.pid):
        kib += int(re.search(rf"^{field}:\s+(\d+) kB", read(f"/proc/{pid}/status").decode(),
                             re.MULTILINE)[1])
    return kib / 1024


# TCP

def is_listening(node):
    with inside(node.ns):
        return LISTENING in read("/proc/thread-self/net/tcp").decode()


def iperf(source, destination, seconds, *options, daemons=None, dial=None):
    """Runs iperf3 from one end to the other, whose address is `dial` for the first if NAT changes
    it. Returns the `end` of its client's report, which includes the receiver's counts, and adds the
    CPU seconds of the daemons (by default, of both ends) as `cpu` and those of the whole machine as
    `system`."""
    daemons = daemons or (source, destination)
    log = source.lab.file("iperf3-server")
    server = destination.node.popen("iperf3", "--server", "--one-off", "--bind",
                                    destination.inner4, log=log)
    until(lambda: is_listening(destination.node), "iperf3 listens")
    before, busy_before = cpu_seconds(*daemons), busy_seconds()
    client = source.node.run("iperf3", "--client", dial or destination.inner4, "--time",
                             str(seconds), "--json", *options, check=False, timeout=seconds + 30)
    used, busy = cpu_since(before, *daemons), busy_seconds() - busy_before
    if client.returncode != 0:
        said = re.search(r'"error":\s*"(.*)"', client.stdout)
        raise Failure(f"iperf3: {said[1] if said else client.stderr.strip()}")
    server.wait(10)
    end = json.loads(client.stdout)["end"]
    expect(end["sum_received"]["bytes"] > 0, "something arrives")
    return {**end, "cpu": used, "system": busy}


def gbits(received):
    return received["bits_per_second"] / 1e9


class PingsBeside:
    """Pings during a transfer that takes that many seconds."""

    def __init__(self, source, destination, seconds):
        self.log = source.lab.file("ping")
        self.count = max(10, int((seconds - 0.6) / 0.01))
        self.process = source.node.popen(
            "sh", "-c", f"sleep 0.4; exec ping -n -i 0.01 -c {self.count} -W 2 "
            f"{destination.inner4}", log=self.log)

    def times_ms(self):
        """Round-trip times of the answered pings."""
        self.process.wait(10 + self.count * 0.1)
        found = re.findall(r"time=([\d.]+) ms", read(self.log).decode())
        expect(found, "a ping during the TCP stream is answered")
        return [float(time_ms) for time_ms in found]


def idle_ping(x, y, count):
    x.node.reaches(y.inner4, 3)
    time.sleep(PAUSE)
    # -w also waits for the last answer.
    pings = x.node.ping(y.inner4, count, interval=0.02,
                        options=("-w", str(round(5 + count * 0.02))))
    expect(pings.received >= 0.9 * count, f"pings through an idle tunnel\n{pings.text}")
    return float(re.search(r"= [\d.]+/([\d.]+)/", pings.text)[1])


def tcp(lab, contender, options):
    """Pings while idle, then TCP: one stream with pings, eight streams, and one stream
    each way at once."""
    x, y = contender.tunnel(lab)
    found = {"ping": idle_ping(x, y, options.pings)}
    pings = PingsBeside(x, y, options.seconds)
    one = iperf(x, y, options.seconds)
    found["tcp"] = gbits(one["sum_received"])
    if x.process:
        found["tcp_cpu"] = one["cpu"] * 1e9 / (8 * one["sum_received"]["bytes"])
    times = pings.times_ms()
    found["ping_p99"] = percentile(times, 0.99)
    found["pings_beside"], found["pings_lost"] = pings.count, pings.count - len(times)
    found["tcp8"] = gbits(iperf(x, y, options.seconds_more, "--parallel", "8")["sum_received"])
    both = iperf(x, y, options.seconds_more, "--bidir")
    found["tcp_both"] = gbits(both["sum_received"]) + gbits(both["sum_received_bidir_reverse"])
    return found


# UDP

class Flood:
    """Runs bench/flood from one end to the other."""
    PORT = "45901"

    def __init__(self, source, destination, path, daemons=None):
        self.source, self.destination, self.path = source, destination, path
        self.daemons = daemons or (source, destination)
        self.run = 0
        self.receiver = subprocess.Popen(
            ["ip", "netns", "exec", destination.node.ns, path, "receive", self.PORT],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        source.lab.processes.append(self.receiver)
        expect(self.receiver.stdout.readline() == "ready\n", "the receiver of datagrams is ready")

    def counts(self, length):
        """The counts since the last call; from now on only datagrams of the next run count."""
        self.run += 1
        self.receiver.stdin.write(f"{self.run} {length}\n")
        self.receiver.stdin.flush()
        return counts_in(self.receiver.stdout.readline())

    def send(self, length, rate, seconds):
        """One run: the counts of both ends and the daemons' CPU seconds. rate 0: no limit."""
        self.counts(length)
        before = cpu_seconds(*self.daemons)
        sender = self.source.node.run(self.path, "send", self.destination.inner4, self.PORT,
                                      str(self.run), str(length), str(rate), str(seconds),
                                      timeout=seconds + 20)
        time.sleep(0.1)  # for the last ones to arrive
        used = cpu_since(before, *self.daemons)
        return {**counts_in(sender.stdout), **self.counts(length), "cpu": used}


    def end(self):
        self.receiver.stdin.close()
        self.receiver.wait(5)


LOSS = 0.002  # counts as none: a busy machine always loses a few
LOSS_AGAIN = 0.05  # up to this loss others may be to blame: the rate is tried once more
SEARCH = 4.0  # the search starts this factor below and above the rate that a flood delivers


def lossless(flood, length, rate, options):
    """The rate delivered when sending at about `rate`; None if too much is lost."""
    for _ in range(2):
        counts = flood.send(length, max(100, int(rate)), options.probe_seconds)
        loss = 1 - counts["received"] / counts["sent"]
        if loss <= LOSS:
            return counts["received"] * 1e9 / counts["elapsed_ns"]
        if loss > LOSS_AGAIN:
            break
    return None


def lossless_rate(flood, length, guess, options):
    """The highest rate with next to no loss, by bisection, in datagrams per second."""
    low, high, best = guess / SEARCH, guess * SEARCH, None
    for _ in range(options.probes):
        rate = (low * high) ** 0.5
        if found := lossless(flood, length, rate, options):
            best, low = max(best or 0, found), rate
        else:
            high = rate
            if best is None:
                low /= 2  # the answer may be lower still
    return best or any_lossless_rate(flood, length, low, options)


def any_lossless_rate(flood, length, rate, options):
    """Any lossless rate, tried from `rate` downwards."""
    while rate > 50:
        if found := lossless(flood, length, rate, options):
            return found
        rate /= 4
    raise Failure(f"datagrams of {length} bytes are lost at every rate")


def udp(lab, contender, options):
    """Floods of datagrams, and for WireGuards the highest rates without loss."""
    x, y = contender.tunnel(lab)
    # With the usual 1420, each inner packet of 1428 bytes would become two fragments. 1440 is what
    # an IPv4 path of 1500 can carry.
    for end in filter(lambda end: end.process, (x, y)):
        end.node.ip("link", "set", end.name, "mtu", "1440")
    x.node.reaches(y.inner4, 3)
    flood, found = Flood(x, y, options.flood), {}
    for length in LENGTHS:
        time.sleep(0.2)
        counts = flood.send(length, 0, options.flood_seconds)
        expect(counts["received"] > 1, "datagrams arrive")
        rate = counts["received"] * 1e9 / counts["span_ns"]
        found[f"udp{length}"] = rate / 1e3
        if x.process:
            found[f"udp{length}_cpu"] = counts["cpu"] * 1e6 / counts["received"]
        if not contender.is_bound:
            found[f"udp{length}_lossless"] = lossless_rate(flood, length, rate, options) / 1e3
    return found


# Handshakes

class Generator:
    """Runs bench/handshakes on node a."""

    def __init__(self, lab, path, peers, seed=1):
        self.lab, self.path = lab, path
        self.options = ["--seed", str(seed), "--peers", str(peers)]

    def keys(self):
        return run(self.path, "keys", *self.options).stdout.split()

    def run(self, device, each):
        """Returns its counts, with the daemon's CPU seconds from the first initiation to the last
        answer as `cpu`."""
        node = self.lab.nodes["a"]
        process = subprocess.Popen(
            ["ip", "netns", "exec", node.ns, self.path, "run", *self.options, "--each", str(each),
             "--seconds", "20", device.key.public_hex, device.node.v4(), str(device.port())],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.lab.processes.append(process)
        with process:
            self.expect_line(process, "prepared")
            before = cpu_seconds(device)
            process.stdin.write("\n")
            process.stdin.flush()
            self.expect_line(process, "ran")
            used = cpu_since(before, device)
            counts = process.stdout.readline()
        return {"cpu": used, **counts_in(counts)}

    def expect_line(self, process, word):
        if process.stdout.readline() != word + "\n":
            raise Failure(f"the handshake generator failed: {process.stderr.read().strip()}")


def handshakes(lab, _, options):
    """A responder that knows all peers: first one handshake with each, then several more."""
    # Without this option boringtun opens a connected socket for the first peer that it answers,
    # which then receives what the others send from the same address and port.
    if lab.mine.is_boringtun:
        lab.mine.options.append("--disable-connected-udp")
    generator = Generator(lab, options.handshakes, options.handshake_peers)
    device = responder(lab, generator.keys())
    found = {}
    for name, each in (("first", 1), ("again", options.handshakes_each)):
        counts = generator.run(device, each)
        expect(counts["valid"], f"there are valid responses: {counts}")
        found[name] = counts["valid"] * 1e9 / counts["elapsed_ns"]
        found[f"{name}_cpu"] = counts["cpu"] * 1e6 / counts["valid"]
        odd = {word: counts[word] for word in ("invalid", "lost", "cookies", "stray")
               if counts[word]}
        if odd:
            lab.notes.append(f"handshakes ({name}): of {counts['sent']} initiations "
                             + ", ".join(f"{count} {word}" for word, count in odd.items()))
        generator_us = counts["generator_cpu_ns"] / 1e3 / counts["valid"]
        found[f"{name}_generator_us"] = generator_us
    return found


def responder(lab, public_keys, psk=None):
    """A device on node b with these peers, which are all on node a."""
    a, b = lab.node("a"), lab.node("b")
    lab.link(a, b)
    device = Device(lab, b, lab.mine, env=QUIET).start()
    load(device, peers_request(public_keys, psk))
    return device


# Many peers

def peers_request(public_keys, psk=None):
    """A set request, without its first line, for peers with one address each in 100.64.0.0/10."""
    lines = []
    for number, key in enumerate(public_keys):
        lines.append(f"public_key={key}\n")
        if psk:
            lines.append(f"preshared_key={psk}\n")
        address = f"100.{64 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"
        lines.append(f"allowed_ip={address}/32\n")
    return "".join(lines)


def load(device, request):
    """Sends a set request; returns the seconds until its reply."""
    data = f"set=1\n{request}\n".encode()
    with device.uapi() as uapi:
        uapi.stream.settimeout(300)
        begun = time.monotonic()
        uapi.send(data)
        answer = uapi.reply()
        seconds = time.monotonic() - begun
    if answer != "errno=0\n":
        raise Failure(f"{device.implementation.name} answers {answer!r} to many peers")
    return seconds


def count_peers(device):
    """The number of peers in the reply to a get request, which is not stored."""
    count, pending = 0, b""
    with device.uapi() as uapi:
        uapi.stream.settimeout(300)
        uapi.send("get=1\n\n")
        while more := uapi.stream.recv(1 << 20):
            *lines, pending = (pending + more).split(b"\n")
            count += sum(line.startswith(b"public_key=") for line in lines)
            if b"" in lines:
                return count
    raise Failure(f"{device.implementation.name} hangs up while listing its peers")


def peers(lab, _, options, count):
    """One request with that many peers, the last of which is the device on a; then the tunnel to
    that device must work."""
    a, b = lab.node("a"), lab.node("b")
    lab.link(a, b)
    x = Device(lab, a, lab.mine, env=QUIET).start()
    y = Device(lab, b, lab.mine, env=QUIET).start()
    x.add(y, b.v4())
    # Any 32 bytes are a public key; loading peers does not take their private keys.
    strangers = [os.urandom(32).hex() for _ in range(count - 1)]
    request = peers_request(strangers)
    request += f"public_key={x.key.public_hex}\nallowed_ip={x.inner4}/32\n"
    found = {f"load_{count}": load(y, request) * 1e3}
    time.sleep(PAUSE)
    found[f"resident_{count}"] = memory_mib(y, "VmRSS")
    found[f"peak_{count}"] = memory_mib(y, "VmHWM")
    until(lambda: a.ping(y.inner4, 1, wait=1).received,
          f"a ping to one of {count} peers is answered", 20)
    expect(count_peers(y) == count, f"{count} peers are listed")
    return found


# The AEAD alone

def aead(options):
    """bench/aead's result for the back-end that tielined uses: the slower of sealing and opening,
    as a ratio to libcrypto's time, by targets.aead_name()."""
    if not os.access(options.aead, os.X_OK):
        raise Failure(f"no {options.aead}")
    told = json.loads(run(options.aead, "--json", timeout=60).stdout)
    backend = "avx2" if options.processor == "avx2" else told["chosen"]
    found = {aead_name(row["packets"], row["bytes"]): max(row["seal_ratio"], row["open_ratio"])
             for row in told["rows"] if row["backend"] == backend}
    expect(found, f"bench/aead has results for {backend}")
    return found
