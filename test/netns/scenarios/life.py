# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""How the daemon starts and ends, and what it prints."""

import contextlib
import fcntl
import os
import re
import shutil
import signal
import socket
import struct
import subprocess

from device import Device, Key, join, meets, tunnel
from lab import ended, expect, expect_same, inside, namespace_pids, read, stays, until
from scenario import scenario


def call(device, *arguments, **more):
    """Runs tielined with these arguments on the device's node until it exits."""
    return device.node.run(device.implementation.path, *arguments, check=False, timeout=10, **more)


def says(done, status, *words):
    """Checks the exit status, and that stderr has a short message with these words."""
    told = done.stderr.strip()
    allowed = status if isinstance(status, tuple) else (status,)
    expect(done.returncode in allowed,
           f"{done.args} exits with {status}, not with {done.returncode} and {told!r}")
    expect(told and all(word in told for word in words),
           f"{done.args} mentions {' and '.join(words)}, not {told!r}")
    expect(len(told.splitlines()) <= 12, f"{done.args} prints a short message, not {told!r}")


@scenario(ours_only=True)
def command_line(lab):
    """Command-line mistakes get an exit status and a helpful message, and leave nothing behind."""
    x = Device(lab, lab.node("a"), lab.mine)
    for option in ("--help", "--version"):
        done = call(x, option)
        expect(done.returncode == 0 and "tielined" in done.stdout and not done.stderr,
               f"{option} prints to stdout only")
    expect(re.search(r"\d+\.\d+", call(x, "--version").stdout), "--version prints a number")
    for word in ("--config", "--check", "--foreground", "IFNAME", "--version"):
        expect(word in call(x, "--help").stdout, f"--help mentions {word}")
    says(call(x), 2)
    says(call(x, "--no-such-option", x.name), 2, "no-such-option")
    says(call(x, "-z", x.name), 2, "z")
    says(call(x, x.name, "another"), 2)
    says(call(x, "--config"), 2, "config")
    says(call(x, "--config", x.log), 2)
    says(call(x, "--check"), 2, "check")
    for name in ("", ".", "..", "a/b", "a b", "sixteen-letters-", "a\nb"):
        says(call(x, "-f", name), (1, 2))
    x.node.ip("link", "add", x.name, "type", "bridge")
    says(call(x, "-f", x.name), 1, x.name)
    x.node.ip("link", "del", x.name)
    program = lab.file("tielined.program")
    shutil.copy(x.implementation.path, program)
    os.chmod(lab.directory, 0o711)
    os.chmod(program, 0o755)
    done = subprocess.run([program, "-f", x.name], user=65534, group=65534, extra_groups=[],
                          capture_output=True, text=True, timeout=10, check=False)
    says(done, 1)
    expect(x.is_gone(), "nothing is left behind")


GOOD = """# a comment
[Interface]
PrivateKey = {private}
ListenPort = 45009
FwMark = 0x10

[Peer]
PublicKey = {public}
AllowedIPs = 10.9.0.0/16, fd99::/32   # two
Endpoint = [2001:db8::9]:9
PersistentKeepalive = 25
"""

# Files with a mistake, and its line number.
BAD = (
    ("[Interface]\nListenPort = 70000\n", 2),
    ("[Interface]\n\nPrivateKey = abc\n", 3),
    ("ListenPort = 1\n", 1),
    ("[Interface]\nColour = green\n", 2),
    ("[Interface]\nListenPort\n", 2),
    ("[Somebody]\n", 1),
    ("[Interface]\n[Peer]\nAllowedIPs = 10.0.0.0/40\n", 3),
    ("[Peer]\nPublicKey = {public}\nEndpoint = 192.0.2.1\n", 3),
    ("[Peer]\nPublicKey = {public}\nPersistentKeepalive = 70000\n", 3),
    ("[Interface]\nAddress = 10.0.0.1/24\n", 2),
)

# Several mistakes, and lines that look wrong only because of others.
MANY_BAD = """[Interface]
PrivateKey = {private}x
ListenPort = 70000
[Peer]
AllowedIPs = 10.0.0.0/40, ::/0, 10/8
[Peer]
PublicKey = abc
AllowedIPs = ::/0
[Somebody]
Colour = green
PublicKey = {public}
"""
MANY_BAD_LINES = [2, 3, 4, 5, 5, 7, 9]


@scenario(ours_only=True)
def config_files(lab):
    """--check prints line and column of a mistake; --config configures the interface."""
    x = Device(lab, lab.node("a"), lab.mine)
    peer = Key(lab)
    path = lab.file("config.secret")

    def write(text):
        with open(path, "w", encoding="ascii") as file:
            file.write(text.format(private=x.key.text, public=peer.public))
    write(GOOD)
    expect(call(x, "--check", path).returncode == 0, "--check accepts a good file")
    for text, line in BAD:
        write(text)
        for arguments in (("--check", path), ("--config", path, x.name)):
            done = call(x, *arguments)
            says(done, 1)
            expect(re.search(rf"{re.escape(path)}:{line}:[1-9]\d*:? ", done.stderr),
                   f"{text!r}: line {line} and a column, not {done.stderr!r}")
            expect(x.key.text not in done.stderr, "no message holds a key")
        expect(x.is_gone(), "nothing is left behind")
    # All mistakes of a file are reported in the order of their lines, up to the first twenty.
    write(MANY_BAD)
    done = call(x, "--check", path)
    says(done, 1)
    expect_same([int(line) for line in re.findall(r"config\.secret:(\d+):\d+: ", done.stderr)],
                MANY_BAD_LINES, "lines of all mistakes")
    write("[Interface]\n" + "Colour = green\n" * 25)
    done = call(x, "--config", path, x.name)
    expect_same(done.returncode, 1, "exit status for a file with very many mistakes")
    expect(" 5 more mistakes" in done.stderr, "it says how many more mistakes there are")
    expect_same([int(line) for line in re.findall(r"config\.secret:(\d+):\d+: ", done.stderr)],
                list(range(2, 22)), "lines of the first twenty mistakes")
    expect(x.is_gone(), "nothing is left behind")
    for name in ("/nonexistent", lab.directory):
        says(call(x, "--check", name), 1, name)
        says(call(x, "--config", name, x.name), 1, name)

    write(GOOD)
    done = call(x, "--config", path, x.name)
    expect(done.returncode == 0, f"--config accepts a good file: {done.stderr}")
    shown = x.wg("showconf").stdout
    for part in ("ListenPort = 45009", "FwMark = 0x10", f"PrivateKey = {x.key.text}",
                 f"PublicKey = {peer.public}", "AllowedIPs = 10.9.0.0/16, fd99::/32",
                 "Endpoint = [2001:db8::9]:9", "PersistentKeepalive = 25"):
        expect(part in shown, f"showconf has {part!r}")
    end(x)


def daemon_pid(device):
    """The background daemon on the device's node."""
    pids = namespace_pids(device.node.ns)
    expect(pids, "there is a daemon")
    return min(pids)


def end(device, by=signal.SIGTERM):
    os.kill(daemon_pid(device), by)
    until(lambda: device.is_gone() and not namespace_pids(device.node.ns), "the daemon ends", 8)


@scenario(ours_only=True)
def in_the_background(lab):
    """The parent returns once link and socket exist; every way to end the daemon cleans up."""
    x = Device(lab, lab.node("a"), lab.mine)
    for end_it in (lambda: end(x), lambda: end(x, signal.SIGINT),
                   lambda: x.node.ip("link", "del", x.name), lambda: os.unlink(x.socket)):
        done = call(x, x.name)
        expect(done.returncode == 0, f"it starts: {done.stderr}")
        expect(x.has_link() and os.path.exists(x.socket), "the parent waits for link and socket")
        expect("errno=0" in x.get(), "it answers at once")
        expect(not done.stdout and not done.stderr, "it prints nothing")
        expect(os.getsid(daemon_pid(x)) != os.getsid(0), "it is in its own session")
        end_it()
        until(lambda: x.is_gone() and not namespace_pids(x.node.ns), "everything is cleaned up", 8)


@scenario()
def in_the_foreground(lab):
    """SIGTERM, SIGINT, a deleted link and a deleted socket each end the daemon cleanly."""
    x = Device(lab, lab.node("a"), lab.mine)
    for end_it in (lambda: x.process.terminate(), lambda: x.process.send_signal(signal.SIGINT),
                   lambda: x.node.ip("link", "del", x.name), lambda: os.unlink(x.socket)):
        x.start()
        end_it()
        x.ended()
    x.env["WG_PROCESS_FOREGROUND"] = "1"
    x.process = x.node.popen(x.implementation.path, x.name, log=x.log, env=x.env)
    until(x.answers, "WG_PROCESS_FOREGROUND works like -f")
    stays(x.is_alive, "it stays in the foreground", 0.2)
    x.stop()


@scenario()
def crash_and_restart(lab):
    """After kill -9 nothing of tielined remains, and the name can be reused at once."""
    x, y = tunnel(lab)
    for at_once in (False, True, False):
        meets(x, y)
        x.kill()
        if x.ours and not at_once:
            until(x.is_gone, "link and socket are removed")
        x.start()
        join(x, y)


@scenario(ours_only=True)
def helper_is_killed(lab):
    """Without its helper the daemon ends, as it could not do all its work.

    After both are killed, the next start works.
    """
    x, y = tunnel(lab)
    meets(x, y)
    helpers = [pid for pid in namespace_pids(x.node.ns) if pid != x.process.pid]
    expect_same(len(helpers), 1, "helper processes of the daemon")
    os.kill(helpers[0], signal.SIGKILL)
    expect_same(ended(x.process), 1, "exit status of a daemon without its helper")
    expect(not x.has_link(), "the link is gone")
    for _ in range(2):
        x.start()
        join(x, y)
        meets(x, y)
        for pid in namespace_pids(x.node.ns):
            os.kill(pid, signal.SIGKILL)
        ended(x.process)
    x.start()


@scenario(ours_only=True)
def name_in_use(lab):
    """A second daemon of the same name is refused, the first goes on; a freed name is reusable."""
    x, y = tunnel(lab)
    meets(x, y)
    says(call(x, "-f", x.name), 1, x.name)
    says(call(x, x.name), 1, x.name)
    says(y.node.run(y.implementation.path, x.name, check=False), 1, x.name)
    expect(not y.node.ip("link", "show", x.name, check=False).stdout, "the other host has no link")
    meets(x, y)
    for _ in range(5):
        x.node.ip("link", "del", x.name)
        gone, x.process = x.process, None
        x.start()
        ended(gone)
        expect(os.path.exists(x.socket), "the old daemon leaves the new one's socket alone")
    join(x, y)
    meets(x, y)


@scenario(ours_only=True)
def log_levels(lab):
    """LOG_LEVEL=silent logs nothing, error little, verbose more; a flood of errors is limited."""
    a, b = lab.node("a"), lab.node("b")
    lab.link(a, b)
    y = Device(lab, b, lab.theirs).start()
    length = {}
    for level in ("silent", "error", "verbose", "debug"):
        x = Device(lab, a, lab.mine, env={"LOG_LEVEL": level}).start()
        join(x, y)
        meets(x, y)
        sender = b.socket()
        sender.connect((a.v4(), x.port()))
        for number in range(2000):
            sender.send(bytes([number % 7]) * (number % 200 + 1))
        with x.uapi() as uapi:
            for _ in range(200):
                uapi.set("nonsense=1\n")
        meets(x, y)
        x.stop()
        y.remove(x)
        length[level] = len(read(x.log).splitlines())
    lab.notes.append(" ".join(f"{level}: {lines}" for level, lines in length.items()))
    expect(length["silent"] == 0, "silent is silent")
    expect(length["verbose"] > 0, "verbose is not silent")
    expect(max(length.values()) < 400, "2200 mistakes do not make 2200 lines")


@scenario(ours_only=True)
def inherited_descriptors(lab):
    """WG_TUN_FD and WG_UAPI_FD: the caller provides the TUN and the socket."""
    IFF_TUN, IFF_NO_PI, IFF_VNET_HDR = 0x1, 0x1000, 0x4000
    a, b = lab.node("a"), lab.node("b")
    lab.link(a, b)
    y = Device(lab, b, lab.theirs).start()
    for flags in (IFF_TUN | IFF_NO_PI, IFF_TUN | IFF_NO_PI | IFF_VNET_HDR):
        x = Device(lab, a, lab.mine)
        with contextlib.ExitStack() as stack:
            with inside(a.ns):
                tun = os.open("/dev/net/tun", os.O_RDWR)
                stack.callback(os.close, tun)
                fcntl.ioctl(tun, 0x400454ca, struct.pack("16sH22x", x.name.encode(), flags))
            listener = stack.enter_context(socket.socket(socket.AF_UNIX))
            listener.bind(x.socket)
            listener.listen()
            log = stack.enter_context(open(x.log, "ab"))
            x.process = subprocess.Popen(
                ["ip", "netns", "exec", a.ns, *x.implementation.argv(x.name)],
                pass_fds=(tun, listener.fileno()), stdout=log, stderr=log,
                env={**os.environ, **x.env, "WG_TUN_FD": str(tun),
                     "WG_UAPI_FD": str(listener.fileno())})
            lab.processes.append(x.process)
        until(x.answers, "it serves the given socket")
        x.wg("set", "private-key", x.key.file)
        x.address()
        x.up()
        join(x, y)
        meets(x, y)
        lab.transfer(a, b, y.inner4)
        y.remove(x)
        x.stop()
