# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Several workers, each with its own TUN queue and its own UDP sockets on a shared port."""

import contextlib
import errno
import os
import re
import socket
import time

from device import Device, is_sanitized, join, meets
from lab import counts_in, expect, expect_same, read, until
from scenario import scenario
from stacks import sleeps

WORKERS = 4


def with_workers(implementation, count=WORKERS):
    if implementation.ours:
        implementation.options = [*implementation.options, "--workers", str(count)]
    return implementation


def tunnel_of_workers(lab):
    a, b = lab.node("a"), lab.node("b")
    lab.link(a, b)
    x = Device(lab, a, with_workers(lab.mine)).start()
    if lab.theirs is not lab.mine:
        with_workers(lab.theirs)
    y = Device(lab, b, lab.theirs).start()
    join(x, y)
    return x, y


def wakes(device):
    """How often each worker has gone to sleep so far, by its name."""
    found = {}
    tasks = f"/proc/{device.process.pid}/task"
    for task in os.listdir(tasks):
        name = read(f"{tasks}/{task}/comm").decode().strip()
        if name.startswith("worker-"):
            found[name] = sleeps(f"{tasks}/{task}")
    return found


def sockets_of(device):
    links = []
    for fd in os.listdir(f"/proc/{device.process.pid}/fd"):
        with contextlib.suppress(OSError):
            links.append(os.readlink(f"/proc/{device.process.pid}/fd/{fd}"))
    return sum(link.startswith("socket:") for link in links)


@scenario(ours_only=True)
def flows_use_every_worker(lab):
    """Flows are spread over all workers in both directions, and each flow stays in order."""
    x, y = tunnel_of_workers(lab)
    meets(x, y)
    expect_same(x.stat()["workers"], WORKERS, "workers of x")
    expect_same(len(wakes(x)), WORKERS, "worker threads")

    before = wakes(x)
    receiver = y.node.socket()
    receiver.bind((y.inner4, 7000))
    receiver.settimeout(5)
    for port in range(20000, 20064):
        sender = x.node.socket()
        sender.bind((x.inner4, port))
        for number in range(10):
            sender.sendto(bytes([number]), (y.inner4, 7000))
        for number in range(10):
            data, source = receiver.recvfrom(10)
            expect_same((data[0], source[1]), (number, port), "the next datagram")
        sender.close()
    after = wakes(x)
    idle = [name for name in after if after[name] == before[name]]
    expect(not idle, f"64 flows use every worker, not leaving out {idle}")

    # Each new port of x is a new flow to y.
    before, busy = wakes(y), set()
    for port in range(30000, 30100):
        x.set("listen-port", port)
        x.node.reaches(y.inner4, 1)
        after = wakes(y)
        busy |= {name for name in after if after[name] > before[name]}
        before = after
        if len(busy) == WORKERS:
            break
    expect_same(len(busy), WORKERS, "workers of y that received something")


@scenario(ours_only=True, seconds=90)
def flows_stay_in_order(lab):
    """The datagrams of several simultaneous flows arrive in order."""
    x, y = tunnel_of_workers(lab)
    meets(x, y)
    count, jobs = 20_000, []
    for number in range(1, 4):
        log, port = lab.file(f"flow{number}"), 7000 + number
        receiver = y.node.popen(lab.tool("blast"), "receive", "--count", str(count), "--seed",
                                str(number), "--idle", "2000", y.inner4, str(port), log=log)
        until(lambda log=log: b"ready" in read(log), "blast is ready")
        jobs.append((receiver, log, port, number))
    senders = [x.node.popen(lab.tool("blast"), "send", "--count", str(count), "--rate", "5000",
                            "--seed", str(number), y.inner4, str(port), log=lab.file("sent"))
               for _, _, port, number in jobs]
    for sender in senders:
        expect_same(sender.wait(60), 0, "exit status of the sending blast")
    for receiver, log, _, _ in jobs:
        expect_same(receiver.wait(20), 0, "exit status of the receiving blast")
        tally = counts_in(read(log).decode())
        # The cable has per-processor queues, so it may itself let one overtake another.
        expect(tally["late"] <= count // 1000, f"they arrive in order, not {tally['late']} late")
        expect(tally["received"] > count // 2, f"most arrive, not only {tally['received']}")
        lab.notes.append(f"{tally['received']} arrived, {tally['late']} late")


@scenario(ours_only=True)
def workers_change_sockets_together(lab):
    """All workers follow changes of port and mark, down and up, and no old socket stays open."""
    x, y = tunnel_of_workers(lab)
    meets(x, y)
    usual = sockets_of(x)
    for turn in range(20):
        x.set("listen-port", 31000 + turn % 2)
        x.node.reaches(y.inner4, 1)
        x.set("fwmark", hex(turn))
        y.node.reaches(x.inner4, 1)
    for _ in range(5):
        time.sleep(0.05)  # peers accept one initiation per 20 ms, and the next would come after 5 s
        x.down()
        x.up()
        expect_same(x.port(), 31001, "the port after down and up")
    # Down drops the session, and initiations are 5 s apart.
    until(lambda: x.node.ping(y.inner4, 1, wait=1).received, "packets flow again", 15)
    until(lambda: sockets_of(x) == usual, f"{usual} sockets are open again")
    x.down()
    until(lambda: sockets_of(x) == usual - 2 * WORKERS, "down closes all of them")


@scenario(ours_only=True)
def a_port_is_not_shared(lab):
    """A port in use stays with its owner, even one that allows sharing; newcomers are refused."""
    x, y = tunnel_of_workers(lab)
    other = Device(lab, x.node, x.implementation, "o").start()
    meets(x, y)
    with other.uapi() as uapi:
        expect_same(uapi.set(f"listen_port={x.port()}\n"), -errno.EADDRINUSE,
                    "errno for another daemon's port")
    for family in (socket.AF_INET, socket.AF_INET6):
        taken = x.node.socket(family)
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            taken.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        taken.bind(("", 45003))
        with x.uapi() as uapi:
            expect_same(uapi.set("listen_port=45003\n"), -errno.EADDRINUSE,
                        "errno for a port whose owner allows sharing")
        taken.close()
    meets(x, y)
    with other.uapi() as uapi:
        expect_same(uapi.set("listen_port=45003\n"), 0, "errno for a free port")


@scenario(ours_only=True)
def fewer_queues_than_asked_for(lab):
    """If the system grants no further queue, there is one worker, and the log says so."""
    a, b = lab.node("a"), lab.node("b")
    lab.link(a, b)
    y = Device(lab, b, lab.theirs).start()
    x = Device(lab, a, lab.mine)
    argv = ["prlimit", "--nofile=60:60", "--", lab.mine.path, "--workers", "64", "-f", x.name]
    x.process = a.popen(*argv, log=x.log, env=x.env)
    until(x.answers, "it answers")
    x.wg("set", "private-key", x.key.file)
    x.address()
    x.up()
    join(x, y)
    meets(x, y)
    expect_same(x.stat()["workers"], 1, "workers")
    expect(b"one worker instead of 64" in read(x.log), "the log says why")


@scenario(ours_only=True)
def idle_workers_are_small(lab):
    """One more idle worker costs less than 1 MiB."""
    if is_sanitized(lab.mine):
        lab.notes.append("not measured: built with sanitizers")
        return
    a = lab.node("a")
    memory = {}
    for count in (1, 2, 34):
        x = Device(lab, a, lab.mine)
        x.implementation.options = ["--workers", str(count)]
        x.start()
        expect_same(x.stat()["workers"], count, "workers")
        text = read(f"/proc/{x.process.pid}/status").decode()
        memory[count] = int(re.search(r"^RssAnon:\s+(\d+) kB$", text, re.M)[1])
        x.stop()
    x.implementation.options = []
    each = (memory[34] - memory[2]) / 32
    expect(memory[2] < 8 << 10, f"less than 8 MiB with 2 workers, not {memory[2]} KiB")
    expect(each < 1 << 10, f"less than 1 MiB for each further worker, not {each} KiB")
    lab.notes.append(f"{memory[2]} KiB with 2 workers, {each:.0f} KiB for each further one")
