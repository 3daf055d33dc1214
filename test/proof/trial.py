# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""One network in real namespaces: whether packets do what `tieline explain` says.

`check` must accept the file, or refuse it for the right reason. `tieline lab` builds it, pings each
pair, tries each connection, and compares both with the model. Then a client of our own
(packets.py) opens the same connections to the addresses that `explain` names, and reports which
source the destination saw."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from text import render

HERE = os.path.dirname(os.path.abspath(__file__))
PATIENCE = 12     # seconds for connections that should work
IMPATIENCE = 1.6  # for the others: only their silence proves anything
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
    """A message without what differs from run to run."""
    return re.sub(r"\d+", "#", text.strip().splitlines()[-1] if text.strip() else "")


class Trial:
    """A case that is tried in a directory of its own."""

    def __init__(self, tools, directory, name):
        self.tools, self.directory, self.name = tools, directory, name
        self.path = f"{directory}/n.yaml"
        self.pairs = 0  # that were tried
        os.makedirs(directory, exist_ok=True)

    def find_fault(self, case):
        """Returns the first Fault of a case, or None."""
        try:
            return self.attempt(case)
        except subprocess.TimeoutExpired as late:
            return Fault("hangs", shape(" ".join(map(str, late.cmd[1:2]))), str(late))

    def attempt(self, case):
        lock = self.path.replace(".yaml", ".lock")
        if os.path.exists(lock):
            os.unlink(lock)
        self.write(case.file)
        done = self.tools.run("check", self.path)
        if case.wants:
            return self.must_be_refused(case, done)
        if done.returncode != 0:
            return Fault("check refuses", shape(done.stdout), done.stdout + done.stderr)
        said = {}
        for flow in case.flows:
            done = self.tools.run("explain", "--json", self.path, flow)
            if done.returncode not in (0, 3):
                return Fault("explain fails", flow, done.stdout + done.stderr)
            said[flow] = json.loads(done.stdout)
            if said[flow]["reachable"] != (done.returncode == 0):
                return Fault("explain contradicts itself", flow, done.stdout)
        expected = [("" if said[flow]["reachable"] else "not ") + flow for flow in case.flows]
        self.write({**case.file, "expect": expected} if expected else case.file)
        done = self.tools.run("check", "--locked", self.path)
        if done.returncode != 0:
            return Fault("check contradicts explain", shape(done.stdout), done.stdout + done.stderr)
        return self.show(case, said)

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

    # ---- the lab ----

    def show(self, case, said):
        job, answers = f"{self.directory}/job.json", f"{self.directory}/answers.json"
        with open(job, "w", encoding="ascii") as out:
            json.dump(self.list_connections(said), out)
        if os.path.exists(answers):
            os.unlink(answers)
        done = self.tools.run("lab", "--locked", "--json", "--name", self.name, self.path, "--",
                              sys.executable, f"{HERE}/inside.py", self.tools.tieline, job, answers,
                              timeout=LAB_SECONDS)
        try:
            report = json.loads(done.stdout)
            with open(answers, encoding="ascii") as file:
                heard = json.load(file)
        except (OSError, ValueError):
            return Fault("the lab cannot be built", shape(done.stderr), done.stderr)
        [found] = report["rounds"]
        self.pairs = len(found["pairs"]) + len(said)
        return (self.compare_pings(found) or self.compare_expectations(found) or
                self.compare_connections(case, said, heard) or
                (None if report["as_expected"] else
                 Fault("the lab is not as expected", "for no reason", done.stdout)))

    @staticmethod
    def list_connections(said):
        """What each machine is to dial, by machine."""
        jobs = {}
        for flow, answer in said.items():
            if "address" not in answer["to"] or answer["from"].get("address") is None:
                continue
            seconds = PATIENCE if answer["reachable"] else IMPATIENCE
            jobs.setdefault(flow.partition(" -> ")[0], []).append(
                (flow, [answer["to"]["address"], answer["port"], answer["protocol"], seconds]))
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
        for flow, answer in heard.items():
            model = said[flow]
            details = f"answer: {answer!r}\n{json.dumps(model, indent=1)}"
            if bool(answer) != model["reachable"]:
                return Fault("missing" if model["reachable"] else "surprise", flow, details)
            if not answer or answer == "refused":
                continue
            where, _, seen = answer.partition(", seen from ")
            if where != self.server_of(case, model):
                return Fault("another machine answers", flow, details)
            if not self.is_seen(case, model, seen):
                return Fault("another source is seen", flow, details)
        return None

    @staticmethod
    def server_of(case, model):
        name = model["to"]["name"]
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
