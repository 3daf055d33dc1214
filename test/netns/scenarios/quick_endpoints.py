# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""tieline-quick and endpoint names that do not resolve when it brings the interface up."""

import contextlib
import os
import time

from device import Key
from lab import expect, expect_same, read, run, until
from scenario import scenario
from scenarios.quick import Quick, host
from scenarios.systemd import boot


class Names:
    """A private /etc/hosts and /etc/resolv.conf for a command and its children."""

    def __init__(self, quick, resolver="127.0.0.1"):
        self.quick = quick
        self.hosts = f"{quick.directory}/hosts"
        self.resolver = f"{quick.directory}/resolv.conf"
        self.set()
        with open(self.resolver, "w", encoding="ascii") as file:
            file.write(f"nameserver {resolver}\n")

    def set(self, **names):
        """Writes the names in place, since the file is mounted over /etc/hosts."""
        with open(self.hosts, "w", encoding="ascii") as file:
            file.write("".join(f"{address} {name}.example\n" for name, address in names.items()))

    def run(self, verb, check=True, env=None):
        quick = self.quick
        program = (f"mount --bind {self.hosts} /etc/hosts && "
                   f"mount --bind {self.resolver} /etc/resolv.conf && "
                   f"exec {quick.directory}/bin/tieline-quick {verb} {quick.file}")
        return run("nsenter", f"--net=/run/netns/{quick.node.ns}", "unshare", "-m", "sh", "-c",
                   program, env={**quick.env, **(env or {})}, check=check, timeout=60)


def tasks(quick):
    """The background processes that wait for names of that interface."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            words = read(f"/proc/{pid}/cmdline").split(b"\0")
            if words[1:3] == [b"--await", quick.ifname.encode()]:
                found.append(pid)
    return found


def endpoints(quick):
    return dict(line.split() for line in quick.wg("show", quick.ifname, "endpoints").splitlines())


def write(quick, *hosts):
    """Writes a file with a peer for each endpoint. Returns their keys in that order."""
    keys = [Key(quick.lab).public for _ in hosts]
    quick.write("Address = 10.77.0.1/24")
    with open(quick.file, "a", encoding="ascii") as file:
        for number, (key, name) in enumerate(zip(keys, hosts), 2):
            file.write(f"[Peer]\nPublicKey = {key}\nAllowedIPs = 10.77.0.{number}/32\n"
                       f"Endpoint = {name}\n")
    return keys


NEEDS = ("nsenter", "unshare")


@scenario(ours_only=True, needs=NEEDS)
def quick_goes_without_an_endpoint(lab):
    """Unresolved names delay no other peer; their endpoints are set once they resolve."""
    quick = Quick(lab, host(lab), "a")
    names = Names(quick)
    lo, there, late, other, six, link = keys = write(
        quick, "192.0.2.7:7", "There.example:8", "late.EXAMPLE:9", "other.example:10",
        "six.example:11", "[fe80::1%later]:12")
    names.set(there="192.0.2.8")
    told = names.run("up", env={"WG_ENDPOINT_RESOLUTION_RETRIES": "infinity"}).stderr
    expect_same(told.count("warning: "), 4, "warnings")
    expect_same(set(endpoints(quick)), set(keys), "peers")
    expect_same([endpoints(quick)[key] for key in keys],
                ["192.0.2.7:7", "192.0.2.8:8"] + 4 * ["(none)"], "endpoints")
    pid, = tasks(quick)
    for fd in os.listdir(f"/proc/{pid}/fd"):
        where = os.readlink(f"/proc/{pid}/fd/{fd}")
        expect(where.startswith(("socket:", "/memfd:", "/dev/null")),
               f"the task has no other file open: {where}")
    expect_same(os.readlink(f"/proc/{pid}/cwd"), "/", "working directory of the task")
    expect_same(os.getsid(int(pid)), int(pid), "session of the task")
    names.set(late="192.0.2.9", six="2001:db8:1::9")
    until(lambda: endpoints(quick)[late] == "192.0.2.9:9" and
          endpoints(quick)[six] == "[2001:db8:1::9]:11", "found names are set", 30)
    # An endpoint set meanwhile wins, and a removed peer stays removed.
    quick.wg("set", quick.ifname, "peer", other, "endpoint", "192.0.2.99:99")
    quick.node.ip("link", "add", "later", "type", "veth", "peer", "name", "later1")
    names.set(other="192.0.2.10")
    until(lambda: endpoints(quick)[link].startswith("[fe80::1%"),
          "the endpoint is set once its zone exists", 30)
    until(lambda: not tasks(quick), "the task ends after its last name", 30)
    expect_same(endpoints(quick)[other], "192.0.2.99:99", "endpoint set by hand")
    expect_same((endpoints(quick)[lo], endpoints(quick)[there]), ("192.0.2.7:7", "192.0.2.8:8"),
                "endpoints set at up")
    quick.down()
    quick.clean()


@scenario(ours_only=True, needs=NEEDS)
def quick_saves_unresolved_endpoints(lab):
    """SaveConfig keeps an endpoint name or zone that has not been found yet."""
    quick = Quick(lab, host(lab), "a")
    names = Names(quick)
    hosts = ("late.example:9", "[fe80::1%later]:12", "192.0.2.7:7", "other.example:10")
    keys = write(quick, *hosts)

    def saved():
        parts = read(quick.file).decode().split("[Peer]")[1:]
        lines = [dict(line.split(" = ") for line in part.strip().splitlines()) for part in parts]
        return [next(line["Endpoint"] for line in lines if line["PublicKey"] == key)
                for key in keys]

    names.run("up")
    names.run("save")
    expect_same(saved(), list(hosts), "endpoints in the saved file")
    # An endpoint that the interface has meanwhile is saved.
    quick.wg("set", quick.ifname, "peer", keys[3], "endpoint", "192.0.2.99:99")
    names.run("save")
    expect_same(saved(), [*hosts[:3], "192.0.2.99:99"], "endpoints in the file saved next")
    quick.down()
    quick.clean()


@scenario(ours_only=True, needs=NEEDS)
def quick_leaves_no_task(lab):
    """The task ends with the interface, the daemon or its peers, and when the file changes."""
    node = host(lab)
    quick = Quick(lab, node, "a")
    names = Names(quick)
    one, two = write(quick, "one.example:1", "two.example:2")

    def up():
        names.run("up")
        expect_same(len(tasks(quick)), 1, "tasks")

    up()
    quick.down()
    expect_same(tasks(quick), [], "tasks after down")
    quick.clean()
    up()
    node.ip("link", "del", quick.ifname)
    until(lambda: not tasks(quick), "the task ends with the link")
    up()
    before = tasks(quick)
    for _ in range(2):
        names.run("reload")
        expect_same(len(tasks(quick)), 1, "tasks after reload")
    expect(tasks(quick) != before, "reload starts a new task")
    names.set(one="192.0.2.1", two="192.0.2.2")
    names.run("reload")
    expect_same(tasks(quick), [], "tasks when all names resolve")
    expect_same(endpoints(quick), {one: "192.0.2.1:1", two: "192.0.2.2:2"}, "endpoints")
    names.set()
    names.run("reload")
    until(lambda: not tasks(quick), "names of peers that have an endpoint are not retried")
    expect_same(endpoints(quick), {one: "192.0.2.1:1", two: "192.0.2.2:2"},
                "endpoints after reload without names")
    quick.down()
    up()
    for key in (one, two):
        quick.wg("set", quick.ifname, "peer", key, "remove")
    until(lambda: not tasks(quick), "the task ends with its peers", 10)
    expect_same(endpoints(quick), {}, "endpoints after all peers are removed")
    quick.down()
    quick.clean()
    write(quick, "one.example:1")
    with open(quick.file, encoding="ascii") as file:
        text = file.read()
    with open(quick.file, "w", encoding="ascii") as file:
        file.write(text.replace("[Interface]\n", "[Interface]\nPostUp = false\n"))
    expect_same(names.run("up", check=False).returncode, 1, "exit status with a failing PostUp")
    expect_same(tasks(quick), [], "tasks after a failed up")
    quick.clean()


@scenario(ours_only=True, needs=(*NEEDS, "nft"))
def quick_waits_for_no_name_server(lab):
    """A silent name server delays up and down by a few seconds at most."""
    node = host(lab)
    lab.nodes["out"].nft("ip", "silence", "filter hook input priority 0", "udp dport 53 drop")
    quick = Quick(lab, node, "a")
    names = Names(quick, "192.0.2.2")
    write(quick, "192.0.2.7:7", *(f"name{i}.example:9" for i in range(5)))
    began = time.monotonic()
    names.run("up")
    took = time.monotonic() - began
    expect(took < 20, f"up waits for no name server: {took:.1f} s")
    began = time.monotonic()
    quick.down()
    expect(time.monotonic() - began < 10, "down does not wait either")
    expect_same(tasks(quick), [], "tasks after down")
    quick.clean()


@scenario(ours_only=True, needs=("nft", "nsenter", "unshare", "bash", "wg-quick"), seconds=90)
def the_unit_starts_without_an_endpoint(lab):
    """Under the unit, an unresolved name delays nothing, and the task belongs to the unit."""
    systemd = boot(lab)
    quick = systemd.quick
    there, late = write(quick, "192.0.2.7:7", "late.example:9")
    begun = systemd.inside("/usr/bin/sh", "-c", "echo 127.0.0.1 localhost >/etc/hosts; "
                           "echo nameserver 127.0.0.1 >/etc/resolv.conf")
    expect_same(begun.returncode, 0, "exit status of writing hosts and resolv.conf")
    systemd.start()
    expect(systemd.is_active(), "the unit is active")

    def found():
        return dict(line.split() for line in
                    systemd.wg("show", quick.ifname, "endpoints").splitlines())

    def task():
        pid, = until(lambda: tasks(quick), "there is a task", 20)
        return pid

    expect_same(found(), {there: "192.0.2.7:7", late: "(none)"}, "endpoints")
    first = task()
    group = read(f"/proc/{first}/cgroup").decode()
    expect(systemd.service() in group, f"the task is a process of the unit: {group}")
    systemd.inside("/usr/bin/kill", "-9", systemd.get("MainPID"))
    until(lambda: systemd.get("NRestarts") == "1" and systemd.is_active(),
          "the unit is active again", 20)
    second = task()
    expect(second != first, "a restart starts a new task")
    systemd.ctl("reload", systemd.service())
    expect(task() != second, "reload starts a new task")
    systemd.inside("/usr/bin/sh", "-c", "echo 192.0.2.9 late.example >>/etc/hosts")
    until(lambda: found()[late] == "192.0.2.9:9", "the endpoint is set once its name resolves", 30)
    until(lambda: not tasks(quick), "the task ends", 10)
    systemd.inside("/usr/bin/sh", "-c", "echo 127.0.0.1 localhost >/etc/hosts")
    systemd.ctl("restart", systemd.service(), timeout=30)
    task()
    systemd.ctl("stop", systemd.service(), timeout=30)
    expect_same((systemd.get("ActiveState"), systemd.get("Result")), ("inactive", "success"),
                "the service after stop")
    expect_same(tasks(quick), [], "tasks after stop")
    systemd.clean()
