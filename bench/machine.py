# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""The environment of a measurement: the machine, the commit, the versions."""

import os
import platform
import re
import subprocess
import time

# For OPENSSL_ia32cap: hides AVX-512 from libcrypto (F, DQ, IFMA, BW, VL).
NO_AVX512 = ":~0xd03f0000"
FLAGS = ("avx2", "avx512f", "avx512bw", "avx512vl", "avx512ifma", "vaes")


def output(*argv):
    """The output of a program; None if it cannot be run."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return (done.stdout or done.stderr).strip() if done.returncode == 0 else None


def field(text, name):
    found = re.search(rf"^{name}\s*:\s*(.*)$", text, re.MULTILINE)
    return found[1].strip() if found else ""


def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def describe():
    cpu = read("/proc/cpuinfo")
    known = set(field(cpu, "flags").split() or field(cpu, "Features").split())
    return {
        "cpu": field(cpu, "model name") or platform.machine(),
        "cpu_flags": [flag for flag in FLAGS if flag in known],
        "cores": os.cpu_count(),
        "memory_mib": int((field(read("/proc/meminfo"), "MemTotal") or "0").split()[0]) // 1024,
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "tcp_congestion_control": read("/proc/sys/net/ipv4/tcp_congestion_control").strip(),
    }


def processor():
    """The set of targets that applies: avx512 for a machine with AVX-512, else avx2."""
    return "avx512" if "avx512ifma" in describe()["cpu_flags"] else "avx2"


def commit(tree):
    """The tree's commit, with `-changed` if files differ from it."""
    git = ("git", "-c", f"safe.directory={tree}", "-C", tree)
    found = output(*git, "rev-parse", "--short=12", "HEAD")
    if not found:
        return "unknown"
    return found + ("-changed" if output(*git, "status", "--porcelain", "-uno") else "")


def version(implementation):
    """The version that the program reports; for Go programs, the one that the linker recorded."""
    path = implementation.path
    if os.path.basename(path).startswith("wireguard-go"):
        built = output("go", "version", "-m", path) or ""
        found = re.search(r"^\s+mod\s+\S+\s+(\S+)", built, re.MULTILINE)
        if found and found[1] != "(devel)":
            return f"{found[1]}, {built.split()[1]}"
    return (output(path, "--version") or "unknown").split("\n")[0]


def tools():
    return {"iperf3": (output("iperf3", "--version") or "none").split("\n")[0],
            "ping": output("ping", "-V") or "none"}


def busy_share(seconds):
    """The share of all cores, 0 to 1, that others keep busy while we sleep."""
    def times():
        numbers = [int(word) for word in read("/proc/stat").split("\n")[0].split()[1:9]]
        return sum(numbers), numbers[3] + numbers[4]
    all_before, idle_before = times()
    time.sleep(seconds)
    all_after, idle_after = times()
    return 1 - (idle_after - idle_before) / max(1, all_after - all_before)
