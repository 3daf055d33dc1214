# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Runs in a machine of a lab: opens connections, and says what came of each.

Standard input has a JSON list of [address, port, protocol, seconds]; standard output a list of
[answer, mss] in the same order. The answer is the line that the server sends ("d, seen from
192.168.201.55"), "refused", "pong", or null; mss is the size of segments that TCP sends, without
headers, or null. It knows nothing of the project."""

import json
import socket
import subprocess
import sys
import threading
import time

REPEAT = 0.4  # seconds until a datagram is sent again


def ask_tcp(family, address, port, deadline):
    """A refusal counts, and so does the line that a server sends; that connect(2) succeeds does
    not, as a router may drop the third packet."""
    while (left := deadline - time.monotonic()) > 0:
        with socket.socket(family, socket.SOCK_STREAM) as peer:
            peer.settimeout(left)
            try:
                peer.connect((address, port))
                mss = peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
                if line := peer.makefile().readline():
                    return line.strip(), mss
            except ConnectionRefusedError:
                return "refused", None
            except OSError:
                time.sleep(REPEAT)  # a tunnel may not be up yet
    return None, None


def ask_udp(family, address, port, deadline):
    with socket.socket(family, socket.SOCK_DGRAM) as peer:
        peer.settimeout(REPEAT)
        while time.monotonic() < deadline:
            try:
                peer.connect((address, port))
                peer.send(b"?\n")
                return peer.recv(1000).decode().strip(), None
            except ConnectionRefusedError:
                return "refused", None
            except TimeoutError:
                continue
            except OSError:
                time.sleep(REPEAT)
    return None, None


def ask_icmp(_family, address, _port, deadline):
    while (left := deadline - time.monotonic()) > 0:
        done = subprocess.run(["ping", "-n", "-c", "1", "-W", f"{min(left, 1):.1f}", address],
                              capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return "pong", None
        time.sleep(REPEAT / 4)
    return None, None


ASK = {"icmp": ask_icmp, "tcp": ask_tcp, "udp": ask_udp}


def main():
    wanted = json.load(sys.stdin)
    answers = [(None, None)] * len(wanted)
    begun = time.monotonic()

    def ask(i, address, port, protocol, seconds):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        answers[i] = ASK[protocol](family, address, port, begun + seconds)
    threads = [threading.Thread(target=ask, args=(i, *one)) for i, one in enumerate(wanted)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    json.dump(answers, sys.stdout)


main()
