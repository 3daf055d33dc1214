# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Commands that need the daemon while it does not answer: they fail in time and give the reason."""

import contextlib
import signal
import socket
import subprocess
import time

from lab import SOCKETS, expect, expect_same, run, until
from scenario import scenario
from scenarios.quick import Quick, expect_alike, host, kill_daemon

DEADLINE = 45  # seconds; a command waits for 10, and `down` also for the daemon's end


def start(quick, verb):
    return subprocess.Popen(("nsenter", f"--net=/run/netns/{quick.node.ns}",
                             f"{quick.directory}/bin/tieline-quick", verb, quick.file),
                            env=quick.env, stderr=subprocess.PIPE, text=True)


def expect_failure(process, what, command):
    try:
        error = process.communicate(timeout=DEADLINE)[1]
    finally:
        process.kill()
    expect_same(process.returncode, 1, f"exit status of {command}: {error}")
    expect(what in error, f"{command} reports `{what}': {error}")


def fill_queue(ifname):
    """Connects until the daemon's queue of clients is full. A client that hangs up stays in it."""
    with contextlib.suppress(BlockingIOError):
        while True:
            with socket.socket(socket.AF_UNIX) as client:
                client.setblocking(False)
                client.connect(f"{SOCKETS}/{ifname}.sock")


@scenario(ours_only=True, needs=("nft", "nsenter"), seconds=150)
def quick_gives_up_on_a_stopped_daemon(lab):
    """While the daemon is stopped, commands fail in time, and `down` undoes everything else."""
    node = host(lab)
    quick = Quick(lab, node, "a")
    quick.write("Address = 10.77.0.1/24, fd77::1/64",
                peers=(("AllowedIPs = 0.0.0.0/0, ::/0",), ("AllowedIPs = 10.90.0.0/16",)))
    before = quick.picture()
    quick.up()
    kill_daemon(quick, signal.SIGSTOP)
    try:
        begun = time.monotonic()
        commands = {verb: start(quick, verb) for verb in ("reload", "save")}
        told = run(lab.mine.path, "--stat", quick.ifname, check=False)
        expect_same(told.returncode, 1, "exit status of --stat")
        expect("is stopped or hangs" in told.stderr, told.stderr)
        for verb, process in commands.items():
            expect_failure(process, "it is stopped or hangs", verb)
        expect(quick.exists(), "the interface is still there")
        fill_queue(quick.ifname)
        expect_failure(start(quick, "up"), "already exists", "up")
        expect_failure(start(quick, "down"), "does not exit", "down")
        expect(time.monotonic() - begun < 3 * DEADLINE, "the deadlines hold")
        expect_alike(quick.picture(), before, "the node while the daemon is stopped")
    finally:
        kill_daemon(quick, signal.SIGCONT)
    until(lambda: not quick.exists(), "the interface is gone")
    quick.clean()
    quick.up()
    quick.down()
    quick.clean()
