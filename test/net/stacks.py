# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Where processes are, for a person who looks for the reason why one does not end."""

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
    """Its parent; None where there is no such process."""
    found = [line for line in text_of(f"/proc/{pid}/status").splitlines() if line.startswith("PPid:")]
    return int(found[0].split()[1]) if found else None


def relatives(pid):
    """The process, its children, and all others of its network namespace unless that is ours: a
    process that waits does so for one of them."""
    there = namespace_of(pid)
    shares = {other for other in pids() if there and namespace_of(other) == there}
    if there == namespace_of("self"):
        shares = set()
    return [pid, *sorted((shares | {other for other in pids() if parent_of(other) == pid}) - {pid})]


def kernel_side(pid):
    """What the kernel tells of a process and of each of its threads."""
    status = text_of(f"/proc/{pid}/status").splitlines()
    lines = [f"process {pid}: {text_of(f'/proc/{pid}/cmdline')!r}",
             *(line for line in status if line.split(":")[0] in STATUS_LINES)]
    with contextlib.suppress(OSError):
        for thread in sorted(os.listdir(f"/proc/{pid}/task"), key=int):
            at = f"/proc/{pid}/task/{thread}"
            lines += [f"thread {thread} ({text_of(f'{at}/comm')}): waits in {text_of(f'{at}/wchan')}, "
                      f"system call {text_of(f'{at}/syscall')}", text_of(f"{at}/stack")]
    return "\n".join(lines)


def user_side(pid):
    """The stacks of its threads outside of the kernel."""
    if not shutil.which("gdb"):
        return "(no gdb, which would tell the stacks outside of the kernel)"
    try:
        done = subprocess.run(["gdb", "-batch", "-nx", "-p", str(pid), "-ex", "thread apply all bt 40"],
                              capture_output=True, text=True, timeout=GDB_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"(gdb got no answer within {GDB_SECONDS} s)"
    return "\n".join(line for line in done.stdout.splitlines() if not line.startswith("[New LWP"))


def stacks(pid):
    """Everything that tells where a process and its relatives are. A process that has ended by now
    says so."""
    parts = []
    for relative in relatives(pid):
        parts += [kernel_side(relative), user_side(relative)]
    return "\n".join(parts)
