# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Failures around the daemon: memory, descriptors, files, privileges, and kill -9."""

import collections
import contextlib
import errno
import os
import random
import re
import shutil
import signal
import subprocess
import threading
import time

from device import Device, Key, Uapi, endpoint_text, is_sanitized
from lab import SOCKETS, Failure, Skip, ended, expect, expect_same, namespace_pids, read, until
from scenario import scenario
from stacks import parent_of


def is_tidy(device):
    """Whether nothing of the daemon remains: no process, no link, no file."""
    left = [name for name in os.listdir(SOCKETS) if name.startswith(device.name)]
    return not left and not namespace_pids(device.node.ns) and not device.has_link()


class Starved:
    """Runs of a daemon in which one memory allocation, the nth, is refused.

        a eth0 -------------- eth0 b
          tl..a ============ tl..b
    """

    def __init__(self, lab):
        a, b = lab.node("a"), lab.node("b")
        lab.link(a, b)
        self.y = Device(lab, b, lab.theirs).start()
        self.x = Device(lab, a, lab.mine)
        self.x.process = None
        self.y.set("peer", self.x.key.public, "allowed-ips", f"{self.x.inner4}/32")
        self.lab = lab
        self.report = lab.file("starve")
        strangers = [Key(lab).public_hex for _ in range(2)]
        y = (f"public_key={self.y.key.public_hex}\nallowed_ip={self.y.inner4}/32\n"
             f"endpoint={endpoint_text(b.v4(), self.y.port())}\n")
        others = [f"public_key={key}\nallowed_ip=10.{number}.0.0/16\nallowed_ip=fd{number}::/64\n"
                  for number, key in enumerate(strangers, 10)]
        self.requests = (
            f"private_key={self.x.key.hex}\nlisten_port=45020\nfwmark=0\n{y}{others[0]}{others[1]}",
            f"fwmark=7\nlisten_port=45021\nreplace_peers=true\n{y}{others[1]}"
            + "".join(f"allowed_ip=10.99.{number}.0/24\n" for number in range(20)))
        self.failures = []
        self.outcomes = {"ended": 0, "refused a request": 0, "went on": 0}

    def spawn(self, nth):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.report)
        self.log = self.lab.file("tielined")
        self.x.process = self.x.node.popen(
            "env", f"LD_PRELOAD={self.lab.tool('starve.so')}", f"STARVE_AT={nth}",
            f"STARVE_REPORT={self.report}", *self.x.implementation.argv(self.x.name), log=self.log,
            env={"LOG_LEVEL": "error"})

    def has_ended(self):
        return self.x.process.poll() is not None

    def connect(self):
        """A client that the daemon has accepted, or None if the daemon ended."""
        def try_to():
            if self.has_ended():
                return True
            uapi = None
            with contextlib.suppress(OSError):  # the daemon is not ready, or refuses us
                uapi = Uapi(self.x.name)
                if uapi.get() is not None:
                    return uapi
            if uapi:
                uapi.stream.close()
            return None
        client = until(try_to, "a client is accepted", 10, 0.002)
        return None if client is True else client

    def configure(self, lines):
        """A request that fails for lack of memory changes nothing, and succeeds the next time."""
        for _ in range(2):
            with self.connect() as uapi:
                before = uapi.get()
                result = uapi.set(lines)
                if result == 0:
                    return
                expect_same(result, -errno.ENOMEM, "errno of the request")
                expect_same(uapi.get(), before, "configuration after a refused request")
                self.outcomes["refused a request"] += 1
        raise Failure("the same request is refused twice")

    def live(self):
        """One run from start to end; returns False if the daemon ended early."""
        first = self.connect()
        if not first:
            return False
        first.stream.close()
        self.configure(self.requests[0])
        self.x.address()
        self.x.node.ip("link", "set", self.x.name, "up")
        until(lambda: self.has_ended() or self.x.node.ping(self.y.inner4, 1, wait=1).received,
              "a ping is answered", 20)
        if self.has_ended():
            return False
        self.configure(self.requests[1])
        until(lambda: self.has_ended() or self.x.node.ping(self.y.inner4, 1, wait=1).received,
              "a ping is answered", 20)
        if self.has_ended():
            return False
        self.x.process.terminate()
        return True

    def run(self, nth):
        """One run. Returns whether memory was refused in it."""
        self.spawn(nth)
        try:
            lived = self.live()
            status = ended(self.x.process, 10)
            said = read(self.log).decode()
            if lived:
                expect_same(status, 0, "exit status of a daemon that was told to end")
                self.outcomes["went on"] += 1
            else:
                # The C library itself ends a program that has no memory for thread-local data.
                by_libc = status == 127 and "memory for thread-local data" in said
                expect(status == 1 or by_libc, f"it exits with 1, not with {status}: {said!r}")
                expect(by_libc or re.search(r"^tielined.*: .*\w", said, re.MULTILINE),
                       f"it logs the reason, not {said!r}")
                self.outcomes["ended"] += 1
            until(lambda: is_tidy(self.x), "nothing is left behind")
        except Failure as failure:
            self.failures.append(f"call {nth} ({read(self.report).decode().strip()}): {failure}\n"
                                 f"{read(self.log).decode()}")
            self.x.process.kill()
            ended(self.x.process, 10)
            until(lambda: is_tidy(self.x), "nothing is left behind by a killed daemon")
        os.unlink(self.log)
        self.x.process = None
        return b"refused" in read(self.report)

    def count(self):
        """The number of allocations in a run without a failure."""
        self.run(0)
        return max(int(number) for number in re.findall(rb"counted (\d+)", read(self.report)))


def starve(lab, choose):
    starved = Starved(lab)
    if is_sanitized(lab.mine):
        raise Skip("sanitizers have their own malloc; other builds are tested")
    total = starved.count()
    tried = 0
    for nth in choose(total):
        starved.run(nth)
        tried += 1
        if len(starved.failures) > 20:
            break
    expect(not starved.failures,
           f"every run ends cleanly or goes on:\n{chr(10).join(starved.failures)}")
    lab.notes.append(f"{tried} of {total} calls: " + ", ".join(
        f"{count} {what}" for what, count in starved.outcomes.items()))


@scenario(ours_only=True, seconds=120)
def memory_is_refused(lab):
    """If a random allocation is refused, tielined ends cleanly with a reason, or goes on."""
    seed = random.randrange(1 << 32)
    lab.notes.append(f"seed {seed}")
    chance = random.Random(seed)
    deadline = time.monotonic() + 15

    def choose(total):
        while time.monotonic() < deadline:
            # Most allocations are libcrypto's, at the start; the later ones are ours.
            yield (chance.randint(1, total) if chance.random() < 0.3
                   else total - chance.randint(0, 400))
    starve(lab, choose)


@scenario(ours_only=True, long=True, alone=True, seconds=3600)
def memory_is_refused_everywhere(lab):
    """The same for each allocation in turn."""
    starve(lab, lambda total: range(1, total + 50))


# ---- limits, files, privileges ----


def until_tidy(device):
    until(lambda: is_tidy(device), f"nothing of {device.name} is left behind", 8)


def run_within(device, *prefix, script=None, env=None):
    """Starts the daemon through another program that limits it, or through a shell script that
    ends with "$@", in its own mount namespace."""
    if script:
        prefix = ("unshare", "--mount", "--propagation", "private", "sh", "-ec", script, "sh")
    device.log = device.lab.file("tielined")
    device.process = device.node.popen(*prefix, *device.implementation.argv(device.name),
                                       log=device.log, env={"LOG_LEVEL": "error", **(env or {})})
    return device


def client_of(device):
    """A client of the control socket in the daemon's own mount namespace. (A symbolic link in the
    path, such as /var/run, would lead out of it.)"""
    return Uapi(device.name, f"/proc/{device.process.pid}/root{os.path.realpath(SOCKETS)}")


def serves(device):
    """Whether it answers; None once it has ended."""
    if device.process.poll() is not None:
        return None
    with contextlib.suppress(OSError), client_of(device) as uapi:
        return uapi.get() is not None
    return False


def lives(device):
    """Waits until it answers or has ended; a failed start must give its reason, exit with 1 and
    leave nothing."""
    until(lambda: serves(device) is not False, "it answers or ends", 10, 0.005)
    if device.process.poll() is None:
        return True
    said = read(device.log).decode()
    expect_same(device.process.returncode, 1, f"exit status of a failed start; it said {said!r}")
    expect(re.search(r"^tielined.*: .*\w", said, re.MULTILINE), f"it gives a reason, not {said!r}")
    expect(len(said.splitlines()) <= 6, f"the message is short, not {said!r}")
    device.process = None
    until_tidy(device)
    return False


def refuses(device, *words):
    """Expects it to end with a message that has these words."""
    expect(not lives(device), f"it does not start: {read(device.log).decode()}")
    said = read(device.log).decode()
    for word in words:
        expect(word in said, f"it mentions {word!r}, not {said!r}")


def works(device, other):
    """Expects it to answer, to be configurable, to carry packets, and to end cleanly."""
    expect(lives(device), f"it starts: {read(device.log).decode()}")
    with client_of(device) as uapi:
        expect_same(uapi.set(f"private_key={device.key.hex}\npublic_key={other.key.public_hex}\n"
                             f"allowed_ip={other.inner4}/32\n"
                             f"endpoint={endpoint_text(other.node.v4(), other.port())}\n"), 0,
                    "errno of the request")
    device.address()
    device.node.ip("link", "set", device.name, "up")
    until(lambda: device.node.ping(other.inner4, 1, wait=1).received, "a ping is answered", 15)
    ends_tidily(device)


def ends_tidily(device):
    device.process.terminate()
    expect_same(ended(device.process), 0, "exit status")
    device.process = None
    until_tidy(device)


def two_hosts(lab):
    """x is not started yet; y is ready for it."""
    a, b = lab.node("a"), lab.node("b")
    lab.link(a, b)
    x, y = Device(lab, a, lab.mine), Device(lab, b, lab.theirs).start()
    y.set("peer", x.key.public, "allowed-ips", f"{x.inner4}/32")
    return x, y


@scenario(ours_only=True, seconds=90, needs=("prlimit",))
def few_descriptors(lab):
    """With too few descriptors it refuses to start and says so; with just enough it works."""
    x, y = two_hosts(lab)
    if is_sanitized(lab.mine):
        raise Skip("sanitizers open files of their own; other builds are tested")
    for least in range(4, 60):
        run_within(x, "prlimit", f"--nofile={least}:{least}")
        until(lambda: os.path.exists(x.socket) or x.process.poll() is not None,
              "it starts or ends")
        time.sleep(0.1)
        if x.process.poll() is None:
            break
        expect(not lives(x), "it has ended")
        said = read(x.log).decode()
        expect("Too many open files" in said, f"it mentions open files, not {said!r}")
    ends_tidily(x)
    # A few are left for clients, and link up takes more for sockets: either waits for the other.
    run_within(x, "prlimit", f"--nofile={least + 8}:{least + 8}")
    expect(lives(x), "it starts")
    with contextlib.ExitStack() as clients:
        for _ in range(20):
            clients.enter_context(Uapi(x.name)).send("get=1\n\n")
        x.node.ip("link", "set", x.name, "up")
        time.sleep(0.3)
        expect(x.process.poll() is None, "it goes on without descriptors")
    until(lambda: serves(x), "it answers again once clients have gone", 5)
    ends_tidily(x)
    run_within(x, "prlimit", f"--nofile={least + 12}:{least + 12}")
    works(x, y)
    lab.notes.append(f"{least} descriptors are needed to start")


@scenario(ours_only=True, seconds=90, needs=("prlimit",))
def little_memory(lab):
    """With too little address space it refuses to start and says so; with just enough it works."""
    x, y = two_hosts(lab)
    if is_sanitized(lab.mine):
        raise Skip("sanitizers map terabytes; other builds are tested")
    least = None
    for limit in range(8 << 20, 400 << 20, 2 << 20):
        run_within(x, "prlimit", f"--as={limit}:{limit}")
        try:
            if x.process.wait(0.05) == 127:  # the loader failed, and prints its own error
                continue
        except subprocess.TimeoutExpired:
            pass
        if lives(x):
            least = limit
            break
    expect(least, "400 MiB of address space are enough to start")
    ends_tidily(x)
    run_within(x, "prlimit", f"--as={least + (64 << 20)}")
    expect(lives(x), "it starts")
    with Uapi(x.name) as uapi:  # sets far more peers than memory allows
        text = "".join(f"public_key={number:064x}\nallowed_ip=10.{number >> 16}."
                       f"{number >> 8 & 255}.{number & 255}/32\n" for number in range(1, 200_000))
        before = uapi.get()
        expect_same(uapi.set(text), -errno.ENOMEM, "errno of a request that exceeds memory")
        expect_same(uapi.get(), before, "configuration after that request")
        expect(uapi.set(text[:10000].rpartition("public_key")[0]) == 0,
               "a smaller request is accepted")
    ends_tidily(x)
    run_within(x, "prlimit", f"--as={least + (64 << 20)}")
    works(x, y)
    lab.notes.append(f"{least >> 20} MiB of address space are needed to start")


@scenario(ours_only=True, needs=("prlimit", "setpriv"))
def no_more_processes(lab):
    """If no thread or process can be created, it says so and leaves nothing behind."""
    x, y = two_hosts(lab)
    run_within(x, "prlimit", "--nproc=0:0", "setpriv", "--bounding-set=-sys_resource,-sys_admin")
    # Root may be allowed to exceed this limit; then the daemon works.
    if lives(x):
        x.process.terminate()
        expect_same(ended(x.process), 0, "exit status")
    until_tidy(x)
    run_within(x)
    works(x, y)


FILL = f"mkdir -p {SOCKETS}; mount -t tmpfs -o size=4k,nr_inodes=1 none {SOCKETS}; "
READ_ONLY = "mount --bind / /; mount -o remount,bind,ro /; "


@scenario(ours_only=True, needs=("unshare",))
def places_without_room(lab):
    """A full disk, a read-only root, no /dev/net/tun, no /var/run: a clear error, or it works."""
    x, y = two_hosts(lab)
    exec_ = 'exec "$@"'
    run_within(x, script=FILL + exec_)
    refuses(x, SOCKETS, "No space left")
    run_within(x, script=f"mount -t tmpfs -o ro none {SOCKETS}; " + exec_)
    refuses(x, SOCKETS, "Read-only file system")
    run_within(x, script=READ_ONLY + "mount -t tmpfs none /run; " + exec_)
    works(x, y)
    run_within(x, script="mount -t tmpfs none /dev/net; " + exec_)
    refuses(x, x.name, "modprobe")
    run_within(x, script="mount -t tmpfs none /run; " + exec_)  # the directory is made
    works(x, y)
    run_within(x, script="mount -t tmpfs none /var; " + exec_)  # not even /var/run is there
    if lives(x):
        ends_tidily(x)
    else:
        expect(SOCKETS in read(x.log).decode(), "it names the directory")


@scenario(ours_only=True, needs=("setpriv", "unshare"))
def net_admin_alone(lab):
    """CAP_NET_ADMIN is enough, for root or another user; without it, the daemon says so."""
    x, y = two_hosts(lab)
    if is_sanitized(lab.mine):
        raise Skip("sanitizers need capabilities of their own; other builds are tested")
    run_within(x, "setpriv", "--bounding-set=-all,+net_admin", "--inh-caps=-all", "--no-new-privs")
    works(x, y)
    run_within(x, "setpriv", "--bounding-set=-all", "--inh-caps=-all")
    refuses(x, x.name, "CAP_NET_ADMIN")
    program = lab.file("tielined.program")
    shutil.copy(x.implementation.path, program)
    os.chmod(lab.directory, 0o711)
    os.chmod(program, 0o755)
    user = ("setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=+net_admin "
            f"--ambient-caps=+net_admin {program} -f {x.name}")
    for_all, for_root = (
        f"mount -t tmpfs none /dev/net; mknod -m {mode} /dev/net/tun c 10 200; "
        for mode in ("666", "600"))
    theirs, roots = (f"mount -t tmpfs -o mode=755,uid={uid} none {SOCKETS}; " for uid in (65534, 0))
    run_within(x, script=f"{for_all}{theirs}exec {user}")
    works(x, y)
    run_within(x, script=f"{for_all}{roots}exec {user}")
    refuses(x, SOCKETS, "Permission denied")
    run_within(x, script=f"{for_root}{theirs}exec {user}")
    refuses(x, x.name, "/dev/net/tun")


# ---- sudden ends ----


@scenario(ours_only=True, seconds=90)
def killed_at_any_moment(lab):
    """kill -9 of either process at any moment: nothing remains, and the next start works."""
    x, y = two_hosts(lab)
    seed = random.randrange(1 << 32)
    lab.notes.append(f"seed {seed}")
    chance = random.Random(seed)
    deadline = time.monotonic() + 6
    kinds = collections.Counter()
    y_peer = (f"public_key={y.key.public_hex}\nallowed_ip={y.inner4}/32\n"
              f"endpoint={endpoint_text(y.node.v4(), y.port())}\n")
    many = "".join(f"public_key={number:064x}\nallowed_ip=10.{number}.0.0/16\n"
                   for number in range(80, 200))

    def victims():
        """The main process and its helper, if they exist yet, in random order. The helper of the
        previous daemon may still be cleaning up; killing it would end nothing else."""
        found = {}
        for pid in chance.sample(pids := namespace_pids(x.node.ns), len(pids)):
            with contextlib.suppress(OSError):
                name = read(f"/proc/{pid}/comm").decode()
                if pid == x.process.pid and name.startswith("tielined"):
                    found["main"] = pid
                elif parent_of(pid) == x.process.pid:
                    found["helper"] = pid
        return found

    def configure_on():
        with contextlib.suppress(OSError):
            uapi = Uapi(x.name)
            uapi.set(f"private_key={x.key.hex}\n{y_peer}")
            x.address()
            x.node.ip("link", "set", x.name, "up")
            while uapi.set(f"replace_peers=true\n{y_peer}{many}") is not None:
                pass
        return

    while time.monotonic() < deadline:
        was_tidy = not os.path.exists(x.socket)
        run_within(x)
        begins = chance.random() < 0.5
        if not begins:
            until(lambda: serves(x), "it starts", 5, 0.005)
            thread = threading.Thread(target=quietly, args=(configure_on,), daemon=True)
            thread.start()
        time.sleep(chance.random() * (0.12 if begins else 0.3))
        targets = victims()
        killed = set(targets) if chance.random() < 0.2 else set(list(targets)[:1])
        for name in killed:
            with contextlib.suppress(ProcessLookupError):
                os.kill(targets[name], signal.SIGKILL)
        if not killed:
            x.process.kill()
        ended(x.process)
        x.process = None
        kinds[" and ".join(sorted(killed)) or "before it had started"] += 1
        if chance.random() < 0.5:
            continue  # the next daemon starts at once
        until(lambda: not namespace_pids(x.node.ns) and not x.has_link(),
              "process and link are gone")
        if was_tidy and "helper" not in killed:  # only the helper cleans up after kill -9
            until_tidy(x)
    run_within(x)
    works(x, y)
    lab.notes.append(", ".join(f"{what}: {count}" for what, count in kinds.items()))


def quietly(function):
    """Runs a function that may fail at any step because another thread kills the daemon."""
    with contextlib.suppress(Failure, OSError):
        function()
