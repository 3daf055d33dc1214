# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Tunnels between every two implementations: set up, kept, lost and found again."""

import time

from device import Device, Key, join, meets, tunnel
from lab import expect, stays, until
from scenario import scenario


@scenario(each_peer=True, seconds=90)
def tunnel_works(lab):
    """Outer IPv4 and IPv6, with and without PSK, each side opening: ping and TCP both ways.

    Who opens is told by who knows the other's address; the first ping must already arrive.
    """
    a, b = lab.node("a"), lab.node("b")
    lab.link(a, b)
    psk = Key(lab, "genpsk")
    for outer in (4, 6):
        # Anew for each: the newest wireguard-go fails for a while after it sent to the other one.
        x, y = Device(lab, a, lab.mine).start(), Device(lab, b, lab.theirs).start()
        for secret in (None, psk):
            for opener, other in ((x, y), (y, x)):
                join(x, y, outer, secret, a_knows=opener is x, b_knows=opener is y)
                opener.node.reaches(other.inner4, 1)
                meets(x, y, 4)
                meets(x, y, 6)
                expect(x.peer(y).handshake, "wg tells when the handshake was")
                if secret:
                    lab.transfer(a, b, y.inner4)
                    lab.transfer(b, a, x.inner6)
                x.remove(y)
                y.remove(x)
        x.stop()
        y.stop()


@scenario(each_peer=True)
def wrong_psk(lab):
    """With different preshared keys nothing gets through; with the same one it does."""
    x, y = tunnel(lab, psk=Key(lab, "genpsk"))
    y.remove(x)
    y.add(x, x.node.v4(), Key(lab, "genpsk"))
    expect(x.node.ping(y.inner4, 3, wait=1).received == 0, "no ping passes")
    expect(x.peer(y).handshake == 0 and y.peer(x).handshake == 0, "no handshake succeeds")
    x.remove(y)
    y.remove(x)
    join(x, y)
    meets(x, y)


@scenario(each_peer=True)
def both_open_at_once(lab):
    """Both sides start a handshake at the same moment, and agree."""
    x, y = tunnel(lab)
    for _ in range(5):
        with x.node.pinging(y.inner4, 0.05), y.node.pinging(x.inner4, 0.05):
            pass
        x.remove(y)
        y.remove(x)
        join(x, y)


@scenario(each_peer=True)
def restart(lab):
    """Either side is killed and started anew; it opens, and the other side follows."""
    x, y = tunnel(lab)
    meets(x, y)
    for gone, other in ((x, y), (y, x)):
        port = gone.port()
        gone.kill()
        gone.start()
        gone.set("listen-port", port)
        gone.add(other, other.node.v4())
        gone.node.reaches(other.inner4)
        other.node.reaches(gone.inner4)


@scenario(each_peer=True)
def restart_unnoticed(lab):
    """One side lost its sessions; the other still sends in its own, and opens anew within 16 s."""
    x, y = tunnel(lab, b_knows=False)
    meets(x, y)
    port = y.port()
    y.kill()
    y.start()
    y.set("listen-port", port)
    y.add(x)
    begun = time.monotonic()
    until(lambda: x.node.ping(y.inner4, 1, wait=1).received, "an answer of the new side", 30, 0.2)
    lab.notes.append(f"after {time.monotonic() - begun:.0f} s")


@scenario(each_peer=True, long=True, seconds=200)
def rekey(lab):
    """After 120 s there are new keys; of a ping each 20 ms nothing is lost meanwhile."""
    x, y = tunnel(lab, b_knows=False)
    meets(x, y)
    first = x.peer(y).handshake
    with x.node.pinging(y.inner4):
        until(lambda: x.peer(y).handshake >= first + 119, "a second handshake", 135, 0.5)
        if not y.implementation.is_boringtun:  # it does not tell the time of day
            until(lambda: y.peer(x).handshake > first, "the same at the responder")


@scenario(each_peer=True, long=True, seconds=300)
def silence_then_traffic(lab):
    """After 190 s of silence the old keys are dead; the first packet opens and still arrives."""
    x, y = tunnel(lab)
    meets(x, y)
    x.node.reaches(y.inner4)  # the last word is y's: boringtun owes x no passive keepalive then
    first = x.peer(y)
    # x's passive keepalive follows the pings; after it neither side has a reason to send.
    time.sleep(12)
    sent = x.peer(y).tx
    stays(lambda: x.peer(y).tx == sent, "an idle tunnel stays silent", 178)
    y.node.reaches(x.inner4, 1)
    expect(x.peer(y).handshake > first.handshake, "there was a new handshake")
