# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""A network file as `tieline lab` shows it: what users see is what the scenarios test.

Machines have the names of the file; router.SITE, isp.SITE and router.PERSON are the lab's own.
"""

import concurrent.futures
import difflib
import json
import os
import re
import shutil
import signal
import subprocess
import sys

from device import Key
from lab import Failure, Skip, expect, expect_same, run, until

KEY = re.compile(r'"[A-Za-z0-9+/]{43}="')
TRANSFER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "transfer.py")

# Everything that apply may change, and more, without what changes by itself.
PICTURE = r"""
ip -o link | sed 's/^[0-9]*: //; s/ qdisc .*//; s/link-netnsid.*//'
ip -o addr | sed 's/^[0-9]*: //; s/valid_lft.*//'
ip -4 route show table all; ip -6 route show table all | sed 's/ expires .*//'
ip -4 rule; ip -6 rule
ip neigh show proxy | sort
nft -s list ruleset
cd /proc/sys/net
find ipv4/conf ipv6/conf ipv4/neigh ipv6/neigh ipv4/ip_forward ipv4/icmp* -type f \
    ! -name stable_secret | sort | xargs grep -H .
cat /etc/resolv.conf; ls -l /etc/resolv.conf
ls /run/wireguard /run/tieline/*.sock 2>/dev/null || true
pgrep -c -x tielined || true
wg show all allowed-ips; wg show all persistent-keepalive
"""

# Connects, and prints a line that the other side sends. A refused connection says so.
TALK = r"""
exec 2>&1
exec 3<>/dev/$1/$2/$3 || exit 1
[ "$1" = tcp ] || echo hello >&3
line=$(head -n 1 <&3) && [ "$line" ] && echo "answer: $line"
"""


class Flow:
    """A connection as expectations write it: "b -> d", "b -> d:443", "d -> e:53/udp"."""

    def __init__(self, text):
        parts = re.fullmatch(r"(\S+) -> ([^:]+)(?::(\d+)(?:/(\w+))?)?", text)
        self.text = text
        self.source, self.to, self.port, self.protocol = parts.groups()
        self.protocol = (self.protocol or "tcp") if self.port else "icmp"


class Shown:
    """`tieline lab` for a network file, for the length of the context.

    `file` is its text; {n} stands for the network's name, {KEY} for a public key, new at each
    place, which the lab replaces by its own. `words` are more words for `tieline lab`."""

    def __init__(self, lab, file, name="n", words=()):
        build = os.path.dirname(os.path.dirname(os.path.abspath(lab.mine.path)))
        self.lab, self.program = lab, f"{build}/cli/tieline"
        if not os.access(self.program, os.X_OK):
            raise Skip(f"no tieline at {self.program}")
        if not shutil.which("nft"):
            raise Skip("nft is not installed")
        self.env = {**os.environ, "PATH": f"{build}/daemon:{os.environ['PATH']}"}
        self.name, self.words = f"{lab.prefix}{name}", words
        self.path = f"{lab.directory}/{self.name}.yaml"
        self.write(file)
        self.process = None

    def write(self, file):
        """Writes the file of the administrator, who is outside of the lab."""
        text = re.sub(r"\{KEY\}", lambda _: f'"{Key(self.lab).public}"', file)
        with open(self.path, "w", encoding="ascii") as out:
            out.write(text.replace("{n}", self.name))

    def check(self, wants=0):
        """Runs `tieline check` where the file is edited. Returns what it prints."""
        done = run(self.program, "check", self.path, check=False)
        expect_same(done.returncode, wants, f"exit status of check: {done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    # The lab

    def __enter__(self):
        self.log = self.lab.file("lab")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [self.program, "lab", self.path, *self.words, "--", "sh", "-c",
                 "echo up; exec sleep 1000"],
                stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        self.lab.processes.append(self.process)
        try:
            until(self.is_up, "the lab is up", 60)
        except Failure:
            self.__exit__()
            raise
        return self

    def output(self):
        with open(self.log, encoding="utf-8") as file:
            return file.read()

    def is_up(self):
        if self.process.poll() is not None:
            raise Failure(f"tieline lab ended with {self.process.returncode}\n{self.output()}")
        return re.search(r"^up$", self.output(), re.M)

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)

    # Its machines

    def inside(self, machine, *argv):
        """The command line that runs a program in a machine."""
        return self.program, "lab", "exec", self.name, machine, "--", *argv

    def run(self, machine, *argv, check=True, **more):
        return run(*self.inside(machine, *argv), check=check, env=self.env, **more)

    def start(self, machine, *argv, **more):
        """Starts a program in a machine; it ends with the scenario."""
        # pylint: disable-next=consider-using-with
        process = subprocess.Popen(self.inside(machine, *argv), env=self.env,
                                   stdin=subprocess.DEVNULL, **more)
        self.lab.processes.append(process)
        return process

    def sh(self, machine, script, *arguments, **more):
        return self.run(machine, "sh", "-ec", script, "sh", *arguments, **more).stdout

    def tieline(self, machine, *words, wants=0, says="", **more):
        """Runs a command of tieline in a machine. Returns what it prints."""
        done = self.run(machine, self.program, *words, self.name, check=False, **more)
        text = done.stdout + done.stderr
        if done.returncode != wants or not re.search(says, text):
            raise Failure(f"{machine}: tieline {' '.join(words)}: exit status {done.returncode}, "
                          f"wanted {wants} and {says!r}\n{text}")
        return text

    def picture(self, machine):
        return self.sh(machine, PICTURE)

    def hand_out(self, machines):
        """Gives machines the administrator's file and lock, with the keys that theirs has."""
        old = self.run(machines[0], "cat", f"/etc/tieline/{self.name}.yaml").stdout
        with open(self.path, encoding="ascii") as file:
            new = file.read()
        keys = iter(KEY.findall(old))
        new = KEY.sub(lambda _: next(keys), new)
        with open(self.path[:-5] + ".lock", encoding="ascii") as file:
            lock = file.read()
        for machine in machines:
            self.run(machine, "tee", f"/etc/tieline/{self.name}.yaml", input=new)
            self.run(machine, "tee", f"/etc/tieline/{self.name}.lock", input=lock)

    def looks(self, machine, wanted, what):
        """Expects that a machine gets that picture: a daemon takes a moment to end."""
        until(lambda: self.picture(machine) == wanted,
              lambda: f"{machine} after {what}:\n" + "\n".join(difflib.unified_diff(
                  wanted.split("\n"), self.picture(machine).split("\n"), lineterm="", n=0)))

    def edit(self, machine, change):
        """Changes a machine's own copy of the file by a function of its text."""
        path = f"/etc/tieline/{self.name}.yaml"
        text = self.run(machine, "cat", path).stdout
        changed = change(text)
        expect(changed != text, "the change of the file changes something")
        self.run(machine, "tee", path, input=changed)
        return text

    def daemon(self, machine):
        """The process numbers of tielined in a machine, as the machine sees them."""
        return self.sh(machine, "pgrep -x tielined || true").split()

    def has_link(self, machine):
        return not self.run(machine, "ip", "link", "show", self.name, check=False).returncode

    def shakes_hands(self, machine):
        """The seconds since each handshake of a machine's peers, by public key."""
        lines = self.sh(machine, f"date +%s; wg show {self.name} latest-handshakes").split("\n")
        found = dict(line.split() for line in lines[1:] if line)
        return {key: int(lines[0]) - int(when) for key, when in found.items() if when != "0"}

    # Connections

    def explain(self, flow, *options):
        """What `tieline explain --json` says."""
        done = run(self.program, "explain", "--json", *options, self.path, flow, check=False)
        expect(done.returncode in (0, 3), f"explain {flow}: {done.stderr}")
        answer = json.loads(done.stdout)
        expect_same(answer["reachable"], done.returncode == 0, f"exit status of explain {flow}")
        return answer

    def explain_on(self, machine, flow):
        """What it says on a machine of the network, which knows the networks that it is in."""
        return json.loads(self.run(machine, self.program, "explain", "--json", self.name, flow,
                                   check=False).stdout)

    def address(self, name, family=4, source="internet"):
        """The address of a machine, by which another one knows it; by default, that in the tunnel.
        An address is its own."""
        if re.fullmatch(r"[0-9.]+|\[.*:.*\]", name):
            return name.strip("[]")
        for line in self.run(source, "cat", "/etc/hosts").stdout.splitlines():
            address, *names = line.split()
            if name in names and (":" in address) == (family == 6):
                return address
        raise Failure(f"{source} knows no IPv{family} address of {name}")

    def address_on(self, machine, link):
        """The IPv4 address that a link of a machine has."""
        return self.sh(machine, f"ip -4 -o addr show dev {link} | "
                       "sed 's|.* inet ||; s|/.*||'").strip()

    def talk(self, machine, address, port=None, protocol="icmp", wait=1.0):
        """Sends one packet or opens one connection. Returns the answer: a line; "refused"; or
        None."""
        if protocol == "icmp":
            done = self.run(machine, "ping", "-n", "-c", "1", "-W", str(wait), address,
                            check=False)
            return "pong" if " 0 received" not in done.stdout and done.returncode == 0 else None
        done = self.run(machine, "timeout", str(wait), "bash", "-c", TALK, "bash", protocol,
                        address, str(port), check=False)
        if protocol == "tcp" and "onnection refused" in done.stdout:
            return "refused"
        found = re.search("^answer: (.*)", done.stdout, re.M)
        return found and found[1]

    def works(self, flow, family=4, to=None):
        """Expects that a connection works, to its own address or another one. Returns the answer.
        """
        flow = Flow(flow)
        to = to or self.address(flow.to, family, flow.source)
        return until(lambda: self.talk(flow.source, to, flow.port, flow.protocol, 2),
                     f"{flow.text} works ({to})", 20)

    def breaks(self, flow, family=4, to=None):
        """Expects that a connection gets no answer."""
        flow = Flow(flow)
        to = to or self.address(flow.to, family, flow.source)
        answer = self.talk(flow.source, to, flow.port, flow.protocol, 0.7)
        expect(answer is None, f"{flow.text} gets no answer ({to}), not {answer!r}")

    def serve(self, machine, port=5001):
        """Starts a server for transfers in a machine."""
        self.start(machine, sys.executable, TRANSFER, "serve", str(port))
        until(lambda: self.sh(machine, f"ss -Hltn 'sport = {port}'"), f"{machine} serves", 20)

    def transfers(self, flow, family=4, megabytes=3, port=5001):
        """Expects that megabytes get through in both directions."""
        flow = Flow(flow)
        done = self.transfer(flow, family, megabytes, port, 20)
        expect(done.returncode == 0, f"{flow.text}, IPv{family}, {megabytes} MB: {done.stderr}")

    def stalls(self, flow, family=4, megabytes=3, port=5001):
        """Expects that they do not."""
        flow = Flow(flow)
        done = self.transfer(flow, family, megabytes, port, 2)
        expect(done.returncode == 1, f"{flow.text}, IPv{family}: {megabytes} MB do not arrive")

    def transfer(self, flow, family, megabytes, port, patience):
        address = self.address(flow.to, family, flow.source)
        return self.run(flow.source, sys.executable, TRANSFER, address, str(port), str(megabytes),
                        str(patience), check=False, timeout=100)

    def agree(self, flows):
        """Expects of many connections that packets do what explain says. Returns the answers of
        explain by flow."""
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            return dict(zip(flows, pool.map(self.agree_on, flows)))

    def agree_on(self, flow):
        said = self.explain(flow)
        to = said.get("dials") or said["to"]["address"]
        (self.works if said["reachable"] else self.breaks)(flow, to=to)
        return said

    def explained(self, flow, cause, line=None, fix=""):
        """Expects that a connection breaks for this cause, at the line of the file that has this
        text, with a fix that matches, in packets and in explain."""
        said = self.agree_on(flow)
        expect_same(said["cause"], cause, f"cause of {flow}")
        if line:
            with open(self.path, encoding="ascii") as file:
                found = file.read().splitlines()[said["line"] - 1]
            expect(line in found, f"{flow}: the line that breaks it has {line!r}: {found}")
        expect(re.search(fix, said["fix"] or ""), f"{flow}: a fix like {fix!r}: {said['fix']}")
        return said
