# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Stacks of processes, to find out why one does not end."""

import contextlib
import os
import shutil
import subprocess

STATUS_LINES = ("Name", "State", "PPid", "SigPnd", "ShdPnd", "SigBlk", "SigIgn", "Seccomp")
GDB_SECONDS = 20


def text_of(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError as error:
        return f"({error.strerror})"


def pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def namespace_of(pid):
    with contextlib.suppress(OSError):
        return os.readlink(f"/proc/{pid}/ns/net")
    return None


def parent_of(pid):
    """The parent of a process; None if there is no such process."""
    status = text_of(f"/proc/{pid}/status").splitlines()
    found = [line for line in status if line.startswith("PPid:")]
    return int(found[0].split()[1]) if found else None


def sleeps(directory):
    """How often a process or thread, given by its directory in /proc, has gone to sleep."""
    found = [line for line in text_of(f"{directory}/status").splitlines()
             if line.startswith("voluntary_ctxt_switches:")]
    return int(found[0].split()[1])


def relatives(pid):
    """The process, its children, and all others of its network namespace unless that is ours.
    It may be waiting for any of them."""
    there = namespace_of(pid)
    shares = {other for other in pids() if there and namespace_of(other) == there}
    if there == namespace_of("self"):
        shares = set()
    return [pid, *sorted((shares | {other for other in pids() if parent_of(other) == pid}) - {pid})]


def kernel_side(pid):
    """The kernel's view of a process and of each of its threads."""
    status = text_of(f"/proc/{pid}/status").splitlines()
    lines = [f"process {pid}: {text_of(f'/proc/{pid}/cmdline')!r}",
             *(line for line in status if line.split(":")[0] in STATUS_LINES)]
    with contextlib.suppress(OSError):
        for thread in sorted(os.listdir(f"/proc/{pid}/task"), key=int):
            at = f"/proc/{pid}/task/{thread}"
            lines += [f"thread {thread} ({text_of(f'{at}/comm')}): "
                      f"waits in {text_of(f'{at}/wchan')}, "
                      f"system call {text_of(f'{at}/syscall')}", text_of(f"{at}/stack")]
    return "\n".join(lines)


def user_side(pid):
    """The user-space stacks of its threads."""
    if not shutil.which("gdb"):
        return "(gdb is not installed: no user-space stacks)"
    try:
        done = subprocess.run(
            ["gdb", "-batch", "-nx", "-p", str(pid), "-ex", "thread apply all bt 40"],
            capture_output=True, text=True, timeout=GDB_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"(gdb did not answer within {GDB_SECONDS} s)"
    return "\n".join(line for line in done.stdout.splitlines() if not line.startswith("[New LWP"))


def stacks(pid):
    """All stacks of a process and its relatives; a process that has ended gets a note."""
    parts = []
    for relative in relatives(pid):
        parts += [kernel_side(relative), user_side(relative)]
    return "\n".join(parts)
