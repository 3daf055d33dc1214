# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The units, run by a real systemd that is the first process of its own namespaces.

Its root is a tmpfs with the machine's /usr, read-only, and only our own units. It shares the kernel
and a cgroup with the machine. Its network is that of a node of the Lab.
"""

import contextlib
import os
import re
import shutil
import subprocess
import time

from device import TREE, is_sanitized
from lab import Skip, cgroups, expect, expect_same, read, run, until
from scenario import scenario
from scenarios.quick import Quick, expect_alike, host

INIT = "/lib/systemd/systemd"

# Run by `unshare`: builds the root in $1 and becomes systemd. $2 is a directory that both sides
# see, $3 a file for the log.
BOOT = r"""
set -eu
root=$1 shared=$2 log=$3
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$root"
cd "$root"
mkdir -p usr etc/systemd/system var/log run tmp dev proc sys opt both home root
mount --bind /usr usr
mount -o remount,bind,ro usr
for name in bin sbin lib lib32 lib64; do
        if [ -L /$name ]; then cp -P /$name .; elif [ -d /$name ]; then
                mkdir $name; mount --bind /$name $name; mount -o remount,bind,ro $name; fi
done
mount --bind "$shared" both
: >log; mount --bind "$log" log
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=755 tmpfs dev
mkdir dev/net dev/pts dev/shm
for name in null zero full random urandom tty net/tun; do
        : >dev/$name; mount --bind /dev/$name dev/$name
done
: >dev/console; mount --bind /dev/null dev/console
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr
for name in ld.so.cache alternatives; do [ ! -e /etc/$name ] || cp -a /etc/$name etc/; done
printf '%s\n' root:x:0:0::/root:/bin/sh tieline:x:990:990::/:/bin/false \
        nobody:x:65534:65534::/:/bin/false >etc/passwd
printf '%s\n' root:x:0: tieline:x:990: nogroup:x:65534: >etc/group
echo 0123456789abcdef0123456789abcdef >etc/machine-id
ln -s /run var/run
ln -s /both/wireguard etc/wireguard
cp -r both/units/. etc/systemd/system/
cp -r both/programs opt/tieline
mkdir old
pivot_root . old
umount -l /old
rmdir /old
exec env -i container=lab PATH=/usr/sbin:/usr/bin:/sbin:/bin SYSTEMD_UNIT_PATH=/etc/systemd/system \
        """ + INIT + """ --unit=lab.target --log-target=console --show-status=0 >>/log 2>&1
"""

# For the units under test: their output goes to a file that the Lab can see.
OURS = """[Service]
StandardOutput=append:/log
StandardError=append:/log
Environment=PATH=/opt/tieline:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin
"""


class Systemd:
    """A systemd in a node's network, and a configuration file under its /etc/wireguard."""

    def __init__(self, lab, node):
        if not os.access(INIT, os.X_OK):
            raise Skip("systemd is not installed")
        self.lab, self.node = lab, node
        self.quick = Quick(lab, node, "a")
        self.ifname = self.quick.ifname
        self.shared = os.path.join(self.quick.directory, "both")
        self.log = lab.file("systemd")
        self.make_shared()
        self.cgroup = make_cgroup(lab)
        lab.resources.callback(self.end)
        self.pid = self.boot()

    def make_shared(self):
        """Copies the units as meson built them, with the paths of our programs replaced."""
        build = os.path.dirname(os.path.dirname(os.path.abspath(self.lab.mine.path)))
        for name in ("units", "programs", "wireguard"):
            os.makedirs(f"{self.shared}/{name}")
        self.quick.file = f"{self.shared}/wireguard/{self.ifname}.conf"
        for program in ("daemon/tielined", "quick/tieline-quick"):
            shutil.copy(f"{build}/{program}", f"{self.shared}/programs")
        shutil.copy(f"{TREE}/quick/wg-quick.bash", f"{self.shared}/programs")
        self.unit("tielined@.service", self.moved(f"{build}/quick/tielined@.service"))
        self.unit("tielined@.service.d/lab.conf", OURS)
        self.unit("wg-quick@.service", read("/usr/lib/systemd/system/wg-quick@.service").decode())
        # wg-quick puts its own directory first in PATH.
        shutil.copy(shutil.which("wg-quick"), f"{self.shared}/programs")
        self.unit("wg-quick@.service.d/lab.conf",
                  OURS + "ExecStart=\nExecStart=/opt/tieline/wg-quick up %i\n"
                         "ExecStop=\nExecStop=/opt/tieline/wg-quick down %i\n")
        self.unit("wg-quick@.service.d/tieline.conf", self.moved(f"{build}/quick/tieline.conf"))
        for target in ("lab", "sysinit", "basic", "shutdown", "network-online", "nss-lookup"):
            self.unit(f"{target}.target", "[Unit]\nDefaultDependencies=no\n")

    @staticmethod
    def moved(path):
        return re.sub(r"/[\w/]*/(tielined|tieline-quick|wg-quick\.bash)\b", r"/opt/tieline/\1",
                      read(path).decode())

    def unit(self, name, text):
        path = f"{self.shared}/units/{name}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)

    def boot(self):
        root = f"{self.quick.directory}/root"
        os.mkdir(root)
        # `ip netns exec` would give systemd another /sys, without cgroups.
        enter = f'echo $$ >{self.cgroup}/cgroup.procs && exec "$@"'
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                ["sh", "-c", enter, "sh", "nsenter", f"--net=/run/netns/{self.node.ns}",
                 "unshare", "-m", "-p", "-u", "-i", "-C", "--fork", "--kill-child",
                 "bash", "-c", BOOT, "boot", root, self.shared, self.log],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.lab.processes.append(self.process)
        children = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        pid = until(lambda: read(children).split(), "unshare has a child")[0].decode()
        until(lambda: read(f"/proc/{pid}/comm") == b"systemd\n", f"systemd runs: {self.told()}", 20)
        self.pid = pid
        until(lambda: self.ctl("is-active", "lab.target", check=False).returncode == 0,
              f"systemd reaches its target: {self.told()}", 20)
        return pid

    def wg(self, *words):
        """Runs wg inside, since /run differs there."""
        return self.inside("/usr/bin/wg", *words).stdout

    def clean(self):
        self.quick.clean()
        for path in ("/run/wireguard", "/run/tieline", "/run/tieline-quick"):
            left = self.inside("/usr/bin/find", path, "-name", f"{self.ifname}*", check=False)
            expect_same(left.stdout, "", f"files left in {path}")

    def told(self):
        return read(self.log).decode(errors="replace")

    def end(self):
        self.process.kill()
        self.process.wait(10)
        for directory, _, _ in os.walk(self.cgroup, topdown=False):
            until(lambda path=directory: remove_cgroup(path), f"{directory} is empty")

    def inside(self, *argv, **more):
        return run("nsenter", "-t", self.pid, "-m", "-p", "-u", "-i", "-n", "-C", "-r", "-w", *argv,
                   **more)

    def ctl(self, *words, **more):
        return self.inside("/usr/bin/systemctl", *words, **more)

    def service(self, kind="tielined"):
        return f"{kind}@{self.ifname}.service"

    def get(self, name, kind="tielined"):
        return self.ctl("show", "-P", name, self.service(kind)).stdout.strip()

    def status(self, pid):
        """The lines of /proc/PID/status of a process inside."""
        text = self.inside("/usr/bin/cat", f"/proc/{pid}/status").stdout
        return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)

    def start(self, kind="tielined"):
        self.ctl("start", self.service(kind), timeout=30)

    def is_active(self, kind="tielined"):
        return self.get("ActiveState", kind) == "active"


def make_cgroup(lab):
    """Makes a cgroup for all of it, in the version 2 hierarchy; returns its path."""
    mount = cgroups()
    if not mount:
        raise Skip("no cgroup2 hierarchy is mounted")
    path = f"{mount}/{lab.prefix}"
    try:
        os.mkdir(path)
    except OSError as error:
        raise Skip(f"cannot create a cgroup: {error}") from None
    return path


def remove_cgroup(path):
    with contextlib.suppress(FileNotFoundError):
        try:
            os.rmdir(path)
        except OSError:
            return False
    return True


def boot(lab):
    if is_sanitized(lab.mine):
        raise Skip("the unit's sandbox refuses system calls that sanitizers need")
    return Systemd(lab, host(lab))


def capabilities(*bits):
    return sum(1 << bit for bit in bits)


@scenario(ours_only=True, needs=("nft", "nsenter", "unshare", "bash", "wg-quick"), seconds=120)
def the_unit_keeps_an_interface(lab):
    """tielined@ under a real systemd: readiness, sandbox, crash, reload, deletion, stop."""
    systemd = boot(lab)
    quick, node = systemd.quick, systemd.node
    hooks = f"{systemd.shared}/hooks"
    lines = ("Address = 10.77.0.1/24, fd77::1/64", "ListenPort = 700",
             *(f"{hook} = echo {hook} >> /both/hooks" for hook in
               ("PreUp", "PostUp", "PreDown", "PostDown")))
    peers = (("AllowedIPs = 0.0.0.0/0, ::/0",), ("AllowedIPs = 10.90.0.0/16",))
    quick.write(*lines, peers=peers)
    before = quick.picture()

    node.sysctl("net.ipv4.conf.all.send_redirects", 1)

    # Once start returns everything is there, without waiting.
    systemd.start()
    wanted = systemd.wg("show", quick.ifname, "dump")
    expect_same(len(wanted.splitlines()), 3, "lines for the interface and its peers")
    picture = quick.picture()
    expect(len(picture) > len(before) + 8, "addresses, routes and rules are set")

    # The daemon and its helper have the privileges they need, and no more.
    main = systemd.get("MainPID")
    status = systemd.status(main)
    expect_same({name: status[name] for name in ("NoNewPrivs", "Seccomp", "CapEff", "CapPrm",
                                                 "CapBnd")},
                {"NoNewPrivs": "1", "Seccomp": "2", "CapEff": "0" * 16, "CapPrm": "0" * 16,
                 "CapBnd": "0" * 16}, "privileges of the daemon")
    expect_same(status["Uid"].split(), ["990"] * 4, "user of the daemon")
    helper = systemd.inside("/usr/bin/cat", f"/proc/{main}/task/{main}/children").stdout.strip()
    status = systemd.status(helper)
    expect_same(int(status["CapBnd"], 16), capabilities(10, 12), "capability bound of the helper")
    expect_same((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"), "sandbox of the helper")
    expect_same(systemd.inside("/usr/bin/cat", "/proc/sys/net/ipv4/conf/all/send_redirects").stdout,
                "0\n", "send_redirects, which the kernel's WireGuard turns off too")

    expect("warning" not in systemd.told(), f"the start logs no warning: {systemd.told()}")

    # Kill -9 of the daemon, then of its helper.
    for number, victim in enumerate((main, None), 1):
        if victim is None:
            main = systemd.get("MainPID")
            victim = systemd.inside("/usr/bin/cat", f"/proc/{main}/task/{main}/children") \
                .stdout.strip()
        began = time.monotonic()
        systemd.inside("/usr/bin/kill", "-9", victim)
        until(lambda n=number: systemd.get("NRestarts") == str(n) and systemd.is_active(),
              "the unit is active again", 20)
        seconds = time.monotonic() - began
        expect_same(systemd.wg("show", quick.ifname, "dump"), wanted, "peers after a crash")
        expect_alike(quick.picture(), picture, "addresses, routes and rules after a crash")
    lab.notes.append(f"up again {seconds:.1f} s after kill -9")

    # A changed file.
    quick.write(*lines, peers=(*peers, ("AllowedIPs = 10.91.0.0/16",)))
    systemd.ctl("reload", systemd.service())
    expect_same(len(systemd.wg("show", quick.ifname, "peers").split()), 3, "peers after a reload")
    expect_same(systemd.wg("show", quick.ifname, "fwmark").strip(), "0xca6c", "mark after a reload")

    # Deleting the link on purpose: it stays away, and everything else goes too.
    node.ip("link", "del", quick.ifname)
    until(lambda: systemd.get("ActiveState") == "inactive", "the service ends", 20)
    systemd.clean()

    os.unlink(hooks)
    systemd.start()
    systemd.ctl("stop", systemd.service(), timeout=30)
    expect_same((systemd.get("ActiveState"), systemd.get("Result")), ("inactive", "success"),
                "the service after stop")
    expect_same(read(hooks).decode().split(), ["PreUp", "PostUp", "PreDown", "PostDown"], "hooks")
    systemd.clean()
    expect_alike(quick.picture(), before, "the node after stop")

    # A start that fails leaves nothing, and logs the reason.
    quick.write(*lines, "PostUp = false", peers=peers)
    expect(systemd.ctl("start", systemd.service(), check=False, timeout=30).returncode != 0,
           "systemctl reports the failed start")
    systemd.ctl("stop", systemd.service(), timeout=30)
    expect("a PostUp command failed" in systemd.told(), "the reason is logged")
    systemd.clean()


@scenario(ours_only=True, needs=("nft", "nsenter", "unshare", "bash", "wg-quick"), seconds=120)
def the_drop_in_has_wg_quick_use_us(lab):
    """wg-quick@ with our drop-in: stock wg-quick makes the interface with tielined."""
    systemd = boot(lab)
    quick = systemd.quick
    # Pretends that the kernel knows the type: an `ip` that would make such a link, if asked.
    with open(f"{systemd.shared}/programs/ip", "w", encoding="ascii") as file:
        file.write('#!/bin/sh\ncase "$*" in *"type wireguard"*) echo KERNEL ASKED;; esac\n'
                   f'exec {shutil.which("ip")} "$@"\n')
        os.fchmod(file.fileno(), 0o755)
    systemd.inside("/bin/cp", "/both/programs/ip", "/opt/tieline/ip")
    quick.write("Address = 10.77.0.1/24", "PostUp = ip -4 addr show dev %i", "PostUp = bash -c "
                "'type ip' | grep -q /opt/tieline/ip", peers=(("AllowedIPs = 0.0.0.0/0",),))
    systemd.start("wg-quick")
    expect(systemd.is_active("wg-quick"), "wg-quick@ is active")
    expect("Falling back" not in systemd.told(), "wg-quick needs no fallback")
    expect("KERNEL ASKED" not in systemd.told(), "the kernel is not asked")
    expect("inet 10.77.0.1/24" in systemd.told(), "other calls of ip work, also in hooks")
    kinds = systemd.node.ip("-details", "link", "show", quick.ifname).stdout
    expect("tun type tun" in kinds, f"the interface is a TUN: {kinds}")
    systemd.ctl("stop", systemd.service("wg-quick"), timeout=30)
    expect(not quick.exists(), "the interface is gone")
    # If tielined fails, nothing else is tried.
    systemd.inside("/bin/cp", "/bin/false", "/opt/tieline/tielined")
    expect(systemd.ctl("start", systemd.service("wg-quick"), check=False,
                       timeout=30).returncode != 0, "systemctl reports the failed start")
    expect("KERNEL ASKED" not in systemd.told(), "the kernel is not asked then either")
    expect("Falling back" not in systemd.told(), "there is no fallback then either")
