# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The commands of tieline: exit statuses, messages, JSON, and what they leave alone."""

import contextlib
import json
import os
import re
import shutil
import signal
import stat
import subprocess

from device import Key
from lab import Failure, Skip, expect, expect_same, run, until
from scenario import scenario

# A site's node, whose LAN is on eth1, and its hub elsewhere.
FILE = """\
network: {name}
addresses: 10.70.0.0/24
hubs:
  z: {{endpoint: "203.0.113.1:51820", key: "{z}"}}
sites:
  shenzhen: {{lan: 192.168.201.0/24, node: a, key: "{a}", gateway: self}}
  beijing: {{lan: 192.168.200.0/24, node: c, key: "{c}", devices: {{d: 192.168.200.244}}}}
people:
  e: {{groups: developers, devices: {{laptop: {{key: "{e}"}}}}}}
policy:
  - {{from: developers, to: [shenzhen, beijing]}}
  - {{from: [shenzhen, beijing], to: [shenzhen, beijing]}}
"""

# Run by the holder of a machine: files of its own, and process numbers of its own.
HOLDER = """
set -e
mount -t proc proc /proc
mkdir -p /run/tl-upper
mount -t tmpfs tmpfs /run
mkdir -p /run/etc /run/etc-work /run/lib /run/lib-work
mount -t overlay overlay -o lowerdir=/etc,upperdir=/run/etc,workdir=/run/etc-work /etc
mount -t overlay overlay -o lowerdir=/var/lib,upperdir=/run/lib,workdir=/run/lib-work /var/lib
rm -rf /etc/tieline /var/lib/tieline
mkdir -p /etc/tieline /run/wireguard
[ -L /var/run ] || mount -t tmpfs tmpfs /var/run
echo ready
exec sleep infinity
"""


class Answer:
    """What a command printed, and its exit status."""

    def __init__(self, done):
        self.status, self.out, self.err = done.returncode, done.stdout, done.stderr
        self.text = f"exit status {self.status}\n{self.out}{self.err}"

    def json(self):
        return json.loads(self.out)


class Machine:
    """A node with files and processes of its own: /etc/tieline, /run and /var/lib are private."""

    def __init__(self, lab, name):
        self.lab, self.node = lab, lab.node(name)
        build = os.path.dirname(os.path.dirname(os.path.abspath(lab.mine.path)))
        self.program = f"{build}/cli/tieline"
        if not os.access(self.program, os.X_OK):
            raise Skip(f"no tieline at {self.program}")
        self.path = f"{build}/daemon:{os.environ['PATH']}"
        self.holder = subprocess.Popen(
            [shutil.which("nsenter"), f"--net=/run/netns/{self.node.ns}", "unshare", "--mount",
             "--pid", "--fork", "--kill-child", "--propagation", "private", "sh", "-c", HOLDER],
            stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        lab.resources.callback(self.end)
        expect_same(self.holder.stdout.readline(), "ready\n", "a machine is ready")
        children = f"/proc/{self.holder.pid}/task/{self.holder.pid}/children"
        with open(children, encoding="ascii") as file:
            self.pid = file.read().split()[0]

    def end(self):
        self.holder.send_signal(signal.SIGKILL)
        self.holder.wait()
        self.holder.stdout.close()

    def command(self, *argv):
        return [shutil.which("nsenter"), f"--net=/proc/{self.pid}/ns/net",
                f"--mount=/proc/{self.pid}/ns/mnt", f"--pid=/proc/{self.pid}/ns/pid_for_children",
                "--", *argv]

    def run(self, *argv, check=True, env=None, **more):
        return run(*self.command(*argv), check=check, cwd="/",
                   env={**os.environ, "PATH": self.path, **(env or {})}, **more)

    def tieline(self, *words, wants=0, says=None, **more):
        """Runs a command, and expects its exit status and a part of what it prints."""
        answer = Answer(self.run(self.program, *words, check=False, **more))
        what = f"tieline {' '.join(words)}"
        if answer.status != wants:
            expect_same(answer.text, f"exit status {wants}", what)
        if says and not re.search(says, answer.out + answer.err):
            expect_same(answer.text, says, what)
        return answer

    def sh(self, script, **more):
        return self.run("sh", "-ec", script, **more).stdout

    def write(self, text, name="acme.yaml"):
        """Writes a file below /etc/tieline."""
        self.run("tee", f"/etc/tieline/{name}", input=text)

    def read(self, path):
        return self.run("cat", path, check=False).stdout

    def picture(self):
        """Everything that apply makes, as text."""
        return self.sh("""
            ip -o addr show dev acme 2>&1 | sed 's/valid_lft.*//' || true
            ip -o link show dev acme 2>&1 | sed 's/^[0-9]*//' || true
            ip -4 route show table all; ip -6 route show table all | grep -v fe80
            ip rule; ip -6 rule
            nft -s list ruleset; wg show acme allowed-ips 2>&1 | tr ' ' '\\n' | sort || true
            wg show acme endpoints 2>&1 || true
            cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding
            find /run/tieline ! -type d ! -name '*.stamp' ! -name '*.log' 2>/dev/null || true""")


def office(lab):
    """A machine that is a in FILE, and the text of FILE."""
    machine = Machine(lab, "a")
    outside, inside = lab.node("z"), lab.node("b")
    lab.link(machine.node, outside)
    lab.link(machine.node, inside)
    machine.node.ip("addr", "add", "192.168.201.2/24", "dev", "eth1")
    machine.node.ip("route", "add", "default", "via", outside.v4())
    public = machine.tieline("key", "acme").out.strip()
    text = FILE.format(name="acme", a=public, **{x: Key(lab).public for x in "zce"})
    machine.write(text)
    return machine, text


def settles(machine, wanted, what):
    """Waits until a machine looks as it did before. A failure shows the lines that differ."""
    with contextlib.suppress(Failure):
        until(lambda: machine.picture() == wanted, what, 20)
    found, wanted = (text.splitlines() for text in (machine.picture(), wanted))
    expect_same([line for line in found if line not in wanted],
                [line for line in wanted if line not in found], what)
    expect_same(found, wanted, what)


@scenario(ours_only=True)
def commands_refuse_wrong_use(lab):
    """Each command refuses wrong options, words and names with status 2, and says what is right."""
    machine = Machine(lab, "a")
    words = re.findall(r"^  ([a-z]+)  ", machine.tieline("--help").out, re.M)
    expect({"key", "check", "plan", "apply", "confirm", "down", "help"} <= set(words),
           f"--help lists all commands, not {words}")
    for word in words:
        shown = machine.tieline(word, "--help").out
        expect(shown.startswith(f"Usage: tieline {word}"), f"{word} --help shows its usage")
        expect_same(machine.tieline("help", word).out, shown, f"help {word}")
        machine.tieline(word, "--jsonn", wants=2, says="--help")
        expect(not [line for line in shown.splitlines() if len(line) > 80],
               f"no line of {word} --help is longer than 80 columns")
    networks = ("key", "check", "plan", "apply", "confirm", "down", "show")
    for word in networks:
        machine.tieline(word, "a", "b", wants=2, says="unexpected argument `b'")
        machine.tieline(word, "a name", wants=2, says="is not the name of a network")
        machine.tieline(word, "longer-than-fifteen", wants=2, says="1 to 15 characters")
        machine.tieline(word, "some/path", wants=2, says="ends in .yaml")
        machine.tieline(word, wants=1, says="there is no network in /etc/tieline")
    machine.tieline(wants=2, says="missing command")
    machine.tieline("chekc", wants=2, says="did you mean `check'")
    machine.tieline("--hlep", wants=2, says="unknown option")
    machine.tieline("apply", "--confirm", wants=2, says="--confirm needs a value")
    for duration in ("5", "0s", "five minutes", "2d", "-5m", "25h"):
        machine.tieline("apply", "--confirm", duration, "acme", wants=2, says="such as 60s or 5m")
    machine.tieline("check", "--json=1", wants=2, says="takes no value")
    machine.tieline("check", "--lock", "acme", wants=1, says="does not exist")  # abbreviated
    machine.tieline("completion", "tcsh", wants=2, says="use bash, zsh or fish")
    machine.tieline("check", "acme", wants=1, says="/etc/tieline/acme.yaml does not exist")
    machine.write("network: a\n", "a.yaml")
    machine.write("network: b\n", "b.yaml")
    machine.tieline("check", wants=2, says="which network.* (a, b|b, a)")
    for word in ("plan", "apply", "confirm", "down"):
        done = machine.run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                           machine.program, word, "a", check=False)
        expect(done.returncode == 1 and "needs root" in done.stderr, f"{word} says it needs root")
    # Lost output is a failure, not a success.
    done = machine.run("sh", "-c", f"{machine.program} --help >/dev/full", check=False)
    expect(done.returncode == 1 and "standard output" in done.stderr, "a full disk is reported")


@scenario(ours_only=True)
def keys_stay_private(lab):
    """A key is made once, stays private, and is refused if others can read it."""
    machine = Machine(lab, "a")
    first = machine.tieline("key", "acme")
    path = "/etc/tieline/acme.key"
    secret = machine.read(path).strip()
    expect(len(secret) == 44 and secret not in first.text, "the private key is not printed")
    expect_same(machine.sh(f"stat -c %a {path}").strip(), "600", "the mode of the key")
    expect_same(machine.run("wg", "pubkey", input=secret).stdout, first.out, "the public key")
    again = machine.tieline("key", "acme", "--json").json()
    expect_same(again, {"public_key": first.out.strip(), "file": path, "is_new": False}, "--json")
    expect_same(machine.read(path).strip(), secret, "the key after another run")
    machine.write(FILE.format(name="acme", a=first.out.strip(),
                              **{x: Key(lab).public for x in "zce"}))
    machine.tieline("check")
    for mode in ("640", "604", "666"):
        machine.sh(f"chmod {mode} {path}")
        for word in ("key", "plan", "apply"):
            machine.tieline(word, "acme", wants=1, says=f"chmod 600 {path}")
    machine.sh(f"chmod 600 {path}; printf nonsense >{path}")
    for word in ("key", "plan", "apply"):
        answer = machine.tieline(word, "acme", wants=1, says="not a private key in base64")
        expect("nonsense" not in answer.text, "the content is not quoted")
    machine.sh(f"rm {path}")
    machine.tieline("plan", "acme", wants=1, says="run `tieline key")
    # A key that no entry has.
    machine.tieline("key", "acme")
    machine.tieline("plan", "acme", wants=1, says="key")
    expect_same(machine.run("ip", "link", "show", "acme", check=False).returncode, 1,
                "no link exists")


@scenario(ours_only=True, seconds=120)
def plan_shows_what_differs(lab):
    """plan lists what somebody changed by hand, apply repairs it, and down leaves nothing."""
    machine, text = office(lab)
    machine.tieline("check")
    before = machine.picture()
    planned = machine.tieline("plan", "--json", wants=3).json()
    expect_same(sorted(planned), ["changes", "cut", "file", "findings", "network", "node", "reach",
                                  "undone_in_s"],
                "members of plan --json")
    expect_same((planned["network"], planned["node"], planned["reach"]), ("acme", "a", None),
                "network, node and reach")
    expect_same(machine.picture(), before, "the machine after plan")
    applied = machine.tieline("apply", "--json").json()
    expect_same(applied["made"], len(applied["changes"]), "the number of changes made")
    good = machine.picture()
    machine.tieline("plan", says="nothing to change")
    expect_same(machine.tieline("apply", "--json").json()["made"], 0, "changes of a second apply")
    expect_same(machine.picture(), good, "the machine after a second apply")

    peer = machine.sh("wg show acme peers | head -n 1").strip()
    faults = {
        "route": "ip route del 192.168.200.0/24 dev acme",
        "table": "nft add rule inet tieline-acme planted counter || "
                 "nft add chain inet tieline-acme planted",
        "peer": f"wg set acme peer {peer} remove",
        "address": "ip addr del $(ip -4 -o addr show dev acme | awk '{print $4}') dev acme",
        "mtu": "ip link set acme mtu 1281",
        "link": "ip link set acme down",
        "setting": "echo 0 >/proc/sys/net/ipv4/ip_forward",
    }
    for kind, fault in faults.items():
        machine.sh(fault)
        kinds = [change["kind"]
                 for change in machine.tieline("plan", "--json", wants=3).json()["changes"]]
        expect(kind in kinds, f"plan after `{fault}' shows a change of kind {kind}, not {kinds}")
        machine.tieline("apply")
        expect_same(machine.picture(), good, f"the machine after `{fault}' and apply")
        machine.tieline("plan", says="nothing to change")
    # Somebody is removed: the plan names them, though the file has them no more.
    machine.write(re.sub(r"  e: .*\n", "", text).replace("{from: developers", "{from: sites"))
    machine.tieline("check")
    lost = machine.tieline("plan", "--json", wants=3).json()["reach"]
    expect([line for line in lost if line["change"] == "loses" and "e" in line["who"].split()],
           f"e loses something: {lost}")
    machine.write(text)
    machine.tieline("check")
    machine.tieline("plan")
    machine.tieline("down", says="acme: taken down")
    settles(machine, before, "down leaves the machine as it was")
    machine.tieline("down", says="nothing to take down")


@scenario(ours_only=True, seconds=120)
def wrong_files_change_nothing(lab):
    """Mistakes, conflicts and a full disk leave the file, the lock and the machine unchanged."""
    machine, text = office(lab)
    machine.tieline("check", "--locked", wants=1, says="without --locked")
    expect_same(machine.read("/etc/tieline/acme.lock"), "", "the lock after --locked")
    machine.tieline("plan", wants=1, says="tieline check")
    machine.tieline("check", says="recorded")
    machine.tieline("check", "--locked")
    lock = machine.read("/etc/tieline/acme.lock")
    machine.tieline("apply")
    good = machine.picture()

    wrong = {
        "syntax": text.replace("hubs:", "hubs: ["),
        "an unknown key": text.replace("policy:", "polices:"),
        "an unknown name": text.replace("to: [shenzhen, beijing]}", "to: [shenzhen, bejing]}"),
        "a LAN in the mapped prefixes": text.replace("192.168.200.", "10.200.7."),
        "a LAN that is the pool": text.replace("10.70.0.0/24", "192.168.200.0/23"),
        "one key twice": re.sub(r"(e: .*key: )\"[^\"]*\"", r'\1"' + peer_key(text) + '"', text),
        "another name": text.replace("network: acme", "network: other"),
    }
    for what, changed in wrong.items():
        expect(changed != text, f"the file for {what} differs")
        machine.write(changed)
        shown = machine.tieline("check", wants=1, says=r"acme.yaml:\d+:\d+: error: .*\n(.*\n)*"
                                                       r"\d+ errors?")
        expect("\033" not in shown.text, "no colours without a terminal")
        findings = machine.tieline("check", "--json", wants=1).json()
        expect(not findings["is_good"] and findings["findings"][0]["line"] > 0,
               f"JSON has the line of {what}")
        machine.tieline("plan", wants=1)
        machine.tieline("apply", wants=1)
        expect_same(machine.read("/etc/tieline/acme.lock"), lock, f"the lock after {what}")
        expect_same(machine.picture(), good, f"the machine after {what}")

    # Mistakes of form, of names and of prefixes are found in one run.
    machine.write(text.replace("gateway: self", "gateway: nat").replace("10.70.0.0/24", "10.70.0.0")
                  .replace("beijing]}", "bejing]}").replace("192.168.200.", "192.168.201."))
    found = machine.tieline("check", "--json", wants=1).json()["findings"]
    messages = " ".join(finding["message"] for finding in found)
    for part in ("nat", "10.70.0.0", "bejing", "overlaps"):
        expect(part in messages, f"one run finds {part}: {messages}")

    # A full disk for the lock: it stays whole, and no temporary file is left.
    machine.sh("""
        mkdir /run/small && mount -t tmpfs -o size=16k,nr_inodes=8 tmpfs /run/small
        cp /etc/tieline/acme.lock /run/small/""")
    more = text.replace("people:\n", "people:\n" + "".join(
        f"  p{n}: {{devices: {{laptop: {{}}}}}}\n" for n in range(200)))
    machine.run("tee", "/etc/acme.yaml", input=more)
    machine.sh("""
        ln -s /etc/acme.yaml /run/small/acme.yaml
        dd if=/dev/zero of=/run/small/fill bs=1k 2>/dev/null || true""")
    machine.tieline("check", "/run/small/acme.yaml", wants=1, says="No space left on device")
    expect_same(machine.read("/run/small/acme.lock"), lock, "the lock on a full disk")
    expect_same(machine.sh("ls /run/small").split(), ["acme.lock", "acme.yaml", "fill"],
                "files on the full disk")
    # The path of a file elsewhere has its lock beside it.
    machine.sh("umount /run/small; mkdir /run/else; cp /etc/tieline/acme.yaml /run/else/x.yaml")
    machine.run("tee", "/run/else/x.yaml", input=text)
    machine.tieline("check", "/run/else/x.yaml", says="x.lock: recorded")
    expect_same(machine.sh("stat -c %a /run/else/x.lock").strip(), "644", "the mode of a lock")
    machine.tieline("down")


def peer_key(text):
    """The key of beijing's node."""
    return re.search(r"beijing: .*?key: \"([^\"]*)\"", text)[1]


@scenario(ours_only=True)
def expectations_and_json(lab):
    """check exits with 3 for an unmet expectation; every --json is valid and has its members."""
    machine, text = office(lab)
    machine.write(text + "expect:\n  - e -> d:443\n  - not e -> d\n")
    machine.tieline("check", wants=3, says=r"acme.yaml:\d+:\d+: not met: not e -> d")
    answer = machine.tieline("check", "--json", wants=3).json()
    expect_same(sorted(answer), ["expectations", "file", "findings", "is_good", "lock",
                                 "new_values"], "members of check --json")
    expect_same([one["is_met"] for one in answer["expectations"]], [True, False], "what is met")
    expect({"text", "line", "column", "is_met", "is_reachable", "cause"}
           <= set(answer["expectations"][1]), "an expectation has its members")
    shown = machine.tieline("show", "--json").json()
    expect_same((shown["new_values"], [(one["site"], one["on"]) for one in shown["routes"]]),
                (0, [("beijing", "router")]), "values that the lock lacks, and routes to enter")
    machine.tieline("show", says="on beijing's router: 10.70.0.0/24, 192.168.201.0/24 via")
    offered = machine.tieline("complete", "--", "explain", "acme", "").out.split()
    expect({"d", "e/laptop", "beijing", "developers"} <= set(offered), f"names, not {offered}")
    offered = machine.tieline("complete", "--", "plan", "--json", "a").out.split()
    expect_same(offered, ["acme"], "networks offered")
    machine.write(text + "expect:\n  - e -> nobody\n")
    machine.tieline("check", wants=1, says="nobody")
    machine.write(text.replace("people:", "poeple:"))
    machine.tieline("show", wants=1, says="did you mean")


@scenario(ours_only=True)
def explain_knows_where_it_is(lab):
    """explain counts the networks and the uplink of the machine that it runs on, without a key
    (S10, S19). --in supposes others."""
    machine, _ = office(lab)
    machine.run("rm", "/etc/tieline/acme.key")
    said = machine.tieline("explain", "--json", "acme", "e", "d").json()
    expect_same((said["form"], said["dials"]), ("own", "192.168.200.244"), "e dials d")
    address = machine.tieline("explain", "--json", "acme", "e", "a").json()["from"]["address"]
    machine.sh(f"""ip link add acme type bridge; ip addr add {address}/32 dev acme
                   ip link add home type bridge; ip addr add 192.168.200.9/25 dev home
                   ip link set eth0 mtu 1300""")
    said = machine.tieline("explain", "--json", "acme", "e", "d").json()
    expect_same((said["form"], said["cause"]), ("mapped", "mtu"), "how e dials d at home")
    expect(re.search("add `mtu: 1300` to e/laptop", said["fix"]), said["fix"])
    machine.tieline("explain", "acme", "e -> 192.168.200.44", wants=3,
                    says=f"fix: +use {said['dials'].rsplit('.', 1)[0]}.44")
    said = machine.tieline("explain", "--json", "acme", "--in", "a=172.17.0.0/16", "--in",
                           "e=172.18.0.0/16", "e -> d").json()
    expect_same((said["form"], said["cause"]), ("own", "none"), "how e dials d elsewhere")
    for wrong in ("e", "e=", "=10.0.0.0/8", "nobody=10.0.0.0/8", "e=10.0.0.0/33"):
        machine.tieline("explain", "acme", "--in", wrong, "e -> d", wants=2, says="--in")
    travel = machine.tieline("show", "--travel", "--json").json()
    expect({"native"} <= {way for pair in travel["pairs"] for way in pair["ways"]}, str(travel))


@scenario(ours_only=True, seconds=90)
def changes_wait_for_confirmation(lab):
    """apply --confirm is undone in time, or at once, unless it is confirmed."""
    machine, text = office(lab)
    machine.tieline("check")
    before = machine.picture()
    machine.tieline("confirm", wants=1)
    machine.tieline("apply", "--confirm", "1h", says="tieline confirm acme")
    machine.tieline("confirm", "--revert")
    settles(machine, before, "--revert leaves the machine as it was")
    machine.tieline("apply", "--confirm", "1h")
    machine.tieline("confirm", says="the changes stay")
    good = machine.picture()
    machine.write(text.replace("192.168.200.0/24", "192.168.210.0/24")
                  .replace("192.168.200.244", "192.168.210.244"))
    machine.tieline("check")
    machine.tieline("apply", "--confirm", "1s")
    settles(machine, good, "the machine returns to the good file")
    machine.tieline("confirm", wants=1)
    machine.tieline("down")


@scenario(ours_only=True)
def no_secret_is_visible(lab):
    """The private key is on no command line and in no file but its own, while apply runs."""
    machine, _ = office(lab)
    machine.tieline("check")
    secret = machine.read("/etc/tieline/acme.key").strip()
    watch = Watch(machine, secret)
    answer = machine.tieline("apply")
    expect_same(watch.found(), [], "command lines with the key")
    expect(secret not in answer.text, "apply does not print the key")
    found = machine.sh(f"grep -rlF '{secret}' /etc/tieline /run /var/lib/tieline || true").split()
    expect_same([path for path in found if path not in
                 ("/etc/tieline/acme.key", "/run/etc/tieline/acme.key")], [],
                "files with the key")
    for root, _, names in os.walk(lab.directory):
        for name in names:
            mode = os.lstat(os.path.join(root, name)).st_mode
            if stat.S_ISREG(mode):
                with open(os.path.join(root, name), "rb") as file:
                    expect(secret.encode() not in file.read(), f"{name} does not have the key")
    machine.tieline("down")


class Watch:
    """Collects the command lines of a machine's processes that contain a text, until found()."""

    SCRIPT = """while [ -e "$1" ]; do cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' |
                grep -F -f "$1"; done"""

    def __init__(self, machine, secret):
        machine.run("tee", "/run/pattern", input=secret)
        self.process = subprocess.Popen(
            machine.command("sh", "-c", self.SCRIPT, "watch", "/run/pattern"),
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.machine = machine

    def found(self):
        self.machine.sh("rm /run/pattern")
        return self.process.communicate(timeout=20)[0].splitlines()
