# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Shared by the checks of the tree: the list of its files, and how to run a check by hand.

A check is a module with a one-line docstring that says its claim, and

    check(root, build)   the findings, each a text "path:line: what is wrong"; build is a directory
                         of finished objects or None; raises Skip where it cannot say
    PLANTED              violations it must find: name -> (path, text to add there, part of the
                         finding), or of several files: (path, text, path, text, ..., part of the
                         finding). run.py plants each in a copy of the tree.
"""
import concurrent.futures
import os
import shutil
import subprocess
import sys
from pathlib import Path

HOME = Path(__file__).resolve().parents[2]

# Never part of the tree.
NOT_OURS = {".git", "__pycache__"}


class Skip(Exception):
    """Why a check cannot run."""


def files(root, *suffixes):
    """Paths relative to root in a fixed order, with the given suffixes or all. Does not use git, so
    that a tree from a tarball can be checked."""
    found = []
    for folder, folders, names in os.walk(root):
        top = Path(folder) == Path(root)
        folders[:] = sorted(f for f in folders if f not in NOT_OURS
                            and not (top and (f == "build" or f.startswith("build-"))))
        for name in sorted(set(names) - NOT_OURS):  # a worktree has a file .git
            path = (Path(folder) / name).relative_to(root)
            if not suffixes or path.suffix in suffixes:
                found.append(path)
    return found


def lines(root, path):
    """The numbered lines of a file; none if it is binary."""
    content = (Path(root) / path).read_bytes()
    if b"\0" in content:
        return []
    return list(enumerate(content.decode("utf-8", "replace").split("\n"), 1))


def need(*tools):
    for tool in tools:
        if not shutil.which(tool):
            raise Skip(f"{tool} is not installed")


def run(*command, cwd=None):
    """The exit status and all output."""
    done = subprocess.run([str(word) for word in command], cwd=cwd, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", check=False)
    return done.returncode, done.stdout


def compiled(root, rooms, command, folder):
    """Compiles the sources of some rooms by a command, several at a time. Returns source -> object
    for those that compile, and findings about the others."""
    def compile_one(source):
        made = folder / (str(source).replace("/", "-") + ".o")
        status, output = run(*command, "-c", source, "-o", made, cwd=root)
        return source, made, status, output

    objects, findings = {}, []
    with concurrent.futures.ThreadPoolExecutor() as pool:
        sources = [path for path in files(root, ".c") if path.parts[0] in rooms]
        for source, made, status, output in pool.map(compile_one, sources):
            if status:
                errors = [line for line in output.splitlines() if "error:" in line]
                findings += [f"{source}:1: {error}" for error in errors or [output.strip()]]
            else:
                objects[source] = made
    return objects, findings


def main(check):
    """`python3 test/tree/<check>.py [BUILD]` prints the findings."""
    try:
        findings = check(HOME, Path(sys.argv[1]) if len(sys.argv) > 1 else None)
    except Skip as why:
        print(f"skipped: {why}")
        sys.exit(77)
    print(*findings, sep="\n", end="\n" if findings else "")
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    print(*files(HOME, *sys.argv[1:]), sep="\n")
