# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""WireGuard interfaces as scenarios see them: keys, wg(8), the UAPI socket and the daemon."""

import base64
import json
import os
import re
import signal
import socket
import subprocess

from lab import (SOCKETS, Failure, Skip, ended, expect, expect_same, inside, namespace_pids, read,
                 run, until)
from stacks import parent_of

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(HERE))
PEERS = ("wireguard-go", "wireguard-go-new", "boringtun")
BUILT = (*PEERS, "gotatun")  # all that peers.sh knows; gotatun takes minutes to build


class Implementation:
    """A program that serves a WireGuard interface. `ours` marks tielined, which must meet every
    claim; the others are peers, and differ in some respects."""

    def __init__(self, name, path):
        self.name, self.path = name, path
        kind = os.path.basename(path)
        self.ours = kind.startswith("tielined")
        self.is_boringtun = kind.startswith("boringtun")
        self.is_rust = self.is_boringtun or kind.startswith("gotatun")  # a fork of boringtun
        self.verbosity = "debug"  # for these two; the others read LOG_LEVEL
        self.options = []         # extra arguments

    def argv(self, ifname):
        if self.is_rust:
            return [self.path, "--disable-drop-privileges", "--verbosity", self.verbosity,
                    *self.options, "-f", ifname]
        return [self.path, *self.options, "-f", ifname]


def find_implementation(name):
    """Finds `tielined`, a name known to peers.sh, or a path. Raises Skip if it is unavailable."""
    if "/" in name:
        if not os.access(name, os.X_OK):
            raise Skip(f"{name} is not an executable file")
        return Implementation(os.path.basename(name), os.path.abspath(name))
    if name == "tielined":
        path = os.environ.get("TIELINED") or os.path.join(TREE, "build", "daemon", "tielined")
        if not os.access(path, os.X_OK):
            raise Skip(f"no tielined at {path}: build it first, or set TIELINED to its path")
        return Implementation(name, path)
    if name not in BUILT:
        raise Skip(f"unknown implementation {name}: tielined, {', '.join(BUILT)}, or a path")
    found = subprocess.run([os.path.join(HERE, "peers.sh"), name], capture_output=True, text=True)
    if found.returncode != 0:
        raise Skip(found.stderr.strip())
    return Implementation(name, found.stdout.strip())


class Key:
    """A private key with its public key, or a preshared key."""

    def __init__(self, lab, kind="genkey"):
        self.text = run("wg", kind).stdout.strip()
        self.raw = base64.b64decode(self.text)
        self.hex = self.raw.hex()
        if kind == "genkey":
            self.public = run("wg", "pubkey", input=self.text).stdout.strip()
            self.public_raw = base64.b64decode(self.public)
            self.public_hex = self.public_raw.hex()
        self.file = lab.file("key.secret")
        with open(self.file, "w", encoding="ascii") as file:
            file.write(self.text + "\n")
        lab.secrets.add(self.raw)


class Peer:
    """One peer of a device, as shown by `wg show IFNAME dump`."""

    def __init__(self, row):
        (self.public, self.psk, endpoint, allowed, handshake, rx, tx, keepalive) = row
        self.endpoint = None if endpoint == "(none)" else endpoint
        self.allowed = [] if allowed == "(none)" else allowed.split(",")
        self.handshake, self.rx, self.tx = int(handshake), int(rx), int(tx)
        self.keepalive = 0 if keepalive == "off" else int(keepalive)


class Uapi:
    """A connection to an interface's configuration socket, or to another socket of its style."""

    def __init__(self, ifname, directory=SOCKETS):
        self.stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.stream.settimeout(20)
        self.stream.connect(f"{directory}/{ifname}.sock")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()

    def send(self, text):
        self.stream.sendall(text if isinstance(text, bytes) else text.encode())

    def reply(self):
        """The next reply, without the blank line that ends it; None if the daemon hung up."""
        data = bytearray()
        try:
            while not data.endswith(b"\n\n"):
                more = self.stream.recv(1 << 20)
                if not more:
                    return None
                data += more
        except ConnectionError:
            return None
        except TimeoutError:
            raise Failure(f"incomplete reply on the UAPI socket: {bytes(data)!r}") from None
        return data.decode()[:-1]

    def set(self, text):
        """Sends a set request (its lines without set=1); returns the errno of the reply."""
        self.send(f"set=1\n{text}\n")
        return reply_errno(self.reply())

    def get(self):
        self.send("get=1\n\n")
        return self.reply()


def reply_errno(reply):
    """The number in errno=N; None if the daemon hung up instead."""
    if reply is None:
        return None
    found = re.search(r"^errno=(-?\d+)$", reply, re.MULTILINE)
    expect(found, f"the reply contains errno: {reply!r}")
    return int(found[1])


class Device:
    """A WireGuard interface on a node, with a private key, addresses and a daemon."""

    def __init__(self, lab, node, implementation, letter=None, env=None):
        self.lab, self.node, self.implementation = lab, node, implementation
        self.ours = implementation.ours
        self.name = f"{lab.prefix}{letter or node.name}"
        self.socket = f"{SOCKETS}/{self.name}.sock"
        self.log = lab.file(f"{self.name}-{implementation.name}")
        self.env = env or {"LOG_LEVEL": "verbose"}
        self.inner4, self.inner6 = f"10.77.0.{node.number}", f"fd77::{node.number}"
        self.process = None
        self.key = Key(lab)
        lab.devices.append(self)

    # The daemon

    def start(self, up=True):
        """Starts the daemon in the foreground, sets key and addresses, and sets the link up."""
        self.spawn()
        self.wg("set", "private-key", self.key.file)
        self.address()
        if up:
            self.up()
        return self

    def spawn(self):
        """Starts the daemon and waits until it answers; configures nothing."""
        self.process = self.node.popen(*self.implementation.argv(self.name), log=self.log,
                                       env=self.env)
        until(self.answers, f"{self.implementation.name} serves {self.name}")

    def answers(self):
        if self.process and self.process.poll() is not None:
            raise Failure(f"{self.implementation.name} ended with {self.process.returncode}")
        return self.has_link() and self.has_socket()

    def has_link(self, node=None):
        return (node or self.node).ip("link", "show", self.name, check=False).returncode == 0

    def has_socket(self):
        """Whether the socket is served."""
        try:
            with Uapi(self.name) as uapi:
                return uapi.get() is not None
        except OSError:
            return False

    def is_alive(self):
        return self.process is not None and self.process.poll() is None

    def helper(self):
        """The process id of the daemon's helper."""
        return next(pid for pid in namespace_pids(self.node.ns)
                    if parent_of(pid) == self.process.pid)

    def is_gone(self, node=None):
        return not self.has_link(node) and not os.path.exists(self.socket)

    def stop(self, by=signal.SIGTERM):
        """Ends the daemon as an administrator would, and expects it to clean up."""
        self.process.send_signal(by)
        self.ended()

    def ended(self):
        """Waits for the daemon to end on its own, and expects it to clean up."""
        process, self.process = self.process, None
        status = ended(process)
        if self.ours:
            expect_same(status, 0, "exit status of tielined")
            expect(self.is_gone(), "tielined removes its link and its socket")

    def kill(self):
        """Ends the daemon as a crash would."""
        self.process.kill()
        ended(self.process)
        self.process = None

    # The link

    def address(self, node=None):
        ip = (node or self.node).ip
        ip("addr", "replace", f"{self.inner4}/24", "dev", self.name)
        ip("addr", "replace", f"{self.inner6}/64", "dev", self.name, "nodad")

    def up(self, node=None):
        (node or self.node).ip("link", "set", self.name, "up")
        until(self.port, f"{self.name} has a port")

    def down(self, node=None):
        (node or self.node).ip("link", "set", self.name, "down")

    def inner(self, family):
        return self.inner4 if family == 4 else self.inner6

    # Its configuration

    def wg(self, verb, *arguments, **more):
        return run("wg", verb, self.name, *map(str, arguments), **more)

    def set(self, *arguments, **more):
        return self.wg("set", *arguments, **more)

    def add(self, other, endpoint=None, psk=None, keepalive=None, allowed=None):
        """Makes the other device a peer. endpoint is its address, or None if it is not set."""
        arguments = ["peer", other.key.public]
        if psk:
            arguments += ["preshared-key", psk.file]
        if endpoint:
            arguments += ["endpoint", endpoint_text(endpoint, other.port())]
        if keepalive is not None:
            arguments += ["persistent-keepalive", keepalive]
        arguments += ["allowed-ips", allowed or f"{other.inner4}/32,{other.inner6}/128"]
        self.set(*arguments)

    def remove(self, other):
        self.set("peer", other.key.public, "remove")

    def port(self):
        return int(self.wg("show", "listen-port").stdout)

    def peers(self):
        rows = self.wg("show", "dump").stdout.splitlines()[1:]
        return {peer.public: peer for peer in (Peer(row.split("\t")) for row in rows)}

    def peer(self, other):
        peers = self.peers()
        expect(other.key.public in peers, f"{self.name} has the peer {other.name}")
        return peers[other.key.public]

    def uapi(self):
        return Uapi(self.name)

    def get(self):
        with Uapi(self.name) as uapi:
            return uapi.get()

    def stat(self):
        """The output of `tielined --stat --json`."""
        return json.loads(run(self.implementation.path, "--stat", self.name, "--json").stdout)

    def udp_ports(self):
        """The UDP ports bound in the daemon's namespace: (IPv4's, IPv6's)."""
        def of(table):
            with inside(self.node.ns), open(f"/proc/thread-self/net/{table}") as file:
                return {int(line.split()[1].rpartition(":")[2], 16) for line in list(file)[1:]}
        return of("udp"), of("udp6")


def is_sanitized(implementation):
    """Whether it is built with sanitizers: slower, larger and less confined."""
    return "sanitizers" in run(implementation.path, "--version").stdout


def endpoint_text(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def join(a, b, outer=4, psk=None, a_knows=True, b_knows=True):
    """Makes two devices each other's peers; one that does not know the other's address waits."""
    a.add(b, b.node.outer(outer) if a_knows else None, psk)
    b.add(a, a.node.outer(outer) if b_knows else None, psk)


def tunnel(lab, outer=4, env=None, **more):
    """Two hosts with a cable and a tunnel between them.

        a eth0 -------------- eth0 b      192.0.2.0/24, 2001:db8:1::/64
          tl..a ============ tl..b        10.77.0.0/24, fd77::/64
    """
    a, b = lab.node("a"), lab.node("b")
    lab.link(a, b)
    x = Device(lab, a, lab.mine, env=env).start()
    y = Device(lab, b, lab.theirs, env=env).start()
    join(x, y, outer, **more)
    return x, y


def meets(x, y, family=4, count=3):
    """Both can ping each other."""
    x.node.reaches(y.inner(family), count)
    y.node.reaches(x.inner(family), count)


def check_after(lab):
    """Checks every tielined at the end of a scenario: it still runs, unless the scenario ended it;
    it ends cleanly; and no log holds a key."""
    for device in lab.devices:
        if device.ours and device.process:
            expect(device.is_alive(), f"{device.name} still runs; see its log")
            device.stop()
    for name in os.listdir(lab.directory):
        if "tielined" in name:
            text = read(os.path.join(lab.directory, name))
            for secret in lab.secrets:
                shapes = (secret, base64.b64encode(secret), secret.hex().encode(),
                          secret.hex().upper().encode())
                expect(not any(shape in text for shape in shapes), f"the log {name} holds no key")
