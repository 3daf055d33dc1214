# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The events of a running tielined: `tielined --events`, and the control protocol behind it."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import threading

from device import Key, Uapi, join, meets, tunnel
from lab import STATUS, Failure, expect, expect_same, until
from scenario import scenario


class Stream:
    """A connection to the status socket that speaks the control protocol."""

    def __init__(self, ifname, *lines):
        self.stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.stream.settimeout(30)
        self.stream.connect(f"{STATUS}/{ifname}.sock")
        self.rest = b""
        if lines:
            self.ask(*lines)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()

    def ask(self, *lines):
        self.stream.sendall("".join(f"{line}\n" for line in (*lines, "")).encode())

    def block(self):
        """The next block, as a dictionary; None if the daemon closed the connection."""
        while b"\n\n" not in self.rest:
            more = self.stream.recv(1 << 16)
            if not more:
                return None
            self.rest += more
        block, self.rest = self.rest.split(b"\n\n", 1)
        return dict(line.split("=", 1) for line in block.decode("ascii").split("\n"))

    def event(self, name):
        """The next event of that name."""
        while True:
            block = self.block()
            expect(block is not None, f"there is an event {name}")
            if block.get("event") == name:
                return block


def watch(ifname, *options):
    return Stream(ifname, "control=1", "operation=events", *options)


class Command:
    """Runs tielined --events; a thread reads its output."""

    def __init__(self, lab, device, *options):
        self.lines = []
        self.process = subprocess.Popen(
            (device.implementation.path, "--events", device.name, *options),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        lab.resources.callback(self.process.kill)
        self.thread = threading.Thread(target=lambda: self.lines.extend(self.process.stdout))
        self.thread.start()

    def events(self):
        return [json.loads(line)["event"] for line in self.lines]

    def end(self, what):
        """Expects the command to end on its own with exit status 1 and this error."""
        error = self.process.stderr.read()
        expect_same(self.process.wait(), 1, f"exit status: {error}")
        self.thread.join()
        expect(what in error, f"{what!r}, not {error!r}")


@scenario(ours_only=True)
def events_tell_what_happens(lab):
    """Handshakes, silence, changes, up and down are reported as they happen, to each watcher."""
    x, y = tunnel(lab)
    stranger = Key(lab)
    people, program = Command(lab, x), Command(lab, x, "--json")
    with watch(x.name) as all_of_it, watch(x.name, f"peer={stranger.public}") as other, \
            watch(x.name, f"peer={y.key.public}") as mine:
        for stream in (all_of_it, other, mine):
            expect_same(stream.block(), {"control": "1", "idle_s": "10"}, "the first block")
        meets(x, y)
        name = "handshake_complete" if x.stat()["handshakes_initiated"] else "session_proven"
        for stream in (all_of_it, mine):
            event = stream.event(name)
            expect_same(event["peer"], y.key.public, "peer of the event")
            expect_same(event["endpoint"], f"{y.node.v4()}:{y.port()}", "endpoint of the event")
        x.set("fwmark", "0x1f")
        all_of_it.event("configuration_changed")
        expect(x.get(), "a get request succeeds, and causes no event")
        x.down()
        expect_same(all_of_it.block()["event"], "link_down", "the next event")
        x.up()
        all_of_it.event("link_up")
        until(lambda: (x.set("fwmark", "0"), "configuration_changed" in program.events())[1],
              "the command prints events as JSON")
        expect("the configuration was changed" in "".join(people.lines),
               "the command prints events as text")
        x.set("peer", stranger.public, "allowed-ips", "10.77.0.99/32", "endpoint",
              f"{y.node.v4()}:9")
        x.node.ping("10.77.0.99", 1, wait=0.2)
        event = other.block()
        expect_same((event["event"], event["attempt"]), ("initiation_sent", "1"),
                    "the first event of that peer")
        until(lambda: any(stranger.public in line and "attempt=1" in line
                          for line in people.lines), "the command prints that event as text")
    x.stop()
    people.end("closed the connection")
    program.end("closed the connection")


@scenario(ours_only=True)
def events_for_slow_readers(lab):
    """A stalled reader loses events, which are counted, and delays neither packets nor others."""
    x, y = tunnel(lab)
    meets(x, y)
    changes = 6000
    with watch(x.name) as slow, Stream(x.name, "control=1", "operation=events") as quick, \
            x.node.pinging(y.inner4):
        slow.stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        for stream in (slow, quick):
            expect_same(stream.block()["control"], "1", "the first block")
        seen = []

        def read():
            while len(seen) < changes:
                block = quick.block()
                if block is None:
                    return
                seen.extend([block] * (block.get("event") == "configuration_changed"))
        reader = threading.Thread(target=read)
        reader.start()
        with Uapi(x.name) as uapi:
            for number in range(changes):
                expect_same(uapi.set(f"public_key={y.key.public_hex}\n"
                                     f"persistent_keepalive_interval={number % 7}\n"), 0, "errno")
                # Lets the other reader keep up.
                if number % 256 == 0:
                    until(lambda: len(seen) >= number, "events are read")
        until(lambda: len(seen) >= changes, "the other reader gets all events")
        reader.join()
        expect(not any("lost" in block for block in seen), "the other reader loses no event")
        count = lost = 0
        while count + lost < changes:
            block = slow.block()
            lost += int(block.get("lost", 0))
            count += block.get("event") == "configuration_changed"
        expect(lost > 0, "the slow reader loses events")
        lab.notes.append(f"{lost} of {changes} events lost")


@scenario(ours_only=True)
def events_for_many(lab):
    """As many watchers as may connect all see an event; those that hang up are forgotten."""
    x, y = tunnel(lab)
    with contextlib.ExitStack() as streams:
        watchers = [streams.enter_context(watch(x.name)) for _ in range(60)]
        for watcher in watchers:
            expect_same(watcher.block()["control"], "1", "the first block")
        expect_same(x.stat()["status_clients"], 61, "number of status clients")
        x.set("fwmark", "1")
        for watcher in watchers:
            expect_same(watcher.event("configuration_changed")["text"],
                        "the configuration was changed", "text of the event")
        for watcher in watchers[:30]:
            watcher.stream.close()
        until(lambda: x.stat()["status_clients"] == 31, "half of the watchers are gone")
        x.set("fwmark", "2")
        watchers[30].event("configuration_changed")
        for watcher in watchers[30:]:
            watcher.stream.shutdown(socket.SHUT_WR)
        until(lambda: x.stat()["status_clients"] == 1, "all watchers are gone")
    join(x, y)
    meets(x, y)


@scenario(ours_only=True)
def events_of_other_versions(lab):
    """Clients and daemons of other versions name what the other side lacks."""
    x, _ = tunnel(lab)
    with Stream(x.name) as stream:
        stream.ask("control=1", "operation=version")
        told = stream.block()
        expect_same((told["control"], told["interface"], told["errno"]), ("1", x.name, "0"),
                    "the daemon's description of itself")
        expect({"version", "events"} <= set(told["operations"].split()), told["operations"])
        expect_same(told["options_events"], "peer", "options of events")
        for lines, errno in ((("control=2", "operation=events", "x y z"), 93),
                             (("control=1", "operation=capture", "snap=64"), 95),
                             (("control=1", "operation=events", "snap=64"), 95),
                             (("control=1", "operation=events", "peer=x"), 22),
                             (("control=1", "operation=events", "x"), 71),
                             (("control=1",), 22), (("control=",), 71)):
            stream.ask(*lines)
            block = stream.block()
            expect_same((block["control"], int(block["errno"])), ("1", errno), f"reply to {lines}")
            expect(block["error"] and block["line"], "the reply gives the reason and the line")
        stream.ask("get=1")
        expect_same(stream.block()["version"], "1", "version of the status, on the same connection")
    name = f"{lab.prefix}q"
    path = f"{STATUS}/{name}.sock"
    unknown = b"control=1\nerror=unknown operation\nline=2\nerrno=95\n\n"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(path)
        lab.resources.callback(os.unlink, path)
        other.listen(5)
        for answers, what in (((b"version=1\nerrno=71\n\n",), "is older than this one"),
                              ((b"control=2\nerrno=93\n\n",), "speaks version 2 of the control"),
                              ((unknown, b"control=1\ndaemon=9.9\noperations=version\nerrno=0\n\n"),
                               "it is version 9.9, and has version"),
                              ((unknown,), "lacks `events'"),
                              ((b"control=1\nerror=no\nerrno=13\n\n",), "Permission denied"),
                              ((b"control=1\nx=\033[2J\n\n",), "cannot understand"),
                              ((b"control=1\nx=" + b"y" * 9000,), "too long"),
                              ((b"control=1\nidle_s=1\n\n",), "closed the connection"),
                              ((b"control=1\n\nlost=1\nevent=x\n\nerrno=5\n\n",),
                               "ended the reply")):
            reader = subprocess.Popen((x.implementation.path, "--events", name),
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            client, _ = other.accept()
            for answer in answers:
                client.recv(1000)
                with contextlib.suppress(ConnectionError):
                    client.sendall(answer)
            client.close()
            try:
                _, error = reader.communicate(timeout=30)
            except subprocess.TimeoutExpired:
                raise Failure(f"the command does not end after {answers}") from None
            finally:
                reader.kill()
            expect(reader.returncode == 1 and what in error, f"{what!r}, not {error!r}")
            expect("\033" not in error, "no control sequence reaches the terminal")


@scenario(ours_only=True, seconds=120)
def events_of_nobody(lab):
    """A watcher notices that nothing happens, that the daemon is stopped, and that it ends."""
    x, _ = tunnel(lab)
    with watch(x.name) as stream:
        expect_same(stream.block()["idle_s"], "10", "the first block")
        command = Command(lab, x, "--json")
        expect_same(stream.block(), {"idle": "true"}, "the block after 10 s without events")
        os.kill(x.process.pid, signal.SIGSTOP)
        try:
            command.end("has not answered within 15 s: it is stopped or hangs")
        finally:
            os.kill(x.process.pid, signal.SIGCONT)
        expect(not command.lines, "the command prints nothing while there are no events")
        x.stop()
        while stream.block() is not None:
            pass
