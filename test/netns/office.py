# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The path used by offices: hosts that know nothing of the tunnel, behind gateways that forward
for them and meet at a hub.

    b eth0 ------ eth0 a eth1 ------ eth0 z eth1 ------ eth1 c eth0 ------ eth0 d
                     tl..a ========= tl..z ========= tl..c

The hub has one interface, with both gateways as peers: forwarded packets enter and leave by it.
"""

from device import Device
from lab import NETS

LANS = {"b": 0, "d": 3}  # the nets of the cables that lead to a host
CABLES = {"a": 1, "c": 2}


class Cables:
    """The path without tunnels. All are Nodes; `lans` are the nets of the hosts' cables."""

    def __init__(self, lab, lans):
        self.lab, self.lans = lab, lans
        self.b, self.a, self.z, self.c, self.d = (lab.node(name) for name in "bazcd")
        lab.link(self.a, self.b, lans["b"])
        lab.link(self.a, self.z, CABLES["a"])
        lab.link(self.c, self.d, lans["d"])
        lab.link(self.c, self.z, CABLES["c"])

    def set_default_route(self, host):
        """Makes a host's gateway its router."""
        net, node = self.lans[host.name], self.gateway(host)
        host.ip("route", "add", "default", "via", node.v4(net))
        host.ip("-6", "route", "add", "default", "via", node.v6(net))

    def gateway(self, host):
        return {"b": self.a, "d": self.c}[host.name]

    def address(self, host, family=4):
        return host.outer(family, self.lans[host.name])


class Office(Cables):
    """`b` and `d` are hosts (Node); `x`, `hub` and `y` the interfaces of a, z and c (Device)."""

    def __init__(self, lab, env=None, hub_env=None):
        """`env` is the environment of all daemons; `hub_env`, if given, that of the hub's."""
        super().__init__(lab, LANS)
        self.x, self.hub, self.y = (
            Device(lab, node, lab.mine, env=of_node or env).start()
            for node, of_node in ((self.a, None), (self.z, hub_env), (self.c, None)))
        self.join(self.x, "b", "d")
        self.join(self.y, "d", "b")
        self.route(self.hub, "b", "d")
        for host in (self.b, self.d):
            self.set_default_route(host)

    def join(self, device, near, far):
        """Makes the hub and a gateway's interface peers: `near` is the host behind the gateway,
        `far` the one beyond the hub."""
        hub, node = self.hub, device.node
        device.add(hub, hub.node.v4(CABLES[node.name]), allowed="0.0.0.0/0,::/0")
        hub.add(device, node.v4(CABLES[node.name]), allowed=",".join(
            (f"{device.inner4}/32", f"{device.inner6}/128", *nets(near))))
        self.route(device, far)

    @staticmethod
    def route(device, *hosts):
        """Routes the nets of these hosts into the interface, and turns on forwarding."""
        node = device.node
        node.sysctl("net.ipv4.ip_forward", 1)
        node.sysctl("net.ipv6.conf.all.forwarding", 1)
        for host in hosts:
            for net in nets(host):
                node.ip("route", "add", net, "dev", device.name)

    def meet(self):
        """Lets both hosts reach each other, so that sessions exist and neighbours are known."""
        for family in (4, 6):
            self.b.reaches(self.address(self.d, family))
            self.d.reaches(self.address(self.b, family))

    def device(self, host):
        """The tunnel interface of a host's gateway."""
        return {"b": self.x, "d": self.y}[host.name]

    def devices(self):
        return self.x, self.hub, self.y


def nets(host):
    """The nets of a host's cable."""
    net = LANS[host]
    return f"{NETS[net]}.0/24", f"2001:db8:{net + 1}::/64"
