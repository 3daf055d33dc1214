# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""tieline-quick's rules for default routes: which packets they capture, how several tunnels share
a host, and what remains after each way to end."""

import contextlib
import os
import re
import shutil
import signal
import subprocess

from lab import QUICK_STATES, SOCKETS, expect, expect_same, run, until
from scenario import scenario
from scenarios.quick import Quick, expect_alike, host

FAR = ("198.18.0.1", "2001:db8:ffff::1")  # reached only by the default route
EVERYTHING = ("AllowedIPs = 0.0.0.0/0, ::/0", "Endpoint = 192.0.2.2:5")


def tunnel(lab, node, name, *lines):
    """A tunnel with default routes; nothing is up yet."""
    quick = Quick(lab, node, name)
    number = ord(name[0])
    quick.write(f"Address = 10.{number}.0.1/24, fd77:{number}::1/64", *lines, peers=(EVERYTHING,))
    return quick


def way(node, address, *words):
    """The device by which packets to an address leave."""
    told = node.ip("-6" if ":" in address else "-4", "route", "get", address, *words).stdout
    return re.search(r" dev (\S+)", told).group(1)


def mark(quick):
    return quick.wg("show", quick.ifname, "fwmark").strip()


def expect_way(node, wanted, what, *words):
    for address in FAR:
        expect_same(way(node, address, *words), wanted, f"device to {address}, {what}")


def expect_lan(node, what):
    """Expects routes more specific than the default to keep their traffic out of all tunnels."""
    for address in ("192.0.2.2", "2001:db8:1::2"):
        expect_same(way(node, address), "eth0", f"device to {address}, {what}")


def launch(quick, verb, program="tieline-quick"):
    """Starts a command; finish() waits for it."""
    return subprocess.Popen([shutil.which("nsenter"), f"--net=/run/netns/{quick.node.ns}",
                             f"{quick.directory}/bin/{program}", verb, quick.file],
                            env=quick.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, text=True)


def finish(process):
    process.told = process.communicate(timeout=60)[1]
    return process.returncode


@scenario(ours_only=True, needs=("wg-quick", "nft", "nsenter"), seconds=90)
def quick_tunnels_share_a_host(lab):
    """Two tunnels with default routes, ours or wg-quick's, share a host in any order.

    The newer gets the traffic, neither captures the other's packets, and either may end first.
    """
    node = host(lab)
    for number, (first, second, ends) in enumerate((
            ("tieline-quick", "tieline-quick", 0), ("tieline-quick", "tieline-quick", 1),
            ("wg-quick", "tieline-quick", 0), ("wg-quick", "tieline-quick", 1),
            ("tieline-quick", "wg-quick", 0), ("tieline-quick", "wg-quick", 1))):
        programs = (first, second)
        tunnels = [tunnel(lab, node, f"{name}{number}") for name in "wx"]
        before = tunnels[0].picture()
        for quick, program in zip(tunnels, programs):
            quick.up(program=program)
            expect_way(node, quick.ifname, f"{program} came last")
            expect_lan(node, f"{programs} are up")
        expect(len({mark(quick) for quick in tunnels}) == 2, "each has its own mark")
        if "wg-quick" not in programs:
            for quick in tunnels:
                expect_way(node, "eth0", f"packets of {quick.ifname}", "mark", mark(quick))
        tunnels[ends].down(program=programs[ends])
        left = tunnels[1 - ends]
        expect_way(node, left.ifname, f"{programs}, number {ends} has ended")
        expect_way(node, "eth0", f"packets of {left.ifname}", "mark", mark(left))
        expect_lan(node, f"{programs}, number {ends} has ended")
        left.down(program=programs[1 - ends])
        for quick in tunnels:
            quick.clean()
        expect_alike(left.picture(), before, f"the node after {programs}")


def follow(node, tunnels, packet):
    """The devices that a packet passes if each tunnel sends it on under its own mark."""
    marks = {quick.ifname: mark(quick) for quick in tunnels}
    passed = [way(node, packet)]
    while passed[-1] in marks and len(passed) < 9:
        passed.append(way(node, packet, "mark", marks[passed[-1]]))
    return passed


@scenario(ours_only=True, needs=("wg-quick", "nft", "nsenter"), seconds=60)
def quick_tunnels_never_loop(lab):
    """Tunnels with default routes never send packets in circles, in any order, with any marks."""
    node = host(lab)
    kinds = {"chosen": ("tieline-quick",), "FwMark": ("tieline-quick", "FwMark = 0x1234"),
             "stock": ("wg-quick",)}
    for number, names in enumerate((("chosen", "FwMark"), ("FwMark", "chosen"), ("stock", "chosen"),
                                    ("chosen", "stock"), ("stock", "FwMark"),
                                    ("chosen", "chosen", "chosen"))):
        tunnels = []
        for name, kind in zip("wxy", names):
            program, *lines = kinds[kind]
            tunnels.append((tunnel(lab, node, f"{name}{number}", *lines), program))
            tunnels[-1][0].up(program=program)
        for address in FAR:
            passed = follow(node, [quick for quick, _ in tunnels], address)
            expect_same(passed[0], tunnels[-1][0].ifname, f"the first device, with {names}")
            expect_same(passed[-1], "eth0", f"the last device of {passed}, with {names}")
        for quick, program in tunnels:
            quick.down(program=program)
        tunnels[0][0].clean()


@scenario(ours_only=True, needs=("wg-quick", "nft", "nsenter"), seconds=120)
def quick_tunnels_come_at_once(lab):
    """Tunnels with default routes, wg-quick's included, come up and go down at the same time."""
    node = host(lab)
    tunnels = [tunnel(lab, node, name) for name in "stuvw"]
    stock = tunnel(lab, node, "x")
    before = stock.picture()
    for _ in range(3):
        starts = [launch(quick, "up") for quick in tunnels] + [launch(stock, "up", "wg-quick")]
        for quick, process in zip(tunnels, starts):
            expect_same(finish(process), 0, f"up of {quick.ifname}")
        finish(starts[-1])  # wg-quick may find its table number taken
        expect_same(len({mark(quick) for quick in tunnels}), len(tunnels), "number of marks")
        expect_lan(node, "all are up")
        if stock.exists():
            stock.down(program="wg-quick")
        expect_lan(node, "wg-quick is down")
        for quick in tunnels:
            expect_way(node, "eth0", f"packets of {quick.ifname}", "mark", mark(quick))
        for process in [launch(quick, "down") for quick in tunnels]:
            expect_same(finish(process), 0, "down")
        for quick in tunnels:
            quick.clean()
        expect_alike(stock.picture(), before, "the node at the end")


# Rules added by other software, as arguments of `ip rule add`.
OTHERS = {
    "another VPN": ("priority 5270 table 52",),
    "rules without a priority": ("table 52",),
    "right before main": ("priority 32765 table 52",),
    "a VPN's own mark": ("priority 5210 fwmark 0x80000/0xff0000 table main",
                         "priority 5250 fwmark 0x80000/0xff0000 unreachable",
                         "priority 5270 table 52"),
    "by a mark, as tunnels": ("priority 32764 not fwmark 0x7 table 52",),
    "on both sides": ("priority 100 to 192.0.2.77 table main", "priority 32764 table 52"),
}


@scenario(ours_only=True, needs=("nft", "nsenter"), seconds=60)
def quick_leaves_others_their_addresses(lab):
    """Addresses routed by others' rules stay theirs, whatever the priority of the rules."""
    node = host(lab)
    node.ip("link", "add", "other0", "type", "veth", "peer", "name", "other1")
    node.ip("addr", "add", "100.100.1.1/32", "dev", "other0")
    node.ip("addr", "add", "fd7a::1/128", "dev", "other0", "nodad")
    for link in ("other0", "other1"):
        node.ip("link", "set", link, "up")
    node.ip("route", "add", "100.64.0.0/10", "dev", "other0", "table", "52")
    node.ip("-6", "route", "add", "fd7a::/48", "dev", "other0", "table", "52")
    for number, (name, rules) in enumerate(OTHERS.items()):
        tunnels = [tunnel(lab, node, f"{letter}{number}") for letter in "wx"]
        for family in ("-4", "-6"):
            for rule in rules:
                if "192.0.2" not in rule or family == "-4":
                    node.ip(family, "rule", "add", *rule.split())
        before = tunnels[0].picture()
        for quick in tunnels:
            quick.up()
            for address in ("100.64.0.9", "fd7a::9"):
                expect_same(way(node, address), "other0", f"device to {address}, {name}")
            expect_lan(node, name)
            # If others leave no room behind their rules, the first tunnel keeps the traffic.
            is_tight = name in ("rules without a priority", "right before main")
            expect_way(node, tunnels[0].ifname if is_tight else quick.ifname, name)
        for quick in tunnels:
            quick.down()
            expect_alike([line for line in quick.picture() if quick.ifname in line], [], name)
        expect_alike(tunnels[0].picture(), before, f"the node after {name}")
        for family in ("-4", "-6"):
            for rule in rules:
                if "192.0.2" not in rule or family == "-4":
                    node.ip(family, "rule", "del", *rule.split())


def kill_all(node):
    """Ends a node like a container: its processes go, its network namespace stays."""
    for pid in run("ip", "netns", "pids", node.ns).stdout.split():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)


def lose(quick):
    kill_all(quick.node)
    until(lambda: not quick.exists(), "the interface is gone")
    for path in (f"{QUICK_STATES}/{quick.ifname}", f"{SOCKETS}/{quick.ifname}.sock"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


@scenario(ours_only=True, needs=("nft", "nsenter"), seconds=60)
def quick_finds_its_own_without_notes(lab):
    """After kill -9 of everything, without /run, all of ours and nothing else is cleaned up."""
    node = host(lab)
    quick, other = tunnel(lab, node, "w"), tunnel(lab, node, "x")
    before = quick.picture()
    for _ in range(2):
        quick.up()
        rules = len(node.ip("rule").stdout.splitlines())
        lose(quick)
    quick.up()
    expect_same(len(node.ip("rule").stdout.splitlines()), rules, "rules after three starts")
    lose(quick)
    quick.down()  # the interface is gone, its leftovers are not
    quick.clean()
    quick.up()
    lose(quick)
    other.up()  # the next interface's up cleans up
    expect(quick.ifname not in other.nft(), "the lost interface's table is gone")
    expect_same(len(node.ip("rule").stdout.splitlines()), rules, "rules of the other interface")
    os.unlink(f"{QUICK_STATES}/{other.ifname}")
    quick.up()  # a live interface stays, even without a state file
    expect_same(len(node.ip("rule").stdout.splitlines()), 2 * rules - 3, "rules of both interfaces")
    quick.down()
    expect_way(node, other.ifname, "the other interface is up")
    # A link that is down has no routes, but still exists.
    node.ip("link", "set", other.ifname, "down")
    quick.up()
    quick.down()
    expect_same(len(node.ip("rule").stdout.splitlines()), rules,
                "rules of the interface whose link is down")
    other.down()
    other.clean()
    expect_alike(quick.picture(), before, "the node at the end")
    expect("is not a WireGuard interface" in quick.down(check=False).stderr,
           "a second down is refused")


def packet_rules(node):
    return "".join(node.run(program, "-w", "-t", table, "-S").stdout
                   for program in ("iptables", "ip6tables") for table in ("raw", "mangle"))


@scenario(ours_only=True, needs=("iptables", "ip6tables", "nft", "nsenter"), seconds=60)
def quick_goes_without_nft(lab):
    """Without nft, iptables does the same and nothing of it stays, with or without /run."""
    node = host(lab)
    quick = tunnel(lab, node, "w")
    quick.env["PATH"] = path = f"{quick.directory}/few"
    os.mkdir(path)
    for program in ("ip", "iptables", "ip6tables", "bash", "wg", "tielined"):
        where = shutil.which(program, path=f"{quick.directory}/bin:{os.environ['PATH']}")
        os.symlink(where, f"{path}/{program}")
    node.run("iptables", "-w", "-t", "raw", "-A", "PREROUTING", "-d", "192.0.2.77", "-j", "DROP")
    node.run("ip6tables", "-w", "-t", "mangle", "-S")
    before, rules = quick.picture(), packet_rules(node)
    for name in (quick.ifname, f"{quick.ifname}=.+"):
        renamed = f"{quick.directory}/{name}.conf"
        os.rename(quick.file, renamed)
        quick.ifname, quick.file = name, renamed
        for end in (quick.down, lambda: lose(quick)):
            quick.up()
            added = [line for line in packet_rules(node).splitlines() if line not in rules]
            expect_same(len(added), 6, f"iptables rules added: {added}")
            expect("table ip tieline-quick" not in quick.nft(), "there is no nft table")
            expect_lan(node, f"{name} is up")
            end()
        quick.down()
        expect_same(packet_rules(node), rules, "iptables rules afterwards")
    node.run("nft", "flush", "ruleset")
    quick.clean()
    expect_alike(quick.picture(), before, "the node at the end")


@scenario(ours_only=True, needs=("nsenter",), seconds=60)
def quick_ends_what_has_moved(lab):
    """`down` ends an interface wherever it is, by any name, and no other with its old name."""
    node, away = lab.node("a"), lab.node("away")
    places = {
        "moved": (f"ip link set %i netns {away.ns}; ip -n {away.ns} link set %i up",),
        "moved and renamed": (f"ip link set %i netns {away.ns} name tl{os.getpid()}z",),
        "renamed": ("ip link set %i down", f"ip link set %i name tl{os.getpid()}z"),
        "moved there and back": (f"ip link set %i netns {away.ns}",
                                 f"ip -n {away.ns} link set %i netns {node.ns}"),
        "moved, and another came": (f"ip link set %i netns {away.ns}",
                                    "ip link add %i type veth peer name peer0"),
    }
    for number, (name, hooks) in enumerate(places.items()):
        quick = Quick(lab, node, f"w{number}")
        for last in ("PostUp = true", "PostUp = false"):
            quick.write("Table = off", *(f"PostUp = {hook}" for hook in hooks), last)
            told = quick.up(check=False)
            expect_same(told.returncode, int("false" in last), f"up, {name}: {told.stderr}")
            if not told.returncode:
                quick.down()
            for place in (node, away):
                links = place.ip("-br", "link").stdout
                expect_same([line for line in links.splitlines() if "veth" not in line and
                             re.match(rf"tl{os.getpid()}(z|w\d) ", line)], [], f"links, {name}")
            if "another" in name:
                node.ip("link", "del", quick.ifname)
            quick.clean()


def signal_at_step(quick, count):
    """Makes the $AT-th program that tieline-quick runs send it a signal.

    The signal comes after the program's work, or with $EARLY instead of it. tieline-quick starts
    tielined through a child of its own, which no signal to the command reaches.
    """
    for name in ("ip", "nft", "tielined"):
        path = os.path.realpath(shutil.which(name, path=quick.env["PATH"]))
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{quick.directory}/bin/{name}")
        quick.fake(name, f'echo >> {count}; n=$(wc -l < {count})\n'
                         f'[ "$n" = "$AT" ] || exec {path} "$@"\n'
                         f'[ -n "$EARLY" ] || {path} "$@"; status=$?\n'
                         'quick=$PPID; read -r _ _ _ above _ </proc/$PPID/stat\n'
                         '[ "$(cat /proc/$above/comm)" != tieline-quick ] || quick=$above\n'
                         'kill -$SIGNAL $quick; exit $status')


def steps(quick, *signals):
    """Runs `up` with a signal at each step in turn, until a run gets none."""
    count = quick.lab.file("count")
    signal_at_step(quick, count)
    step, told = 0, None
    while told is None or told.returncode:
        step += 1
        with contextlib.suppress(FileNotFoundError):
            os.unlink(count)
        told = quick.up(check=False, env={"AT": str(step), "SIGNAL": signals[step % len(signals)],
                                          "EARLY": "1" if step % 2 else ""})
        yield step, told
    expect(step > 12, f"there are many steps: {step}")
    quick.lab.notes.append(f"{step} steps")


@scenario(ours_only=True, needs=("nft", "nsenter"), seconds=120)
def quick_killed_at_any_step(lab):
    """If tieline-quick is killed at any step of `up`, the next `up` or `down` cleans up."""
    quick = tunnel(lab, host(lab), "w")
    before = quick.picture()
    for step, told in steps(quick, "KILL"):
        if told.returncode and step % 3 == 0:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{QUICK_STATES}/{quick.ifname}")
        elif told.returncode and step % 3 == 1:
            quick.up()
        quick.down(check=False)
        quick.clean()
        expect_alike(quick.picture(), before, f"the node after step {step}")


@scenario(ours_only=True, needs=("nft", "nsenter"), seconds=120)
def quick_interrupted_at_any_step(lab):
    """If tieline-quick is told to end at any step of `up`, it undoes everything itself."""
    quick = tunnel(lab, host(lab), "w")
    before = quick.picture()
    for step, told in steps(quick, "TERM", "INT", "HUP"):
        if told.returncode == 0:
            quick.down()
        quick.clean()
        expect_alike(quick.picture(), before, f"the node after step {step}: {told.stderr}")


@scenario(ours_only=True, needs=("nft", "nsenter"))
def quick_goes_on_unheard(lab):
    """`up` and `down` complete even if nobody reads standard error any more."""
    node = host(lab)
    quick = tunnel(lab, node, "w")
    for verb in ("up", "down"):
        process = launch(quick, verb)
        process.stderr.close()
        expect_same(process.wait(timeout=60), 0, f"exit status of {verb}")
        if verb == "up":
            expect_way(node, quick.ifname, "it is up")
    quick.clean()


@scenario(ours_only=True, needs=("nft", "nsenter"), seconds=60)
def quick_knows_its_namespace(lab):
    """An interface of the same name in another namespace or boot is not taken for ours."""
    a, b = host(lab), lab.node("b")
    here = tunnel(lab, a, "w")
    there = Quick(lab, b, "w1")
    there.file, there.ifname = here.file, here.ifname
    here.up()
    state = f"{QUICK_STATES}/{here.ifname}"
    with open(state, encoding="ascii") as file:
        notes = file.read()
    for verb in ("up", "down"):
        told = there.run(verb, check=False)
        expect_same(told.returncode, 1, f"exit status of {verb} elsewhere")
        expect("another network namespace" in told.stderr,
               f"stderr gives the reason: {told.stderr}")
    with open(state, encoding="ascii") as file:
        expect_same(file.read(), notes, "content of the state file")
    expect_way(a, here.ifname, "after the attempts elsewhere")
    here.down()
    here.clean()
    # Rules that match the notes of another boot belong to others.
    other = tunnel(lab, a, "x")
    other.up()
    rules = a.ip("rule").stdout
    with open(state, "w", encoding="ascii") as file:
        file.write(re.sub(r"place \S+", "place 01234567-89ab", notes)
                   .replace(here.ifname, other.ifname))
    expect("is not a WireGuard interface" in here.down(check=False).stderr,
           "there is nothing to take down here")
    expect_same(a.ip("rule").stdout, rules, "rules of the other interface")
    expect(other.ifname in other.nft(), "its firewall table stays")
    other.down()
    other.clean()


@scenario(ours_only=True, needs=("nft", "nsenter"), seconds=90)
def quick_takes_turns(lab):
    """Simultaneous commands for one interface leave it fully up or fully down."""
    node = host(lab)
    quick = tunnel(lab, node, "w")
    before = quick.picture()
    for verbs in (("up", "up"), ("up", "down"), ("down", "down"), ("up", "up", "down", "down")) * 2:
        if "up" not in verbs:
            quick.up()
        statuses = [finish(process) for process in [launch(quick, verb) for verb in verbs]]
        expect(min(statuses) == 0, f"one of {verbs} works: {statuses}")
        if verbs in (("up", "up"), ("down", "down")):
            expect_same(sorted(statuses), [0, 1], f"statuses of {verbs}")
        if quick.exists():
            expect_way(node, quick.ifname, f"{verbs}")
            quick.down()
        quick.clean()
        expect_alike(quick.picture(), before, f"the node after {verbs}")


@scenario(ours_only=True, needs=("nft", "nsenter"), seconds=60)
def quick_parts_share_a_host(lab):
    """Under a service manager, two interfaces whose daemons are killed leave each other alone."""
    node = host(lab)
    tunnels = [tunnel(lab, node, name) for name in "wx"]
    before = tunnels[0].picture()
    daemons = []
    for quick in tunnels:
        quick.run("--before", "up")
        daemons.append(node.popen(f"{quick.directory}/bin/tielined", "--foreground", quick.ifname,
                                  log=lab.file(quick.ifname)))
        until(lambda: os.path.exists(f"{SOCKETS}/{quick.ifname}.sock"), "the daemon listens")
        until(lambda: quick.run("--after", "up", check=False).returncode == 0,
              "the interface comes up")
    expect_way(node, tunnels[1].ifname, "both are up")
    for quick, daemon in zip(tunnels, daemons):
        daemon.kill()
        daemon.wait()
        until(lambda: not quick.exists(), "the interface is gone")
        quick.run("--after", "down")
        expect_lan(node, f"{quick.ifname} is down")
        if quick is tunnels[0]:
            expect_way(node, tunnels[1].ifname, "the other interface is up")
    for quick in tunnels:
        quick.clean()
    expect_alike(tunnels[0].picture(), before, "the node at the end")
