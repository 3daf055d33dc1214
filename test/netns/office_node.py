# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""One machine that becomes a node of an office network: a namespace with mounts of its own.

    c eth0 ----- eth0 isp                192.0.2.0/24, 2001:db8:1::/64
    c eth1 ----- eth1 isp                198.51.100.0/24: the office LAN
    c br0                                172.17.0.0/16: hides the LAN of another office

In the first file, the LAN's router cannot be changed, and c answers for addresses of the LAN; in
the second one, the router must see both directions, and c sends packets through it.
"""

import os
import re

from device import Key
from lab import Failure, expect_same, read
from member import Member

NAME = "acme"
APPLY = ("apply", "--no-probe", NAME)  # probes of the LAN take a second
FILE = """network: acme
addresses: 10.70.0.0/24
hubs:
  z: {{endpoint: "192.0.2.9:51820", key: "{z}"}}
sites:
  shenzhen: {{lan: 192.168.201.0/24, node: a, key: "{a}"}}
  beijing: {{lan: [198.51.100.0/24, "2001:db8:2::/64"], node: c, key: "{c}",
            gateway: untouchable, virtual: [198.51.100.224/29, "2001:db8:2::e0/125"]}}
  hangzhou: {{lan: 172.17.5.0/24, node: h, key: "{h}", mtu: 1400}}
people:
  e: {{groups: [developers], devices: {{laptop: {{key: "{e}"}}}}}}
policy:
  - {{from: developers, to: [shenzhen, beijing, hubs]}}
  - {{from: [shenzhen, beijing], to: [shenzhen, beijing, developers]}}
"""
OTHER_LINES = (
    ('gateway: untouchable, virtual: [198.51.100.224/29, "2001:db8:2::e0/125"]',
     'gateway: {kind: drops-invalid, at: [198.51.100.77, "2001:db8:2::77"]}'),
    ("mtu: 1400", "mtu: 1380"),
    ("192.168.201.0/24", "192.168.202.0/24"),
    ("to: [shenzhen, beijing, hubs]}", "to: [beijing, hubs]}"),
)


class OfficeNode(Member):
    """`me` is the node of the file that the machine is: z, a, c or e."""

    def __init__(self, lab, me="c"):
        super().__init__(lab, lab.node(me), os.path.dirname(os.path.dirname(lab.mine.path)))
        lab.link(self.node, isp := lab.node("isp"))
        if me == "c":
            lab.link(self.node, isp, 1)
            self.node.ip("link", "add", "br0", "type", "bridge")
            self.node.ip("address", "add", "172.17.0.1/16", "dev", "br0")
            self.node.ip("link", "set", "br0", "up")
        # With the others, the kernel would restore it by itself (Linux, inet_forward_change()).
        self.node.sysctl("net.ipv4.conf.all.accept_redirects", 0)
        self.keys = keys = {name: Key(lab) for name in "zaceh"}
        self.texts = [FILE.format(**{name: key.public for name, key in keys.items()})]
        self.texts.append(self.texts[0])
        for old, new in OTHER_LINES:
            self.texts[1] = self.texts[1].replace(old, new)
        self.write("key", keys[me].text)
        self.locks = [self.lock(number) for number in (0, 1)]

    def strike(self, number, nth, *arguments):
        """Runs a command that gets a signal before its nth system call. Returns the exit status,
        or None if it made fewer calls."""
        report = self.lab.file("strike")
        # LeakSanitizer traces the process itself, and fails if it is being traced.
        options = [os.environ.get("ASAN_OPTIONS", ""), "detect_leaks=0"]
        done = self.run("env", f"ASAN_OPTIONS={':'.join(filter(None, options))}",
                        self.lab.tool("strike"), str(int(number)), str(nth), report,
                        f"{self.bin}/cli/tieline", *arguments, check=False)
        text = read(report).decode()
        os.unlink(report)
        if text.startswith("struck"):
            return done.returncode
        expect_same(done.returncode, 0, f"exit status of {arguments}: {done.stderr}")
        return None

    def path(self, suffix):
        """Where a file of the network is, seen from outside."""
        return super().path(f"{NAME}.{suffix}")

    def lock(self, number):
        """The lock of a file."""
        self.write("yaml", self.texts[number])
        self.tieline("check", NAME)
        return read(self.path("lock")).decode()

    def use(self, number):
        """Makes one of the two files, and its lock, the network's."""
        self.write("yaml", self.texts[number])
        self.write("lock", self.locks[number])

    def apply(self, number):
        """Applies one of the files. Returns the picture."""
        self.use(number)
        self.tieline(*APPLY)
        return self.picture()

    def plan(self):
        """The exit status: 0 if nothing differs, or 3."""
        return self.tieline("plan", "--no-probe", NAME, check=False).returncode

    def picture(self):
        """Everything that a network may change on this machine, as text."""
        script = """
            ip -o address; ip route show table all; ip -6 route show table all; ip rule; ip -6 rule
            ip neigh show proxy
            nft -s list ruleset; ip -o link show; wg show all dump | sed 's/^/wg /'
            cd /proc/sys/net
            grep -r . ipv4/ip_forward ipv4/conf ipv6/conf ipv4/neigh ipv6/neigh 2>/dev/null
            true
        """
        text = self.run("sh", "-c", script).stdout
        text = re.sub(r"^\d+: ", "", text, flags=re.MULTILINE)  # numbers of links
        return sorted(canonical(line) for line in text.splitlines() if not IGNORED.search(line))


def canonical(line):
    """A line of `wg show dump` without what changes by itself: ports, counts and times."""
    if not line.startswith("wg "):
        return line
    fields = line[3:].split("\t")
    return " ".join(fields[:3] if len(fields) == 5 else [*fields[:5], fields[8]])


# Counters, the keys that only look at themselves, and what the kernel does in its own time.
IGNORED = re.compile(r"stable_secret|tentative|fe80|multicast|ff00::|anycast")


def expect_alike(found, wanted, what):
    """Two pictures are equal; the Failure shows only the differences."""
    lost, new = sorted(set(wanted) - set(found)), sorted(set(found) - set(wanted))
    if lost or new:
        raise Failure("\n  ".join((f"{what} differs:", *(f"- {line}" for line in lost),
                                   *(f"+ {line}" for line in new))))
