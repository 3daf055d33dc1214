# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""A link moves to other network namespaces, as with containers; its UDP sockets stay."""

import base64
import os
import time

from device import Device, join, meets
from lab import expect, expect_same, namespace_pids, read, run, until
from scenario import scenario
from sniff import DATA, Sniffer
from stacks import sleeps


def launch(device, *then):
    """Starts the daemon in the background. As soon as its parent returns, runs ip(8) with these
    arguments."""
    device.node.run("sh", "-c", f'"$0" {device.name} && ip {" ".join(then)}',
                    device.implementation.path, env={**os.environ, **device.env})


def all_gone(device, *places):
    """Whether the daemon's processes, its socket and its link are all gone."""
    return not namespace_pids(device.node.ns) and not os.path.exists(device.socket) and \
        not any(device.has_link(place) for place in (device.node, *places))


def check_mtu(device, where, other, mtu):
    """The daemon knows the MTU: it pads no packet beyond it. mtu must not be a multiple of 16."""
    outside = Sniffer(device.node, "eth0")
    where.ip("link", "set", device.name, "mtu", str(mtu))

    def sizes():
        outside.forget()
        where.reaches(other.inner4, 1, options=("-s", str(mtu - 28), "-M", "do"))
        return [len(packet.payload) for packet in outside.of_kind(DATA, outgoing=True)]
    until(lambda: sizes() == [mtu + 32], f"packets are padded to at most the MTU of {mtu}")


@scenario(ours_only=True)
def moved_at_once(lab):
    """The link moves as soon as the command returns; its name is reused as soon as it is free.

        a eth0 -------------- eth0 b
          tl..a ============ tl..b        tl..a is made in a, and then in c
        c
    """
    a, b, c = lab.node("a"), lab.node("b"), lab.node("c")
    lab.link(a, b)
    a.offloads_off("eth0")
    x, y = Device(lab, a, lab.mine), Device(lab, b, lab.theirs).start()
    y.add(x)
    for turn in range(8):
        launch(x, "link", "set", x.name, "netns", c.ns)
        x.wg("set", "private-key", x.key.file)
        x.add(y, b.v4())
        if turn % 2 == 0:
            c.ip("addr", "add", f"{x.inner4}/24", "dev", x.name)
            c.ip("link", "set", x.name, "up")
            c.reaches(y.inner4, 2)
            expect(x.port() in x.udp_ports()[0], "the socket is in the first namespace")
        if turn == 0:
            check_mtu(x, c, y, 1285)
        c.ip("link", "del", x.name)
    until(lambda: all_gone(x, c), "everything is gone", 8)


@scenario(ours_only=True)
def moved_on(lab):
    """From one namespace to the next and home; the daemon follows up, down, MTU and name in each.

        a eth0 -------------- eth0 b
          tl..a ============ tl..b        tl..a moves from a to c, to d, to c, home, and to d
        c   d
    """
    a, b, c, d = lab.node("a"), lab.node("b"), lab.node("c"), lab.node("d")
    lab.link(a, b)
    a.offloads_off("eth0")
    x, y = Device(lab, a, lab.mine).start(), Device(lab, b, lab.theirs).start()
    join(x, y)
    meets(x, y)
    port, name = x.port(), x.name
    place = a
    for turn, to in enumerate((c, d, c, a, d)):
        place.ip("link", "set", x.name, "netns", to.ns)
        place = to
        until(lambda: port not in x.udp_ports()[0],
              "the move takes the link down, which closes the socket")
        x.address(place)
        x.up(place)
        until(lambda: port in x.udp_ports()[0], "up binds the same port")
        place.reaches(y.inner4)
        check_mtu(x, place, y, 1301 + turn)
        x.down(place)
        until(lambda: port not in x.udp_ports()[0], "down closes the socket")
        place.ip("link", "set", name, "name", f"{name}x")
        check_renamed(x, place, y, f"{name}x")
        place.ip("link", "set", f"{name}x", "name", name)
    x.address(place)
    x.up(place)
    place.reaches(y.inner4)
    b.reaches(x.inner4)
    place.ip("link", "del", name)
    x.ended()


def check_renamed(device, where, other, name):
    """Under another name the link still works; the socket keeps its name."""
    where.ip("addr", "replace", f"{device.inner4}/24", "dev", name)
    where.ip("link", "set", name, "up")
    until(lambda: device.port() in device.udp_ports()[0], "up binds the port under another name")
    where.reaches(other.inner4)
    where.ip("link", "set", name, "down")


@scenario(ours_only=True)
def namespace_goes(lab):
    """Deleting the namespace deletes the link that was moved into it, which ends the daemon."""
    a, b = lab.node("a"), lab.node("b")
    lab.link(a, b)
    y = Device(lab, b, lab.theirs).start()
    for turn in range(2):
        x = Device(lab, a, lab.mine).start()
        places = [lab.node(f"c{turn}{number}") for number in range(turn + 1)]
        x.add(y, b.v4())
        y.add(x)
        place = a
        for to in places:  # directly, then through another namespace
            place.ip("link", "set", x.name, "netns", to.ns)
            place = to
            x.address(place)
            x.up(place)
            place.reaches(y.inner4)
        run("ip", "netns", "del", place.ns)
        x.ended()
        y.remove(x)


@scenario(ours_only=True)
def reused_names(lab):
    """A link is deleted and its name reused at once, repeatedly, with daemons in the background."""
    a, b = lab.node("a"), lab.node("b")
    lab.link(a, b)
    x, y = Device(lab, a, lab.mine), Device(lab, b, lab.theirs).start()
    y.add(x)
    for _ in range(10):
        launch(x, "link", "set", x.name, "up")
        a.ip("link", "del", x.name)
    launch(x, "link", "set", x.name, "up")
    x.wg("set", "private-key", x.key.file)
    x.address()
    x.add(y, b.v4())
    meets(x, y)
    a.ip("link", "del", x.name)
    until(lambda: all_gone(x), "everything is gone", 8)


@scenario(ours_only=True)
def both_sockets_in_one_place(lab):
    """Two links made in one namespace and moved to others meet over its loopback interface.

        o   lo: the UDP sockets of both
        a   tl..a ============ tl..b   b
    """
    o, a, b = lab.node("o"), lab.node("a"), lab.node("b")
    devices = {}
    for place in (a, b):
        x = Device(lab, o, lab.mine, letter=place.name)
        launch(x, "link", "set", x.name, "netns", place.ns)
        x.inner4, x.inner6 = f"10.77.0.{place.number}", f"fd77::{place.number}"
        x.wg("set", "private-key", x.key.file, "listen-port", place.number)
        x.address(place)
        x.up(place)
        devices[place] = x
    x, y = devices[a], devices[b]
    for address in ("127.0.0.1", "::1", "127.0.0.2"):
        x.add(y, address)
        y.add(x, address)
        for place, other in ((a, y), (b, x)):
            place.reaches(other.inner4)
            place.reaches(other.inner6)
    expect_same(x.udp_ports()[0], {a.number, b.number}, "ports bound")
    for place, device in devices.items():
        place.ip("link", "del", device.name)
    until(lambda: all_gone(x, a) and all_gone(y, b), "everything is gone", 8)


def leaves_the_helper_alone(device, where, endpoint):
    """While packets without a session keep the engine busy, it rarely asks the helper."""
    nobody = base64.b64encode(bytes([9] * 32)).decode()
    device.set("peer", nobody, "endpoint", f"{endpoint}:9", "allowed-ips", "10.99.0.0/16")
    device.up(where)
    where.ip("route", "add", "10.99.0.0/16", "dev", device.name)
    helper = f"/proc/{device.helper()}"
    sender, before, begun = where.socket(), sleeps(helper), time.monotonic()
    for _ in range(200):
        sender.sendto(b"x", ("10.99.0.1", 9))
        time.sleep(0.003)
    asked, most = sleeps(helper) - before, 20 + 30 * (time.monotonic() - begun)
    expect(asked <= most, f"the helper is asked at most {most:.0f} times, not {asked}")
    device.set("peer", nobody, "remove")


@scenario(ours_only=True, needs=("setpriv",))
def moved_out_of_sight(lab):
    """Without the right to enter the link's new namespace, packets, up and down still work.

    The log names what does not.
    """
    a, b, c = lab.node("a"), lab.node("b"), lab.node("c")
    lab.link(a, b)
    x, y = Device(lab, a, lab.mine), Device(lab, b, lab.theirs).start()
    for kept in ("-sys_admin", "-net_broadcast"):
        x.process = a.popen("setpriv", "--bounding-set", kept, *x.implementation.argv(x.name),
                            log=x.log, env=x.env)
        until(x.answers, f"it starts with {kept}")
        x.wg("set", "private-key", x.key.file)
        x.add(y, b.v4())
        y.add(x)
        a.ip("link", "set", x.name, "netns", c.ns)
        for _ in range(2):
            x.address(c)
            x.up(c)
            until(lambda: x.udp_ports()[0] & {x.port()}, "up is noticed")
            c.reaches(y.inner4)
            x.down(c)
            until(lambda: x.port() not in x.udp_ports()[0], "down is noticed")
        leaves_the_helper_alone(x, c, b.v4())
        expect(b"cannot follow the link" in read(x.log), f"the log says so with {kept}")
        c.ip("link", "del", x.name)
        x.ended()
        y.remove(x)
