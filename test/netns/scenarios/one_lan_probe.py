# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""What a node finds out about its LAN: what the router does, who has the addresses that it takes,
which addresses DHCP hands out. The offices are those of one_lan.py."""

from lab import expect, expect_same, until
from scenario import scenario
from shown import Shown

TWO_OFFICES = """\
network: {n}
addresses: 10.70.0.0/24
hubs:
  z: {endpoint: "203.0.113.10:51820", key: {KEY}}
sites:
  shenzhen:
    lan: [192.168.201.0/24, "2001:db8:201::/64"]
    node: a
    key: {KEY}
    gateway: self
  beijing:
    lan: [192.168.200.0/24, "2001:db8:200::/64"]
    node: c
    key: {KEY}
    gateway: static-routes
    devices: {d: [192.168.200.244, "2001:db8:200::244"]}
"""

# Drops what connection tracking calls invalid; with that alone, Linux still picks up connections in
# the middle.
FIREWALL = """
nft 'table inet strict {
    chain forward { type filter hook forward priority 0; ct state invalid drop; }
}'
echo %d >/proc/sys/net/netfilter/nf_conntrack_tcp_loose
"""
HALF = "drops packets of connections that it has not seen begin"
STATIC, DROPS = "gateway: static-routes", "gateway: drops-invalid"


@scenario(ours_only=True, needs=("nft", "bash"), seconds=150)
def one_lan_probe_router(lab):
    """plan says what the router does: no routes, half of connections dropped, redirects (S9)."""
    with Shown(lab, TWO_OFFICES) as net:
        warns(net, {})
        for loose in (1, 0):
            net.sh("router.beijing", FIREWALL % loose)
            text = warns(net, {HALF: 2})
            expect("fix: set `gateway: drops-invalid`" in text, f"the fix is named: {text}")
            expect(f":{line_of(net, STATIC)}:" in text, f"the line is named: {text}")
            net.sh("router.beijing", "nft delete table inet strict")
        router_lacks_routes(net)
        router_is_silent(net)
        warns(net, {})
        router_sends_redirects(net)
        expect_same(net.tieline("c", "plan", "--no-probe").count("warning"), 0, "no probe")


def line_of(net, text, node="c"):
    lines = net.run(node, "cat", f"/etc/tieline/{net.name}.yaml").stdout.split("\n")
    return next(i for i, line in enumerate(lines, 1) if text in line)


def link_with(net, machine, address):
    return net.sh(machine, f"ip -4 -o addr show to {address}").split()[1]


def warns(net, wanted, wants=0):
    """Expects that plan on c gives these warnings, each as often as said, and no others."""
    text = net.tieline("c", "plan", wants=wants)
    expect_same(text.count("warning: "), sum(wanted.values()), f"warnings of {text}")
    for warning, count in wanted.items():
        expect_same(text.count(warning), count, f"'{warning}' in {text}")
    return text


def router_lacks_routes(net):
    """Only the route that is gone is missing, or all of a family."""
    routes = net.sh("router.beijing", "ip route show; ip -6 route show").split("\n")
    pool = next(line for line in routes if line.startswith("10.70.0.0/24 "))
    net.sh("router.beijing", f"ip route del {pool}")
    text = warns(net, {"does not send packets for 10.70.0.0/24 to this machine": 1})
    expect("fix: enter on the router: 10.70.0.0/24 via 192.168.200.2" in text, text)
    net.sh("router.beijing", f"ip route add {pool}")
    distant = next(line for line in routes if line.startswith("2001:db8:201::/64 "))
    net.sh("router.beijing", f"ip -6 route del {distant}")
    text = warns(net, {"does not send packets for 2001:db8:201::/64 to this machine": 1})
    net.sh("router.beijing", f"ip -6 route add {distant}")


def router_is_silent(net):
    """A router that does not answer is not one without routes."""
    link = link_with(net, "router.beijing", "192.168.200.1")
    net.sh("router.beijing", f"ip addr del 192.168.200.1/24 dev {link}")
    warns(net, {"does not answer on eth0": 1})
    net.sh("router.beijing", f"ip addr add 192.168.200.1/24 dev {link}; ip route replace "
           f"10.70.0.0/24 via 192.168.200.2; ip route replace 192.168.201.0/24 via 192.168.200.2")


def router_sends_redirects(net):
    """A router that must see all of a connection must not tell devices to send past it."""
    net.edit("c", lambda text: text.replace(STATIC, DROPS))
    net.sh("router.beijing", FIREWALL % 1)
    settings = "for x in all default $(ls /proc/sys/net/ipv4/conf); do " \
        "echo %d >/proc/sys/net/ipv4/conf/$x/send_redirects; done"
    net.sh("router.beijing", settings % 0)
    warns(net, {}, wants=3)
    net.sh("router.beijing", settings % 1)
    text = warns(net, {"tells devices to send packets for": 1}, wants=3)
    expect("send_redirects=0" in text, f"the fix is named: {text}")
    # IPv6 sends redirects to link-local addresses only.
    net.sh("router.beijing", settings % 0)
    node = net.sh("c", "ip -6 -o addr show dev eth0 scope link | sed 's|.* inet6 ||; s|/.*||'")
    route = net.sh("router.beijing", "ip -6 route show 2001:db8:201::/64")
    link = route.split(" dev ")[1].split()[0]
    net.sh("router.beijing",
           f"ip -6 route replace 2001:db8:201::/64 via {node.strip()} dev {link}")
    redirect = "tells devices to send packets for 2001:db8:201::/64 past it"
    # Linux limits them to one a second, and has spent that on the packets of earlier plans.
    until(lambda: redirect in net.tieline("c", "plan", wants=3), "the router sends a redirect", 30)
    net.edit("c", lambda text: text.replace(DROPS, STATIC))
    net.sh("router.beijing", "nft delete table inet strict")


# Everything that a must have answers for, before it answers for these.
STAND_INS = TWO_OFFICES.replace("gateway: self", """gateway: untouchable
    devices: {b: 192.168.201.55}
    virtual:
      192.168.201.240: d
      "2001:db8:201::240": d
      192.168.201.192/28: 192.168.200.64/28""")

# Claims of other addresses, whole and cut, thousands in a second.
FLOOD = r"""
import socket, struct, time
packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
packets.bind(("eth0", 0))
own = packets.getsockname()[4]
end = time.monotonic() + 30
number = 0
while time.monotonic() < end:
    number += 1
    arp = struct.pack("!HHBBH6s4s6s4s", 1, 0x800, 6, 4, 1 + number % 2, own,
                      bytes((192, 168, 201, 56 + number % 136)), bytes(6),
                      bytes((192, 168, 201, 9)))
    packets.send(b"\xff" * 6 + own + b"\x08\x06" + arp)
    packets.send(b"\xff" * 6 + own + b"\x08\x06" + arp[:number % 28])
    if number % 16 == 0:
        time.sleep(0.002)
"""


@scenario(ours_only=True, needs=("nft", "bash", "dnsmasq"), seconds=150)
def one_lan_probe_addresses(lab):
    """An address of the LAN is taken only if nobody has it; plan warns if DHCP hands it out."""
    with Shown(lab, STAND_INS) as net:
        net.works("b -> d", to="192.168.201.240")
        text = net.tieline("a", "plan")
        expect("warning" not in text, f"a has the addresses that it answers for: {text}")
        net.tieline("a", "down")
        duplicates_are_errors(net)
        dhcp_is_a_warning(net)
        net.tieline("a", "apply")
        net.tieline("a", "plan")
        net.works("b -> d", to="192.168.201.240")


def duplicates_are_errors(net):
    """Nothing is applied; the message names the address, the machine and the line."""
    mac = net.run("b", "cat", "/sys/class/net/eth0/address").stdout.strip()
    before = net.picture("a")
    flood = net.start("b", "python3", "-c", FLOOD)
    for address, held, what, commands in (
            ("192.168.201.240/24", "192.168.201.240", "192.168.201.240: d", [["plan"], ["apply"]]),
            ("192.168.201.207/24", "192.168.201.207", "192.168.201.192/28: ", [["plan", "--json"]]),
            ("2001:db8:201::240/64", "2001:db8:201::240", '"2001:db8:201::240": d', [["apply"]])):
        net.run("b", "ip", "addr", "add", address, "dev", "eth0", *["nodad"] * (":" in address))
        for command in commands:
            text = net.tieline("a", *command, wants=1, says=f"{held} is in use by {mac} on eth0")
            line = line_of(net, what, "a")
            expect(f":{line}:" in text or f'"line": {line},' in text, f"line {line}: {text}")
            expect("give `virtual:` another range" in text, f"the fix: {text}")
        net.tieline("a", "plan", "--no-probe", wants=3)
        net.sh("b", f"ip addr del {address} dev eth0")
    flood.terminate()
    expect_same(net.picture("a"), before, "a is as it was")


SERVE = """
dnsmasq --conf-file=/dev/null --port=0 --interface=eth0 --bind-interfaces --user=root \\
    --dhcp-range=192.168.201.%d,192.168.201.%d --dhcp-leasefile=/dev/null --leasefile-ro \\
    --pid-file=/tmp/%s.pid --log-facility=/dev/null %s
"""


def dhcp_is_a_warning(net):
    """A real DHCP server hands out the first address, the last one, all, or none of them."""
    router = "router.shenzhen"
    link = link_with(net, router, "192.168.201.1")
    for first, last, offered, how in ((2, 191, None, "--no-ping"), (2, 200, 192, "--no-ping"),
                                      (209, 250, 240, "--no-ping"), (2, 250, 192, "")):
        pid = f"{net.name}-dnsmasq"
        net.sh(router, SERVE.replace("eth0", link) % (first, last, pid, how))
        text = net.tieline("a", "plan", wants=3)
        net.sh(router, f"kill $(cat /tmp/{pid}.pid)")
        net.sh(router, f"while test -e /tmp/{pid}.pid; do sleep 0.05; done")
        found = "the DHCP server 192.168.201.1 hands out addresses of this range: it offers "
        if offered:
            expect(f"{found}192.168.201.{offered}" in text, f"pool to .{last}: {text}")
        expect_same(text.count("warning: "), 1 if offered else 0, f"pool to .{last}: {text}")
