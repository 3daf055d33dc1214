# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The configuration socket: valid and malformed requests, and misbehaving clients."""

import contextlib
import errno
import os
import stat

from device import Device, Key, Uapi, reply_errno, tunnel
from lab import SOCKETS, expect, expect_same
from scenario import scenario

PEER = "public_key=" + "ab" * 32 + "\n"
EINVAL, EPROTO = errno.EINVAL, errno.EPROTO

# The lines of a set request, and the error it gets.
WRONG = (
    ("nonsense\n", EPROTO),
    ("=\n", EINVAL),
    ("unknown_key=1\n", EINVAL),
    ("x" * 300 + "=1\n", EPROTO),
    ("private_key=\n", EINVAL),
    ("private_key=12\n", EINVAL),
    ("private_key=" + "g" * 64 + "\n", EINVAL),
    ("private_key=" + "a" * 63 + "\n", EINVAL),
    ("private_key=" + "a" * 65 + "\n", EINVAL),
    ("listen_port=\n", EINVAL),
    ("listen_port=65536\n", EINVAL),
    ("listen_port=-1\n", EINVAL),
    ("listen_port=1x\n", EINVAL),
    ("fwmark=4294967296\n", EINVAL),
    ("fwmark=green\n", EINVAL),
    ("replace_peers=false\n", EINVAL),
    ("replace_peers=\n", EINVAL),
    ("public_key=12\n", EINVAL),
    ("allowed_ip=10.0.0.0/8\n", EINVAL),
    ("endpoint=192.0.2.1:1\n", EINVAL),
    ("remove=true\n", EINVAL),
    (PEER + "private_key=" + "a" * 64 + "\n", EINVAL),
    (PEER + "listen_port=1\n", EINVAL),
    (PEER + "preshared_key=12\n", EINVAL),
    (PEER + "endpoint=192.0.2.1\n", EINVAL),
    (PEER + "endpoint=192.0.2.1:70000\n", EINVAL),
    (PEER + "endpoint=192.0.2.256:1\n", EINVAL),
    (PEER + "endpoint=2001:db8::1:1\n", EINVAL),
    (PEER + "endpoint=[2001:db8::1]\n", EINVAL),
    (PEER + "endpoint=[2001:db8::1:1\n", EINVAL),
    (PEER + "persistent_keepalive_interval=65536\n", EINVAL),
    (PEER + "persistent_keepalive_interval=often\n", EINVAL),
    (PEER + "allowed_ip=10.0.0.0\n", EINVAL),
    (PEER + "allowed_ip=10.0.0.0/33\n", EINVAL),
    (PEER + "allowed_ip=10.0.0/8\n", EINVAL),
    (PEER + "allowed_ip=fd00::/129\n", EINVAL),
    (PEER + "allowed_ip=/0\n", EINVAL),
    (PEER + "remove=yes\n", EINVAL),
    (PEER + "update_only=1\n", EINVAL),
    (PEER + "replace_allowed_ips=0\n", EINVAL),
    (PEER + "protocol_version=2\n", EINVAL),
)


@scenario(ours_only=True)
def wrong_requests(lab):
    """Every malformed set request gets its error and changes nothing, whatever precedes it."""
    x, y = tunnel(lab)
    x.node.reaches(y.inner4)
    before = x.wg("showconf").stdout
    change = "listen_port=45005\nfwmark=7\nreplace_peers=true\n" + \
             f"public_key={Key(lab).public_hex}\nallowed_ip=10.9.0.0/16\n"
    with x.node.pinging(y.inner4, 0.1):
        for lines, expected in WRONG:
            for text in (lines, change + lines if lines.startswith("public_key") else lines):
                with x.uapi() as uapi:
                    got = uapi.set(text)
                    expect_same(got, -expected, f"errno of {text[-70:]!r}")
                    expect(uapi.set("") == 0, f"the connection goes on after {text[-70:]!r}")
                expect(x.wg("showconf").stdout == before, f"{text[-70:]!r} changes nothing")
    for request in ("put=1\n\n", "get=2\n\n", "set=0\n\n", "rubbish\n\n", "get=1\nx=1\n\n",
                    b"\0" * 100 + b"\n\n", b"\xff\xfe=1\n\n"):
        with x.uapi() as uapi:
            uapi.send(request)
            got = reply_errno(uapi.reply())
            expect(got in (-EPROTO, EPROTO, -EINVAL, EINVAL), f"{request!r} is an error, not {got}")
    expect(x.wg("showconf").stdout == before, "nothing changed")


@scenario(ours_only=True)
def all_or_nothing(lab):
    """A request that fails only when it is applied changes nothing either."""
    x, y = tunnel(lab)
    x.node.reaches(y.inner4)
    before = x.wg("showconf").stdout
    taken = x.node.socket()
    taken.bind(("", 45006))
    with x.uapi() as uapi:
        got = uapi.set(f"private_key={Key(lab).hex}\nlisten_port=45006\nfwmark=9\n"
                       f"replace_peers=true\npublic_key={Key(lab).public_hex}\n")
    expect_same(got, -errno.EADDRINUSE, "errno of a port in use")
    expect(x.wg("showconf").stdout == before, "it changes nothing")
    with x.uapi() as uapi:
        got = uapi.set(f"fwmark=9\n{PEER}endpoint=[fe80::1%nosuchlink]:1\n")
    expect(got is not None and got < 0, f"an unknown zone is an error, not {got}")
    expect(x.wg("showconf").stdout == before, "it changes nothing")
    x.node.reaches(y.inner4)


@scenario(ours_only=True)
def one_peer_named_many_times(lab):
    """A request that names a peer many times is applied in order; the session stays."""
    x, y = tunnel(lab)
    x.node.reaches(y.inner4)
    peer, other = f"public_key={y.key.public_hex}\n", f"public_key={Key(lab).public_hex}\n"
    psk = f"preshared_key={Key(lab, 'genpsk').hex}\n"
    update, remove = f"{peer}update_only=true\n", f"{peer}remove=true\n"
    endpoint = x.peers()[y.key.public].endpoint
    allowed = f"{peer}endpoint={endpoint}\nallowed_ip={y.inner4}/32\n"
    with x.uapi() as uapi:
        for lines, peers in (
                (f"replace_peers=true\n{update}{peer}", 1),
                (f"replace_peers=true\n{update}{update}", 0),
                (f"{peer}", 1),
                (f"replace_peers=true\n{peer}{psk}{peer}{update}", 1),
                (f"replace_peers=true\n{update}{psk}{peer}{update}", 1),
                (f"replace_peers=true\n{peer}{remove}{update}{peer}{remove}{peer}", 1),
                (f"{update}{remove}{update}{peer}{other}{remove}{other}remove=true\n{peer}", 1),
                (f"private_key={x.key.hex}\n{peer}public_key={x.key.public_hex}\n{peer}", 1)):
            expect_same(uapi.set(lines), 0, f"errno of {lines!r}")
            expect_same(len(x.peers()), peers, f"number of peers after {lines!r}")
        expect_same(uapi.set(f"replace_peers=true\n{allowed}"), 0,
                    "errno of the set that restores the peer")
    x.node.reaches(y.inner4)
    # An update-only entry does not count if the peer is listed again only after it.
    handshake = x.peers()[y.key.public].handshake
    with x.uapi() as uapi:
        expect_same(uapi.set(f"replace_peers=true\n{update}{allowed}"), 0, "errno")
    expect_same(x.peers()[y.key.public].handshake, handshake, "the session goes on")
    x.node.reaches(y.inner4)


@scenario()
def right_requests(lab):
    """get=1 after sets lists keys in wireguard-go's order, and masked addresses."""
    node = lab.node("a")
    x = Device(lab, node, lab.mine).start()
    one, two, psk = Key(lab), Key(lab), Key(lab, "genpsk")
    with x.uapi() as uapi:
        expect(uapi.set(f"listen_port=45007\nfwmark=16\nreplace_peers=true\n"
                        f"public_key={one.public_hex}\npreshared_key={psk.hex}\n"
                        "endpoint=[2001:db8::7]:7\npersistent_keepalive_interval=11\n"
                        "replace_allowed_ips=true\nallowed_ip=10.1.2.3/8\nallowed_ip=fd11::1/32\n"
                        f"public_key={two.public_hex}\nendpoint=192.0.2.9:9\n"
                        "protocol_version=1\nallowed_ip=0.0.0.0/0\n") == 0, "the set is accepted")
        expected = [f"private_key={x.key.hex}", "listen_port=45007", "fwmark=16",
                    f"public_key={one.public_hex}", f"preshared_key={psk.hex}",
                    "protocol_version=1", "endpoint=[2001:db8::7]:7", "last_handshake_time_sec=0",
                    "last_handshake_time_nsec=0", "tx_bytes=0", "rx_bytes=0",
                    "persistent_keepalive_interval=11", "allowed_ip=10.0.0.0/8",
                    "allowed_ip=fd11::/32", f"public_key={two.public_hex}",
                    f"preshared_key={'0' * 64}", "protocol_version=1", "endpoint=192.0.2.9:9",
                    "last_handshake_time_sec=0", "last_handshake_time_nsec=0", "tx_bytes=0",
                    "rx_bytes=0", "persistent_keepalive_interval=0", "allowed_ip=0.0.0.0/0",
                    "errno=0"]
        got = [line for line in uapi.get().splitlines() if line]
        # The interval of the first peer may already have caused an initiation to its endpoint.
        got = ["tx_bytes=0" if line == "tx_bytes=148" else line for line in got]
        if x.ours:
            expect_same(got, expected, "the reply to get=1")
        expect_same(sorted(got), sorted(expected), "lines of the reply to get=1")
        for lines, peer, allowed in (
                (f"public_key={one.public_hex}\nallowed_ip=-10.0.0.0/8\n", one, ["fd11::/32"]),
                (f"public_key={one.public_hex}\nallowed_ip=-0.0.0.0/0\n", two, ["0.0.0.0/0"]),
                (f"public_key={one.public_hex}\nallowed_ip=0.0.0.0/0\n", two, []),
                (f"{PEER}update_only=true\nallowed_ip=10.3.0.0/16\n", two, []),
                (f"{PEER}remove=true\n", two, [])):
            if x.ours:
                expect(uapi.set(lines) == 0, f"{lines!r} is accepted")
                expect_same(x.peers()[peer.public].allowed, allowed, f"allowed IPs after {lines!r}")
                expect(len(x.peers()) == 2, "there are still two peers")
        zeros = "0" * 64
        expect(uapi.set(f"public_key={one.public_hex}\npreshared_key={zeros}\n"
                        f"public_key={two.public_hex}\nremove=true\n") == 0, "the set is accepted")
        expect(list(x.peers()) == [one.public], "the second peer is removed")
        expect(x.peers()[one.public].psk == "(none)", "the preshared key is cleared")
        expect(uapi.set(f"private_key={zeros}\nfwmark=0\nreplace_peers=true\n") == 0,
               "it is accepted")
    expect_same(x.wg("showconf").stdout.split(), ["[Interface]", "ListenPort", "=", "45007"],
                "configuration left once all else is cleared")


@scenario()
def socket_of_the_device(lab):
    """The socket and its directory have safe modes."""
    x = Device(lab, lab.node("a"), lab.mine).start()
    status = os.stat(x.socket)
    forbidden = 0o177 if x.ours else 0o077
    expect(stat.S_ISSOCK(status.st_mode) and status.st_mode & forbidden == 0,
           f"the socket is accessible only to root, not {status.st_mode:o}")
    expect(stat.S_IMODE(os.stat(SOCKETS).st_mode) & 0o022 == 0,
           "only root may write to the directory")


@scenario(ours_only=True)
def clients_that_misbehave(lab):
    """Partial requests, hang-ups and stalled readers delay neither packets nor other clients."""
    x, y = tunnel(lab)
    x.node.reaches(y.inner4)
    lines = "".join(f"allowed_ip=10.{200 + i // 65536}.{i // 256 % 256}.{i % 256}/32\n"
                    for i in range(50000))
    with x.uapi() as uapi:
        expect(uapi.set(f"public_key={y.key.public_hex}\n{lines}") == 0,
               "a set of many allowed IPs is accepted")
    before = x.wg("showconf").stdout
    with x.node.pinging(y.inner4), contextlib.ExitStack() as clients:
        for request in (b"", b"s", b"set=1\n", b"set=1\nlisten_port=45008\n", b"get=1\n",
                        b"set=1\nreplace_peers=true\npublic_key=" + b"ab" * 32 + b"\nallowed_ip="):
            clients.enter_context(Uapi(x.name)).send(request)  # and never ends it
            with Uapi(x.name) as other:
                other.send(request)  # and hangs up
        for _ in range(3):
            clients.enter_context(Uapi(x.name)).send("get=1\n\n" * 20)  # and never reads
            with Uapi(x.name) as other:
                other.send("get=1\n\n")  # and hangs up
        first, second = clients.enter_context(x.uapi()), clients.enter_context(x.uapi())
        for number in range(1, 20):
            first.send("set=1\nfw")
            expect(second.set(f"fwmark={number}\n") == 0, "the second client's set succeeds")
            first.send(f"mark={number + 100}\n\n")
            expect(reply_errno(first.reply()) == 0, "the first client's set succeeds")
            expect(f"fwmark={number + 100}\n" in second.get(), "the last set counts")
        expect(second.set("fwmark=0\n") == 0, "the mark is cleared")
        expect(x.wg("showconf").stdout == before, "partial requests change nothing")
    expect(x.wg("showconf").stdout == before, "nor do they once their senders are gone")
