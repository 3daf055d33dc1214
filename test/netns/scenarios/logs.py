# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The log's destinations: a syslogd that restarts, stalls or is missing, and a closed pipe."""

import fcntl
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile

from device import Device, join, meets
from lab import expect, expect_same, namespace_pids, until
from scenario import scenario

F_SETPIPE_SZ = 1031
# Gives the daemon its own /dev, in which log links to a path that it shares with syslogd.
OWN_DEV = """set -e
mkdir "$1/dev"
mount -t tmpfs -o mode=755 none "$1/dev"
mkdir "$1/dev/net"
mknod "$1/dev/net/tun" c 10 200
mknod -m 666 "$1/dev/null" c 1 3
ln -s "$1/log" "$1/dev/log"
mount --move "$1/dev" /dev
rmdir "$1/dev"
shift
exec "$@"
"""


class Syslogd:
    """Listens on /dev/log for daemons started with own_dev()."""

    def __init__(self, lab):
        self.directory = tempfile.mkdtemp(prefix=f"tieline-{lab.prefix}-log-")
        os.chmod(self.directory, 0o755)
        lab.resources.callback(shutil.rmtree, self.directory, True)
        self.path = f"{self.directory}/log"
        self.socket, self.streams, self.lines = None, [], []

    def start(self, kind=socket.SOCK_DGRAM, mode=0o666):
        self.socket = socket.socket(socket.AF_UNIX, kind)
        self.socket.bind(self.path)
        os.chmod(self.path, mode)
        if kind == socket.SOCK_STREAM:
            self.socket.listen(4)

    def stop(self):
        for one in (self.socket, *self.streams):
            one.close()
        self.socket, self.streams = None, []
        os.unlink(self.path)

    def restart(self, *arguments):
        self.stop()
        self.start(*arguments)

    def read(self):
        """Reads all lines so far. Lines on a stream end with a zero byte."""
        while (ready := select.select([self.socket, *self.streams], [], [], 0)[0]):
            for one in ready:
                if one is self.socket and one.type == socket.SOCK_STREAM:
                    self.streams.append(one.accept()[0])
                    continue
                data = one.recv(65536).decode()
                if not data:
                    self.streams.remove(one)
                    one.close()
                self.lines += [line for line in data.split("\0") if line]
        return self.lines

    def gets(self, text, seconds=10.0):
        until(lambda: any(text in line for line in self.read()),
              f"syslog gets {text!r}, not only {self.lines}", seconds)

    def fill(self):
        """Stalls the socket by filling its queue."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
            other.setblocking(False)
            try:
                while True:
                    other.sendto(b"<14>somebody else", self.path)
            except BlockingIOError:
                pass


def own_dev(syslogd, *argv):
    return "unshare", "-m", "sh", "-c", OWN_DEV, "sh", syslogd.directory, *argv


def start(lab, syslogd, node):
    """Starts a daemon in the background, and its peer in the foreground on another node."""
    other = lab.node("b")
    lab.link(node, other)
    x, y = Device(lab, node, lab.mine), Device(lab, other, lab.theirs).start()
    done = node.run(*own_dev(syslogd, x.implementation.path, x.name),
                    env={**os.environ, "LOG_LEVEL": "info"})
    expect_same((done.stdout, done.stderr), ("", ""), "output of the daemon")
    x.set("private-key", x.key.file)
    x.address()
    x.up()
    join(x, y)
    return x, y


def logs(x, number):
    """Makes the daemon log a message that only this call causes, and returns the message."""
    x.node.ip("link", "set", x.name, "mtu", str(number))
    return f"MTU is now {number}"


def end(x):
    os.kill(min(namespace_pids(x.node.ns)), signal.SIGTERM)
    until(lambda: x.is_gone() and not namespace_pids(x.node.ns), "the daemon ends", 8)


@scenario(ours_only=True)
def syslog_restarts(lab):
    """syslogd restarts several times with a new socket, once after being away for a while."""
    syslogd = Syslogd(lab)
    syslogd.start()
    x, y = start(lab, syslogd, lab.node("a"))
    syslogd.gets(f"is running {x.name}")
    for number in (1301, 1302, 1303):
        syslogd.restart()
        syslogd.gets(logs(x, number))
    meets(x, y)
    syslogd.stop()
    texts = [logs(x, number) for number in (1304, 1305, 1306)]
    meets(x, y)
    syslogd.start()
    syslogd.gets(texts[-1])
    order = [line.split(": ")[-1] for line in syslogd.lines if "MTU is now 130" in line]
    expect_same(order[-3:], texts, "messages logged meanwhile, in order")
    line = syslogd.lines[-1]
    expect(line.startswith("<30>") and f" tielined[{min(namespace_pids(x.node.ns))}]: {x.name}: "
           in line, f"the line has the right form: {line!r}")
    end(x)
    syslogd.gets("ending: terminated")


@scenario(ours_only=True)
def syslog_comes_late(lab):
    """syslogd starts late: the first messages wait, and lost ones are counted."""
    syslogd = Syslogd(lab)
    x, y = start(lab, syslogd, lab.node("a"))
    meets(x, y)
    for number in range(45):
        logs(x, 1300 + number)
        x.down()
        x.up()
    x.address()
    meets(x, y)
    syslogd.start()
    syslogd.gets("log messages were lost")
    expect(f"is running {x.name}" in syslogd.lines[0],
           f"the first message arrives first: {syslogd.lines}")
    syslogd.gets(logs(x, 1400))
    end(x)


@scenario(ours_only=True)
def syslog_is_stuck(lab):
    """syslogd stops reading: packets, wg and the engine go on, and messages arrive later."""
    syslogd = Syslogd(lab)
    syslogd.start()
    x, y = start(lab, syslogd, lab.node("a"))
    syslogd.gets(f"is running {x.name}")
    syslogd.fill()
    texts = [logs(x, number) for number in (1301, 1302, 1303)]
    meets(x, y)
    expect("listen_port=" in x.get(), "it answers")
    for text in texts:
        syslogd.gets(text)
    syslogd.fill()
    logs(x, 1304)
    end(x)


@scenario(ours_only=True)
def syslog_by_connection(lab):
    """A syslogd that listens on a stream, or only for root; it also restarts."""
    syslogd = Syslogd(lab)
    syslogd.start(socket.SOCK_STREAM)
    x, y = start(lab, syslogd, lab.node("a"))
    syslogd.gets(f"is running {x.name}")
    number = 1300
    for how in ((socket.SOCK_STREAM,), (socket.SOCK_DGRAM, 0o600), (socket.SOCK_DGRAM,),
                (socket.SOCK_DGRAM, 0o600), (socket.SOCK_STREAM, 0o600), (socket.SOCK_STREAM,)):
        syslogd.restart(*how)
        for _ in range(2):
            number += 1
            syslogd.gets(logs(x, number))
    meets(x, y)
    end(x)


def with_pipe(lab, syslogd):
    """Starts a daemon that logs to a small pipe. Returns it and the reading end."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, F_SETPIPE_SZ, 4096)
    x = Device(lab, lab.node("a"), lab.mine)
    x.process = subprocess.Popen(
        ["ip", "netns", "exec", x.node.ns, *own_dev(syslogd, *x.implementation.argv(x.name))],
        stdin=subprocess.DEVNULL, stdout=writer, stderr=writer,
        env={**os.environ, "LOG_LEVEL": "info"})
    lab.processes.append(x.process)
    os.close(writer)
    until(x.answers, "it answers")
    return x, reader


@scenario(ours_only=True)
def pipe_is_closed(lab):
    """The reader of standard error goes away: the log moves to syslog, and says so."""
    syslogd = Syslogd(lab)
    syslogd.start()
    x, reader = with_pipe(lab, syslogd)
    expect(f"is running {x.name}" in os.read(reader, 4096).decode(), "it logs to the pipe")
    os.close(reader)
    text = logs(x, 1301)
    syslogd.gets("standard error was closed: the log goes to syslog")
    syslogd.gets(text)
    x.stop()
    syslogd.gets("ending: terminated")


@scenario(ours_only=True)
def pipe_is_stuck(lab):
    """The reader of standard error stalls: the daemon goes on and counts lost messages."""
    syslogd = Syslogd(lab)
    x, reader = with_pipe(lab, syslogd)
    for number in range(60):
        logs(x, 1301 + number)
        x.down()
        x.node.ip("link", "set", x.name, "up")
    expect("listen_port=" in x.get(), "it answers")
    seen = ""

    def comes(text):
        nonlocal seen
        if select.select([reader], [], [], 0)[0]:
            seen += os.read(reader, 65536).decode()
        return text in seen
    until(lambda: comes("log messages were lost"), "the pipe gets the count of lost messages", 10)
    text = logs(x, 1401)
    until(lambda: comes(text), "then it logs as before", 10)
    x.stop()
    os.close(reader)
