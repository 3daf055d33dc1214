# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""tieline lab: it shows a network as it is, and leaves nothing behind, however it ends."""

import contextlib
import json
import os
import signal
import subprocess
import time

from lab import Failure, Skip, ended, expect, expect_same, read, until
from scenario import scenario

# Two offices, and three people who work at home, one with a phone; no keys yet.
OFFICE = """\
network: acme
addresses: 10.70.0.0/24
hubs: {z: {endpoint: "hub.acme.example"}}
sites:
  shenzhen: {lan: 192.168.201.0/24, node: a, devices: {b: 192.168.201.55}}
  beijing: {lan: 192.168.200.0/24, node: c, gateway: untouchable, devices: {d: 192.168.200.244}}
people:
  e: {groups: developers, devices: {laptop: {}}}
  f: {devices: {laptop: {}}}
  g: {groups: developers, devices: {phone: {stock: true}}}
policy:
  - {from: developers, to: [shenzhen, beijing]}
  - {from: shenzhen, to: developers, ports: 8080/tcp}
expect:
  - e -> d:443
  - e -> b
  - b -> e:8080
  - g -> d:443
  - g -> b:22
  - b -> g:8080
  - not b -> g:22
  - not f -> d:443
  - not b -> e:22
"""

SMALL = """\
network: small
addresses: 10.70.0.0/24
hubs: {z: {endpoint: "203.0.113.10:51820"}}
sites: {s: {lan: 192.168.201.0/24, node: a, gateway: self, devices: {b: 192.168.201.55}}}
people: {p: {devices: {phone: {stock: true}}}}
"""

# Each kind of gateway, each kind of NAT, an office with a public address behind a router, both
# address families: 28 machines.
KINDS = """\
network: kinds
addresses: 10.70.0.0/24
hubs:
  z: {endpoint: "203.0.113.10:51820"}
sites:
  one: {lan: [192.168.201.0/24, "2001:db8:1::/64"], node: n1,
        devices: {h1: [192.168.201.55, "2001:db8:1::55"]}}
  two: {lan: [192.168.202.0/24, "2001:db8:2::/64"], node: n2, gateway: self,
        devices: {h2: [192.168.202.55, "2001:db8:2::55"]}}
  three: {lan: 192.168.203.0/24, node: n3, gateway: dhcp-121, devices: {h3: 192.168.203.55}}
  four: {lan: 192.168.204.0/24, node: n4, gateway: untouchable, devices: {h4: 192.168.204.55}}
  five: {lan: 192.168.205.0/24, node: n5, gateway: drops-invalid, devices: {h5: 192.168.205.55}}
  six: {lan: 192.168.206.0/24, node: n6, gateway: self, endpoint: 198.51.100.6,
        devices: {h6: 192.168.206.55}}
  seven: {lan: 192.168.207.0/24, node: n7, endpoint: "seven.kinds.example:4500",
          devices: {h7: 192.168.207.55}}
people:
  e: {devices: {laptop: {}}}
expect:
  - not h4 -> h1
  - h1 -> h5
  - h5 -> h6:80
  - h3 -> h2:80/udp
lab:
  homes: {two: {nat: symmetric, nat-timeout: 30}, e: {nat: none}}
"""

MARK = "TIELINE_TEST_LAB"  # a variable in the environment of everything that a lab starts


class Command:
    """Runs `tieline lab` on a file, in a lab whose name no other scenario uses."""

    def __init__(self, here, yaml, name="x"):
        build = os.path.dirname(os.path.dirname(os.path.abspath(here.mine.path)))
        self.here, self.program = here, f"{build}/cli/tieline"
        if not os.access(self.program, os.X_OK):
            raise Skip(f"no tieline at {self.program}")
        self.name = f"{here.prefix}{name}"
        self.mark = f"{MARK}={self.name}"
        self.env = {**os.environ, MARK: self.name, "LC_ALL": "C.UTF-8"}
        self.env.pop("TIELINE_LAB", None)
        self.file = here.file(f"{name}.yaml")
        with open(self.file, "w", encoding="ascii") as file:
            file.write(yaml)

    def start(self, *words, **more):
        process = subprocess.Popen([self.program, "lab", self.file, "--name", self.name, *words],
                                   env=self.env, text=True, stdin=subprocess.DEVNULL, **more)
        self.here.processes.append(process)
        return process

    def run(self, *words):
        """Runs it to completion. Returns the exit status, standard output and standard error."""
        process = self.start(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            out, err = process.communicate(timeout=390)
        except subprocess.TimeoutExpired:
            raise Failure(f"tieline lab {words} still runs after 390 s") from None
        return process.returncode, out, err

    def call(self, *words):
        """Runs another subcommand of tieline lab."""
        done = subprocess.run([self.program, "lab", *words], env=self.env, capture_output=True,
                              text=True, timeout=60, stdin=subprocess.DEVNULL, check=False)
        return done.returncode, done.stdout, done.stderr

    def keep(self, *words):
        """Starts a lab that stays, and waits until it is up."""
        log = self.here.file(f"{self.name}.log")
        with open(log, "w", encoding="ascii") as file:
            process = self.start("--keep", *words, stdout=file, stderr=file)
        until(lambda: b"The lab stays" in read(log) or process.poll() is not None,
              "the lab is up", 100)
        expect(process.poll() is None, f"the lab stays:\n{read(log).decode()}")
        return process

    def processes(self):
        """Everything that the lab has started and that still runs, zombies aside."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                environ = read(f"/proc/{pid}/environ").split(b"\0")
                if self.mark.encode() in environ:
                    found.append(int(pid))
        return found

    def namespaces(self):
        """The network namespaces of these processes but our own."""
        ours, found = os.readlink("/proc/self/ns/net"), set()
        for pid in self.processes():
            with contextlib.suppress(OSError):
                found.add(os.readlink(f"/proc/{pid}/ns/net"))
        return found - {ours}

    def expect_nothing(self, when):
        """Processes of ours or of others keep namespaces alive; nothing else does, as these have no
        name and no file refers to them."""
        until(lambda: not self.processes(), f"no process of the lab is left {when}", 30)

    def report(self, *words, status=0):
        got, out, err = self.run("--json", *words)
        expect_same(got, status, f"exit status\n{out}{err}")
        self.expect_nothing("at the end")
        expect(not os.path.exists(f"/run/tieline/lab/{self.name}"), "the state file is gone")
        return json.loads(out)


def outside():
    """What a lab must not change on the host: its links, routes and rules, and its tables."""
    commands = (("ip", "-br", "link"), ("ip", "route", "show", "table", "all"), ("ip", "rule"),
                ("ip", "-6", "rule"), ("nft", "list", "tables"))
    return [subprocess.run(command, capture_output=True, text=True, check=False).stdout
            for command in commands]


@scenario(seconds=200, needs=("nft",))
def lab_shows_a_network(here):
    """A lab tries what the file says, agrees with the model, and leaves nothing."""
    command = Command(here, OFFICE)
    before = outside()
    report = command.report()
    expect(report["as_expected"], "everything is as expected")
    [found] = report["rounds"]
    expect_same(found["disagreements"], 0, "disagreements of packets and model")
    tests = {test["text"]: test["met"] for test in found["expectations"]}
    expect_same(tests, {line.strip()[2:]: True for line in OFFICE.splitlines()
                        if "->" in line}, "expectations")
    pairs = {(pair["from"], pair["to"]): pair for pair in found["pairs"] if pair["family"] == 4}
    expect_same(pairs["e", "d"]["ways"], ["snat"], "how e reaches d")
    expect_same(pairs["e", "b"]["ways"], ["native"], "how e reaches b")
    expect_same(pairs["f", "d"]["cause"], "policy", "why f does not reach d")
    expect_same(pairs["g", "d"]["ways"], ["snat"], "how a stock device reaches d")
    expect_same(len(pairs), 8 * 7, "pairs")
    if subprocess.run(["pgrep", "-c", "run.py"], capture_output=True, check=False).returncode:
        expect_same(outside(), before, "the host's links, routes, rules and tables")
    with open(command.file.replace(".yaml", ".lock"), encoding="ascii") as file:
        expect("address e/laptop" in file.read(), "the lock has been written")


@scenario(seconds=200, needs=("nft",))
def lab_of_all_kinds(here):
    """A lab of 28 machines: every kind of gateway and NAT does what the model says."""
    begun = time.monotonic()
    command = Command(here, KINDS)
    [found] = command.report()["rounds"]
    expect_same(found["disagreements"], 0, "disagreements of packets and model")
    here.notes.append(f"28 machines, {len(found['pairs'])} pairs: {time.monotonic() - begun:.1f} s")


@scenario(seconds=200, needs=("nft",))
def lab_has_doors(here):
    """lab exec, list and down; two labs at once, but not two of one name."""
    command = Command(here, SMALL)
    process = command.keep()
    name = command.name
    status, out, _ = command.call("exec", name, "b", "--", "sh", "-c",
                                  "hostname; ip -br addr show eth0; exit 7")
    expect_same(status, 7, "exit status of a command in a machine")
    expect("b\n" in out and "192.168.201.55/24" in out, f"b is b: {out}")
    expect_same(command.call("exec", name, "b", "--", "ping", "-c1", "-W5", "z")[0], 0,
                "a ping by name, from a device to the hub")
    expect_same(command.call("exec", name, "a", "--", "test", "-e", "/etc/tieline/small.key")[0], 0,
                "a node has its key")
    expect_same(command.call("exec", name, "p", "--", "sh", "-c",
                             "stat -c %a /etc/wireguard/small.conf; nft list tables;"
                             "ls -d /etc/tieline; cat /proc/sys/net/ipv4/ip_forward")[1],
                "600\n0\n",
                "a stock device has its file, and nothing else of ours")
    expect_same(command.call("exec", name, "z", "--", "test", "-e", "/run/tieline/lab")[0], 1,
                "a machine has its own /run")
    expect_same(command.call("exec", name, "nobody", "--", "true")[0], 125,
                "exit status for an unknown machine")
    expect_same(command.call("exec", name, "b", "--", "no-such-program")[0], 127,
                "exit status for an unknown program")
    _, out, _ = command.call("list", "--json")
    [shown] = [lab for lab in json.loads(out) if lab["name"] == name]
    expect_same({machine["name"] for machine in shown["machines"]},
                {"internet", "z", "a", "b", "isp.s", "p/phone", "router.p"}, "machines of the lab")

    status, _, err = command.run()
    expect_same(status, 1, "exit status of a second lab of that name")
    expect("already running" in err, f"the reason is given: {err}")
    second = Command(here, SMALL, "y")
    status, out, err = second.run("--", "sh", "-c", 'echo "in $TIELINE_LAB"; exit 9')
    expect_same(status, 9, f"exit status of the command of a second lab\n{out}{err}")
    expect(f"in {second.name}" in out, "the command knows its lab")

    expect_same(command.call("down", name)[0], 0, "exit status of down")
    expect_same(ended(process), 0, "exit status of the lab")
    command.expect_nothing("after down")
    expect_same(command.call("down", name)[0], 1, "exit status of down without a lab")


@scenario(seconds=200, needs=("nft",))
def lab_is_cut_short(here):
    """Whatever ends a lab, at any moment, nothing is left."""
    command = Command(here, SMALL)
    log = here.file("cut.log")

    def seen(word):
        return lambda: word in read(log)

    moments = {"at once": lambda: True, "machines exist": lambda: len(command.processes()) > 3,
               "cables": seen(b"machines, connected"), "nodes": seen(b"tieline apply"),
               "all": seen(b"The lab stays")}
    soft = ("machines exist", "nodes", "all")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        for what in moments if number == signal.SIGKILL else soft:
            moment = moments[what]
            with open(log, "w", encoding="ascii") as file:
                process = command.start("--keep", stdout=file, stderr=file)
            until(moment, what, 60, poll=0.001)
            process.send_signal(number)
            status = ended(process, 60)
            when = f"after {signal.Signals(number).name}, {what}"
            command.expect_nothing(when)
            if number == signal.SIGKILL:
                expect_same(status, -number, f"exit status {when}")
            elif what == "all":
                expect_same(status, 0, f"exit status {when}")
            else:
                expect_same(status, 128 + number, f"exit status {when}")
    # A state file of a lab that was killed is worth nothing.
    expect_same(command.call("exec", command.name, "b", "--", "true")[0], 125,
                "exit status of exec in a dead lab")
    expect_same(command.run("--", "true")[0], 0, "exit status of a lab after a killed one")


@scenario(seconds=200, needs=("nft",))
def lab_loses_its_guard(here):
    """If the first process of a lab is killed, the command says so and ends."""
    command = Command(here, SMALL)
    process = command.keep()
    guards = [pid for pid in command.processes()
              if read(f"/proc/{pid}/comm").strip() == b"tieline-lab"]
    expect_same(len(guards), 1, "guards")
    os.kill(guards[0], signal.SIGKILL)
    expect_same(ended(process, 60), 1, "exit status of the lab")
    command.expect_nothing("after the guard")


@scenario(seconds=60)
def lab_refuses(here):
    """A wrong file, an unmet expectation, an unknown disturbance."""
    command = Command(here, SMALL + "expect: [b -> nobody]\n")
    status, _, err = command.run()
    expect_same(status, 1, "exit status for a file with a mistake")
    expect("nobody" in err and ".yaml:6:" in err, f"the mistake is shown: {err}")
    command = Command(here, SMALL, "y")
    status, _, err = command.run("--disturb", "earthquake")
    expect_same(status, 2, "exit status for an unknown disturbance")
    expect("nat-rebind" in err, f"the known ones are shown: {err}")
    status, _, err = command.run("--disturb", "cut-link:nobody")
    expect_same(status, 2, "exit status for a disturbance of nobody")
    expect_same(command.call()[0], 2, "exit status without a file")
    command = Command(here, SMALL + "policy: []\nexpect: [a -> b, b -> z]\n", "w")
    found = command.report(status=3)
    [first, second] = found["rounds"][0]["expectations"]
    expect_same((first["met"], second["met"], second["cause"]), (True, False, "policy"),
                "what is met, and why not")


def disturb(here, yaml, *expected):
    """Runs a lab with these disturbances: (name, machine)."""
    words = ",".join(f"{name}:{machine}" for name, machine in expected)
    rounds = Command(here, yaml).report("--disturb", words)["rounds"][1:]
    expect_same([(one["disturbance"], one["machine"]) for one in rounds], list(expected),
                "disturbances")
    for one in rounds:
        expect(one["recovered"], f"the network recovers from {one['disturbance']}")
        expect_same(one["disagreements"], 0, f"disagreements after {one['disturbance']}")
    here.notes.append("recovered within " + ", ".join(
        f"{one['recovered_ms'] / 1000:.1f}" for one in rounds) + " s")


@scenario(seconds=200, needs=("nft",))
def lab_is_disturbed(here):
    """A node restarts, a NAT gets another address, a cable is cut: the network recovers."""
    disturb(here, SMALL, ("node-restart", "a"), ("nat-rebind", "isp.s"), ("cut-link", "a"),
            ("node-restart", "p/phone"), ("cut-link", "p/phone"), ("drop-pmtu", "internet"))


@scenario(seconds=200, needs=("nft",))
def lab_disturbances_happen(here):
    """What a disturbance says it does is what it does."""
    command = Command(here, SMALL, "q")
    process = command.keep("--disturb", "node-restart,nat-rebind,drop-pmtu,cut-link:b")

    def ask(machine, *words):
        status, out, err = command.call("exec", command.name, machine, "--", *words)
        expect_same(status, 0, f"exit status of {words} in {machine}: {err}")
        return out

    expect("198.18.0.2/32" not in ask("isp.s", "ip", "-o", "addr"), "the NAT has a new address")
    for machine in ("internet", "isp.s", "a", "b", "p"):
        expect("too-big drop" in ask(machine, "nft", "list", "table", "inet", "silence"),
               f"{machine} is silent")
    for machine, size, status in (("isp.s", "1450", 1), ("isp.s", "1300", 0)):
        ask("internet", "ip", "link", "set", "eth0", "mtu", "1400")
        got, out, _ = command.call("exec", command.name, machine, "--", "ping", "-n", "-c", "1",
                                   "-W", "2", "-M", "dont", "-s", size, "203.0.113.10")
        expect_same(got, status, f"a ping of {size} bytes through a link of 1400: {out}")
    expect("DOWN" not in ask("b", "ip", "-o", "link", "show", "eth0"), "the cable is back")
    expect_same(command.call("down", command.name)[0], 0, "exit status of down")
    expect_same(ended(process, 60), 0, "exit status of the lab")
    command.expect_nothing("at the end")


@scenario(seconds=400, needs=("nft",), long=True)
def lab_survives_its_hub(here):
    """The hub restarts: WireGuard notices after 15 s, or 120 s where nobody sends."""
    disturb(here, OFFICE, ("hub-restart", "z"))
