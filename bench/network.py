# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The whole path of an office network, with its policy and NAT: as `tieline apply` makes it from a
file, and as an administrator makes it with wireguard-go, wg-quick and nft.

    b eth0 ------ eth0 a eth1 ------ eth0 z eth1 ------ eth1 c eth0 ------ eth0 d
                  office ========== office ========== office

a and c also are the routers of their offices, with NAT for the Internet. In the second form, the
router of d's office cannot be changed, so c sends into its LAN from its own address; in the third,
both LANs have the same prefix, so each is known by another one.
"""

import base64
import json
import os
import statistics
import subprocess
import textwrap

from contenders import End
from device import Key
from figures import Figure
from forward import cost
from lab import NETS, expect, namespace_pids, read
from measure import gbits, iperf
from member import Member
from office import CABLES, LANS, Cables
from stacks import parent_of

NAME, PORT, MTU = "office", 51820, 1420
SITES, RULES = 200, 1000  # of the large file
FORMS = {"native": "office network", "snat": "office network, SNAT",
         "netmap": "office network, NETMAP"}
ADDRESSES = {"z": "10.70.0.1", "a": "10.70.0.2", "c": "10.70.0.3"}
MAPPED = {"a": "10.200.1", "c": "10.200.2"}  # where an administrator chooses
LAN_OF = {"a": "b", "c": "d"}


# The figures

def figures_of(form, name):
    rate, expense = (0.01, 1000), (0.001, 1000)
    for key, title in (("", "TCP, one stream"), ("8", "TCP, 8 streams")):
        yield Figure(f"{form}_tcp{key}", f"{name}: {title}", "Gbit/s", True, rate)
        yield Figure(f"{form}_tcp{key}_cpu", f"{name}: {title}, CPU of the three daemons",
                     "s/Gbit", False, expense)
        yield Figure(f"{form}_tcp{key}_system", f"{name}: {title}, all CPU", "s/Gbit", False,
                     expense)


def size_figures():
    for size, words in (("small", "two sites, two rules"),
                        ("large", f"{SITES} sites, {RULES:,} rules")):
        yield Figure(f"{size}_tcp", f"office network, {words}: TCP, one stream", "Gbit/s", True,
                     (0.01, 1000))
        yield Figure(f"{size}_tcp_cpu", f"office network, {words}: CPU of the three daemons",
                     "s/Gbit", False, (0.001, 1000))


def seconds(options, _):
    """Approximate duration of one form for one contender."""
    return 6 + options.seconds + options.seconds_more


def size_seconds(options, _):
    return 8 + 2 * options.turns * (options.seconds + 1)


# The machines

class Daemon:
    """The process that serves the tunnel of a node; it was not started by us."""

    def __init__(self, node, path):
        def is_it(pid):
            try:
                return os.path.samefile(f"/proc/{pid}/exe", path)
            except OSError:
                return False
        pids = set(filter(is_it, namespace_pids(node.ns)))
        roots = [pid for pid in pids if parent_of(pid) not in pids]
        expect(len(roots) == 1, f"one {os.path.basename(path)} runs on {node.name}: {roots}")
        self.process, self.pid, self.path = self, roots[0], path

    def is_alive(self):
        return os.path.exists(f"/proc/{self.pid}/exe")


class Network(Cables):
    """The machines, without tunnels. `x`, `hub` and `y` are the Members a, z and c."""

    def __init__(self, lab, contender, form):
        super().__init__(lab, {**LANS, "d": LANS["b"]} if form == "netmap" else LANS)
        self.contender, self.form = contender, form
        build = os.path.dirname(os.path.dirname(contender.implementation.path))
        self.members = [Member(lab, node, build) for node in (self.a, self.z, self.c)]
        self.keys = {node.name: Key(lab) for node in (self.a, self.z, self.c)}
        for node in (self.a, self.c):
            node.ip("route", "add", "default", "via", self.z.v4(CABLES[node.name]))
            node.nft("ip", "router", "nat hook postrouting priority srcnat",
                     "oifname eth1 masquerade")
        self.endpoint = self.z.v4(CABLES["a"])
        self.set_default_route(self.b)
        if form != "snat":
            self.set_default_route(self.d)

    def lan(self, node):
        return f"{NETS[self.lans[LAN_OF[node.name]]]}.0/24"

    def find_daemons(self):
        self.daemons = [Daemon(member.node, self.contender.implementation.path)
                        for member in self.members]
        self.lab.devices += self.daemons

    def meet(self):
        self.b.reaches(self.d_is_at())


# tieline

class Applied(Network):
    """`tieline apply` on each node, from one file."""

    def __init__(self, lab, contender, form):
        super().__init__(lab, contender, form)
        # tielined gets no options from apply.
        self.environment = {}
        if contender.options:
            self.environment = self.wrap(contender.options)
        self.apply(self.file())
        self.find_daemons()

    def wrap(self, words):
        """The environment in which `tielined` is a script that adds options."""
        for member in self.members:
            member.write("tielined", "#!/bin/sh\n"
                         f"exec {self.contender.implementation.path} {' '.join(words)} \"$@\"\n")
            os.chmod(member.path("tielined"), 0o700)
        return {"PATH": f"/etc/tieline:{self.members[0].bin}/cli:{os.environ['PATH']}"}

    def file(self, more_sites=(), more_rules=()):
        """The text of the network file."""
        far = "untouchable" if self.form == "snat" else "self"
        return "\n".join((
            f"network: {NAME}",
            "addresses: 10.70.0.0/16",
            f"hubs: {{z: {{endpoint: \"{self.endpoint}:{PORT}\", {self.key(self.z)}}}}}",
            "sites:",
            f"  near: {{lan: {self.lan(self.a)}, gateway: self, {self.at(self.a)}, "
            f"{self.key(self.a)}, devices: {{b: {self.address(self.b)}}}}}",
            f"  far: {{lan: {self.lan(self.c)}, gateway: {far}, {self.at(self.c)}, "
            f"{self.key(self.c)}, devices: {{d: {self.address(self.d)}}}}}",
            *more_sites,
            "policy:",
            "  - {from: near, to: far, ports: [icmp, 5201]}",
            *more_rules,
            "  - {from: far, to: near, ports: [icmp, 5201]}",
            ""))

    def at(self, node):
        return f"node: {{name: {node.name}, at: {node.v4(self.lans[LAN_OF[node.name]])}}}"

    def key(self, node):
        return f'key: "{self.keys[node.name].public}"'

    def apply(self, text):
        first = self.members[0]
        first.write(f"{NAME}.yaml", text)
        first.tieline("check", NAME)
        with open(first.path(f"{NAME}.lock"), encoding="utf-8") as file:
            lock = file.read()
        for member in self.members:
            member.write(f"{NAME}.yaml", text)
            member.write(f"{NAME}.lock", lock)
            member.write(f"{NAME}.key", self.keys[member.node.name].text + "\n")
            member.tieline("apply", "--no-probe", NAME, env=self.environment, timeout=60)

    def d_is_at(self):
        said = self.members[0].tieline("explain", "--json", NAME, "b -> d:5201", check=False)
        answer = json.loads(said.stdout)
        expect(answer["reachable"], f"b reaches d: {said.stdout}")
        return answer["dials"]


# The administrator

class ByHand(Network):
    """wg-quick on each node, with a file and nft rules that an administrator would write."""

    def __init__(self, lab, contender, form):
        super().__init__(lab, contender, form)
        for member in self.members:
            node = member.node
            member.write(f"{NAME}.conf", self.hub_file() if node is self.z else
                         self.site_file(node))
            member.write(f"{NAME}.nft", self.hub_rules() if node is self.z else
                         self.site_rules(node))
            node.sysctl("net.ipv4.ip_forward", 1)
            self.bring_up(member)
        self.find_daemons()

    def bring_up(self, member):
        # The daemon keeps standard output and error open.
        log = self.lab.file("wg-quick")
        with open(log, "wb") as out:
            done = subprocess.run(
                member.inside("wg-quick", "up", f"/etc/tieline/{NAME}.conf", env={
                    "WG_QUICK_USERSPACE_IMPLEMENTATION": self.contender.implementation.path,
                    "LOG_LEVEL": "error"}),
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=60)
        expect(done.returncode == 0, f"wg-quick succeeds: {read(log).decode()}")

    def wire(self, node):
        """The prefix of a node's LAN in the tunnel."""
        return f"{MAPPED[node.name]}.0/24" if self.form == "netmap" else self.lan(node)

    def other(self, node):
        return self.c if node is self.a else self.a

    def interface(self, node, more=""):
        return (f"[Interface]\nPrivateKey = {self.keys[node.name].text}\n"
                f"Address = {ADDRESSES[node.name]}/24\nMTU = {MTU}\n{more}"
                f"PostUp = nft -f /etc/tieline/{NAME}.nft\n")

    def peer(self, node, allowed, more=""):
        return (f"[Peer]\nPublicKey = {self.keys[node.name].public}\n"
                f"AllowedIPs = {', '.join(allowed)}\n{more}")

    def hub_file(self):
        return self.interface(self.z, f"ListenPort = {PORT}\n") + "".join(
            self.peer(node, (f"{ADDRESSES[node.name]}/32", self.wire(node)))
            for node in (self.a, self.c))

    def site_file(self, node):
        return self.interface(node) + self.peer(
            self.z, ("10.70.0.0/24", self.wire(self.other(node))),
            f"Endpoint = {self.endpoint}:{PORT}\nPersistentKeepalive = 25\n")

    def hub_rules(self):
        near, far = self.wire(self.a), self.wire(self.c)
        allowed = "".join(self.allow(f"iifname {NAME} oifname {NAME} ip saddr {one} ip daddr "
                                     f"{other}") for one, other in ((near, far), (far, near)))
        return self.table(f"""\
            chain forward {{
                type filter hook forward priority filter; policy drop;
                tcp flags syn tcp option maxseg size set rt mtu
                ct state established,related accept
            {allowed}}}
            """)

    @staticmethod
    def allow(match):
        return (f"    {match} tcp dport 5201 accept\n"
                f"    {match} icmp type echo-request accept\n")

    def site_rules(self, node):
        chains = f"""\
            chain forward {{
                type filter hook forward priority filter; policy drop;
                tcp flags syn tcp option maxseg size set rt mtu
                ct state established,related accept
                iifname eth0 oifname {{ eth1, {NAME} }} ip saddr {self.lan(node)} accept
            {self.allow(f"iifname {NAME} oifname eth0 ip saddr {self.wire(self.other(node))} "
                        f"ip daddr {self.lan(node)}")}}}
            """
        if self.form == "snat" and node is self.c:
            chains += f"""\
            chain postrouting {{
                type nat hook postrouting priority srcnat;
                iifname {NAME} oifname eth0 masquerade
            }}
            """
        if self.form == "netmap":
            chains += f"""\
            chain prerouting {{
                type nat hook prerouting priority dstnat;
                iifname {NAME} ip daddr {self.wire(node)} dnat ip prefix to ip daddr map {{
                    {self.wire(node)} : {self.lan(node)} }}
            }}
            chain postrouting {{
                type nat hook postrouting priority srcnat;
                oifname {NAME} ip saddr {self.lan(node)} snat ip prefix to ip saddr map {{
                    {self.lan(node)} : {self.wire(node)} }}
            }}
            """
        return self.table(chains)

    @staticmethod
    def table(chains):
        return f"table ip {NAME} {{\n{textwrap.dedent(chains)}}}\n"

    def d_is_at(self):
        last = self.address(self.d).rpartition(".")[2]
        return f"{self.wire(self.c).rpartition('.')[0]}.{last}"


# The measurements

def transfer(office, seconds_long, *more):
    """One transfer from b to d: its rate and its cost."""
    source, destination = (End(host, "eth0", office.address(host)) for host in (office.b, office.d))
    done = iperf(source, destination, seconds_long, *more, daemons=office.daemons,
                 dial=office.d_is_at())
    return {"": gbits(done["sum_received"]), "_cpu": cost(done, "cpu"),
            "_system": cost(done, "system")}


def network(lab, contender, options, form):
    office = (Applied if contender.ours else ByHand)(lab, contender, form)
    office.meet()
    found = {}
    for streams, seconds_long, more in (("", options.seconds, ()),
                                        ("8", options.seconds_more, ("--parallel", "8"))):
        for key, value in transfer(office, seconds_long, *more).items():
            found[f"{form}_tcp{streams}{key}"] = value
    return found


def other_key(number):
    return base64.b64encode(b"\x20" + number.to_bytes(4, "little") + bytes(27)).decode()


def other_sites():
    """Lines for the sites of the large file, with one device each, and for its people."""
    for i in range(SITES - 2):
        yield (f'  s{i}: {{lan: 10.100.{i}.0/24, devices: {{h{i}: 10.100.{i}.9}}, '
               f'key: "{other_key(i)}"}}')
    yield "people:"
    for i in range(10 * SITES):
        yield (f'  p{i}: {{groups: [g{i % 20}, g{i // 7 % 20}], devices: {{laptop: '
               f'{{key: "{other_key(SITES + i)}"}}}}}}')


def other_rules():
    """Lines for the rules of the large file. Every sixth is about the sites that we measure."""
    words = ("from: g{g}, to: [s{s}, s{o}]", "from: [g{g}, h{s}], to: h{o}, ports: [443, 22]",
             "from: s{s}, to: [s{o}, g{g}], ports: [443/tcp, {p}/tcp, icmp]",
             "from: people, to: s{s}, ports: [{p}-{q}/udp]",
             "from: near, to: [s{s}, g{g}], ports: [{p}/tcp]",
             "from: [near, s{s}], to: far, ports: [{p}/tcp, {p}/udp]")
    for i in range(RULES - 2):
        yield "  - {" + words[i % len(words)].format(
            g=i % 20, s=i * 7 % (SITES - 2), o=(i * 13 + 1) % (SITES - 2), p=6000 + i,
            q=9000 + i) + "}"


def sizes(lab, contender, options):
    """The same two sites with a small and a large file, in turn. Applying the other one keeps the
    daemons and their sessions."""
    office = Applied(lab, contender, "native")
    files = {"small": office.file(), "large": office.file(other_sites(), other_rules())}
    samples = {}
    for turn in range(options.turns):
        for size in list(files)[::-1 if turn % 2 else 1]:
            office.apply(files[size])
            office.meet()
            for key, value in transfer(office, options.seconds).items():
                samples.setdefault(f"{size}_tcp{key}", []).append(value)
    return {name: statistics.mean(found) for name, found in samples.items()
            if not name.endswith("_system")}
