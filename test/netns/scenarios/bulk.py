# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Bulk traffic, checked bit for bit, also over a link that misbehaves."""

from device import Device, join, meets
from lab import counts_in, expect, read, until
from scenario import scenario

LOSS, DUPLICATE, REORDER = 2, 2, 5  # percent of the frames


def bad_tunnel(lab):
    """Two hosts whose cable loses, repeats and reorders frames.

        a eth0 ------ (bad link) ------ eth0 b
    """
    a, b = lab.node("a"), lab.node("b")
    end = lab.bad_link(a, b, LOSS, DUPLICATE, REORDER, hold_ms=3)
    x, y = Device(lab, a, lab.mine).start(), Device(lab, b, lab.theirs).start()
    join(x, y)
    until(lambda: a.ping(y.inner4, 1, wait=1).received, "a first ping is answered", 20)
    return x, y, end


def check_link(text):
    """Expects the link to have misbehaved, if it reports counts."""
    for line in text.splitlines():
        counts = counts_in(line)
        if counts and counts["in"] > 1000:
            expect(counts["lost"] and counts["duplicated"] and counts["reordered"],
                   f"the link loses, repeats and reorders frames, not {line}")


@scenario(alone=True, seconds=240)
def million_packets(lab):
    """A million numbered datagrams: all that arrive are intact, and none arrives twice."""
    x, y, end = bad_tunnel(lab)
    count, rate, seed = 1_000_000, 30_000, 77
    log, sent = lab.file("received"), lab.file("sent")
    receiver = y.node.popen(lab.tool("blast"), "receive", "--count", str(count), "--seed",
                            str(seed), "--idle", "3000", y.inner4, "7777", log=log)
    until(lambda: b"ready" in read(log), "blast is ready")
    sender = x.node.popen(lab.tool("blast"), "send", "--count", str(count), "--rate", str(rate),
                          "--seed", str(seed), y.inner4, "7777", log=sent)
    expect(sender.wait(180) == 0, f"all datagrams are sent; {read(sent).decode()}")
    receiver.wait(30)
    text = read(log).decode()
    tally = counts_in(text)
    wrong = tally["altered"] + tally["repeated"] + tally["foreign"]
    expect(receiver.returncode == 0 and wrong == 0,
           f"every datagram that arrives is intact and arrives once, not {text}")
    most = count * (1 - LOSS / 100)
    expect(most / 2 < tally["received"] < most * 1.002,
           f"about {100 - LOSS}% arrive over a link that loses {LOSS}%, not {tally['received']}")
    expect(tally["late"] > 0, "some datagrams were overtaken")
    check_link(end())
    lab.notes.append(f"{tally['received']} arrived, {tally['late']} late")


@scenario(each_peer=True, seconds=120)
def tcp_over_bad_link(lab):
    """TCP both ways over the bad link: the bytes received are those sent."""
    x, y, end = bad_tunnel(lab)
    lab.transfer(x.node, y.node, y.inner4, 4 << 20, seconds=40)
    lab.transfer(y.node, x.node, x.inner6, 4 << 20, seconds=40)
    expect(x.peer(y).rx > 4 << 20, "the peer's RX counter includes them")
    check_link(end())


@scenario(each_peer=True, alone=True, seconds=90)
def tcp_bulk(lab):
    """64 MiB each way over a good link."""
    a, b = lab.node("a"), lab.node("b")
    lab.link(a, b)
    x, y = Device(lab, a, lab.mine).start(), Device(lab, b, lab.theirs).start()
    join(x, y)
    meets(x, y)
    lab.transfer(a, b, y.inner4, 64 << 20)
    lab.transfer(b, a, x.inner6, 64 << 20)
