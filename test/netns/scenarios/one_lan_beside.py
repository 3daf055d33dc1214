# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Beside other programs that change routes, rules and packet filters: Docker, ufw, firewalld,
Tailscale, wg-quick, and a second network of our own.

Where another program drops our packets, plan and apply say which, and print a command; after
exactly that command, packets pass. Nothing else of other programs ever changes.
"""

import os
import re
import subprocess

from device import Key
from lab import expect, expect_same, until
from scenario import scenario
from shown import Shown

TABLES = os.path.join(os.path.dirname(__file__), "..", "..", "tables")

OFFICES = """\
network: {n}
addresses: 10.70.0.0/24
hubs:
  z: {endpoint: "203.0.113.10:51820", key: {KEY}}
sites:
  shenzhen: {lan: 192.168.201.0/24, node: a, key: {KEY}, devices: {b: 192.168.201.55}}
  beijing: {lan: 192.168.200.0/24, node: c, key: {KEY}, devices: {d: 192.168.200.244}}
people:
  e: {groups: [developers], devices: {laptop: {key: {KEY}}}}
policy:
  - {from: [shenzhen, beijing], to: [shenzhen, beijing]}
  - {from: developers, to: [shenzhen, beijing]}
"""

# What other programs have, without what packets count.
OTHERS = r"""
for save in iptables-save ip6tables-save iptables-legacy-save; do
    echo "$save"; $save 2>/dev/null | sed '/^#/d; s/\[[0-9:]*\]//'
done
nft -s list ruleset 2>/dev/null | sed "/^table inet tieline-/,/^}/d"
ip rule; ip -6 rule
ip route show table 52 2>/dev/null || true
"""

# Stand in for programs that are not installed, and do to the tables what these do: see the
# differences between the tables that were recorded before and after the commands.
UFW = r"""#!/bin/sh -e
case "$*" in
"route allow in on "*) set -- forward -i "$5" ;;
"route allow out on "*) set -- forward -o "$5" ;;
"allow "*/udp) set -- input -p udp --dport "${2%/udp}" ;;
*) exit 1 ;;
esac
chain=$1; shift
iptables -A "ufw-user-$chain" "$@" -j ACCEPT
ip6tables -A "ufw6-user-$chain" "$@" -j ACCEPT
"""
FIREWALL_CMD = r"""#!/bin/sh -e
case "$*" in
*--add-interface=*) echo "${3#*=}" >/run/firewalled ;;
--reload)
    nft delete table inet firewalld
    sed "s/acme/$(cat /run/firewalled)/g" {tables}/firewalld_fixed.nft | nft -f - ;;
--permanent*) ;;
*) exit 1 ;;
esac
"""


class Beside:
    """A network that is shown, with programs that stand in for others."""

    def __init__(self, net):
        self.net = net
        self.bin = net.lab.directory
        for name, text in (("ufw", UFW), ("firewall-cmd", FIREWALL_CMD)):
            with open(f"{self.bin}/{name}", "w", encoding="ascii") as file:
                file.write(text.replace("{tables}", os.path.abspath(TABLES)))
                os.chmod(file.fileno(), 0o755)

    def load(self, machine, program, table):
        with open(f"{TABLES}/{table}", encoding="ascii") as file:
            self.net.run(machine, *program.split(), input=file.read())

    def others(self, machine):
        return self.net.sh(machine, OTHERS)

    def refuses(self, machine, *says):
        """Expects that plan and apply name what is in the way. Returns the commands they print."""
        for command in ("plan", "apply"):
            text = self.net.tieline(machine, command, wants=1)
            for one in says:
                expect(one in text, f"{command} says {one!r}: {text}")
        return re.findall("^ *fix: (.*)", text, re.M)

    def obey(self, machine, commands):
        """Runs exactly these commands."""
        path = f"{self.bin}:{os.environ['PATH']}"
        for command in commands:
            self.net.run(machine, "env", f"PATH={path}", "sh", "-ec", command)

    def passes(self):
        """Expects that everybody reaches everybody."""
        for flow in ("b -> d", "d -> b:443", "e -> d:443", "e -> b"):
            self.net.works(flow)

    def is_left_alone(self, machine, commands, says, down_says=""):
        """Expects that a machine whose filters are in the way works after these commands, and that
        the network comes and goes without another change to them."""
        before = self.others(machine)
        found = self.refuses(machine, *says)
        expect_same(len(found), commands, f"commands that apply prints on {machine}")
        expect_same(self.others(machine), before, f"what others have on {machine} after apply")
        self.obey(machine, found)
        after = self.others(machine)
        for command, text in (("plan", ""), ("down", down_says), ("apply", "")):
            self.net.tieline(machine, command, says=text)
            expect_same(self.others(machine), after, f"what others have after {command}")
        self.passes()


@scenario(ours_only=True, needs=("nft", "bash", "iptables", "iptables-legacy"), seconds=150)
def one_lan_beside_firewalls(lab):
    """Drops of Docker, ufw and firewalld are named with a command, after which packets pass."""
    with Shown(lab, OFFICES) as net:
        beside = Beside(net)
        beside.passes()
        net.sh("c", "ip link add docker0 type veth peer name far; ip link set docker0 up; "
               "ip addr add 172.17.0.1/16 dev docker0")
        beside.load("c", "iptables-restore", "docker.rules")
        net.breaks("b -> d")
        # Docker found ip_forward on when it came. On a, nobody needs it.
        beside.is_left_alone("c", 1, ["ip filter FORWARD (Docker)", f"from {net.name} to"],
                             r"net/ipv4/ip_forward stays on: Docker \(docker0\) needs it")
        beside.load("a", "nft -f -", "firewalld.nft")
        net.breaks("b -> d")
        beside.is_left_alone("a", 1, ["inet firewalld filter_FORWARD (firewalld)"])
        beside.load("z", "iptables-restore", "ufw.rules")
        beside.load("z", "ip6tables-restore", "ufw6.rules")
        net.breaks("e -> d:443")
        beside.is_left_alone("z", 2, ["ip filter FORWARD (ufw)", "ip filter INPUT (ufw)"])
        net.sh("a", "nft flush ruleset")
        net.tieline("a", "apply")
        beside.load("a", "iptables-legacy-restore", "docker.rules")
        beside.is_left_alone("a", 1, ["ip filter FORWARD (Docker)", "iptables-legacy -I DOCKER"])
        for machine, value in (("c", "1"), ("a", "0")):
            net.tieline(machine, "down")
            expect_same(net.sh(machine, "cat /proc/sys/net/ipv4/ip_forward").strip(), value,
                        f"ip_forward on {machine}")


# ---- other tunnels ----

TAILSCALE = r"""
ip link add tailscale0 type veth peer name far; ip link set tailscale0 up
ip addr add 100.101.102.103/32 dev tailscale0
ip rule add priority 5210 fwmark 0x80000/0xff0000 table main
ip rule add priority 5230 fwmark 0x80000/0xff0000 table default
ip rule add priority 5250 fwmark 0x80000/0xff0000 unreachable
ip rule add priority 5270 table 52
ip route add 100.100.100.100 dev tailscale0 table 52
"""

# An exit on the hub, through which a laptop reaches everything, the hub included.
EXIT = r"""
tielined {exit}
wg set {exit} listen-port 51999 private-key {key} peer {peer} allowed-ips 10.99.0.2/32
ip addr add 10.99.0.1/24 dev {exit}; ip link set {exit} up
"""
WG_QUICK = """\
[Interface]
PrivateKey = {private}
Address = 10.99.0.2/24
[Peer]
PublicKey = {public}
Endpoint = 203.0.113.10:51999
AllowedIPs = 0.0.0.0/0
"""

OTHER = """\
network: {n}
addresses: 10.80.0.0/24
hubs:
  z: {{endpoint: "203.0.113.10:51821", key: "{z}"}}
people:
  e: {{devices: {{laptop: {{key: "{e}"}}}}}}
"""


@scenario(ours_only=True, needs=("nft", "bash", "iptables", "wg-quick"), seconds=150)
def one_lan_beside_tunnels(lab):
    """Tailscale, wg-quick with a default route, and another network share the machine with ours."""
    with Shown(lab, OFFICES) as net:
        beside = Beside(net)
        beside_tailscale(net, beside)
        beside_wg_quick(net, beside)
        beside_ourselves(net, beside)


def beside_tailscale(net, beside):
    net.sh("e", TAILSCALE)
    beside.load("e", "iptables-restore", "tailscale.rules")
    before = beside.others("e")
    for command in ("plan", "down", "apply"):
        net.tieline("e", command)
        expect_same(beside.others("e"), before, f"what Tailscale has after {command}")
    beside.passes()
    # Its table comes before the main one: whatever route it has there wins.
    net.sh("e", "ip route add 192.168.0.0/16 dev tailscale0 table 52")
    net.breaks("e -> d")
    beside.refuses("e", "another program's route to 192.168.0.0/16", "tailscale0")
    net.sh("e", "ip route del 192.168.0.0/16 table 52")
    net.tieline("e", "apply")
    beside.passes()


def beside_wg_quick(net, beside):
    lab, tunnel = net.lab, f"{net.lab.prefix}q"
    theirs, ours = Key(lab), Key(lab)
    key = lab.file("exit.key")
    with open(key, "w", encoding="ascii") as file:
        file.write(theirs.text)
    net.sh("z", EXIT.format(exit=f"{net.lab.prefix}x", key=key, peer=ours.public))
    path = f"{lab.directory}/{tunnel}.conf"
    with open(path, "w", encoding="ascii") as file:
        file.write(WG_QUICK.format(private=ours.text.strip(), public=theirs.public))
    os.chmod(path, 0o600)
    before = beside.others("e")
    quick = ["env", "WG_QUICK_USERSPACE_IMPLEMENTATION=tielined", "wg-quick"]
    net.run("e", *quick, "up", path)
    during = beside.others("e")
    expect(during != before, "wg-quick adds rules")
    for command in ("apply", "down", "apply"):
        net.tieline("e", command)
        expect_same(beside.others("e"), during, f"what wg-quick has after {command}")
        if command == "apply":
            beside.passes()
    expect_same(net.talk("e", "10.99.0.1"), "pong", "the answer of the exit")
    net.run("e", *quick, "down", path)
    expect_same(beside.others("e"), before, "what is left of wg-quick")
    net.tieline("e", "plan", wants=3, says="MTU: ")  # the way to the hub is wider again
    net.tieline("e", "apply")
    beside.passes()


def beside_ourselves(net, beside):
    """A second network with the same hub and the same laptop."""
    lab, name = net.lab, f"{net.lab.prefix}o"
    keys = {node: Key(lab) for node in "ze"}
    text = OTHER.format(n=name, **{node: key.public for node, key in keys.items()})
    with open(path := lab.file(f"{name}.yaml"), "w", encoding="ascii") as file:
        file.write(text)
    pictures = {node: net.picture(node) for node in "ze"}
    subprocess.run([net.program, "check", path], check=True, stdout=subprocess.DEVNULL)
    with open(path.replace(".yaml", ".lock"), encoding="ascii") as file:
        lock = file.read()
    for node, key in keys.items():
        for suffix, content in (("yaml", text), ("lock", lock), ("key", key.text)):
            net.run(node, "sh", "-c", f"umask 077; cat >/etc/tieline/{name}.{suffix}",
                    input=content)
        net.run(node, net.program, "apply", name)
    until(lambda: net.talk("e", "10.80.0.1"), "the second network works", 20)
    beside.passes()
    for node in keys:
        net.tieline(node, "plan")
        net.run(node, net.program, "plan", name)
    net.tieline("e", "down")
    expect_same(net.talk("e", "10.80.0.1"), "pong", "the second network without the first")
    net.tieline("e", "apply")
    for node in keys:
        net.run(node, net.program, "down", name)
        until(lambda node=node: net.picture(node) == pictures[node],
              f"{node} is as it was before the second network")
    beside.passes()


# ---- live connections ----

SERVER = """
import socket, socketserver
class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line)
socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer(("", 7000), Echo).serve_forever()
"""
CLIENT = """
import socket, sys, time
for attempt in range(100):
    try:
        peer = socket.create_connection((sys.argv[1], 7000), 1)
        break
    except OSError:
        time.sleep(0.1)
while True:
    peer.sendall(b"x")
    peer.sendall(b"\\n")
    print(len(peer.recv(9)), flush=True)
    time.sleep(0.05)
"""


class Live:
    """A connection that stays open, with packets in both directions."""

    def __init__(self, net, machine, address):
        self.log = net.lab.file(f"live-{machine}")
        self.start(net, machine, self.log, CLIENT, address)

    @staticmethod
    def start(net, machine, log, *arguments):
        with open(log, "wb") as out:
            net.start(machine, "/usr/bin/python3", "-c", *arguments, stdout=out,
                      stderr=subprocess.STDOUT)

    def count(self):
        return os.path.getsize(self.log)

    def goes_on(self):
        seen = self.count()
        until(lambda: self.count() > seen + 10, "the connection goes on", 20)

    def is_over(self):
        """Packets on their way may still arrive."""
        def is_quiet():
            seen = self.count()
            return not self.grows(seen)
        until(is_quiet, "the connection has ended", 20)

    def grows(self, seen):
        try:
            until(lambda: self.count() > seen, "it grows", 1.0)
        except Exception:  # noqa: BLE001
            return False
        return True


@scenario(ours_only=True, needs=("nft", "bash"), seconds=150)
def one_lan_cuts_connections(lab):
    """Open connections that a new policy does not allow end at once, and plan lists them before."""
    with Shown(lab, OFFICES) as net:
        address = net.address("d")
        Live.start(net, "d", lab.file("server"), SERVER)
        lives = {machine: Live(net, machine, address) for machine in "be"}
        for live in lives.values():
            live.goes_on()
        net.tieline("z", "plan")
        net.edit("z", lambda text: text.replace("from: developers, to: [shenzhen, beijing]",
                                                "from: developers, to: shenzhen"))
        text = net.tieline("z", "plan", wants=3)
        expect(re.search(r"^\d+ connections? .* cut:$", text, re.M), f"plan counts them: {text}")
        expect(re.search(r"^  e/laptop 10\.70\.0\.\d+:\d+ -> d 192\.168\.200\.244:7000/tcp$", text,
                         re.M), f"plan lists the connection: {text}")
        expect(" b 192.168.201.55" not in text, f"plan lists none of b's: {text}")
        lives["e"].goes_on()
        net.tieline("z", "apply")
        lives["e"].is_over()
        lives["b"].goes_on()
        net.tieline("z", "plan", says="nothing to change")
        lives["b"].goes_on()
        expect(not lives["e"].grows(lives["e"].count()), "the connection stays cut")
