# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Sends megabytes over TCP, in both directions at once.

    transfer.py serve PORT                       serves any number of clients
    transfer.py ADDRESS PORT MEGABYTES SECONDS   prints "done", or what did not arrive

SECONDS is how long nothing may arrive before the transfer counts as stalled.
"""

import contextlib
import hashlib
import socket
import socketserver
import struct
import sys
import threading

MEGABYTE = 1 << 20


def content(number):
    return hashlib.shake_128(struct.pack("!I", number)).digest(MEGABYTE)


def send(link, megabytes):
    with contextlib.suppress(OSError):  # the receiver then lacks something, and says so
        for number in range(megabytes):
            link.sendall(content(number))
        link.shutdown(socket.SHUT_WR)


def receive(link, megabytes):
    """Returns how many bytes arrived as they were sent."""
    got, whole = 0, hashlib.sha256()
    while data := link.recv(MEGABYTE):
        got += len(data)
        whole.update(data)
    sent = hashlib.sha256(b"".join(content(number) for number in range(megabytes)))
    return got if whole.digest() == sent.digest() else -1


def exchange(link, megabytes):
    sender = threading.Thread(target=send, args=(link, megabytes), daemon=True)
    sender.start()
    got = receive(link, megabytes)
    sender.join()
    return got


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.settimeout(60)
        megabytes, = struct.unpack("!I", self.request.recv(4, socket.MSG_WAITALL))
        exchange(self.request, megabytes)


class Server(socketserver.ThreadingTCPServer):
    address_family = socket.AF_INET6
    allow_reuse_address = daemon_threads = True

    def handle_error(self, request, client_address):
        """A client gave up: it says so itself."""


def main():
    if sys.argv[1] == "serve":
        Server(("::", int(sys.argv[2])), Handler).serve_forever()
    address, port, megabytes, seconds = sys.argv[1], *map(int, sys.argv[2:])
    try:
        with socket.create_connection((address, port), seconds) as link:
            link.sendall(struct.pack("!I", megabytes))
            got = exchange(link, megabytes)
    except OSError as error:
        sys.exit(f"stalled: {error}")
    if got != megabytes * MEGABYTE:
        sys.exit(f"{got} bytes came back")
    print("done")


if __name__ == "__main__":
    main()
