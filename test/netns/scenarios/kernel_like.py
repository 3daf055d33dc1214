# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The device driven with ip, wg and namespaces like the kernel's, and held to its behaviour.

doc/kernel.md lists what a TUN cannot do; these scenarios do not expect it.
"""

import json
import os
import threading
import time

from device import Device, Key, endpoint_text
from lab import Failure, expect, expect_same, run, until
from scenario import scenario
from sniff import Sniffer


def make(lab, home, place, letter, port):
    """A link made in one namespace and moved to another at once: its socket stays behind."""
    x = Device(lab, home, lab.mine, letter=letter)
    home.run("sh", "-c", f'"$0" {x.name} && ip link set {x.name} netns {place.ns}',
             x.implementation.path, env={**os.environ, **x.env})
    x.inner4, x.inner6 = f"10.77.0.{place.number}", f"fd77::{place.number}"
    x.wg("set", "private-key", x.key.file, "listen-port", port)
    # A move resets the link's choice to have no IPv6 address of its own; the daemon restores it.
    until(lambda: mode(x, place) == "none", "the link has no IPv6 address of its own")
    x.address(place)
    x.up(place)
    return x


def mode(device, place):
    shown, = json.loads(place.ip("-j", "-d", "link", "show", device.name).stdout)
    return shown["inet6_addr_gen_mode"]


def around(lab):
    """Three namespaces, with both sockets in the middle and the links to its left and right.

        o   lo: ports 1 and 2
        a   tl..a ============ tl..b   b
    """
    o, a, b = lab.node("o"), lab.node("a"), lab.node("b")
    x, y = make(lab, o, a, "a", 1), make(lab, o, b, "b", 2)
    know(x, y, "127.0.0.1")
    return o, a, b, x, y


def know(x, y, address, psk=None):
    for mine, other in ((x, y), (y, x)):
        mine.add(other, address, psk=psk)


def iperf(client, server, address, *options):
    """Runs iperf3 once; returns the sums that the client prints."""
    log = client.lab.file("iperf3")
    serving = server.popen("iperf3", "-s", "-1", "-B", address, log=log)

    def listens():
        return server.run("ss", "-Hltn", "sport", "=", ":5201").stdout.strip()
    until(listens, "iperf3 listens")
    done = client.run("iperf3", "-c", address, "-J", *options, timeout=30)
    serving.wait(10)
    return json.loads(done.stdout)["end"]


@scenario(ours_only=True, needs=("iperf3", "ss"), alone=True)
def like_kernel_traffic(lab):
    """Sockets in the middle: ping floods, TCP, UDP over both families, two MTUs; counts agree."""
    o, a, b, x, y = around(lab)
    for outer, address in ((4, "127.0.0.1"), (6, "::1")):
        know(x, y, address)
        for mtu in (1420, 34736):
            for place, device in ((a, x), (b, y)):
                place.ip("link", "set", device.name, "mtu", str(mtu))
            for place, to in ((a, y), (b, x)):
                for inner in (to.inner4, to.inner6):
                    flood = place.run("ping", "-nqf", "-c", "300", "-w", "10", inner).stdout
                    expect(" 0% packet loss" in flood,
                           f"every ping of a flood is answered: {flood}")
                    place.reaches(inner, 3, options=("-s", "16000"))
            iperf(a, b, y.inner(outer), "-n", "8M")
            iperf(b, a, x.inner(10 - outer), "-n", "8M", "-R")
        for where, from_, to in ((x, b, a), (y, a, b)):
            told = iperf(from_, to, where.inner(outer), "-u", "-b", "100M", "-n", "4M",
                         "-l", "1300")
            lost = told["sum"]["lost_percent"]
            expect(lost < 50, f"most UDP arrives over IPv{outer}, {lost:.0f}% is lost")

    def agree():
        one, two = x.peer(y), y.peer(x)
        return one.tx == two.rx and one.rx == two.tx
    until(agree, "both sides have the same counts once traffic stops", 3)


@scenario(ours_only=True)
def like_kernel_swaps(lab):
    """During a ping flood, MTUs, endpoints, keys, preshared keys and allowed IPs change."""
    o, a, b, x, y = around(lab)
    with a.pinging(y.inner4, 0.005), b.pinging(x.inner6, 0.005):
        for turn in range(6):
            for device, other in ((x, y), (y, x)):
                there = ("127.0.0.1", "::1", "127.0.0.2")[turn % 3]
                device.set("peer", other.key.public, "endpoint", endpoint_text(there, other.port()))
            for place, device in ((a, x), (b, y)):
                place.ip("link", "set", device.name, "mtu", str(1280 + 20 * turn))
            for device, other in ((x, y), (y, x)):
                device.set("peer", other.key.public, "allowed-ips",
                           f"{other.inner6}/128,{other.inner4}/32,10.{turn}.0.0/16")
                device.set("fwmark", turn)
    for turn in range(3):
        x.set("listen-port", 1001 + turn)
        a.reaches(y.inner4)  # shows the other side the port
        b.reaches(x.inner6)
        psk = Key(lab, "genpsk")
        for device, other in ((x, y), (y, x)):
            device.set("peer", other.key.public, "preshared-key", psk.file)
        # Sessions live on, as in the kernel: the key takes effect with the next handshake.
        a.reaches(y.inner4)
        old, x.key = x.key, Key(lab)
        y.set("peer", old.public, "remove")
        y.add(x, psk=psk)
        x.set("private-key", x.key.file)
        until(lambda: a.ping(y.inner4, 1, wait=0.3).received, "a new key works at once", 3)
        b.reaches(x.inner6)
    # A peer's key becomes the device's own: that peer is removed.
    y.set("private-key", x.key.file)
    expect(not y.peers(), "the device's own public key is not a peer")
    y.set("private-key", y.key.file)
    know(x, y, "127.0.0.1", psk)
    b.reaches(x.inner4)  # the other side still has a session that this one forgot
    a.reaches(y.inner4)


@scenario(ours_only=True)
def like_kernel_access(lab):
    """Allowed IPs decide what passes in and out; a peer without any neither sends nor receives."""
    o, a, b, x, y = around(lab)
    a.reaches(y.inner4)
    for allowed in ("10.77.9.0/24", ""):
        x.set("peer", y.key.public, "allowed-ips", allowed)
        ping = a.ping(y.inner4, 1, wait=1)
        expect("Unreachable" in ping.text, f"there is no way out: {ping.text}")
        expect(not b.ping(x.inner4, 1, wait=0.3).received, "there is no way in")
    for allowed, ok in (("0.0.0.0/0", True), (f"{y.inner4}/31", True), ("10.77.0.8/29", False),
                        ("10.77.0.0/29", True), ("::/0", False), ("10.0.0.0/8,::/0", True)):
        x.set("peer", y.key.public, "allowed-ips", allowed)
        expect_same(bool(a.ping(y.inner4, 1, wait=1 if ok else 0.2).received), ok,
                    f"whether a ping is answered with {allowed}")
    others = [Key(lab).public for _ in range(20)]
    for key in others:  # each takes all allowed IPs from the one before
        x.set("peer", key, "allowed-ips", "10.77.0.0/24,fd77::/64,0.0.0.0/0")
    expect_same([len(peer.allowed) for peer in x.peers().values()], [2] + [0] * 19 + [3],
                "number of allowed IPs of each peer")
    ping = a.ping("10.77.0.9", 1, wait=1)
    expect("Unreachable" in ping.text, "the last peer has them, and no endpoint")
    x.set(*[word for key in others for word in ("peer", key, "remove")])
    expect_same(list(x.peers()), [y.key.public], "peers left")
    a.reaches(y.inner4)


@scenario(ours_only=True, needs=("nft",))
def like_kernel_full_tunnel(lab):
    """A mark, a table and a rule tunnel all of a host's traffic; outer packets bypass it, via NAT.

        a eth0 -------- eth0 r eth1 ------- eth0 b lo: 10.99.0.1, fd99::1
        192.0.2.0/24    masquerade          198.51.100.0/24
    """
    a, r, b = lab.node("a"), lab.node("r"), lab.node("b")
    lab.link(a, r, 0)
    lab.link(r, b, 1)
    for family, first in (("-4", r.v4(0)), ("-6", r.v6(0))):
        a.ip(family, "route", "add", "default", "via", first)
    r.sysctl("net.ipv4.ip_forward", 1)
    r.nft("ip", "nat", "nat hook postrouting priority 100",
          "oifname eth1 meta l4proto udp masquerade to :50000-50099")
    for address in ("10.99.0.1/32", "fd99::1/128"):
        b.ip("addr", "add", address, "dev", "lo")
    x, y = Device(lab, a, lab.mine).start(), Device(lab, b, lab.theirs).start()
    a.sysctl("net.ipv4.conf.all.src_valid_mark", 1)
    x.add(y, b.v4(1), allowed="0.0.0.0/0,::/0")
    y.add(x)
    x.set("fwmark", 51820)
    for family in ("-4", "-6"):
        a.ip(family, "route", "add", "default", "dev", x.name, "table", "51820")
        a.ip(family, "rule", "add", "not", "fwmark", "51820", "table", "51820")
        a.ip(family, "rule", "add", "table", "main", "suppress_prefixlength", "0")
    outside, port = Sniffer(r, "eth0"), y.port()
    for address in ("10.99.0.1", "fd99::1", y.inner4, y.inner6):
        a.reaches(address)
    lab.transfer(a, b, "10.99.0.1")
    lab.transfer(b, a, x.inner6)
    strangers = [packet for packet in outside.packets()
                 if port not in (packet.dport, packet.sport) and not packet.is_fragment
                 and packet.protocol in (1, 6, 17)]
    expect(not strangers, f"no packet bypasses the tunnel, not {strangers[:3]}")
    expect(y.peer(x).endpoint.startswith(f"{r.v4(1)}:500"), "b sees the router's address")
    a.reaches(r.v4(0))  # connected networks stay outside the tunnel
    x.set("fwmark", "off")  # now outer packets enter the tunnel too
    expect(not a.ping("10.99.0.1", 2, wait=0.2).received, "without the mark packets loop")
    x.set("fwmark", 51820)
    a.reaches("10.99.0.1")
    # A new port at the NAT, as after a restart: b follows.
    r.nft("ip", "nat", "nat hook postrouting priority 100",
          "oifname eth1 meta l4proto udp masquerade to :51000-51099")
    x.set("listen-port", 40021)
    a.reaches("10.99.0.1")
    expect(y.peer(x).endpoint.startswith(f"{r.v4(1)}:510"), "b follows the router's new port")


@scenario(ours_only=True)
def like_kernel_links(lab):
    """ip(8) and wg(8) show a link like the kernel's; nothing of it remains once it is deleted."""
    o, a = lab.node("o"), lab.node("a")
    x = make(lab, o, a, "a", 41001)
    shown, = json.loads(a.ip("-j", "-d", "link", "show", x.name).stdout)
    expect_same(shown["mtu"], 1420, "MTU")
    expect_same(shown["link_type"], "none", "link type")
    expect_same(set(shown["flags"]), {"POINTOPOINT", "NOARP", "UP", "LOWER_UP"}, "flags")
    expect_same(shown["operstate"], "UNKNOWN", "operstate")
    peer = Key(lab)
    x.set("peer", peer.public, "endpoint", "[2001:db8::9]:9", "allowed-ips", "10.9.0.0/16",
          "persistent-keepalive", "25")
    rows = [line.split("\t") for line in run("wg", "show", "all", "dump").stdout.splitlines()
            if line.startswith(f"{x.name}\t")]
    expect_same(rows[0][1:], [x.key.text, x.key.public, "41001", "off"], "row of the device")
    expect_same(rows[1][1:6], [peer.public, "(none)", "[2001:db8::9]:9", "10.9.0.0/16", "0"],
                "row of its peer")
    expect_same(rows[1][8], "25", "interval of its peer")
    pretty = run("wg", "show", x.name).stdout
    for line in (f"interface: {x.name}", f"  public key: {x.key.public}", "  private key: (hidden)",
                 "  listening port: 41001", f"peer: {peer.public}", "  endpoint: [2001:db8::9]:9",
                 "  allowed ips: 10.9.0.0/16", "  persistent keepalive: every 25 seconds"):
        expect(line in pretty.splitlines(), f"wg show prints {line!r} in {pretty}")
    for turn in range(5):  # as fast as possible, with the same name and port
        a.ip("link", "del", x.name)
        x = make(lab, o, a, "a", 41001)
        expect(not x.peers(), f"turn {turn}: nothing is left of the previous one")
    for wrong in ("67", "65536"):
        refused = a.ip("link", "set", x.name, "mtu", wrong, check=False)
        expect(refused.returncode != 0, f"an MTU of {wrong} is refused")
    a.ip("link", "del", x.name)
    until(lambda: x.name not in run("wg", "show", "interfaces").stdout.split(),
          "wg no longer lists it")


@scenario(ours_only=True, needs=("iperf3", "ss"), alone=True)
def like_kernel_under_load(lab):
    """While TCP runs, MTUs, ports, peers and the link change, and TCP completes."""
    o, a, b, x, y = around(lab)
    a.reaches(y.inner4)
    failed = []

    def load():
        try:
            iperf(a, b, y.inner4, "-t", "3")
        except Failure as failure:
            failed.append(failure)
    thread = threading.Thread(target=load, daemon=True)
    thread.start()
    begun, turns = time.monotonic(), 0
    while time.monotonic() < begun + 2.5:
        turns += 1
        a.ip("link", "set", x.name, "mtu", str((1420, 1280, 9000)[turns % 3]))
        others = [Key(lab).public for _ in range(3)]
        for key in others:
            x.set("peer", key, "allowed-ips", f"10.{turns}.0.0/16,fd78::/64", "endpoint",
                  "127.0.0.1:9", "persistent-keepalive", "1")
        y.set("listen-port", 2000 + turns % 7)
        x.set("peer", y.key.public, "endpoint", f"127.0.0.1:{2000 + turns % 7}")
        x.set(*[word for key in others for word in ("peer", key, "remove")])
        if turns % 4 == 0:
            a.ip("link", "set", x.name, "down")
            a.ip("link", "set", x.name, "up")
            a.ip("addr", "replace", f"{x.inner6}/64", "dev", x.name, "nodad")
    thread.join(40)
    expect(not thread.is_alive() and not failed, f"TCP completes: {failed}")
    a.reaches(y.inner4)
    a.reaches(y.inner6)
    lab.notes.append(f"{turns} turns")
