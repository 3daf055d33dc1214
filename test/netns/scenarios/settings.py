# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Settings through wg(8), changed while the tunnel carries traffic."""

import contextlib
import errno
import json

from device import Device, Key, endpoint_text, meets, tunnel
from lab import Pulse, expect, expect_same, read, run, until
from scenario import scenario


def config_of(device):
    return device.wg("showconf").stdout


def give(device, verb, text):
    """Runs wg setconf, addconf or syncconf with that text."""
    path = device.lab.file("conf.secret")
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    device.wg(verb, path)


@scenario(each_peer=True)
def wg_tool(lab):
    """wg show, showconf, setconf, addconf and syncconf behave as documented in wg(8)."""
    x, y = tunnel(lab, psk=Key(lab, "genpsk"))
    meets(x, y)
    shown = run("wg", "show", x.name).stdout
    for part in (f"interface: {x.name}", x.key.public, f"peer: {y.key.public}",
                 endpoint_text(y.node.v4(), y.port()), "latest handshake", "transfer",
                 f"{y.inner4}/32, {y.inner6}/128"):
        expect(part in shown, f"wg show prints {part!r}")
    for word in ("public-key", "private-key", "listen-port", "fwmark", "peers", "preshared-keys",
                 "endpoints", "allowed-ips", "latest-handshakes", "transfer",
                 "persistent-keepalive", "dump"):
        expect(x.wg("show", word).stdout, f"wg show {word} prints something")
    expect(x.name in run("wg", "show", "interfaces").stdout.split(), "wg lists the interface")

    before = config_of(x)
    give(x, "setconf", before)
    expect(config_of(x) == before, "setconf of showconf's output changes nothing")
    other = Key(lab).public
    give(x, "addconf", f"[Peer]\nPublicKey = {other}\nAllowedIPs = 10.9.0.0/16, fd99::/32\n"
                       "PersistentKeepalive = 7\n")
    expect(set(x.peers()) == {y.key.public, other}, "addconf adds a peer and keeps the others")
    added = x.peers()[other]
    expect(added.allowed == ["10.9.0.0/16", "fd99::/32"] and added.keepalive == 7,
           "the new peer is complete")
    give(x, "syncconf", before)
    expect(set(x.peers()) == {y.key.public}, "syncconf removes peers that are not listed")
    give(x, "setconf", "[Interface]\n")
    expect(not x.peers() and "PrivateKey" not in config_of(x), "an empty setconf clears all")
    give(x, "setconf", before)
    meets(x, y)


@scenario(each_peer=True)
def updates_in_place(lab):
    """syncconf, addconf and set without a change keep the session and lose no ping."""
    x, y = tunnel(lab)
    meets(x, y)
    config, before = config_of(x), x.peer(y)
    with contextlib.ExitStack() as pings:
        if x.ours:  # wireguard-go has no allowed IPs while it replaces them
            pings.enter_context(x.node.pinging(y.inner4))
            pings.enter_context(y.node.pinging(x.inner6))
        for _ in range(5):
            give(x, "syncconf", config)
            give(x, "addconf", config)
            x.set("private-key", x.key.file, "listen-port", x.port())
            x.set("peer", y.key.public, "allowed-ips", f"{y.inner4}/32,{y.inner6}/128")
            x.set("peer", y.key.public, "persistent-keepalive", "25")
            x.set("peer", y.key.public, "persistent-keepalive", "off")
    meets(x, y)
    after = x.peer(y)
    expect(after.handshake == before.handshake, "the handshake is still the first one")
    expect(after.rx > before.rx and after.tx > before.tx, "the counters keep counting")


@scenario(ours_only=True)
def replaced_while_in_use(lab):
    """Replacing the configuration by one with the same peer loses no packet of that peer."""
    x, y = tunnel(lab)
    meets(x, y)
    config, handshake = config_of(x), x.peer(y).handshake
    device = f"private_key={x.key.hex}\nlisten_port={x.port()}\n"
    there = f"endpoint={endpoint_text(y.node.v4(), y.port())}\n"
    y_peer, z_peer = f"public_key={y.key.public_hex}\n", f"public_key={Key(lab).public_hex}\n"
    again = "replace_allowed_ips=true\n"
    one, net, half = (f"allowed_ip={ip}\n" for ip in
                      (f"{y.inner4}/32", "10.77.0.0/24", "10.77.0.0/25"))
    others = "".join(f"allowed_ip=10.{i // 256}.{i % 256}.0/24\n" for i in range(256, 2256))
    # After each of these, packets still go to y, by the prefix in the comment.
    requests = (
        y_peer + again + one + others,  # /32
        y_peer + again + others + one,  # /32, with many others set before it
        y_peer + again + net,  # /24
        z_peer + again + net + y_peer + again + one,  # /32, inside the prefix that z took
        y_peer + again + half + z_peer + again + net,  # /25, the /32 goes
        z_peer + "remove=true\n" + y_peer + again + net,  # /24, from the peer that is removed
        device + "replace_peers=true\n" + z_peer + net + y_peer + there + one,  # /32
        device + "replace_peers=true\n" + y_peer + there + one + net + z_peer,  # /32
        device + "replace_peers=true\n" + y_peer + one + others,  # /32, no endpoint given
    )
    with Pulse(x.node, y.node, y.inner4, 500) as pulse:
        with x.uapi() as uapi:
            for _ in range(40):
                for request in requests:
                    expect(uapi.set(request) == 0, f"{request[:300]!r} is accepted")
        for _ in range(5):
            give(x, "setconf", config)
            give(x, "syncconf", config)
    pulse.expect_whole("while the configuration is replaced")
    lab.notes.append(str(pulse))
    expect(x.peer(y).handshake == handshake, "the session is still the first one")
    expect(x.peer(y).tx > 0 and x.peer(y).rx > 0, "the counters keep counting")
    # A different preshared key makes it a different peer.
    psk = Key(lab, "genpsk")
    with x.uapi() as uapi:
        expect(uapi.set(f"replace_peers=true\n{y_peer}preshared_key={psk.hex}\n{there}{one}") == 0,
               "it is accepted")
    expect(x.peer(y).handshake == 0 and x.peer(y).rx == 0, "the session is gone")
    y.set("peer", x.key.public, "preshared-key", psk.file)
    meets(x, y)
    with x.uapi() as uapi:  # settings that are not named are not kept
        expect(uapi.set(f"replace_peers=true\n{y_peer}preshared_key={psk.hex}\n"
                        "persistent_keepalive_interval=9\n" + one) == 0, "it is accepted")
        expect(uapi.set(f"replace_peers=true\n{y_peer}preshared_key={psk.hex}\n") == 0,
               "the second set is accepted")
    peer = x.peer(y)
    expect(peer.allowed == [] and peer.keepalive == 0, "allowed IPs and interval are gone")
    with x.uapi() as uapi:
        expect(uapi.set(f"replace_peers=true\n{y_peer}update_only=true\n") == 0, "it is accepted")
    expect(not x.peers(), "update_only does not restore a peer that was replaced")


@scenario()
def new_private_key(lab):
    """A new private key ends the old session; once the peer knows it, the tunnel works again."""
    x, y = tunnel(lab)
    meets(x, y)
    old, x.key = x.key, Key(lab)
    x.set("private-key", x.key.file)
    expect(x.wg("show", "public-key").stdout.strip() == x.key.public, "the new key is shown")
    expect(x.node.ping(y.inner4, 2, wait=1).received == 0,
           "the peer, which knows only the old key, does not answer")
    y.set("peer", old.public, "remove")
    y.add(x, x.node.v4())
    y.node.reaches(x.inner4)
    if x.ours:
        x.set("peer", x.key.public, "allowed-ips", "10.9.0.0/16")
        expect(x.key.public not in x.peers(),
               "a peer with the interface's own key is silently ignored")


@scenario()
def keepalive(lab):
    """Changing the interval from 0 to n sends a keepalive at once, then one every n seconds."""
    x, y = tunnel(lab)
    meets(x, y)
    before = y.peer(x).rx
    x.set("peer", y.key.public, "persistent-keepalive", "1")
    until(lambda: y.peer(x).rx == before + 32, "a keepalive comes at once", 0.9)
    until(lambda: y.peer(x).rx >= before + 3 * 32, "two more follow", 3)


@scenario(each_peer=True)
def listen_port(lab):
    """The port changes at once; a port in use gets EADDRINUSE, and the old port stays."""
    x, y = tunnel(lab)
    meets(x, y)
    chosen = x.port()
    expect(all(chosen in ports for ports in x.udp_ports()), "the port is bound in IPv4 and IPv6")
    for port in (45001, 45002):
        x.set("listen-port", port)
        expect(x.port() == port, "the new port is shown")
        expect(all(port in ports for ports in x.udp_ports()),
               "the new port is bound in both families")
        until(lambda old=chosen: not any(old in ports for ports in x.udp_ports()),
              "the old port is not bound")  # workers may use its sockets for a moment
        chosen = port
        x.node.reaches(y.inner4)
        y.node.reaches(x.inner4)
    taken = x.node.socket()
    taken.bind(("", 45003))
    refused = x.set("listen-port", 45003, check=False)
    expect(refused.returncode != 0 and "Address already in use" in refused.stderr,
           f"wg reports that the port is in use, not {refused.stderr!r}")
    if x.ours:
        expect(x.port() == 45002, "the old port is still shown")
        expect(45002 in x.udp_ports()[0] and 45002 in x.udp_ports()[1],
               "the old port is still bound")
        meets(x, y)
        with x.uapi() as uapi:
            expect(uapi.set("listen_port=45003\n") == -errno.EADDRINUSE, "the errno is EADDRINUSE")
    taken.close()
    x.set("listen-port", 45003)
    x.node.reaches(y.inner4)
    x.set("listen-port", 0)
    expect(x.port() not in (0, 45003), "0 chooses a port")
    x.node.reaches(y.inner4)


@scenario(ours_only=True)
def port_used_again(lab):
    """A port released a moment ago can be bound again: link down and up, port there and back."""
    x, y = tunnel(lab)
    meets(x, y)
    chosen = x.port()
    for _ in range(100):
        x.node.ip("link", "set", x.name, "down")
        x.node.ip("link", "set", x.name, "up")
    with x.uapi() as uapi:
        for number in range(100):
            port = chosen if number % 2 else 45004
            expect(uapi.set(f"listen_port={port}\n") == 0, "the port is bound")
    expect(b"cannot listen" not in read(x.log), "no bind failed")
    meets(x, y)


@scenario(needs=("nft",))
def fwmark(lab):
    """All outer packets carry the mark, and none once it is cleared."""
    x, y = tunnel(lab)
    x.node.nft("inet", "count", "filter hook output priority 0",
               "meta mark 0x1234 udp length > 8 counter",
               "meta mark 0 oifname eth0 udp length > 8 counter")

    def counts():
        rows = json.loads(x.node.run("nft", "-j", "list", "table", "inet", "count").stdout)
        return [part["counter"]["packets"] for row in rows["nftables"] if "rule" in row
                for part in row["rule"]["expr"] if "counter" in part]
    x.set("fwmark", "0x1234")
    expect(x.wg("show", "fwmark").stdout.strip() == "0x1234", "the mark is shown")
    meets(x, y, 4)
    marked, plain = counts()
    expect(marked >= 7 and plain == 0, f"all packets are marked: {marked} are, {plain} are not")
    x.set("fwmark", "off")
    meets(x, y, 4)
    expect(counts()[0] == marked and counts()[1] >= 6, "once it is cleared, no packet is marked")


@scenario(seconds=90)
def many_allowed_ips(lab):
    """130,560 allowed IPs are set by one request and listed again."""
    x, y = tunnel(lab)
    meets(x, y)
    every = [f"10.{100 + i // 65536}.{i // 256 % 256}.{i % 256}/32" for i in range(130560)]
    lines = "".join(f"allowed_ip={ip}\n" for ip in every)
    with x.node.pinging(y.inner4, 0.1), x.uapi() as uapi:
        expect(uapi.set(f"public_key={y.key.public_hex}\n{lines}") == 0, "the set is accepted")
    told = x.peer(y).allowed
    expect_same(len(told), len(every) + 2, "number of allowed IPs")
    expect(set(every) < set(told), "they are those that were set")
    if x.ours:
        expect(told[2:] == every, "they are in the order given")
    x.node.reaches(y.inner4)


@scenario(ours_only=True)
def before_up_and_after_move(lab):
    """Settings before the link is up; a link moved to another namespace still carries traffic.

        a eth0 -------------- eth0 b
          tl..a ============ tl..b        then tl..a moves from a to c; its UDP socket stays in a
        c
    """
    a, b, c = lab.node("a"), lab.node("b"), lab.node("c")
    lab.link(a, b)
    x, y = Device(lab, a, lab.mine).start(up=False), Device(lab, b, lab.theirs).start()
    x.add(y, b.v4())
    y.add(x)
    expect(not x.udp_ports()[0], "no socket is bound before the link is up")
    a.ip("link", "set", x.name, "netns", c.ns)
    x.address(c)
    x.up(c)
    c.reaches(y.inner4)
    expect(x.port() in x.udp_ports()[0], "the socket is in the first namespace")
    x.set("peer", y.key.public, "persistent-keepalive", "20")
    for mtu in (1280, 1420):
        c.ip("link", "set", x.name, "mtu", str(mtu))
        c.reaches(y.inner4, options=("-s", "1200"))
        lab.transfer(c, b, y.inner4)
    x.down(c)
    until(lambda: not x.udp_ports()[0], "down closes the socket")
    x.up(c)
    c.reaches(y.inner4)
    b.reaches(x.inner4)
    c.ip("link", "del", x.name)
    x.ended()
