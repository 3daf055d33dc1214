# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The status of a running tielined: `tielined --stat`, and the socket behind it."""

import contextlib
import json
import os
import random
import re
import signal
import socket
import stat
import struct
import subprocess

from device import Device, Key, Uapi, meets, reply_errno, tunnel
from lab import STATUS, expect, expect_same, run, until
from scenario import scenario
from scenarios.hostile import with_mac1
from sniff import DATA, INITIATION, RESPONSE, Sniffer


def ask(device, *options, check=True):
    """Runs tielined --stat, as a user does."""
    return run(device.implementation.path, "--stat", *options, check=check)


@contextlib.contextmanager
def counting(device, **wanted):
    """The code inside makes these counters grow by these numbers, and no other drop counter."""
    before = device.stat()
    yield
    known = {key: count for key, count in wanted.items() if not key.startswith("drop_")}

    def grown():
        after = device.stat()
        found = {key: after[key] - before[key] for key in after
                 if key in known or key.startswith("drop_") and after[key] != before[key]}
        return found if found == wanted else None
    try:
        until(grown, "the counters grow")
    except Exception:
        after = device.stat()
        found = {key: after[key] - before[key] for key in wanted}
        found |= {key: count - before[key] for key, count in after.items()
                  if key.startswith("drop_") and count != before[key]}
        expect_same(found, wanted, "growth of the counters")
        raise


def usual_workers():
    return int(os.environ.get("TIELINE_WORKERS", min(8, len(os.sched_getaffinity(0)))))


@scenario(ours_only=True)
def status_tells_the_truth(lab):
    """--stat and --stat --json agree with ip(8), wg(8) and what happened, from start to end."""
    x, y = tunnel(lab)
    fresh = x.stat()
    for key, wanted in (("interface", x.name), ("link_up", True), ("link_followed", True),
                        ("listen_port", x.port()), ("fwmark", 0), ("bound_ipv4", True),
                        ("bound_ipv6", True), ("peers", 1), ("sessions", 0), ("under_load", False),
                        ("pid", x.process.pid), ("workers", usual_workers()), ("offload_tun", True),
                        ("offload_udp", True),
                        ("tx_bytes", 0), ("rx_bytes", 0), ("initiations_sent", 0),
                        ("status_clients", 1)):
        expect_same(fresh[key], wanted, key)
    expect(fresh["sandbox"], "the sandbox is shown")
    meets(x, y)
    x.set("fwmark", "0x1f")
    x.set("fwmark", "0")
    x.node.ip("link", "set", x.name, "mtu", "1300")
    until(lambda: x.stat()["mtu"] == 1300, "the MTU is shown")
    mine, theirs = x.stat(), y.stat()
    expect(mine["peers_in_session"] == theirs["peers_in_session"] == 1, "each has one session")
    expect(mine["handshakes_initiated"] + mine["handshakes_responded"] >= 1, "x counts a handshake")
    expect(mine["initiations_sent"] + theirs["initiations_sent"] >= 1, "one side counts its start")

    def bytes_agree():
        mine, peer = x.stat(), x.peer(y)
        return (mine["tx_bytes"], mine["rx_bytes"]) == (peer.tx, peer.rx)
    until(bytes_agree, "byte counts are those of wg")
    mine = x.stat()
    expect(mine["tx_packets"] >= 6 and mine["rx_packets"] >= 6, "pings are counted")
    text = ask(x, x.name).stdout
    expect(re.search(r"^  UDP port +%d$" % x.port(), text, re.M), "the text shows the port")
    expect("replayed" not in text and "replayed" in ask(x, x.name, "--all").stdout,
           "zero drop counters are shown only with --all")
    width = {len(line) - len(re.sub(r"^  .{34} ", "", line)) for line in text.splitlines()
             if line.startswith("  ") and line != "  none"}
    expect_same(width, {37}, "column of the values")
    x.down()
    until(lambda: not x.stat()["bound_ipv4"], "the sockets are closed")
    down = x.stat()
    expect(not down["link_up"] and down["sessions"] == 0 and down["listen_port"],
           "down: no session, and the port is kept")
    expect_same((down["tx_bytes"], down["rx_bytes"]), (mine["tx_bytes"], mine["rx_bytes"]),
                "bytes counted while down")
    x.remove(y)
    expect_same(x.stat()["peers"], 0, "peers")


@scenario(ours_only=True)
def status_counts_drops(lab):
    """Each kind of bad datagram or packet moves its own counter, by its number, and no other."""
    x, y = tunnel(lab)
    outside = Sniffer(y.node, "eth0")
    y.node.reaches(x.inner4)
    until(lambda: outside.of_kind(DATA, outgoing=True), "data is seen")
    data = outside.of_kind(DATA, outgoing=True)[0].payload
    initiations = outside.of_kind(INITIATION, outgoing=True) or \
        outside.of_kind(INITIATION, outgoing=False)
    expect(initiations, "an initiation is seen")
    attacker = y.node.socket()
    attacker.connect((x.node.v4(), x.port()))
    generator = random.Random(1)

    def send(message, times=1):
        for _ in range(times):
            attacker.send(message)

    with counting(x, drop_malformed=3):
        send(b"no message at all")
        send(data[:31])
        send(struct.pack("<I", INITIATION) + bytes(145))
    with counting(x, drop_unknown_index=2):
        send(struct.pack("<IIQ", DATA, 0, 0) + bytes(16), 2)
    with counting(x, drop_replayed=5):
        send(data, 5)
    with counting(x, drop_tag_invalid=4):
        for _ in range(4):
            send(data[:16] + generator.randbytes(len(data) - 16))
    with counting(x, drop_counter_limit=1):
        send(data[:8] + b"\xff" * 8 + data[16:])
    with counting(x, drop_mac1_invalid=2, handshakes_refused=2, initiations_received=0):
        send(struct.pack("<I", INITIATION) + generator.randbytes(144), 2)
    with counting(x, drop_handshake_invalid=1, initiations_received=1, handshakes_refused=1):
        send(with_mac1(struct.pack("<I", INITIATION) + generator.randbytes(144), x.key.public_raw))
    with counting(x, drop_unexpected=1, handshakes_refused=1):
        send(with_mac1(struct.pack("<I", RESPONSE) + generator.randbytes(88), x.key.public_raw))
    with counting(x, drop_unexpected=1, handshakes_refused=1):
        send(struct.pack("<I", 3) + bytes(60))
    if initiations[0].outgoing:
        with counting(x, drop_timestamp_replayed=1, initiations_received=1):
            send(initiations[0].payload)


@scenario(ours_only=True)
def status_counts_strangers(lab):
    """Wrong key, no peer, no endpoint, no answer and foreign source each have their counter."""
    x, y = tunnel(lab)
    meets(x, y)
    stranger = Device(lab, lab.node("c"), lab.mine)
    lab.link(stranger.node, x.node, net=1)
    stranger.start()
    stranger.add(x, x.node.v4(1))
    with counting(x, drop_unknown_peer=1, sessions=0):
        stranger.node.ping(x.inner4, 1, wait=0.2)
    # Its retries, every 5 s, would be counted too.
    stranger.stop()
    with counting(x, drop_no_peer=2):
        x.node.ping("10.77.0.77", 2, wait=0.2)
    key, mute = Key(lab), Key(lab)
    x.set("peer", key.public, "allowed-ips", "10.77.0.78/32")
    with counting(x, drop_no_endpoint=2):
        x.node.ping("10.77.0.78", 2, wait=0.2)
    y.node.ip("addr", "add", "10.77.0.80/32", "dev", y.name)
    with counting(x, drop_source_refused=2):
        y.node.ping(x.inner4, 2, wait=0.2, options=("-I", "10.77.0.80"))
    x.set("peer", mute.public, "allowed-ips", "10.77.0.79/32", "endpoint",
          f"{y.node.v4()}:{y.port()}")
    with counting(x, initiations_sent=1, peers_asked=1, staged_packets=3):
        x.node.ping("10.77.0.79", 3, wait=0.2)
    expect(x.stat()["staged_bytes"] > 3 * 84, "their memory is counted")
    with counting(x, drop_no_peer=3, peers_asked=-1, staged_packets=-3, peers=-1):
        x.set("peer", mute.public, "remove")


@scenario(ours_only=True)
def status_socket(lab):
    """Only root can use the socket; it is removed on exit; stalled readers delay nothing else.

    Bad requests get their errors, and the daemon goes on without the socket.
    """
    x, y = tunnel(lab)
    path = f"{STATUS}/{x.name}.sock"
    expect_same(stat.S_IMODE(os.stat(path).st_mode), 0o600, "mode of the socket")
    expect(stat.S_IMODE(os.stat(STATUS).st_mode) & 0o022 == 0,
           "only root may write to the directory")
    with Uapi(x.name, STATUS) as client:
        for request, errno_wanted in (("set=1\nlisten_port=1\n\n", 71), ("\n", 71),
                                      ("get=1\nx=1\n\n", 22), ("x" * 100000 + "\n\n", 71),
                                      ("get=1\n\n", 0)):
            client.send(request)
            reply = client.reply()
            expect(reply.startswith("version=1\n"),
                   f"the reply to {request[:20]!r} begins with its version")
            expect_same(reply_errno(reply), errno_wanted, f"errno of {request[:20]!r}")
    with x.node.pinging(y.inner4), contextlib.ExitStack() as clients:
        for request in ("", "get=1\n", "get=1\n\n" * 2000):
            for _ in range(15):
                with contextlib.suppress(TimeoutError):  # it stops reading while it has to reply
                    client = clients.enter_context(Uapi(x.name, STATUS))
                    client.stream.settimeout(0.1)
                    client.send(request)
        until(lambda: x.stat()["status_clients"] == 46, "one more client is served")
        expect_same(x.get().count("public_key="), 1, "clients that configure are served")
        for _ in range(19):
            clients.enter_context(Uapi(x.name, STATUS))
        refused = ask(x, x.name, check=False)
        expect(refused.returncode == 1 and "too many" in refused.stderr, refused.stderr)
    until(lambda: x.stat()["status_clients"] == 1, "the other clients are gone")
    os.unlink(path)
    meets(x, y)
    expect(x.is_alive(), "the daemon goes on without its socket")
    gone = x.node.run(x.implementation.path, "--stat", x.name, check=False)
    expect(gone.returncode == 1 and f"there is no {path}" in gone.stderr, gone.stderr)
    path = f"{STATUS}/{y.name}.sock"
    y.stop()
    expect(not os.path.exists(path), "the socket goes with the daemon")


@scenario(ours_only=True)
def status_of_nobody(lab):
    """--stat names the problem if it gets no valid reply.

    No interface, no permission, a dead socket, a daemon that hangs or sends nonsense.
    """
    x = Device(lab, lab.node("a"), lab.mine).start()

    def refused(what, name=x.name, **more):
        done = run(x.implementation.path, "--stat", name, "--json", check=False, **more)
        expect(done.returncode == 1 and not done.stdout and what in done.stderr,
               f"{what!r}, not {done.stderr!r}")
        expect_same(done.stderr.count("\n"), 1, "lines of the error message")

    refused("there is no interface", f"{lab.prefix}z")
    refused("not run by tielined", "lo")
    refused("needs root", user=65534, group=65534, extra_groups=[])
    name = f"{lab.prefix}q"
    path = f"{STATUS}/{name}.sock"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(path)
        refused("nothing listens", name)
        other.listen(5)
        for answer, what in ((b"", "closed the connection"),
                             (b"hello\n\n", "is not a valid status"),
                             (b"version=2\nerrno=0\n\n", "another version"),
                             (b"version=1\nx=\033[2J\nerrno=0\n\n", "line 2"),
                             (b"version=1\nx=1\n", "is cut off"),
                             (b"version=1\nerrno=13\n\n", "Permission denied"),
                             (b"version=1\n" + b"a=" + b"b" * 100000, "is cut off")):
            reader = subprocess.Popen([x.implementation.path, "--stat", name],
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            client, _ = other.accept()
            client.recv(100)
            with contextlib.suppress(ConnectionError):
                client.sendall(answer)
            client.close()
            out, err = reader.communicate(timeout=20)
            expect(reader.returncode == 1 and not out and what in err, f"{what!r}, not {err!r}")
            expect("\033" not in err, "no control sequence reaches the terminal")
    os.unlink(path)
    os.kill(x.process.pid, signal.SIGSTOP)
    refused("has not answered within 5 s")
    os.kill(x.process.pid, signal.SIGCONT)
    expect(json.loads(ask(x, x.name, "--json").stdout)["interface"] == x.name, "it answers again")
    for options, what in (((), "needs an argument"), (("a/b",), "is not a valid interface name"),
                          ((x.name, "y"), "one interface")):
        wrong = ask(x, *options, check=False)
        expect(wrong.returncode == 2 and what in wrong.stderr, f"{what!r}, not {wrong.stderr!r}")
