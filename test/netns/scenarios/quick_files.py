# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""tieline-quick's files: what they may contain, what they leave alone, and what `down` reverts."""

import os
import shutil

from device import Key
from lab import expect, expect_same, read, run
from scenario import scenario
from scenarios.quick import Quick, host

VALID_MARK = "net/ipv4/conf/all/src_valid_mark"
REDIRECTS = "net/ipv4/conf/all/send_redirects"
DEFAULT = (("AllowedIPs = 0.0.0.0/0", "Endpoint = 192.0.2.2:5"),)


def setting(node, name):
    return node.run("cat", f"/proc/sys/{name}").stdout.strip()


def up_read_only(quick, check=True):
    """Runs `up` with a read-only /proc/sys, as in most containers."""
    program = ("mount --bind /proc/sys /proc/sys && mount -o remount,ro,bind /proc/sys && "
               f"exec {quick.directory}/bin/tieline-quick up {quick.file}")
    return run("nsenter", f"--net=/run/netns/{quick.node.ns}", "unshare", "-m", "sh", "-c", program,
               env=quick.env, check=check)


@scenario(ours_only=True, needs=("nft", "nsenter", "unshare"))
def quick_needs_no_writable_settings(lab):
    """A setting with the right value is not written; a read-only one fails `up` only if needed."""
    node = host(lab)
    quick = Quick(lab, node, "a")
    quick.write("Address = 10.77.0.1/24", peers=DEFAULT)
    node.sysctl(VALID_MARK.replace("/", "."), 1)
    up_read_only(quick)
    quick.down()
    quick.clean()
    expect_same(setting(node, VALID_MARK), "1", "a setting that already had the right value")
    node.sysctl(VALID_MARK.replace("/", "."), 0)
    node.accept_any_source("eth0")
    expect("warning: cannot set" in up_read_only(quick).stderr,
           "only a warning, since no link filters")
    quick.down()
    quick.clean()
    node.sysctl("net.ipv4.conf.eth0.rp_filter", 1)
    told = up_read_only(quick, check=False)
    expect_same(told.returncode, 1, "exit status with a strict filter")
    expect(f"cannot set {VALID_MARK} to 1: Read-only" in told.stderr,
           f"stderr gives the reason: {told.stderr}")
    quick.clean()
    # Without sysctl(8).
    few = f"{quick.directory}/few"
    os.mkdir(few)
    for program in ("ip", "nft", "bash", "tielined"):
        os.symlink(shutil.which(program, path=quick.env["PATH"]), f"{few}/{program}")
    quick.up(env={"PATH": few})
    expect_same(setting(node, VALID_MARK), "1", "the setting while the interface is up")
    quick.down()
    quick.clean()


@scenario(ours_only=True, needs=("nft", "nsenter"))
def quick_reverts_settings(lab):
    """The last interface that needs a setting restores it, whatever the order of down."""
    node = host(lab)
    one, two = Quick(lab, node, "a"), Quick(lab, node, "b")
    one.write("Address = 10.77.0.1/24", "FwMark = 77", peers=DEFAULT)
    two.write("Address = fd78::1/64", "FwMark = 78", peers=(("AllowedIPs = ::/0",),))

    def expect_settings(wanted, when):
        found = setting(node, VALID_MARK), setting(node, REDIRECTS)
        expect_same(found, wanted, f"settings {when}")

    # A new namespace has the values of the one that this machine started with.
    node.sysctl("net.ipv4.conf.all.src_valid_mark", 0)
    node.sysctl("net.ipv4.conf.all.send_redirects", 1)
    expect_settings(("0", "1"), "before")
    for first, last in ((one, two), (two, one)):
        one.up()
        two.up()
        expect_settings(("1", "0"), "while both are up")
        first.down()
        expect_settings(("0" if first is one else "1", "0"), "when one is down")
        last.down()
        expect_settings(("0", "1"), "when both are down")
    one.up()
    node.sysctl(VALID_MARK.replace("/", "."), 0)
    node.sysctl(VALID_MARK.replace("/", "."), 1)
    one.down()
    expect_settings(("0", "1"), "at the end")
    one.clean()


@scenario(ours_only=True, needs=("nsenter",))
def quick_reload_keeps_what_the_file_does_not_name(lab):
    """`reload` sets what the file names; other keys, port, mark and allowed IPs stay."""
    quick = Quick(lab, lab.node("a"), "a")
    shared, named, gone = (Key(lab).public for _ in range(3))
    secret, psk = Key(lab), Key(lab, "genpsk")

    def write(*peers, head=()):
        with open(quick.file, "w", encoding="ascii", opener=lambda path, flags: os.open(
                path, flags, 0o600)) as file:
            file.write("\n".join(["[Interface]", "Address = 10.77.0.1/24", *head, *(
                f"[Peer]\nPublicKey = {peer[0]}\n" + "\n".join(peer[1:]) for peer in peers), ""]))

    write((shared,), (named, "AllowedIPs = 10.90.0.0/16"), (gone,), head=(
        f"PostUp = wg set %i private-key {secret.file} peer {shared} preshared-key {psk.file} "
        "allowed-ips 10.91.0.0/16 persistent-keepalive 25 endpoint 192.0.2.9:9",))
    quick.up()
    before = quick.wg("show", quick.ifname, "dump")
    expect(psk.text in before and secret.text in before, "PostUp has set keys")
    quick.run("reload")
    expect_same(quick.wg("show", quick.ifname, "dump"), before, "the interface after reload")
    other = Key(lab, "genpsk")
    write((shared, f"PresharedKey = {other.text}"), (named, "AllowedIPs = 10.92.0.0/16"))
    quick.run("reload")
    expect_same(quick.wg("show", quick.ifname, "dump"), "".join(
        line for line in before.splitlines(True) if gone not in line).replace(
            psk.text, other.text).replace("10.90", "10.92"), "the interface after another file")
    quick.wg("set", quick.ifname, "fwmark", "7")
    write((shared,), head=("FwMark = off", f"PrivateKey = {quick.key.text}"))
    quick.run("reload")
    expect_same(quick.wg("show", quick.ifname, "fwmark").strip(), "off",
                "a mark that the file names")
    expect_same(quick.wg("show", quick.ifname, "public-key").strip(), quick.key.public,
                "the public key")
    expect_same(quick.wg("show", quick.ifname, "peers").split(), [shared], "peers")
    quick.down()
    quick.clean()


@scenario(ours_only=True, needs=("nft", "nsenter"))
def quick_goes_without_ipv6(lab):
    """Without IPv6 on the host only IPv4 comes up; an MTU too small for IPv6 is refused at once."""
    node = host(lab)
    quick = Quick(lab, node, "a")
    peers = (("AllowedIPs = 10.90.0.0/16, fd90::/32, ::/0", "Endpoint = 192.0.2.2:5"),)
    quick.fake("resolvconf", f'echo "$@" >> {quick.directory}/dns; [ "$1" != -a ] || '
                             f"cat >> {quick.directory}/dns")
    quick.write("Address = 10.77.0.1/24, fd77::1/64", "MTU = 1279", "PreUp = false", peers=peers)
    told = quick.up(check=False)
    expect("needs an MTU of 1280" in told.stderr, f"stderr gives the reason: {told.stderr}")
    expect("[#]" not in told.stderr, "no command ran before")
    quick.write("Address = 10.77.0.1/24", "MTU = 1200", "Table = off", peers=peers)
    quick.up()
    quick.down()
    quick.clean()
    for name in ("all", "default"):
        node.sysctl(f"net.ipv6.conf.{name}.disable_ipv6", 1)
    quick.write("Address = 10.77.0.1/24, fd77::1/64", "MTU = 1200", "DNS = fd77::9, 10.77.0.9",
                peers=peers)
    expect("only IPv4 is set up" in quick.up().stderr, "it warns")
    expect("10.77.0.1/24" in node.ip("addr", "show", quick.ifname).stdout,
           "the IPv4 address is set")
    expect("10.90.0.0/16" in node.ip("route").stdout, "the IPv4 route is set")
    with open(f"{quick.directory}/dns", encoding="ascii") as file:
        expect("fd77" not in file.read(), "no IPv6 name server is set")
    quick.down()
    expect(not quick.exists(), "the interface is gone")


@scenario(ours_only=True, needs=("nsenter",))
def quick_finds_the_mtu(lab):
    """The MTU is that of the path to the peers, with locks and marks, but never that of lo."""
    node = host(lab)
    quick = Quick(lab, node, "a")
    via = lab.nodes["out"].v4()
    node.ip("link", "set", "eth0", "mtu", "1480")

    def expect_mtu(wanted, endpoint, *lines):
        quick.write("Address = 10.77.0.1/24", *lines, peers=((f"Endpoint = {endpoint}",),))
        quick.up()
        found = node.run("cat", f"/sys/class/net/{quick.ifname}/mtu").stdout.strip()
        quick.down()
        expect_same(int(found), wanted, f"MTU with the endpoint {endpoint}")

    expect_mtu(1400, f"{via}:5")
    expect_mtu(1400, "127.0.0.1:5")
    expect_mtu(1400, "[::1]:5")
    expect_mtu(1400, f"{node.v4()}:5")
    node.ip("route", "add", "203.0.113.0/24", "via", via, "mtu", "lock", "1380")
    expect_mtu(1300, "203.0.113.9:5")
    node.ip("route", "replace", "203.0.113.0/24", "via", via, "mtu", "1300")
    expect_mtu(1220, "203.0.113.9:5")
    expect_mtu(1280, "203.0.113.9:5", "Address = fd77::1/64")
    node.ip("route", "add", "default", "via", via, "mtu", "1450", "table", "99")
    node.ip("rule", "add", "fwmark", "0x77", "table", "99")
    expect_mtu(1370, "198.51.100.9:5", "FwMark = 0x77")
    node.ip("route", "replace", "default", "nexthop", "via", via, "nexthop", "via", via)
    expect_mtu(1400, "127.0.0.1:5")


# Forms of values, given to stock wg and ip(8) for comparison.
ENDPOINTS = (
    "192.0.2.1:5", "192.0.2.1:0", "192.0.2.1:+5", "192.0.2.1:005", "192.0.2.1:domain",
    "192.0.2.1:nosuch", "192.0.2.1:", "192.0.2.1", ":5", "[192.0.2.1]:5", "[::1]:5", "::1:5",
    "[::1]5", "[fe80::1%lo]:5", "[fe80::1%1]:5", "[2001:db8::1%]:5", "192.0.2:5", "192.2:5",
    "3221225985:5", "0xc0.0.2.1:5", "0300.0.2.01:5", "192.0.2.1.:5", "192.0.2.256:5",
    "192.0.2.1.5:5", "[2001:db8::1%1]:5", "[ff02::1%lo]:5", "[ff02::1%1]:5", "[2001:db8::1%lo]:5",
    "localhost:5", "LOCALHOST:5", "[localhost]:5", "[::ffff:192.0.2.1]:5", "[2001:DB8::A]:5",
    "192.0.2.1 : 5", "[ ::1 ]:5", "192.0.2.1:5;", '"192.0.2.1":5', "a/b:5", "[::]:5")
ALLOWED = (
    "10.0.0.0/8", "10.0.0.1", "10.0.0.1/24", "10.0.0.1/33", "10.0.0.1/", "10.0.0.1/024",
    "10.0.0.1/+24", "10.0.0.1/255.0.0.0", "10/8", "010.0.0.1/32", "::/0", "::1", "::1/129",
    "2001:DB8::1/32", "fe80::1%lo/64", "10.0.0.0/8,", ",10.0.0.0/8", "10.0.0.0/8,,11.0.0.0/8",
    "10.0.0.0/8, 11.0.0.0/8", "10.0.0.0/8 11.0.0.0/8", "10.0.0.0/8\t,\t11.0.0.0/8", "",
    "0.0.0.0/0,::/0", "default")
INTERFACE_LINES = (
    "ListenPort = 005", "ListenPort = +5", "ListenPort = domain", "ListenPort = nosuch",
    "ListenPort = -1", "ListenPort = 65539", "ListenPort = 4294967303", "ListenPort = 65536x",
    "ListenPort =", "FwMark = OFF", "FwMark = 0xffffffff", "FwMark = 0x100000000", "FwMark = 010",
    "FwMark = -1", "FwMark = x", "fwmark=1 # c", "  LISTENPORT\t=\t5", "Listen Port = 5", "junk",
    "= 5", "FwMark = 1\r", "FwMark = 1\nFwMark = 2", "[ Interface ]\nFwMark = 1", "[Foo]", "[Peer",
    "; c", "#")
ADDRESSES = (
    "10.0.0.1", "10.0.0.1/24", "10.0.0.1/255.255.248.0", "10.0.0.1/255.0.255.0", "10.0.0.1/0",
    "10.0.0.1/33", "10.1/24", "10/8", "10.0.0.1/0x18", "10.0.0.1/030", "010.0.0.1/24",
    "10.0.0.256/24", "10.0.0.1/", "fd00::1", "FD00::1/64", "fd00::1/129", "fd00::1/ffff::",
    "fe80::1/64", "fd00::10.0.0.1/64", "10.0.0.1/24/24", "10.0.0.255/24",
    "10.0.0.1/255.255.255.255", "host", "1.2.3.4.5", "default", "0/0", "any", "default/8")


def settings(quick):
    """wg's view of the interface, without a randomly chosen port."""
    text = quick.wg("showconf", quick.ifname)
    return "\n".join(line for line in text.splitlines()
                     if "ListenPort" not in line or int(line.split()[-1]) < 1024)


def addresses(quick):
    text = quick.node.ip("-o", "addr", "show", "dev", quick.ifname).stdout
    return sorted(line.split()[3] for line in text.splitlines())


@scenario(ours_only=True, needs=("wg-quick", "nsenter"), seconds=240)
def quick_accepts_what_wg_accepts(lab):
    """Each form of a value is accepted or refused as by wg and ip, with the same meaning."""
    node = lab.node("a")
    quick, blank = Quick(lab, node, "a"), {}
    quick.write("Address = 10.0.0.1/32")
    quick.up()
    key = Key(lab).public
    forms = [f"[Peer]\nPublicKey = {key}\n{line}" for line in (
        *(f"Endpoint = {form}" for form in ENDPOINTS),
        *(f"AllowedIPs = {form}" for form in ALLOWED))]
    stripped = f"{quick.directory}/stripped"
    reset = f"{quick.directory}/reset"
    with open(reset, "w", encoding="ascii") as file:
        file.write("[Interface]\n")

    def tries(form):
        """Whether stock wg, then tieline-quick accepts the form, and the interface after each."""
        quick.write(*form.split("\n"))
        with open(stripped, "w", encoding="utf-8") as file:
            file.write(quick.run("strip", program="wg-quick").stdout)
        for words in (("wg", "setconf", quick.ifname, stripped), None):
            run("wg", "setconf", quick.ifname, reset)
            env = {**quick.env, "WG_ENDPOINT_RESOLUTION_RETRIES": "0"}
            done = run(*words, check=False, env=env) if words else quick.run("reload", check=False)
            yield done.returncode == 0, settings(quick) if done.returncode == 0 else blank

    for form in (*INTERFACE_LINES, *forms):
        stock, ours = tries(form)
        if form.endswith(":0"):
            expect(ours[0], f"{form} is accepted")  # and ignored
        else:
            expect_same(ours, stock, form)
    quick.write("Address = 10.0.0.1/32")
    quick.down()
    for form in ADDRESSES:
        quick.write("Table = off", f"Address = {form}")
        found = []
        for program in ("wg-quick", "tieline-quick"):
            done = quick.up(program=program, check=False)
            found.append(addresses(quick) if done.returncode == 0 else blank)
            if done.returncode == 0:
                quick.down(program=program)
        expect_same(found[1], found[0], f"Address = {form}")
    quick.clean()
    lab.notes.append(f"{len(forms) + len(INTERFACE_LINES) + len(ADDRESSES)} forms")


@scenario(ours_only=True, needs=("nsenter", "unshare"))
def quick_saves_where_the_file_is(lab):
    """SaveConfig follows links, overwrites a mount point, and keeps the old file on a full disk."""
    quick = Quick(lab, lab.node("a"), "a")
    real = f"{quick.directory}/real"
    quick.write("Address = 10.77.0.1/24", "SaveConfig = true")
    os.rename(quick.file, real)
    os.symlink("real", quick.file)

    def text():
        with open(real, encoding="ascii") as file:
            return file.read()

    quick.up()
    quick.wg("set", quick.ifname, "peer", Key(lab).public, "allowed-ips", "10.90.0.0/16")
    quick.down()
    expect(os.path.islink(quick.file), "the symbolic link stays")
    expect_same(text().count("[Peer]"), 1, "peers saved into the link's target")

    def save_on(mount, check=True):
        """Adds a peer and saves with the file on another mount."""
        program = f"{mount} && exec {quick.directory}/bin/tieline-quick save {quick.file}"
        quick.wg("set", quick.ifname, "peer", Key(lab).public, "allowed-ips", "10.91.0.0/16")
        return run("nsenter", f"--net=/run/netns/{quick.node.ns}", "unshare", "-m", "sh", "-c",
                   program, env=quick.env, check=check)

    quick.up()
    save_on(f"mount --bind {real} {real}")
    expect_same(text().count("[Peer]"), 2, "peers saved into a mount point")
    expect_same(os.stat(real).st_mode & 0o777, 0o600, "mode of the file")
    small = f"{quick.directory}/small"
    full = (f"mkdir -p {small} && mount -t tmpfs -o size=16k none {small} && "
            f"cp {real} {small}/{quick.ifname}.conf && cd {small} && "
            "{ dd if=/dev/zero of=fill bs=1k status=none || :; } 2>/dev/null && "
            f"if {quick.directory}/bin/tieline-quick save ./{quick.ifname}.conf; then exit 1; fi; "
            f"ls; cmp {real} {quick.ifname}.conf && true")
    done = run("nsenter", f"--net=/run/netns/{quick.node.ns}", "unshare", "-m", "sh", "-c", full,
               env=quick.env)
    expect("No space left" in done.stderr, f"stderr gives the reason: {done.stderr}")
    expect_same(done.stdout.split(), ["fill", f"{quick.ifname}.conf"], "files on the full disk")
    quick.down()
    quick.clean()


@scenario(ours_only=True, needs=("nsenter",))
def quick_takes_down_what_was_spoiled(lab):
    """A file that has since become invalid does not prevent `down`, and is not overwritten."""
    quick = Quick(lab, lab.node("a"), "a")
    log = lab.file("hooks")
    lines = ("Address = 10.77.0.1/24", f"PostDown = echo %i > {log}", "SaveConfig = true")
    quick.write(*lines)
    quick.up()
    quick.write(*lines, "LissenPort = 5")
    told = quick.down(check=False)
    expect(".conf:6:1: " in told.stderr, f"the mistake is reported: {told.stderr}")
    expect_same(read(log).decode(), f"{quick.ifname}\n", "output of the hook")
    expect(b"LissenPort" in read(quick.file), "the file is unchanged")
    quick.clean()
    quick.write(*lines[:1])
    quick.up()
    quick.write("Address = nowhere")
    expect_same(quick.down(check=False).returncode, 1, "exit status without hooks")
    quick.clean()


@scenario(ours_only=True, needs=("nft", "nsenter"), seconds=90)
def quick_takes_odd_names(lab):
    """Interfaces with dots, dashes, = and + in their names carry default routes."""
    node = host(lab)
    node.sysctl("net.ipv4.conf.all.rp_filter", 1)
    quick = Quick(lab, node, "a")
    for name in (f"{quick.ifname}.0", f"-{quick.ifname}", f"{quick.ifname}=+", f".{quick.ifname}"):
        quick.ifname, quick.file = name, f"{quick.directory}/{name}.conf"
        quick.write("Address = 10.77.0.1/24, fd77::1/64", "PostUp = ip link show dev %i",
                    peers=(("AllowedIPs = 0.0.0.0/0, ::/0", "Endpoint = 192.0.2.2:5"),))
        quick.up()
        expect_same(quick.nft().count("table "), 2, f"tables of {name}")
        quick.down()
        quick.clean()


@scenario(ours_only=True, needs=("nsenter", "unshare"))
def quick_forgets_old_name_servers(lab):
    """A resolvconf record of an earlier run is removed, even without a state file and DNS."""
    quick = Quick(lab, lab.node("a"), "a")
    log = lab.file("dns")
    quick.fake("resolvconf", f'echo "$@" >> {log}')
    quick.write("Address = 10.77.0.1/24")
    for place in ("interfaces", "interface", "keys"):
        program = ("mount -t tmpfs none /run && mkdir -p /run/resolvconf/{0} && "
                   "for name in {1} tun.{1}; do "
                   "echo nameserver 192.0.2.9 > /run/resolvconf/{0}/$name; done"
                   " && {2} up {3} && {2} down {3}").format(
                       place, quick.ifname, f"{quick.directory}/bin/tieline-quick", quick.file)
        run("nsenter", f"--net=/run/netns/{quick.node.ns}", "unshare", "-m", "sh", "-c", program,
            env=quick.env)
    lines = read(log).decode().splitlines()
    expect_same(len(lines), 3, "number of records deleted")
    expect(all(line.startswith("-d ") and line.endswith(f"{quick.ifname} -f") for line in lines),
           f"the records deleted are of the interface: {lines}")


@scenario(ours_only=True, needs=("nsenter", "unshare"))
def quick_forgets_its_own_name_servers(lab):
    """After a crash that lost the state file, down removes its record, with or without the link."""
    quick = Quick(lab, lab.node("a"), "a")
    log = lab.file("dns")
    quick.fake("resolvconf", 'record=/run/resolvconf/interfaces/$2\n'
               f'if [ $1 = -a ]; then cat > $record; else echo "$@" >> {log}; rm $record; fi')
    quick.write("Address = 10.77.0.1/24", "DNS = 192.0.2.9")
    program = f"{quick.directory}/bin/tieline-quick"
    for end in ("true", f"ip link delete {quick.ifname}"):
        run("nsenter", f"--net=/run/netns/{quick.node.ns}", "unshare", "-m", "sh", "-e", "-c",
            "mount -t tmpfs none /run; mkdir -p /run/resolvconf/interfaces; "
            f"{program} up {quick.file}; rm -r /run/tieline-quick; {end}; "
            f"while ip link show {quick.ifname} >/dev/null 2>&1 && [ '{end}' != true ]; "
            "do sleep 0.1; done; "
            f"{program} down {quick.file}; ! {program} down {quick.file}", env=quick.env)
    lines = read(log).decode().splitlines()
    expect_same(lines, [f"-d {quick.ifname} -f"] * 2, "records deleted")
