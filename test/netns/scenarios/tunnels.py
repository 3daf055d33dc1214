# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Tunnels between every two implementations: established, kept, lost and re-established."""

import time

from device import Device, Key, join, meets, tunnel
from lab import expect, stays, until
from scenario import scenario


@scenario(each_peer=True, seconds=90)
def tunnel_works(lab):
    """Outer IPv4 and IPv6, with and without PSK, each side initiating: ping and TCP both ways.

    Only the side that knows the other's address initiates. Its first ping must already arrive.
    """
    a, b = lab.node("a"), lab.node("b")
    lab.link(a, b)
    psk = Key(lab, "genpsk")
    for outer in (4, 6):
        # New daemons for each: the newest wireguard-go fails for a while after using the other.
        x, y = Device(lab, a, lab.mine).start(), Device(lab, b, lab.theirs).start()
        for secret in (None, psk):
            for opener, other in ((x, y), (y, x)):
                join(x, y, outer, secret, a_knows=opener is x, b_knows=opener is y)
                opener.node.reaches(other.inner4, 1)
                meets(x, y, 4)
                meets(x, y, 6)
                expect(x.peer(y).handshake, "wg shows the time of the handshake")
                if secret:
                    lab.transfer(a, b, y.inner4)
                    lab.transfer(b, a, x.inner6)
                x.remove(y)
                y.remove(x)
        x.stop()
        y.stop()


@scenario(each_peer=True)
def wrong_psk(lab):
    """Nothing gets through with different preshared keys; with the same key it does."""
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
    """Both sides start a handshake at the same moment and agree on a session."""
    x, y = tunnel(lab)
    for _ in range(5):
        with x.node.pinging(y.inner4, 0.05), y.node.pinging(x.inner4, 0.05):
            pass
        x.remove(y)
        y.remove(x)
        join(x, y)


@scenario(each_peer=True)
def restart(lab):
    """Each side in turn is killed and restarted; it initiates, and the other side follows."""
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
    """One side lost its sessions; the other, still sending in its own, starts anew within 16 s."""
    x, y = tunnel(lab, b_knows=False)
    meets(x, y)
    port = y.port()
    y.kill()
    y.start()
    y.set("listen-port", port)
    y.add(x)
    begun = time.monotonic()
    until(lambda: x.node.ping(y.inner4, 1, wait=1).received, "the restarted side answers", 30, 0.2)
    lab.notes.append(f"after {time.monotonic() - begun:.0f} s")


@scenario(each_peer=True, long=True, seconds=200)
def rekey(lab):
    """After 120 s there are new keys; meanwhile no ping of one every 20 ms is lost."""
    x, y = tunnel(lab, b_knows=False)
    meets(x, y)
    first = x.peer(y).handshake
    with x.node.pinging(y.inner4):
        until(lambda: x.peer(y).handshake >= first + 119, "there is a second handshake", 135, 0.5)
        if not y.implementation.is_boringtun:  # boringtun does not report the time of day
            until(lambda: y.peer(x).handshake > first, "the responder has it too")


@scenario(each_peer=True, long=True, seconds=300)
def silence_then_traffic(lab):
    """After 190 s of silence the old keys are gone; the next packet gets a session, and arrives."""
    x, y = tunnel(lab)
    meets(x, y)
    x.node.reaches(y.inner4)  # y sends the last packet, so boringtun owes x no passive keepalive
    first = x.peer(y)
    # x's passive keepalive follows the pings. After it neither side has a reason to send.
    time.sleep(12)
    sent = x.peer(y).tx
    stays(lambda: x.peer(y).tx == sent, "an idle tunnel stays silent", 178)
    y.node.reaches(x.inner4, 1)
    expect(x.peer(y).handshake > first.handshake, "there was a new handshake")
