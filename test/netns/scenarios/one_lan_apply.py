# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""What `tieline apply`, `confirm` and `down` do to a machine, and what they leave alone."""

import os
import re
import signal
import time

from device import Device, Key
from lab import expect, expect_same, namespace_pids, read, until
from office_node import APPLY, NAME, OfficeNode, expect_alike
from scenario import scenario


def expect_told(done, status, text):
    """A command has that exit status, and its messages contain the text."""
    expect_same(done.returncode, status, f"exit status ({done.stderr})")
    expect(text in done.stderr, f"stderr contains {text!r}: {done.stderr}")


def is_alike(node, wanted):
    return lambda: node.picture() == wanted


def until_confirmed(node, duration):
    node.tieline("apply", "--no-probe", "--confirm", duration, NAME)


def waiter(node):
    """The process that waits for changes to be confirmed, or None."""
    for pid in namespace_pids(node.node.ns):
        try:
            if b"--wait" in read(f"/proc/{pid}/cmdline"):
                return pid
        except OSError:
            pass
    return None


@scenario(ours_only=True, needs=("nft", "nsenter"), seconds=120)
def node_waits_to_be_confirmed(lab):
    """`apply --confirm` is undone in time: by its process, or, if that is killed, by the next
    command."""
    node = OfficeNode(lab)
    before = node.picture()
    node.use(0)
    until_confirmed(node, "2s")
    expect(waiter(node), "a process waits")
    until(is_alike(node, before), "without a last good file, the network is taken down", 30)
    until(lambda: not waiter(node), "the process ends", 10)

    until_confirmed(node, "60s")
    expect_told(node.tieline("apply", NAME, check=False), 1, "tieline confirm")
    node.tieline("confirm", NAME)
    until_confirmed(node, "60s")  # changes nothing, so nothing waits
    until(lambda: not waiter(node), "the process ends", 10)
    expect_told(node.tieline("confirm", NAME, check=False), 1, "nothing waits")
    good = node.picture()

    node.use(1)
    until_confirmed(node, "60s")
    expect(node.picture() != good, "the other file makes a difference")
    node.tieline("confirm", "--revert", NAME)
    expect_alike(node.picture(), good, "the node after confirm --revert")
    expect_same(node.plan(), 3, "exit status of plan: the file is still the other one")

    until_confirmed(node, "1s")
    until(is_alike(node, good), "the last good file is back", 30)
    until_confirmed(node, "1s")
    over = time.monotonic() + 1
    os.kill(waiter(node), signal.SIGKILL)
    until(lambda: time.monotonic() > over, "the time is over")
    expect(node.picture() != good, "without the process, the changes stay")
    expect_told(node.tieline("confirm", NAME, check=False), 1, "too late")
    expect_alike(node.picture(), good, "the node after the next command")

    # While the last good file cannot be used, the process tries again.
    until_confirmed(node, "1s")
    key = read(node.path("key")).decode()
    node.write("key", Key(lab).text)
    over = time.monotonic() + 4
    until(lambda: time.monotonic() > over, "a try has failed")
    expect(waiter(node) and node.picture() != good, "with another key, the changes stay")
    node.write("key", key)
    until(is_alike(node, good), "the last good file is back", 30)
    until(lambda: not waiter(node), "the process ends", 10)
    node.tieline("down", NAME)
    expect_alike(node.picture(), before, "the node after down")


@scenario(ours_only=True, needs=("nft", "nsenter"), seconds=180)
def node_repairs_drift(lab):
    """Whatever somebody else changes, plan sees it in what runs, and apply repairs it."""
    node = OfficeNode(lab)
    before = node.picture()
    repair(node, 0, drifts(node))
    node.tieline("down", NAME)
    # The journal was lost: settings are the one thing that the kernel cannot tell.
    lost = [line for line in node.picture() if re.search("redirects|forward|proxy_", line)]
    expect_alike([line for line in node.picture() if line not in lost],
                 [line for line in before if line.split(":")[0] not in
                  {each.split(":")[0] for each in lost}], "the node after down")


def drifts(node):
    """What somebody may do to a node that has the first file."""
    key = node.keys["z"].public
    return (
        f"nft flush table inet tieline-{NAME}",
        f"nft add chain inet tieline-{NAME} theirs",
        f"nft add table inet tieline-{NAME} '{{ flags dormant; }}'",
        f"nft delete table inet tieline-{NAME}",
        "ip route delete 10.70.0.0/24 dev acme",
        "ip route delete unreachable 192.168.201.0/24",
        "ip route add 10.99.0.0/16 dev acme proto 109",
        "ip -6 route flush proto 109",
        "ip address add 10.70.0.99/32 dev acme",
        "ip address flush dev acme",
        "ip link set acme mtu 1300",
        "ip link set acme down",
        f"wg set acme peer {key} remove",
        f"wg set acme peer {key} allowed-ips 10.70.0.0/24",
        f"wg set acme peer {key} persistent-keepalive 7",
        f"wg set acme peer {node.keys['e'].public} allowed-ips 10.98.0.0/16",
        f"wg set acme private-key {node.keys['e'].file}",
        "echo 0 >/proc/sys/net/ipv4/ip_forward",
        "ip link delete acme",
        "ip neigh delete proxy 198.51.100.225 dev eth1",
        "ip neigh add proxy 198.51.100.99 dev eth1 protocol 109",
        "ip neigh add proxy 198.51.100.99 dev eth0 protocol 109",
        "echo 5 >/proc/sys/net/ipv4/neigh/eth1/proxy_delay",
        "echo 0 >/proc/sys/net/ipv6/conf/eth1/proxy_ndp",
        "ip link set eth1 down; ip link set eth1 up; ip addr add 2001:db8:2::1/64 dev eth1 nodad",
        "pkill -9 -x tielined -n --ns $$ --nslist net",
        "rm -r /run/tieline/acme",
        "rm -r /run/tieline/acme.sock",
    )


# What somebody may do to a node that sends packets through the router of its LAN. A link that goes
# down takes its routes along.
POLICY_ROUTING = (
    "ip rule delete priority 1091 iif acme",
    "ip rule delete priority 1091; ip rule delete priority 1091",
    "ip rule delete priority 1090 iif acme; ip route flush table $((TABLE - 1))",
    "ip rule flush protocol 109",
    "ip rule add priority 5 iif acme table $TABLE protocol 109",
    "ip route delete 198.51.100.0/24 table $TABLE",
    "ip route replace 198.51.100.0/24 via 198.51.100.78 dev eth1 proto 109 table $TABLE",
    "ip route add 10.99.0.0/16 via 198.51.100.77 dev eth1 proto 109 table $TABLE",
    "ip route replace 172.17.5.0/24 dev acme proto 109 mtu 1280",
    "echo 1 >/proc/sys/net/ipv4/conf/eth1/accept_redirects",
    "ip link set eth1 down; ip link set eth1 up; ip addr add 2001:db8:2::1/64 dev eth1 nodad",
)


@scenario(ours_only=True, needs=("nft", "nsenter"), seconds=180)
def node_repairs_policy_routing(lab):
    """The same for rules, the tables that they lead to, and the router of the LAN."""
    node = OfficeNode(lab)
    before = node.picture()
    repair(node, 1, POLICY_ROUTING)
    node.tieline("down", NAME)
    expect_alike(node.picture(), before, "the node after down")


def repair(node, number, changes):
    """Each change is seen by plan, and repaired by apply."""
    up = node.apply(number)
    for change in changes:
        table = re.search(r"^1091:.* lookup (\d+)", node.run("ip", "rule").stdout, re.M)
        node.run("sh", "-ec", change, env={"TABLE": table[1] if table else ""})
        what = f"drift, {change},"
        if "rm -r" not in change:
            expect_same(node.plan(), 3, f"exit status of plan after {what}")
        node.tieline(*APPLY)
        expect_alike(node.picture(), up, f"the node after {what} and apply")
        expect_same(node.plan(), 0, f"exit status of plan after {what} and apply")


@scenario(ours_only=True, needs=("nft", "nsenter"), seconds=120)
def node_takes_turns(lab):
    """Simultaneous commands wait for each other; the machine is a whole node, or none."""
    node = OfficeNode(lab)
    before = node.picture()
    up = node.apply(0)
    for verbs in (("apply",) * 3, ("apply", "down"), ("down", "down"), ("apply", "down") * 2):
        commands = [node.popen("tieline", verb, NAME) for verb in verbs]
        told = [command.communicate(timeout=60)[1] for command in commands]
        expect_same([command.returncode for command in commands], [0] * len(verbs),
                    f"exit statuses of {verbs}: {told}")
        picture = node.picture()
        expect_alike(picture, up if "acme" in " ".join(picture) else before,
                     f"the node after {verbs}")
    node.tieline("down", NAME)
    expect_alike(node.picture(), before, "the node after down")


@scenario(ours_only=True, needs=("nft", "nsenter"), seconds=60)
def node_fails_whole(lab):
    """A change that fails leaves the machine as it was, and so does a full disk."""
    node = OfficeNode(lab)
    before = node.picture()
    node.use(0)
    for obstacle, way_out, text in (
            ("mount -o bind /proc/sys /proc/sys; mount -o remount,ro,bind /proc/sys",
             "umount /proc/sys", "everything is as it was"),
            ("mount -t tmpfs -o size=8k none /var/lib/tieline; "
             "head -c 100000 /dev/zero >/var/lib/tieline/x || true",
             "umount /var/lib/tieline", "No space left"),
            ("ip link add acme type veth peer name other", "ip link delete acme",
             "of another program"),
            ("chmod 644 /etc/tieline/acme.key", "chmod 600 /etc/tieline/acme.key", "chmod 600"),
    ):
        node.run("sh", "-c", obstacle)
        hindered = node.picture()
        expect_told(node.tieline("apply", NAME, check=False), 1, text)
        expect_alike(node.picture(), hindered, f"the node after apply with {obstacle}")
        node.run("sh", "-c", way_out)
    expect_alike(node.picture(), before, "the node without the obstacles")
    node.apply(0)
    node.tieline("down", NAME)
    expect_alike(node.picture(), before, "the node after down")


@scenario(ours_only=True, needs=("nft", "nsenter"), seconds=60)
def node_has_a_stopped_daemon(lab):
    """If tielined is stopped, commands say so soon, and change nothing."""
    node = OfficeNode(lab)
    up = node.apply(0)
    stopped = next(pid for pid in namespace_pids(node.node.ns)
                   if read(f"/proc/{pid}/comm") == b"tielined\n")
    os.kill(stopped, signal.SIGSTOP)
    commands = [node.popen("timeout", "45", "tieline", "apply", NAME)]
    commands.append(node.popen("timeout", "45", "tieline", "down", NAME))
    told = [command.communicate(timeout=60)[1] for command in commands]
    os.kill(stopped, signal.SIGCONT)
    for command, text in zip(commands, told):
        expect_same(command.returncode, 1, f"exit status ({text})")
        expect("does not answer" in text, f"a reason: {text}")
    expect_alike(node.picture(), up, "the node with its daemon continued")
    node.tieline("down", NAME)


@scenario(ours_only=True, needs=("nft", "nsenter"), seconds=60)
def node_keeps_sessions(lab):
    """While others come, change and go, a peer of the hub loses no packet."""
    node = OfficeNode(lab, "z")
    node.use(0)
    node.tieline(*APPLY)
    address = "10.70.0.5"
    device = Device(lab, lab.nodes["isp"], lab.mine, "e")
    device.key = node.keys["e"]
    device.spawn()
    device.wg("set", "private-key", device.key.file)
    device.node.ip("address", "add", f"{address}/32", "dev", device.name)
    device.up()
    device.set("peer", node.keys["z"].public, "endpoint", f"{node.node.v4()}:51820",
               "allowed-ips", "10.70.0.0/24")
    device.node.ip("route", "add", "10.70.0.1", "dev", device.name)
    with device.node.pinging("10.70.0.1"):
        for number in (1, 0, 1, 0):
            node.use(number)
            node.tieline(*APPLY)
    handshakes = node.run("wg", "show", NAME, "latest-handshakes").stdout
    expect(f"{device.key.public}\t0" not in handshakes, f"e has a session: {handshakes}")


# Networks that a laptop may be in: elsewhere, and with the prefixes of two offices.
PLACES = ("203.0.113.7/24", "192.168.201.7/24", "198.51.100.7/25", "172.17.5.7/24")


@scenario(ours_only=True, needs=("nft", "nsenter"), seconds=120)
def node_moves_about(lab):
    """A laptop that comes into another network has, after apply, what a fresh one has there."""
    node = OfficeNode(lab, "e")
    before = node.picture()
    fresh = {}
    node.use(0)
    for place in PLACES:
        node.run("ip", "address", "add", place, "dev", "eth0")
        node.tieline(*APPLY)
        fresh[place] = node.picture()
        node.tieline("down", NAME)
        node.run("ip", "address", "delete", place, "dev", "eth0")
        expect_alike(node.picture(), before, f"the node after {place} and down")
    hidden = [place for place in PLACES if any("1090:" in line for line in fresh[place])]
    expect_same(tuple(hidden), PLACES[1:], "networks that hide an office")
    here = None
    for place in (*PLACES, *PLACES[::-1], PLACES[2], PLACES[0]):
        if here:
            node.run("ip", "address", "delete", here, "dev", "eth0")
        node.run("ip", "address", "add", place, "dev", "eth0")
        node.tieline(*APPLY)
        expect_alike(node.picture(), fresh[place], f"the node that came from {here} to {place}")
        expect_same(node.plan(), 0, f"exit status of plan in {place}")
        here = place
    node.run("ip", "address", "delete", here, "dev", "eth0")
    node.tieline("down", NAME)
    expect_alike(node.picture(), before, "the node after down")


# A second network of the same LAN, some of whose prefixes are hidden by the same local network.
BLUE = """network: blue
addresses: 10.80.0.0/24
mapped: 10.201.0.0/16
hubs:
  y: {{endpoint: "192.0.2.8:51820", key: "{z}"}}
sites:
  wuhan: {{lan: 172.17.9.0/24, node: w, key: "{a}"}}
  beijing: {{lan: 198.51.100.0/24, node: c, key: "{c}", gateway: {gateway}}}
"""
GATEWAYS = ("untouchable, virtual: 198.51.100.240/29",
            "{kind: drops-invalid, at: 198.51.100.78}")


@scenario(ours_only=True, needs=("nft", "nsenter"), seconds=120)
def node_of_two_networks(lab):
    """Of two networks on one machine, neither changes what the other has, whatever it needs."""
    node = OfficeNode(lab)
    before = node.picture()
    keys = {name: Key(lab) for name in "zac"}
    both = []

    def write(suffix, text):
        node.run("sh", "-c", f"umask 077; cat >/etc/tieline/blue.{suffix}", input=text)

    def has(wanted, what):
        expect_alike(node.picture(), wanted, f"the node after {what}")

    write("key", keys["c"].text)
    for gateway in GATEWAYS:
        write("yaml", BLUE.format(gateway=gateway, **{n: key.public for n, key in keys.items()}))
        node.tieline("check", "blue")
        blue = ("apply", "--no-probe", "blue")
        node.tieline(*blue)
        alone = node.picture()
        node.apply(0)
        both.append(node.picture())
        expect_same(node.tieline("plan", "--no-probe", "blue").returncode, 0, "status of plan")
        node.tieline("down", NAME)
        has(alone, "acme came and went")
        node.apply(1)
        node.tieline("down", "blue")
        node.tieline("down", NAME)
        has(before, "both went")
    acme = node.apply(0)
    node.tieline(*blue)
    has(both[1], "both came in the other order")
    node.tieline("down", "blue")
    has(acme, "blue came and went")
    node.tieline("down", NAME)
    has(before, "down")
