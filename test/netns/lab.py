# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Network namespaces, the links between them, and the programs that run in them, for one scenario.

Each scenario runs in its own process and builds one Lab. Everything the Lab makes carries that
process's id (namespace `tl4711-a`, WireGuard interface `tl4711a`), and close() removes it all;
sweep() removes the leftovers of killed processes. All interfaces and addresses are made inside
these namespaces. They share /var/run/wireguard and /run/tieline, which hold the sockets of
interfaces, with the host; hence the unique interface names.

Nothing sleeps for a fixed time to wait for something: until() polls with a deadline.
"""

import contextlib
import ctypes
import fcntl
import hashlib
import math
import os
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

from stacks import kernel_side, stacks

SOCKETS = "/var/run/wireguard"
STATUS = "/run/tieline"
NAMESPACES = "/run/netns"
QUICK_STATES = "/run/tieline-quick"
LAB_STATES = "/run/tieline/lab"
CLONE_NEWNET = 0x40000000
OFFLOADS = {"checksum": 0x17, "tso": 0x1f, "gso": 0x24, "gro": 0x2c}  # ETHTOOL_STXCSUM, _STSO...
NETS = ("192.0.2", "198.51.100", "203.0.113", "198.18.0")  # of cables; reserved for tests
DIRECTORY = "tieline-"  # followed by the prefix
OURS = re.compile(rf"(?:{DIRECTORY})?(tl(\d+))(?!\d)")  # start of every name that a Lab makes

libc = ctypes.CDLL(None, use_errno=True)


class Failure(Exception):
    """A claim of the scenario does not hold."""


class Skip(Exception):
    """The scenario cannot run here; the text gives the reason."""


def expect(condition, claim):
    """Raises a Failure unless the condition holds; the claim states what should be true."""
    if not condition:
        raise Failure(f"expected: {claim}")


def expect_same(found, wanted, what):
    if found != wanted:
        raise Failure(f"{what}: expected {wanted!r}, found {found!r}")


def until(condition, what, seconds=5.0, poll=0.02):
    """Calls condition until its result is true, and returns that. Fails after `seconds`. `what` is
    a text, or a function that makes it."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise Failure(f"not within {seconds:g} s: {what() if callable(what) else what}")
        time.sleep(poll)
    return result


def stays(condition, what, seconds):
    """Fails as soon as condition is false, within that time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        expect(condition(), f"{what}, for {seconds:g} s")
        time.sleep(0.02)


def run(*argv, check=True, timeout=20, **more):
    """Runs a program to completion. With check, an exit status other than 0 is a Failure."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout, **more)
    except subprocess.TimeoutExpired:
        raise Failure(f"{' '.join(argv)}: still running after {timeout} s") from None
    if check and done.returncode != 0:
        raise Failure(f"{' '.join(argv)}: exit status {done.returncode}: "
                      f"{(done.stderr or done.stdout).strip()}")
    return done


def ended(process, seconds=20):
    """Waits for a process to end and returns its exit status. If it does not end, the Failure
    includes its stacks and those of the processes it may be waiting for.

    A daemon's last step is to close its TUN, where the kernel waits for RCU
    (synchronize_rcu_expedited, rcu_barrier). On 2 processors with 30 runnable processes and
    namespaces to remove, this has taken up to 5 s."""
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        raise Failure(f"{' '.join(process.args)} (process {process.pid}) is still there after "
                      f"{seconds} s\n{stacks(process.pid)}") from None


def obstacle():
    """The reason why nothing can run here, or None."""
    if os.geteuid() != 0:
        return "not root"
    for program in ("ip", "ping", "wg"):
        if not shutil.which(program):
            return f"{program} is not installed"
    if not os.path.exists("/dev/net/tun"):
        return "no /dev/net/tun"
    probe = f"tl{os.getpid()}-probe"
    if run("ip", "netns", "add", probe, check=False).returncode != 0:
        return "cannot create a network namespace"
    run("ip", "netns", "del", probe)
    return None


def end_in_order():
    """Makes Ctrl-C and similar signals raise SystemExit, so that everything is cleaned up."""
    def end(number, _):
        for later in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(later, signal.SIG_IGN)  # do not interrupt the cleanup
        sys.exit(128 + number)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)


@contextlib.contextmanager
def inside(namespace):
    """Moves the calling thread into a network namespace; sockets made there stay there."""
    with open("/proc/thread-self/ns/net") as home, open(f"{NAMESPACES}/{namespace}") as there:
        if libc.setns(there.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {namespace}")
        try:
            yield
        finally:
            libc.setns(home.fileno(), CLONE_NEWNET)


class Ping:
    """The output of ping(8), and its counts."""

    def __init__(self, text):
        found = re.search(r"(\d+) packets transmitted, (\d+) received", text)
        self.text = text
        self.sent, self.received = map(int, found.groups()) if found else (0, 0)
        self.answered = {int(number) for number in re.findall(r"icmp_seq=(\d+) ttl", text)}
        self.slowest_ms = max(map(float, re.findall(r"time=([\d.]+) ms", text)), default=0)

    def expect_first(self, count, what):
        missing = set(range(1, count + 1)) - self.answered
        if missing:
            raise Failure(f"{what}: no answer to ping {sorted(missing)} of {count}\n{self.text}")


class Node:
    """A host: one network namespace."""

    def __init__(self, lab, name, number):
        self.lab, self.name, self.number = lab, name, number
        self.ns = f"{lab.prefix}-{name}"
        self.ports = 0  # interfaces made so far: eth0, eth1...
        run("ip", "netns", "add", self.ns)
        self.ip("link", "set", "lo", "up")

    def run(self, *argv, **more):
        return run("ip", "netns", "exec", self.ns, *argv, **more)

    def ip(self, *arguments, **more):
        return run("ip", "-n", self.ns, *arguments, **more)

    def sysctl(self, name, value):
        with inside(self.ns), open(f"/proc/sys/{name.replace('.', '/')}", "w") as file:
            file.write(str(value))

    def accept_any_source(self, *devs):
        """Turns off reverse path filtering on these interfaces."""
        for name in ("all", *devs):
            self.sysctl(f"net.ipv4.conf.{name}.rp_filter", 0)

    def nft(self, family, table, hook, *rules):
        """Makes a table with one chain of rules, replacing any table of that name."""
        chain = f"{family} {table} only"
        self.run("nft", "-f", "-", input="\n".join((
            f"add table {family} {table}", f"delete table {family} {table}",
            f"add table {family} {table}", f"add chain {chain} {{ type {hook}; }}",
            *(f"add rule {chain} {rule}" for rule in rules), "")))

    def popen(self, *argv, log, env=None, **more):
        """Starts a program that writes to the file log and ends with the Lab at the latest."""
        with open(log, "ab") as file:
            process = subprocess.Popen(["ip", "netns", "exec", self.ns, *argv], stdout=file,
                                       stderr=file, stdin=subprocess.DEVNULL,
                                       env={**os.environ, **(env or {})}, **more)
        self.lab.processes.append(process)
        return process

    def socket(self, family=socket.AF_INET, kind=socket.SOCK_DGRAM, protocol=0):
        with inside(self.ns):
            made = socket.socket(family, kind, protocol)
        self.lab.resources.callback(made.close)
        return made

    def v4(self, net=0):
        return f"{NETS[net]}.{self.number}"

    def v6(self, net=0):
        return f"2001:db8:{net + 1}::{self.number}"

    def outer(self, family, net=0):
        return self.v4(net) if family == 4 else self.v6(net)

    def attach(self, dev, net):
        """Gives an interface this node's addresses in that net and brings it up."""
        self.ip("addr", "add", f"{self.v4(net)}/24", "dev", dev)
        self.ip("addr", "add", f"{self.v6(net)}/64", "dev", dev, "nodad")
        self.ip("link", "set", dev, "up")

    def port(self):
        self.ports += 1
        return f"eth{self.ports - 1}"

    def offload(self, dev, name, is_on):
        """Turns an offload of a network device on or off."""
        value = ctypes.create_string_buffer(struct.pack("II", OFFLOADS[name], is_on))
        request = struct.pack("16sP16x", dev.encode(), ctypes.addressof(value))
        fcntl.ioctl(self.socket(), 0x8946, request)  # SIOCETHTOOL

    def offloads_off(self, dev):
        """Turns all offloads off, so that raw frames on the link look as they would on a wire: no
        longer than the MTU, with checksums filled in."""
        for name in OFFLOADS:
            self.offload(dev, name, False)

    def ping(self, to, count=3, interval=0.05, wait=5, options=()):
        """Pings and returns the result, answered or not."""
        seconds = count * interval + wait
        return Ping(self.run("ping", "-n", "-c", str(count), "-i", str(interval), "-W", str(wait),
                             *options, to, check=False, timeout=seconds + 5).stdout)

    def reaches(self, to, count=3, interval=0.05, wait=5, options=()):
        """Expects answers to the first `count` pings. After an answer, ping(8) normally waits only
        one interval for the last one, which is too short on a busy machine. With -w it goes on
        until it has that many answers, and may send a few more pings.

        After a late handshake all waiting pings arrive at once, and their answers may overtake
        each other: a TUN gives the first answer of a flow to the queue that its hash selects, and
        the next one to the queue that the flow came in by. Then a second series counts."""
        options = ("-w", str(math.ceil(count * interval + wait)), *options)
        done = self.ping(to, count, interval, wait, options)
        if done.slowest_ms > 200:
            done = self.ping(to, count, interval, wait, options)
        done.expect_first(count, f"{self.name} to {to}")

    @contextlib.contextmanager
    def pinging(self, to, interval=0.02):
        """Pings for the length of the context; no ping may be lost, except those that may still
        be in flight at its end."""
        log = self.lab.file(f"pinging-{self.name}")
        process = self.popen("ping", "-n", "-i", str(interval), to, log=log)
        until(lambda: b"icmp_seq" in read(log), f"{self.name} gets a first answer from {to}")
        yield
        process.send_signal(signal.SIGINT)
        process.wait(10)
        text = read(log).decode()
        seen = {int(number) for number in re.findall(r"icmp_seq=(\d+) ttl", text)}
        gaps = set(range(1, max(seen))) - seen
        if gaps or (Ping(text).sent - max(seen)) * interval > 0.5:
            raise Failure(f"{self.name} to {to}: lost ping {sorted(gaps)} of {max(seen)}\n{text}")


class Pulse:
    """Sends datagrams to an echo, one per interval, for the length of the context. Afterwards
    `counts` holds the output of pulse.c."""

    def __init__(self, source, destination, address, interval_us=1000):
        self.source, self.destination = source, destination
        self.address, self.interval_us = address, interval_us
        self.counts = {}

    def __enter__(self):
        lab, port = self.source.lab, "45900"
        log = lab.file("echo")
        self.echo = self.destination.popen(lab.tool("pulse"), "echo", port, log=log)
        until(lambda: b"ready" in read(log), "the echo server is ready")
        self.log = lab.file("pulse")
        self.process = self.source.popen(lab.tool("pulse"), "send", self.address, port,
                                         str(self.interval_us), log=self.log)
        return self

    def __exit__(self, kind, *_):
        self.process.terminate()
        self.process.wait(10)
        self.echo.kill()
        self.echo.wait(5)
        self.counts = counts_in(read(self.log).decode())
        expect(kind or self.counts, f"pulse reports its counts: {read(self.log)}")

    def expect_whole(self, what):
        """Nothing was lost, and no system call failed."""
        counts = self.counts
        expect(counts["sent"] and not counts["lost"] and not counts["errors"],
               f"{what}: all datagrams come back, without an error: {counts}")

    def __str__(self):
        counts = self.counts
        return (f"{counts['sent']} datagrams, longest gap {counts['gap_us'] / 1000:.1f} ms "
                f"(sender stalled {counts['stall_us'] / 1000:.1f} ms)")


def read(path):
    with open(path, "rb") as file:
        return file.read()


def counts_in(text):
    """The counts that a tool prints as name=value."""
    return {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", text)}


class Lab:
    def __init__(self, mine, theirs, tools):
        """mine is the WireGuard under test, theirs its peer; tools maps the name of a tool, such
        as badlink or pulse, to its path."""
        self.mine, self.theirs, self.tool = mine, theirs, tools
        self.prefix = f"tl{os.getpid()}"
        self.directory = tempfile.mkdtemp(prefix=f"{DIRECTORY}{self.prefix}-")
        self.nodes, self.devices, self.processes, self.notes = {}, [], [], []
        self.resources = contextlib.ExitStack()
        self.secrets = set()  # keys, as raw bytes; no log may hold one

    # Building blocks

    def node(self, name):
        self.nodes[name] = Node(self, name, len(self.nodes) + 1)
        return self.nodes[name]

    def link(self, a, b, net=0):
        """A cable between two nodes, with their addresses in that net. Returns the names of both
        ends."""
        ends = a.port(), b.port()
        run("ip", "link", "add", ends[0], "netns", a.ns, "type", "veth",
            "peer", "name", ends[1], "netns", b.ns)
        a.attach(ends[0], net)
        b.attach(ends[1], net)
        return ends

    def lan(self, *nodes, net=0):
        """A switch that joins all these nodes."""
        switch = self.node(f"lan{net}")
        switch.ip("link", "add", "bridge", "type", "bridge")
        switch.ip("link", "set", "bridge", "up")
        for node in nodes:
            plug, dev = switch.port(), node.port()
            run("ip", "link", "add", dev, "netns", node.ns, "type", "veth",
                "peer", "name", plug, "netns", switch.ns)
            switch.ip("link", "set", plug, "master", "bridge", "up")
            node.attach(dev, net)

    def bad_link(self, a, b, loss=0, duplicate=0, reorder=0, hold_ms=2, delay_ms=0, mtu=1500,
                 seed=1):
        """A cable that loses, repeats and reorders frames (in percent), delays them, and drops
        packets longer than the mtu. Uses netem if the kernel has it, else badlink. Returns a
        function that ends it and returns its statistics."""
        middle = self.node("cable")
        for node in (a, b):
            dev = node.port()
            run("ip", "link", "add", dev, "netns", node.ns, "type", "veth",
                "peer", "name", f"to{node.name}", "netns", middle.ns)
            node.attach(dev, 0)
            node.offloads_off(dev)
            middle.ip("link", "set", f"to{node.name}", "up")
        netem = ["netem", "limit", "100000", "loss", f"{loss}%", "duplicate", f"{duplicate}%",
                 "delay", f"{delay_ms + hold_ms}ms"]
        if reorder:  # this share is not delayed, so it overtakes the rest
            netem += ["reorder", f"{reorder}%"]
        if middle.run("tc", "qdisc", "add", "dev", f"to{a.name}", "root", *netem,
                      check=False).returncode == 0:
            middle.run("tc", "qdisc", "add", "dev", f"to{b.name}", "root", *netem)
            middle.ip("link", "add", "bridge", "type", "bridge")
            middle.ip("link", "set", "bridge", "up")
            for node in (a, b):
                middle.ip("link", "set", f"to{node.name}", "master", "bridge", "mtu", str(mtu))
            self.notes.append("bad link: netem")
            return lambda: middle.run("tc", "-s", "qdisc").stdout
        log = self.file("badlink")
        process = middle.popen(
            self.tool("badlink"), "--loss", str(loss), "--duplicate", str(duplicate), "--reorder",
            str(reorder), "--hold", str(hold_ms), "--delay", str(delay_ms), "--limit",
            str(mtu + 14), "--seed", str(seed), f"to{a.name}", f"to{b.name}", log=log)
        until(lambda: b"ready" in read(log), "badlink is ready")
        self.notes.append("bad link: badlink (this kernel has no netem)")

        def end():
            process.terminate()
            process.wait(5)
            return read(log).decode()
        return end

    def file(self, name):
        """A path for a new file in the Lab's own directory."""
        return os.path.join(self.directory, f"{len(os.listdir(self.directory)):03}-{name}")

    def transfer(self, source, destination, address, size=1 << 20, seed=1, seconds=30):
        """Sends pseudo-random bytes over TCP and compares their hash at both ends."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        server = destination.socket(family, socket.SOCK_STREAM)
        server.bind((address, 0))
        server.listen()
        server.settimeout(seconds)

        def serve():
            with contextlib.suppress(OSError):
                stream, _ = server.accept()
                with stream:
                    stream.settimeout(seconds)
                    digest = hashlib.sha256()
                    while data := stream.recv(1 << 18):
                        digest.update(data)
                    stream.sendall(digest.digest())

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        client = source.socket(family, socket.SOCK_STREAM)
        client.settimeout(seconds)
        digest, generator = hashlib.sha256(), random.Random(seed)
        what = f"TCP from {source.name} to {destination.name} ({address})"
        try:
            client.connect(server.getsockname())
            for at in range(0, size, 1 << 16):
                data = generator.randbytes(min(1 << 16, size - at))
                digest.update(data)
                client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            answer = client.recv(64)
        except OSError as error:
            raise Failure(f"{what}: {error}") from None
        finally:
            client.close()
            server.close()
        expect(answer == digest.digest(), f"{what}: the bytes received are those sent")

    # The end

    def logs(self):
        """The last lines of every log, for whoever investigates a failure."""
        parts = []
        for name in sorted(os.listdir(self.directory)):
            if name.endswith((".secret", ".program")):
                continue
            if text := read(os.path.join(self.directory, name)).decode(errors="replace"):
                parts.append(f"--- {name}\n" + "\n".join(text.splitlines()[-40:]))
        return "\n".join(parts)

    def whereabouts(self):
        """The kernel's view of every process that still runs; takes no time."""
        return "\n".join(kernel_side(process.pid) for process in self.processes
                         if process.poll() is None)

    def close(self):
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.wait(10)
        self.resources.close()
        remove(self.prefix)


def cgroups():
    """The mount point of the cgroup version 2 hierarchy, or None."""
    found = re.search(r"^\S+ (\S+) cgroup2 ", read("/proc/mounts").decode(), re.MULTILINE)
    return found[1] if found else None


def namespace_pids(namespace):
    return [int(pid) for pid in run("ip", "netns", "pids", namespace, check=False).stdout.split()]


def labs_of(prefix):
    """The processes of `tieline lab` that a Lab of that prefix started and that still run."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            words = read(f"/proc/{pid}/cmdline").split(b"\0")
            if b"lab" in words[1:] and any(f"/{DIRECTORY}{prefix}-".encode() in word
                                           for word in words):
                yield int(pid)


def remove(prefix):
    """Removes everything that a Lab of that prefix made: processes, namespaces, sockets, files."""
    for pid in labs_of(prefix):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for name in os.listdir(NAMESPACES):
        if name.startswith(f"{prefix}-"):
            for pid in namespace_pids(name):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            run("ip", "netns", "del", name, check=False)
    for folder in filter(os.path.isdir, (SOCKETS, STATUS)):
        for name in os.listdir(folder):
            if re.fullmatch(prefix + r"[a-z].*\.(sock|name|stamp)", name):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(os.path.join(folder, name))
    for folder in filter(os.path.isdir, (QUICK_STATES, LAB_STATES)):
        for name in os.listdir(folder):
            if re.fullmatch(prefix + r"[a-z]\w*", name):
                os.unlink(os.path.join(folder, name))
    if (mount := cgroups()) and os.path.isdir(os.path.join(mount, prefix)):
        for directory, _, _ in os.walk(os.path.join(mount, prefix), topdown=False):
            with contextlib.suppress(OSError):  # still in use: left to the next sweep
                os.rmdir(directory)
    for name in os.listdir(tempfile.gettempdir()):
        if name.startswith(f"{DIRECTORY}{prefix}-"):
            shutil.rmtree(os.path.join(tempfile.gettempdir(), name), ignore_errors=True)


def sweep():
    """Removes what the Labs of dead processes left behind."""
    os.makedirs(NAMESPACES, exist_ok=True)
    names = os.listdir(NAMESPACES) + os.listdir(tempfile.gettempdir())
    if mount := cgroups():
        names += os.listdir(mount)
    for folder in filter(os.path.isdir, (SOCKETS, STATUS, LAB_STATES)):
        names += os.listdir(folder)
    for prefix, pid in {found.groups() for name in names if (found := OURS.match(name))}:
        with contextlib.suppress(FileNotFoundError):
            if re.search(rb"run\.py|bench/", read(f"/proc/{pid}/cmdline")):
                continue  # a scenario or a measurement of another run, still going
        remove(prefix)
