# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""tieline-quick: it brings an interface up from one file, as wg-quick does, and leaves nothing."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time

from device import Device, Key
from lab import QUICK_STATES, SOCKETS, Skip, expect, expect_same, read, run, until
from scenario import scenario


class Quick:
    """A node whose interfaces are made by tieline-quick or, for comparison, by wg-quick."""

    def __init__(self, lab, node, name):
        self.lab, self.node = lab, node
        self.ifname = f"{lab.prefix}{name}"
        self.directory = os.path.join(lab.directory, f"quick-{name}.program")
        os.makedirs(f"{self.directory}/bin")
        self.file = f"{self.directory}/{self.ifname}.conf"
        self.key = Key(lab)
        tielined = os.path.abspath(lab.mine.path)
        program = os.path.join(os.path.dirname(os.path.dirname(tielined)), "quick", "tieline-quick")
        if not os.access(program, os.X_OK):
            raise Skip(f"no tieline-quick at {program}")
        # wg-quick puts its own directory first, so it is run from a copy next to our programs.
        os.symlink(program, f"{self.directory}/bin/tieline-quick")
        os.symlink(tielined, f"{self.directory}/bin/tielined")
        shutil.copy(shutil.which("wg-quick"), f"{self.directory}/bin/wg-quick")
        self.env = {**os.environ, "PATH": f"{self.directory}/bin:{os.environ['PATH']}",
                    "WG_QUICK_USERSPACE_IMPLEMENTATION": "tielined"}
        lab.resources.callback(self.remove)

    def remove(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{QUICK_STATES}/{self.ifname}")
        shutil.rmtree(self.directory)

    def write(self, *lines, peers=()):
        """Writes the file. Each peer is a list of further lines for its section."""
        text = ["[Interface]", f"PrivateKey = {self.key.text}", *lines]
        for peer in peers:
            text += ["[Peer]", f"PublicKey = {Key(self.lab).public}", *peer]
        with open(self.file, "w", encoding="ascii",
                  opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write("\n".join(text) + "\n")

    def fake(self, name, text):
        """Adds a program of that name that takes precedence over all others."""
        path = f"{self.directory}/bin/{name}"
        with open(path, "w", encoding="ascii") as file:
            file.write(f"#!/bin/bash\n{text}\n")
        os.chmod(path, 0o755)

    def run(self, *words, program="tieline-quick", check=True, env=None):
        # `ip netns exec` would give the programs their own /sys, which nothing here needs.
        return run(shutil.which("nsenter"), f"--net=/run/netns/{self.node.ns}",
                   f"{self.directory}/bin/{program}", *words, self.file, check=check,
                   env={**self.env, **(env or {})})

    def up(self, **more):
        return self.run("up", **more)

    def down(self, **more):
        return self.run("down", **more)

    def exists(self):
        return self.node.ip("link", "show", self.ifname, check=False).returncode == 0

    def wg(self, *words):
        return run("wg", *words).stdout

    def picture(self):
        """Addresses, MTU, routes, rules and marks of the node, as text without volatile parts."""
        parts = []
        for words in (("-4", "-o", "addr"), ("-6", "-o", "addr"), ("-o", "link"),
                      ("-4", "route", "show", "table", "all"),
                      ("-6", "route", "show", "table", "all"), ("-4", "rule"), ("-6", "rule")):
            text = self.node.ip(*words).stdout
            text = re.sub(r"^\d+: |\\? +valid_lft \S+ preferred_lft \S+|link-netns(id)? \S+"
                          r"| pref medium| tentative", "", text, flags=re.MULTILINE)
            # Cables get their link-local addresses only after duplicate address detection.
            parts += sorted(line.rstrip() for line in text.splitlines() if "fe80:" not in line)
        return parts

    def nft(self):
        return self.node.run("nft", "list", "ruleset").stdout

    def clean(self):
        """Expects nothing of the interface to be left anywhere."""
        until(lambda: not os.path.exists(f"{SOCKETS}/{self.ifname}.sock"), "the socket is gone")
        expect(not self.exists(), "the interface is gone")
        expect(self.ifname not in "".join(self.picture()), "no address or route is left")
        expect_same(len(self.node.ip("-4", "rule").stdout.splitlines()), 3, "IPv4 rules")
        expect_same(len(self.node.ip("-6", "rule").stdout.splitlines()), 2, "IPv6 rules")
        expect_same(self.nft().strip(), "", "firewall rules")
        expect(not os.path.exists(f"{QUICK_STATES}/{self.ifname}"), "no state file is left")


def expect_alike(found, wanted, what):
    """Compares two pictures; a failure shows only the lines that differ."""
    expect_same([line for line in found if line not in wanted],
                [line for line in wanted if line not in found], what)


def as_wg_quick(picture):
    """A picture in which our rules for default routes look like wg-quick's.

    wg-quick has no rule that lets a tunnel's packets skip other tunnels, and no protocol number.
    """
    lines = [line for line in picture if not ("goto" in line and "proto 108" in line)]
    return sorted(re.sub(r"not from all fwmark \S+ lookup main", "from all lookup main", line)
                  .replace(" proto 108", "").rstrip() for line in lines)


def host(lab, name="a"):
    """A node with default routes over a cable."""
    node, other = lab.node(name), lab.node("out")
    lab.link(node, other)
    node.ip("route", "add", "default", "via", other.v4())
    node.ip("-6", "route", "add", "default", "via", other.v6())
    until(lambda: "local" in node.ip("-6", "route", "show", "table", "local", "dev", "eth0").stdout,
          "the cable is up")
    return node


FILES = {
    "plain": (("Address = 10.77.0.1/24, fd77::1/64", "Address = 10.78.0.1",
               "ListenPort = 45101"),
              (("AllowedIPs = 10.77.0.2/32, 10.90.0.0/16", "Endpoint = 192.0.2.2:5"),
               ("AllowedIPs = fd77::2/128, fd90::/32, 10.90.5.0/24",))),
    "an MTU": (("Address = 10.77.0.1/24", "MTU = 1300"), (("AllowedIPs = 10.90.0.0/16",),)),
    "table off": (("address=10.77.0.1/24", "TABLE = off"),
                  (("AllowedIPs = 10.90.0.0/16, 0.0.0.0/0",),)),
    "a table": (("Address = 10.77.0.1/24", "Table = 1234"),
                (("AllowedIPs = 10.90.0.0/16, 0.0.0.0/0, ::/0",),)),
    "all of it": (("Address = 10.77.0.1/24, fd77::1/64 # twice", "ListenPort = 45101"),
                  (("AllowedIPs = 0.0.0.0/0, ::/0", "Endpoint = [2001:db8:1::2]:5"),
                   ("AllowedIPs = 10.90.0.0/16",))),
    "all, with a mark": (("Address = 10.77.0.1/32", "FwMark = 0x1234"),
                         (("AllowedIPs = 0.0.0.0/0",),)),
}


@scenario(ours_only=True, needs=("wg-quick", "nft", "nsenter"), seconds=120)
def quick_is_as_wg_quick(lab):
    """The same file yields the same addresses, routes and rules as with wg-quick."""
    node = host(lab)
    before = None
    quick = Quick(lab, node, "a")
    for name, (lines, peers) in FILES.items():
        quick.write(*lines, peers=peers)
        before = before or quick.picture()
        pictures = []
        for program in ("wg-quick", "tieline-quick"):
            quick.up(program=program)
            settings = quick.wg("show", quick.ifname)
            if "ListenPort" not in str(lines):
                settings = re.sub(r"fwmark: .*|listening port: .*", "", settings)
            pictures.append(as_wg_quick(quick.picture()) + settings.splitlines())
            quick.down(program=program)
            quick.clean()
            expect_alike(quick.picture(), before, f"the node after {program} and {name}")
        expect_alike(pictures[1], pictures[0], name)
        expect_same(quick.run("strip").stdout.strip(),
                    quick.run("strip", program="wg-quick").stdout.strip(), f"strip of {name}")
    lab.notes.append(f"{len(FILES)} files")


@scenario(ours_only=True, needs=("nft", "nsenter"))
def quick_runs_hooks(lab):
    """Hooks run in order, in bash, with %i replaced, at up and down, and do not appear in argv."""
    quick = Quick(lab, lab.node("a"), "a")
    log = lab.file("hooks")
    quick.write(
        "Address = 10.77.0.1/24",
        f"PreUp = ip link show %i >/dev/null 2>&1 || echo pre-up %i >> {log}",
        f"PostUp = [[ %i == tl*([0-9])a ]] && ip -4 -o addr show %i | grep -o 10.77.0.1 >> {log}",
        f"PostUp = tr '\\0' ' ' < /proc/$$/cmdline >> {log}; echo >> {log}",
        f"PreDown = wg show %i >/dev/null && echo pre-down >> {log}",
        f'PreDown = echo "$INTERFACE $CONFIG_FILE" >> {log}',
        f"PreDown = false | true; echo not reached >> {log}",
        f"PostDown = ip link show %i >/dev/null 2>&1 || echo post-down >> {log}")
    quick.up()
    told = quick.down(check=False)
    expect_same(told.returncode, 1, "exit status of down with a failed hook")
    lines = read(log).decode().splitlines()
    expect(lines[2].startswith("bash ") and "cmdline" not in lines[2],
           f"no hook appears in argv: {lines}")
    expect_same(lines[:2] + lines[3:],
                [f"pre-up {quick.ifname}", "10.77.0.1", "pre-down",
                 f"{quick.ifname} {os.path.realpath(quick.file)}", "post-down"], "hooks")
    quick.clean()


@scenario(ours_only=True, needs=("nft", "nsenter"))
def quick_fails_whole(lab):
    """A failed up leaves nothing: failing hooks, routes and addresses, and mistakes in the file."""
    node = host(lab)
    quick = Quick(lab, node, "a")
    peers = (("AllowedIPs = 0.0.0.0/0, ::/0",),)
    cases = {
        "PostUp = false": "PostUp command failed",
        "PreUp = false": "PreUp command failed",
        "Address = 10.77.0.1/24, 10.77.0.1/24": "Command failed",
        "PostUp = kill -TERM $PPID; exec sleep 10": "quick: interrupted",
        "Mtu = 12": ".conf:4:7: MTU must be",
        "Address = 10.77.0./24": ".conf:4:11: Address must be",
        "Adress = 10.77.0.1/24": ".conf:4:1: unknown key",
        "DNS = 10.77.0.9": "DNS needs resolvconf",
    }
    path = f"{quick.directory}/few"
    os.mkdir(path)
    for program in ("ip", "nft", "sysctl", "bash", "sleep", "tielined"):
        where = shutil.which(program, path=quick.env["PATH"])
        os.symlink(where, f"{path}/{program}")
    for line, told in cases.items():
        quick.write("Address = 10.77.0.1/16, fd77::1/64", line, peers=peers)
        before = quick.picture()
        done = quick.up(check=False, env={"PATH": path})
        expect_same(done.returncode, 1, f"exit status with {line}")
        expect(told in done.stderr, f"`{line}` is reported as `{told}`: {done.stderr}")
        quick.clean()
        expect_alike(quick.picture(), before, f"the node after {line}")
    # Mistakes in both parts are reported in the order of their lines.
    quick.write("Address = 10.77.0./24", "ListenPort = 70000", "MTU = 12", "Colour = green")
    done = quick.up(check=False)
    expect_same(done.returncode, 1, "exit status with mistakes in the file")
    expect_same([int(line) for line in re.findall(r"\.conf:(\d+):\d+: ", done.stderr)],
                [3, 4, 5, 6], f"lines of all mistakes: {done.stderr}")
    expect_same(quick.run("sideways", check=False).returncode, 2, "exit status of a wrong command")
    quick.write("Address = 10.77.0.1/24")
    quick.up()
    expect("already exists" in quick.up(check=False).stderr, "a second up is refused")
    expect(quick.exists(), "the interface stays")
    quick.down()
    expect("is not a WireGuard interface" in quick.down(check=False).stderr,
           "a second down is refused")


@scenario(ours_only=True, needs=("nsenter",))
def quick_tells_name_servers(lab):
    """DNS settings go to resolvconf or resolvectl, and are removed again."""
    quick = Quick(lab, lab.node("a"), "a")
    log = lab.file("dns")
    quick.fake("resolvconf", f'echo "$@" >> {log}; [ "$1" != -a ] || cat >> {log}')
    quick.write("Address = 10.77.0.1/24", "DNS = 10.77.0.9, fd77::9 , example.org",
                "DNS=example.net")
    quick.up()
    quick.down()
    text = read(log).decode()
    name = re.match(r"-a (\S+) -m 0 -x\n", text).group(1)
    expect(name.split(".")[-1] == quick.ifname, f"the record {name} is named after {quick.ifname}")
    expect_same(text, f"-a {name} -m 0 -x\nnameserver 10.77.0.9\nnameserver fd77::9\n"
                      f"search example.org example.net\n-d {name} -f\n", "resolvconf's input")


@scenario(ours_only=True, needs=("nsenter",))
def quick_saves(lab):
    """SaveConfig saves the current peers and addresses at down; the next up restores them."""
    quick = Quick(lab, lab.node("a"), "a")
    added = Key(lab)
    quick.write("Address = 10.77.0.1/24", "SaveConfig = true", "Table = off", "MTU = 1380",
                "PostUp = true %i",
                peers=(("AllowedIPs = 10.90.0.0/16", "Endpoint = 192.0.2.7:7"),))
    quick.up()
    quick.wg("set", quick.ifname, "peer", added.public, "allowed-ips", "10.91.0.0/16,fd91::/64",
             "persistent-keepalive", "25", "preshared-key", Key(lab, "genpsk").file)
    quick.node.ip("addr", "add", "fd77::1/64", "dev", quick.ifname)
    wanted = quick.wg("show", quick.ifname, "dump")
    quick.down()
    expect_same(os.stat(quick.file).st_mode & 0o777, 0o600, "mode of the file")
    expect_same(os.listdir(quick.directory).count(os.path.basename(quick.file)), 1, "files")
    text = read(quick.file).decode()
    for line in ("Address = 10.77.0.1/24", "Address = fd77::1/64", "MTU = 1380", "Table = off",
                 "SaveConfig = true", "PostUp = true %i"):
        expect(f"\n{line}\n" in text, f"the file has {line}: {text}")
    quick.up()
    expect_same(quick.wg("show", quick.ifname, "dump"), wanted, "the interface after a second up")
    quick.wg("set", quick.ifname, "fwmark", "77")
    quick.wg("set", quick.ifname, "peer", added.public, "remove")
    quick.run("reload")
    expect_same(quick.wg("show", quick.ifname, "dump"), wanted.replace("\toff\n", "\t0x4d\n", 1),
                "the interface after reload, which keeps settings that the file does not name")
    quick.run("save")
    expect_same(read(quick.file).decode().count("[Peer]"), 2,
                "peers saved while the interface is up")
    quick.down()
    quick.clean()


@scenario(ours_only=True, needs=("nft", "nsenter"))
def quick_cleans_up_after_a_crash(lab):
    """After kill -9 of the daemon, up restores all peers, and down leaves nothing."""
    node = host(lab)
    quick = Quick(lab, node, "a")
    quick.write("Address = 10.77.0.1/24, fd77::1/64",
                peers=(("AllowedIPs = 0.0.0.0/0, ::/0",), ("AllowedIPs = 10.90.0.0/16",)))
    before = quick.picture()
    for _ in range(2):
        quick.up()
        expect_same(len(quick.wg("show", quick.ifname, "peers").split()), 2, "peers")
        rules = node.ip("rule").stdout
        kill_daemon(quick)
        until(lambda: not quick.exists(), "the interface is gone")
        expect_same(node.ip("rule").stdout, rules, "rules that a crash leaves")
    expect(any(comes_up_while_it_dies(quick) for _ in range(10)),
           "up works while the daemon is dying")
    quick.down()
    quick.clean()
    expect_alike(quick.picture(), before, "the node")


def comes_up_while_it_dies(quick):
    """Whether up, called just before the daemon dies, succeeds. A busy machine may be too slow."""
    quick.up()
    kill_daemon(quick, signal.SIGSTOP)
    second = subprocess.Popen(
        (shutil.which("nsenter"), f"--net=/run/netns/{quick.node.ns}",
         f"{quick.directory}/bin/tieline-quick", "up", quick.file), env=quick.env)
    time.sleep(0.05)
    kill_daemon(quick)
    if second.wait() == 0:
        return True
    until(lambda: not quick.exists(), "the interface is gone")
    return False


def kill_daemon(quick, number=signal.SIGKILL):
    """Signals only the daemon, not its helper, which cleans up after it."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            words = read(f"/proc/{pid}/cmdline").split(b"\0")
            if words[0].endswith(b"tielined") and quick.ifname.encode() in words and \
                    b"helper" not in read(f"/proc/{pid}/comm"):
                os.kill(int(pid), number)


@scenario(ours_only=True, needs=("nft", "nsenter"))
def quick_routes_everything(lab):
    """With a default route all traffic uses the tunnel; the tunnel's own packets do not."""
    a, b = lab.node("a"), lab.node("b")
    lab.link(a, b)
    a.ip("route", "add", "default", "via", b.v4())
    peer = Device(lab, b, lab.mine, "b")
    quick = Quick(lab, a, "a")
    peer.start(up=False)
    peer.set("listen-port", "45102", "peer", quick.key.public, "allowed-ips", "10.77.0.1/32")
    b.ip("addr", "add", "198.18.0.1/32", "dev", "lo")
    peer.up()
    quick.write("Address = 10.77.0.1/24")
    with open(quick.file, "a", encoding="ascii") as file:
        file.write(f"[Peer]\nPublicKey = {peer.key.public}\nAllowedIPs = 0.0.0.0/0\n"
                   f"Endpoint = {b.v4()}:45102\n")
    quick.up()
    a.sysctl("net.ipv4.conf.all.rp_filter", 1)
    a.reaches("198.18.0.1")
    a.reaches(b.v4())  # the main table has a more specific route than its default one
    expect(int(quick.wg("show", quick.ifname, "transfer").split()[2]) > 300,
           "traffic uses the tunnel")
    # A stranger on the link sends to the tunnel's address: the firewall drops it.
    b.ip("route", "add", "10.77.0.1/32", "via", a.v4(), "src", b.v4(), "table", "99")
    b.ip("rule", "add", "oif", b.ip("-br", "link").stdout.split()[0], "table", "99")
    expect_same(b.ping("10.77.0.1", count=2, wait=1, options=("-I", b.v4())).received, 0,
                "answers to pings from outside the tunnel")
    quick.down()
    quick.clean()


@scenario(ours_only=True, needs=("nsenter",), seconds=90)
def quick_adds_many_routes(lab):
    """One ip(8) process adds two thousand routes."""
    quick = Quick(lab, lab.node("a"), "a")
    quick.write("Address = 10.77.0.1/32", peers=[
        (f"AllowedIPs = {', '.join(f'10.{i}.{j}.0/24' for j in range(200))}",) for i in range(10)])
    seconds = []
    for program in ("tieline-quick",):
        began = time.monotonic()
        quick.up(program=program)
        seconds.append(time.monotonic() - began)
        routes = quick.node.ip("route", "show", "dev", quick.ifname).stdout.splitlines()
        expect_same(len(routes), 2000, "routes")
        quick.down(program=program)
    lab.notes.append(f"2,000 routes: {seconds[0]:.2f} s")
