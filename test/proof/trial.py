# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""One network in real namespaces: whether packets do what `tieline explain` says.

`check` must accept the file, or refuse it for the right reason. `tieline lab` builds it, pings each
pair, tries each connection, and compares both with the model. Then a client of our own
(packets.py) opens the same connections to the addresses that `explain` names, and reports which
source the destination saw."""

import collections
import copy
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

import foreign
from generate import is_public
from text import render

HERE = os.path.dirname(os.path.abspath(__file__))
PATIENCE = 12      # seconds for connections that should work
QUICK_PATIENCE = 5  # the same, while a network is made smaller: tunnels come up within it
IMPATIENCE = 1.6   # for the others: only their silence proves anything
LAB_SECONDS = 240


@dataclass
class Fault:
    """Where packets and model differ, or what else went wrong. Two faults are the same if kind and
    what are."""
    kind: str
    what: str
    details: str = ""

    def is_like(self, other):
        return other is not None and (self.kind, self.what) == (other.kind, other.what)

    def __str__(self):
        return f"{self.kind}: {self.what}\n{self.details}".rstrip()


class Tools:
    """The programs of a build, and what everything runs with."""

    def __init__(self, build):
        self.tieline = f"{build}/cli/tieline"
        self.env = {**os.environ, "LC_ALL": "C.UTF-8"}
        self.env["PATH"] = f"{build}/daemon:{build}/quick:{self.env['PATH']}"

    def run(self, *words, timeout=60, **more):
        return subprocess.run([self.tieline, *words], capture_output=True, text=True,
                              timeout=timeout, stdin=subprocess.DEVNULL, check=False, env=self.env,
                              **more)


def shape(text):
    """The first error of a text, or its last line, without numbers."""
    lines = [line for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if ": error: " in line]
    return re.sub(r"\d+", "#", (errors or lines[-1:] or [""])[0])


def is_ipv4_address(text):
    return re.fullmatch(r"[\d.]+", text) is not None


def suppositions(file):
    """Options that tell explain what is in no line that it reads: the lab's own networks."""
    lab = file.get("lab", {})
    nets = [(name, home["lan"]) for name, home in lab.get("homes", {}).items() if "lan" in home]
    found = []
    for name, net in [*lab.get("networks", {}).items(), *nets]:
        devices = file["people"].get(name, {"devices": ()})["devices"]
        for machine in [f"{name}/{device}" for device in devices] or [name]:
            found += ["--in", f"{machine}={net}"]
    return found


def before_options(case):
    script = foreign.script(case.before)
    return ["--before", script] if script else []


class Trial:
    """A case that is tried in a directory of its own."""

    def __init__(self, tools, directory, name):
        self.tools, self.directory, self.name = tools, directory, name
        self.path, self.lock = f"{directory}/n.yaml", f"{directory}/n.lock"
        self.pairs = 0  # that were tried
        self.seen = collections.Counter()  # how they travel, and why others do not work
        self.is_quick = False  # try only the connections of the case, with our own client
        os.makedirs(directory, exist_ok=True)

    def find_fault(self, case):
        """Returns the first Fault of a case, or None."""
        try:
            return self.attempt(case)
        except subprocess.TimeoutExpired as late:
            return Fault("hangs", shape(" ".join(map(str, late.cmd[1:2]))), str(late))

    def attempt(self, case):
        if os.path.exists(self.lock):
            os.unlink(self.lock)
        self.write(case.file)
        done = self.tools.run("check", self.path)
        if case.wants:
            return self.must_be_refused(case, done)
        if done.returncode != 0:
            return Fault("check refuses", shape(done.stdout + done.stderr),
                         done.stdout + done.stderr)
        said = {}
        for flow in case.flows:
            text = self.resolve(case, flow)
            done = self.tools.run("explain", "--json", *suppositions(case.file), self.path, text)
            if done.returncode not in (0, 3):
                return Fault("explain fails", flow, done.stdout + done.stderr)
            said[flow] = {**json.loads(done.stdout), "text": text}
            if said[flow]["reachable"] != (done.returncode == 0):
                return Fault("explain contradicts itself", flow, done.stdout)
        expected = [("" if said[flow]["reachable"] else "not ") + said[flow]["text"]
                    for flow in case.flows if is_public(case.file, flow)]
        self.write({**case.file, "expect": expected} if expected else case.file)
        done = self.tools.run("check", "--locked", self.path)
        if done.returncode != 0:
            return Fault("check contradicts explain", shape(done.stdout + done.stderr),
                         done.stdout + done.stderr)
        return self.show(case, said)

    def resolve(self, case, flow):
        """Replaces "~d2a" by the mapped address of a device, and "=d2a" by its own."""
        source, _, to = flow.partition(" -> ")
        if to[0] not in "~=":
            return flow
        name, colon, port = to[1:].partition(":")
        own = next(address for site in case.file["sites"].values()
                   for address in site["devices"].get(name, ()) if ":" not in address)
        if to[0] == "~":
            own = self.mapped(case, name, ip_address(own))
        return f"{source} -> {own}{colon}{port}"

    def mapped(self, case, name, own):
        with open(self.lock, encoding="ascii") as file:
            for line in file:
                kind, site, *prefixes = line.split()[:4]
                if kind != "mapped" or name not in case.file["sites"][site]["devices"]:
                    continue
                lan, mapped = map(ip_network, prefixes)
                if own in lan:
                    return mapped[int(own) - int(lan[0])]
        raise AssertionError(f"the lock has no mapped address for {name}")

    def write(self, file):
        with open(self.path, "w", encoding="ascii") as out:
            out.write(render(file))

    # ---- files with mistakes ----

    def must_be_refused(self, case, done):
        text = done.stdout + done.stderr
        found = [line for line in text.splitlines() if re.search(case.wants, line)]
        if done.returncode != 1:
            return Fault("check accepts a mistake", case.wants, text)
        if not any(re.match(r"\S+\.yaml:\d+:\d+: ", line) for line in found):
            return Fault("check does not name the mistake", case.wants, text)
        done = self.tools.run("lab", "--name", self.name, self.path)
        if done.returncode != 1:
            return Fault("lab accepts a mistake", case.wants, done.stdout + done.stderr)
        return None

    # ---- one connection alone ----

    def find_quickly(self, case, fault):
        """Looks for a fault with nothing but the connection that has it, which is much faster.
        Returns that case and the fault as it is found now; None if it cannot be found so."""
        for flow in self.flows_like(case, fault):
            alone = copy.deepcopy(case)
            alone.flows = [flow]
            self.is_quick = True
            found = self.find_fault(alone)
            if found and found.kind == fault.kind:
                return alone, found
            self.is_quick = False
        return None

    def flows_like(self, case, fault):
        """The connections that may have a fault of this name: of a ping of the lab, others."""
        pair = re.fullmatch(r"(\S+) -> (\S+) \(ping, IPv(\d)\)", fault.what)
        if not pair:
            return [flow for flow in case.flows
                    if fault.what.removesuffix(" (lab)") in (flow, self.resolve(case, flow))]
        source, to = (self.full_name(case, name) for name in pair.group(1, 2))
        if pair[3] == "4":
            return [f"{source} -> {to}"]
        return [f"{source} -> {address}" for address in self.addresses(case, to) if ":" in address]

    @staticmethod
    def full_name(case, name):
        """The lab calls the only device of a person by the person's name."""
        devices = case.file["people"].get(name, {"devices": ()})["devices"]
        return f"{name}/{next(iter(devices))}" if devices else name

    def addresses(self, case, name):
        for site in case.file["sites"].values():
            yield from site["devices"].get(name, ())
        with open(self.lock, encoding="ascii") as file:
            for line in file:
                if line.startswith(f"address {name} "):
                    yield from line.split()[2:]

    # ---- the lab ----

    def show(self, case, said):
        job, answers = f"{self.directory}/job.json", f"{self.directory}/answers.json"
        with open(job, "w", encoding="ascii") as out:
            json.dump({"dialled": self.list_connections(said), "changed": list(case.before)}, out)
        if os.path.exists(answers):
            os.unlink(answers)
        done = self.tools.run("lab", "--locked", "--untested" if self.is_quick else "--json",
                              "--name", self.name, *before_options(case), self.path, "--",
                              sys.executable, f"{HERE}/inside.py", self.tools.tieline, job, answers,
                              timeout=LAB_SECONDS)
        if case.refusal:
            is_refused = done.returncode == 1 and case.refusal in done.stderr
            return None if is_refused else Fault("apply does not refuse", case.refusal, done.stderr)
        try:
            report = {} if self.is_quick else json.loads(done.stdout)
            with open(answers, encoding="ascii") as file:
                heard = json.load(file)
        except (OSError, ValueError):
            return Fault("the lab cannot be built", shape(done.stderr), done.stderr)
        return ((None if self.is_quick else self.judge_report(report)) or
                self.compare_connections(case, said, heard["heard"]) or
                self.compare_others(heard["changed"]))

    def judge_report(self, report):
        """What the lab itself has found."""
        [found] = report["rounds"]
        self.pairs = len(found["pairs"]) + len(found["expectations"])
        for pair in found["pairs"] + [test for test in found["expectations"] if test["tried"]]:
            self.seen.update(pair["ways"] if pair["predicted"] else [pair["cause"]])
        fault = self.compare_pings(found) or self.compare_expectations(found)
        if fault or report["as_expected"]:
            return fault
        return Fault("the lab is not as expected", "for no reason", json.dumps(report))

    def list_connections(self, said):
        """What each machine is to dial, by machine."""
        jobs = {}
        for flow, answer in said.items():
            literal = answer["text"].partition(" -> ")[2].rpartition(":")[0]
            address = literal if is_ipv4_address(literal) else answer.get("dials") or \
                answer["to"].get("address")
            if not address:
                continue
            patience = QUICK_PATIENCE if self.is_quick else PATIENCE
            seconds = patience if answer["reachable"] else IMPATIENCE
            jobs.setdefault(flow.partition(" -> ")[0], []).append(
                (flow, [address, answer.get("port"), answer["protocol"], seconds]))
        return jobs

    @staticmethod
    def compare_pings(found):
        for pair in found["pairs"]:
            if pair["reached"] != pair["predicted"]:
                word = "missing" if pair["predicted"] else "surprise"
                return Fault(word, f"{pair['from']} -> {pair['to']} (ping, IPv{pair['family']})",
                             json.dumps(pair))
        return None

    @staticmethod
    def compare_expectations(found):
        for test in found["expectations"]:
            if test["tried"] and test["reached"] != test["predicted"]:
                word = "missing" if test["predicted"] else "surprise"
                return Fault(word, f"{test['text'].removeprefix('not ')} (lab)", json.dumps(test))
            if not test["tried"] and not test["text"].startswith("not "):
                return Fault("the lab does not try", test["text"], json.dumps(test))
        return None

    def compare_connections(self, case, said, heard):
        for flow, (answer, mss) in heard.items():
            model = said[flow]
            details = f"answer: {answer!r}\n{json.dumps(model, indent=1)}"
            if bool(answer) != model["reachable"]:
                return Fault("missing" if model["reachable"] else "surprise", flow, details)
            if not answer or answer in ("refused", "pong"):
                continue
            where, _, seen = answer.partition(", seen from ")
            if where not in (self.server_of(case, model), model["to"]["address"]):
                return Fault("another machine answers", flow, details)
            if not self.is_seen(case, model, seen):
                return Fault("another source is seen", flow, details)
            if mss and model.get("mtu") and not self.fits(mss, model):
                return Fault("segments have another size", f"{flow}", f"{mss} bytes; {details}")
        return None

    @staticmethod
    def fits(mss, model):
        """Whether full segments, with time stamps, fill the packets of a path without exceeding
        them. A multiple of 16 bytes may be what fits, as WireGuard pads packets to it."""
        headers = 12 + (60 if ":" in model["to"]["address"] else 40)
        return model["mtu"] - 16 < mss + headers <= model["mtu"]

    @staticmethod
    def compare_others(changed):
        """Whether other programs still have what they had."""
        for machine, difference in changed.items():
            if difference:
                return Fault("changes what others have", machine, difference)
        return None

    @staticmethod
    def server_of(case, model):
        name = model["to"]["name"]
        if name[0].isdigit():
            name = model["to"].get("note", "").split(" ")[-1]  # "10.200.0.30 stands for d1a"
        name = case.file["services"].get(name, {}).get("at", name)
        for site in case.file["sites"].values():
            for device, addresses in site["devices"].items():
                if name in addresses:
                    return device
        return name

    @staticmethod
    def is_seen(case, model, seen):
        """Whether the destination saw the source that the model says. The address of a node in its
        LAN may be missing in the file: then the lab chooses one."""
        if model.get("seen"):
            return ip_address(model["seen"]) == ip_address(seen)
        return any(ip_address(seen) in ip_network(lan) for site in case.file["sites"].values()
                   for lan in site["lan"])
