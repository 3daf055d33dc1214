# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Timestamps of initiations when the clock is set, and the timestamp file that carries them over
restarts."""

import os
import signal
import struct
import time

from device import is_sanitized, meets, tunnel
from lab import STATUS, Skip, ended, expect, expect_same, namespace_pids, read, run, until
from scenario import scenario
from scenarios.faults import run_within

HOUR, DAY = 3600, 24 * 3600


class Clock:
    """The clock of one device's daemon, controlled through a preloaded library."""

    def __init__(self, lab):
        if is_sanitized(lab.mine):
            raise Skip("sanitizers must be loaded first, so nothing can be preloaded")
        self.path = lab.file("clock.secret")  # binary
        self.set(0)
        self.env = {"LD_PRELOAD": lab.tool("setclock.so"), "SETCLOCK": self.path}

    def set(self, ahead_s):
        """Sets this clock ahead of the machine's."""
        with open(self.path, "r+b" if os.path.exists(self.path) else "wb") as file:
            file.write(struct.pack("=q", ahead_s))


def stamp_of(device):
    return f"{STATUS}/{device.name}.stamp"


def begins(x, y, what):
    """Expects x to start a handshake that y accepts at once.

    (If y refused the initiation, the next one would follow after 5 s.)
    """
    refused = y.stat()["drop_timestamp_replayed"]
    x.down()
    time.sleep(0.05)  # y accepts one initiation per 20 ms
    x.up()
    done = x.node.ping(y.inner4, count=1, wait=4)
    expect_same(done.received, 1, f"{what}: pings answered")
    expect_same(y.stat()["drop_timestamp_replayed"], refused, f"{what}: initiations refused")


def start_anew(x, y):
    x.start()
    x.add(y, y.node.v4())


def is_idle(pid):
    return b") S " in read(f"/proc/{pid}/stat")


@scenario(ours_only=True)
def clock_set_back(lab):
    """A clock that is set back stops no handshake, even across restarts and re-added peers."""
    clock = Clock(lab)
    x, y = tunnel(lab, env={"LOG_LEVEL": "verbose", **clock.env}, b_knows=False)
    begins(x, y, "the clock is right")
    clock.set(-HOUR)
    begins(x, y, "an hour back")
    clock.set(-400 * DAY)
    begins(x, y, "a year back")
    clock.set(DAY)
    begins(x, y, "a day ahead")
    clock.set(0)
    begins(x, y, "right again")
    x.remove(y)
    x.add(y, y.node.v4())
    begins(x, y, "the peer was added again")
    x.stop()
    start_anew(x, y)
    begins(x, y, "restarted after a normal end")
    for turn in range(3):
        x.kill()
        start_anew(x, y)
        begins(x, y, f"killed, {turn}")
    until(lambda: is_idle(x.helper()), "the helper is idle")
    for pid in namespace_pids(x.node.ns):
        os.kill(pid, signal.SIGKILL)
    ended(x.process)
    start_anew(x, y)
    begins(x, y, "killed with its helper")
    x.stop()
    clock.set(-30 * DAY)
    start_anew(x, y)
    begins(x, y, "set back while it did not run")
    info = os.stat(stamp_of(x))
    expect_same((info.st_mode & 0o7777, info.st_uid), (0o600, 0),
                "mode and owner of the timestamp file")
    expect(b"suspended" not in read(x.log), "setting the clock does not count as a suspend")


@scenario(ours_only=True)
def clock_set_in_a_session(lab):
    """Setting the clock, forward or back, ends no session and loses no packet."""
    clock = Clock(lab)
    x, y = tunnel(lab, env={"LOG_LEVEL": "verbose", **clock.env})
    meets(x, y)
    before = x.stat()["initiations_sent"] + y.stat()["initiations_sent"]
    with x.node.pinging(y.inner4):
        for ahead_s in (HOUR, -HOUR, 20 * 365 * DAY, -DAY, 0):
            clock.set(ahead_s)
            time.sleep(0.2)
    expect_same(x.stat()["initiations_sent"] + y.stat()["initiations_sent"], before,
                "initiations sent")


# Bad timestamp files: a shell script that makes one at $at, and the text logged for it.
USELESS = (
    ("printf hello > $at", "not hold a time"),
    (": > $at", "not hold a time"),
    ("printf 17000000000000000000 > $at", "not hold a time"),
    ("echo 99999999999999999999 > $at", "not hold a time"),
    ("echo -5 > $at", "not hold a time"),
    ("printf '1700000000000000000\\n1\\n' > $at", "not hold a time"),
    ("head -c 100000000 /dev/zero > $at", "not hold a time"),
    ("echo 18446744073709551615 > $at", "ten years"),
    ("echo 4000000000000000000 > $at", "ten years"),
    ("echo 1700000000000000000 > $at; chmod 666 $at", "other users can write"),
    ("echo 1700000000000000000 > $at; chown 65534 $at", "other users can write"),
    ("echo 1700000000000000000 > $at.x; ln -s $at.x $at", "other users can write"),
    ("mkfifo $at", "other users can write"),
    ("mkdir $at", "other users can write"),
)


@scenario(ours_only=True)
def kept_stamp_is_useless(lab):
    """A bad timestamp file is logged and ignored, and the next handshake replaces it."""
    x, y = tunnel(lab, b_knows=False)
    meets(x, y)
    x.stop()
    for script, said in USELESS:
        run("sh", "-ec", f"rm -rf $at $at.x; {script}", env={**os.environ, "at": stamp_of(x)})
        x.log = lab.file("useless")
        start_anew(x, y)
        expect(said in read(x.log).decode(),
               f"{script}: the log says {said!r}, not {read(x.log).decode()!r}")
        begins(x, y, script)
        x.stop()
        if "mkdir" in script:
            expect_same(read(x.log).count(b"cannot store"), 1, "log lines about the directory")
            os.rmdir(stamp_of(x))
            continue
        text = read(stamp_of(x)).decode()
        expect(abs(int(text) / 1e9 - time.time()) < HOUR,
               f"{script}: a good file replaces it, not {text!r}")
    run("sh", "-c", "rm -rf $at.x", env={**os.environ, "at": stamp_of(x)})


def start_within(x, y, script):
    """Like start_anew(), but runs the daemon, after a script, in its own mount namespace."""
    run_within(x, script=f'{script}; exec "$@"', env={"LOG_LEVEL": "verbose"})
    until(x.answers, "it answers")
    x.wg("set", "private-key", x.key.file)
    x.address()
    x.up()
    x.add(y, y.node.v4())


# Ways to mount a directory in which no file can be created, or none can grow.
NO_PLACE = (
    ("mount -t tmpfs -o ro none {}", "Read-only"),
    ("mount -t tmpfs -o size=4k none {0}; head -c 8192 /dev/zero > {0}/full || true", "No space"),
    ("mount -t tmpfs -o nr_inodes=2 none {}", "No space"),
)


@scenario(ours_only=True)
def stamp_cannot_be_kept(lab):
    """If the timestamp cannot be stored, the log says so once, and handshakes go on."""
    x, y = tunnel(lab, b_knows=False)
    x.stop()
    for place, said in NO_PLACE:
        start_within(x, y, place.format(STATUS))
        for turn in range(3):
            begins(x, y, f"{place}, {turn}")
            time.sleep(0.5)
        complaints = [line for line in read(x.log).decode().splitlines() if "cannot store" in line]
        expect(len(complaints) == 1 and said in complaints[0],
               f"{place}: the log says {said!r} once: {complaints}")
        x.stop()


FILES = 256  # the most that are kept


@scenario(ours_only=True)
def stamps_do_not_pile_up(lab):
    """However many interfaces come and go, only the files of the latest ones remain."""
    x, y = tunnel(lab, b_knows=False)
    x.stop()
    start_within(x, y, f"mount -t tmpfs none {STATUS}; "
                       f"for i in $(seq {FILES}); do echo 1 > {STATUS}/z$i.stamp; "
                       f"touch -d @$i {STATUS}/z$i.stamp; done")
    place = f"/proc/{x.process.pid}/root{STATUS}"
    begins(x, y, "with many files")
    until(lambda: os.path.exists(f"{place}/{x.name}.stamp"), "its timestamp is stored")
    files = {name for name in os.listdir(place) if name.endswith(".stamp")}
    expect_same(files, {f"{x.name}.stamp", *(f"z{i}.stamp" for i in range(2, FILES + 1))},
                "files left after the oldest were deleted")
