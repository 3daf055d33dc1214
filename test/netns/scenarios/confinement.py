# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""What an attacker who controls a thread of the daemon can still do, and what other users of the
host can do to the daemon."""

import ctypes
import glob
import multiprocessing
import os
import re
import resource
import signal
import socket
import subprocess

from device import Device, is_sanitized, meets, tunnel
from lab import SOCKETS, expect, expect_same, namespace_pids, read, run
from scenario import scenario

# Allowed calls that inject.c makes: they show that it works.
ALLOWED = {"getpid", "mmap-data"}

# The helper's allowed calls and what they return here, which shows that not everything is refused.
# The helper reads nothing that a stranger wrote.
HELPER = {
    "openat": "number", "open": "number", "unlinkat": "ENOENT", "unlink": "ENOENT",
    "renameat2": "ENOENT", "rename": "ENOENT", "fchmodat": "ENOENT", "chmod": "ENOENT",
    "mkdirat": "EEXIST", "socket": "number", "socket-raw": "EPERM", "connect": "EBADF",
    "bind": "EBADF", "listen": "EBADF", "setsockopt": "EBADF", "ioctl": "EBADF", "fcntl": "EBADF",
    "setns": "EBADF",
}

# Sanitizers open files, map code and inspect threads. These calls stay refused even with them.
WITH_SANITIZERS = {
    "execve", "execveat", "unlinkat", "renameat2", "fchmodat", "connect", "bind", "listen", "setns",
    "unshare", "mount", "init_module", "bpf", "io_uring_setup", "keyctl", "perf_event_open",
    "process_vm_readv", "setuid-root", "capset", "open_by_handle_at", "reboot", "seccomp",
}

NOT_ROOT_FIELDS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
SOME_USER = 4242  # has no account and no process here


def helper_pid(device):
    pids = [pid for pid in namespace_pids(device.node.ns)
            if read(f"/proc/{pid}/comm") == b"tielined-helper\n"]
    expect_same(len(pids), 1, f"helpers of {device.name}")
    return pids[0]


def inject(lab, pid):
    """Makes every thread of a process do all calls. Returns {thread: {call: result}}."""
    results = {}
    for line in run(lab.tool("inject"), str(pid)).stdout.splitlines():
        thread, call, result = line.split()
        results.setdefault(int(thread), {})[call] = result
    expect_same(set(results), {int(name) for name in os.listdir(f"/proc/{pid}/task")},
                "threads that made the calls")
    return results


def expect_allowed(pid, thread, of_call):
    expect_same(of_call["getpid"], str(pid), f"result of getpid() in thread {thread}")
    expect(int(of_call["mmap-data"]) > 0, f"thread {thread} may map memory")


@scenario(ours_only=True)
def forbidden_calls(lab):
    """A thread of the daemon that is taken over can open, start, connect to and signal nothing."""
    x, y = tunnel(lab)
    meets(x, y)
    sanitized = is_sanitized(lab.mine)
    for thread, of_call in inject(lab, x.process.pid).items():
        expect_allowed(x.process.pid, thread, of_call)
        wanted = WITH_SANITIZERS if sanitized else set(of_call) - ALLOWED
        expect(len(wanted) > 20, "more than 20 calls are tried")
        not_refused = {call: of_call[call] for call in wanted if of_call[call] != "EPERM"}
        expect(not not_refused, f"every call of thread {thread} gets EPERM, except {not_refused}")
        lab.notes.append(f"thread of the daemon: {len(wanted)} calls refused")
    for thread, of_call in inject(lab, helper_pid(x)).items():
        expect_allowed(helper_pid(x), thread, of_call)
        if sanitized:
            continue
        for call, result in of_call.items():
            wanted = HELPER.get(call, "EPERM")
            if call not in ALLOWED:
                expect_same("number" if result.isdigit() else result, wanted,
                            f"result of {call} in the helper")
        refused = sum(result == "EPERM" for result in of_call.values())
        lab.notes.append(f"helper: {refused} calls refused")
    if sanitized:
        lab.notes.append("with sanitizers more calls are allowed: only calls refused even with "
                         "them were judged, and none of the helper's")
    meets(x, y)


def status_of(path):
    return dict(line.split(":\t", 1) for line in read(path).decode().splitlines() if ":\t" in line)


@scenario(ours_only=True)
def few_privileges(lab):
    """No thread of the daemon is root, has or can gain a capability, or dumps core."""
    x, y = tunnel(lab)
    meets(x, y)
    pid, sanitized = x.process.pid, is_sanitized(lab.mine)
    for thread in os.listdir(f"/proc/{pid}/task"):
        status = status_of(f"/proc/{pid}/task/{thread}/status")
        expect_same((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"),
                    f"NoNewPrivs and Seccomp of thread {thread}")
        if sanitized:
            continue
        for field in ("Uid", "Gid"):
            expect("0" not in status[field].split(), f"{field} is not root's: {status[field]}")
        expect_same(status["Groups"].split(), [], f"groups of thread {thread}")
        for field in NOT_ROOT_FIELDS:
            expect_same(int(status[field], 16), 0, f"{field} of thread {thread}")
    helper = status_of(f"/proc/{helper_pid(x)}/status")
    expect_same((helper["NoNewPrivs"], helper["Seccomp"]), ("1", "2"),
                "NoNewPrivs and Seccomp of the helper")
    expect_same(int(helper["CapEff"], 16) & ~(1 << 10 | 1 << 11 | 1 << 12 | 1 << 21), 0,
                "capabilities of the helper beyond net_bind_service, net_broadcast, net_admin, "
                "sys_admin")
    if sanitized:
        lab.notes.append("with sanitizers it stays root, with two capabilities: not judged")
        return
    for process in (pid, helper_pid(x)):
        limits = read(f"/proc/{process}/limits").decode()
        limit = re.search(r"Max core file size +(\d+) +(\d+)", limits)
        expect_same(limit.groups(), ("0", "0"), "limit of core files")
    # In /proc, a process that is not dumpable belongs to root, whoever its user is.
    expect_same(os.stat(f"/proc/{pid}/environ").st_uid, 0, "owner of the daemon's files in /proc")


def dumps_core(pid):
    """Makes a child of ours abort. Returns whether that left a core."""
    os.kill(pid, signal.SIGABRT)
    _, status = os.waitpid(pid, 0)
    return os.WCOREDUMP(status)


@scenario(ours_only=True)
def no_core_dump(lab):
    """A daemon that aborts dumps no core, on a system where others do."""
    limits = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    other = subprocess.Popen(["sleep", "60"], cwd=lab.directory)
    lab.processes.append(other)
    x = Device(lab, lab.node("a"), lab.mine)
    x.spawn()
    resource.setrlimit(resource.RLIMIT_CORE, limits)
    if not dumps_core(other.pid):
        lab.notes.append("this system dumps no cores at all, so this proves little")
    expect(not dumps_core(x.process.pid), "the daemon leaves no core")
    x.process = None


# ---- another user of the host

PTRACE_SEIZE = 0x4206
libc = ctypes.CDLL(None, use_errno=True)


class Parts(ctypes.Structure):
    _fields_ = [("at", ctypes.c_void_p), ("len", ctypes.c_size_t)]


def refusal(attempt):
    """The errno that an attempt raises; 0 if it works."""
    try:
        attempt()
    except OSError as error:
        return error.errno
    return 0


def ask_libc(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "libc")


def read_memory(pid):
    """Reads a byte of the process; the address need not be mapped, as access is checked first."""
    buffer = ctypes.create_string_buffer(1)
    ours, theirs = Parts(ctypes.addressof(buffer), 1), Parts(4096, 1)
    ask_libc(libc.process_vm_readv(pid, ctypes.byref(ours), 1, ctypes.byref(theirs), 1, 0))


def connect(path):
    with socket.socket(socket.AF_UNIX) as stream:
        stream.connect(path)


def open_file(path):
    with open(path, "rb") as file:
        file.read(1)


def try_all(pids, paths):
    """[(what, errno)] of everything that the calling user can try."""
    for path in paths:
        directory = os.path.dirname(path)
        yield f"connect to {path}", refusal(lambda path=path: connect(path))
        yield f"unlink {path}", refusal(lambda path=path: os.unlink(path))
        yield f"rename {path}", refusal(lambda path=path: os.rename(path, f"{path}.old"))
        yield f"create a file next to {path}", refusal(
            lambda directory=directory: os.mknod(f"{directory}/stranger.sock"))
    for pid in pids:
        yield f"signal {pid}", refusal(lambda pid=pid: os.kill(pid, 0))
        yield f"trace {pid}", refusal(
            lambda pid=pid: ask_libc(libc.ptrace(PTRACE_SEIZE, pid, 0, 0)))
        yield f"read the memory of {pid}", refusal(lambda pid=pid: read_memory(pid))
        for name in ("mem", "maps", "environ", "auxv", "stack", "syscall"):
            yield f"/proc/{pid}/{name}", refusal(
                lambda path=f"/proc/{pid}/{name}": open_file(path))
        yield f"/proc/{pid}/fd", refusal(lambda pid=pid: os.listdir(f"/proc/{pid}/fd"))
        yield f"/proc/{pid}/exe", refusal(lambda pid=pid: os.readlink(f"/proc/{pid}/exe"))
        yield f"priority of {pid}", refusal(
            lambda pid=pid: os.setpriority(os.PRIO_PROCESS, pid, 19))


def as_some_user(pipe, pids, paths):
    os.setgroups([])
    os.setresgid(SOME_USER, SOME_USER, SOME_USER)
    os.setresuid(SOME_USER, SOME_USER, SOME_USER)
    pipe.send(list(try_all(pids, paths)))


@scenario(ours_only=True)
def another_user(lab):
    """Another user of the host can reach neither the sockets nor the processes."""
    x, y = tunnel(lab)
    meets(x, y)
    paths = [path for directory in (SOCKETS, "/var/run/tieline")
             for path in glob.glob(f"{directory}/{x.name}.*")]
    expect(f"{SOCKETS}/{x.name}.sock" in paths, "the daemon's socket is found")
    for path in paths:
        expect_same((os.stat(path).st_uid, os.stat(path).st_mode & 0o777), (0, 0o600),
                    f"owner and mode of {path}")
    ours, theirs = multiprocessing.Pipe(duplex=False)
    child = multiprocessing.get_context("fork").Process(
        target=as_some_user, args=(theirs, [x.process.pid, helper_pid(x)], paths))
    child.start()
    theirs.close()
    attempts = ours.recv()
    child.join()
    expect(len(attempts) > 20, "more than 20 attempts are made")
    worked = [f"{what} ({errno})" for what, errno in attempts if errno not in (1, 13)]
    expect(not worked, f"every attempt gets EPERM or EACCES, except {worked}")
    lab.notes.append(f"{len(attempts)} attempts")
    meets(x, y)
