#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Runs the checks of the tree, and shows that each finds the violations planted for it.

    run.py [--build DIR] [CHECK...]

DIR is a build without sanitizers. The last line is "N passed, N failed, N skipped".
"""
import argparse
import contextlib
import importlib
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path

sys.dont_write_bytecode = True
import tree  # noqa: E402

CHECKS = ("layering", "calls", "purity", "kbuild", "frames", "licence", "layout", "text",
          "programs", "man", "docs", "status", "cppcheck")
MOST_SHOWN = 40


def copy(destination):
    for path in tree.files(tree.HOME):
        (destination / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(tree.HOME / path, destination / path)


@contextlib.contextmanager
def planted(root, path, text):
    """Adds text to a file, which need not exist, for the duration of the block."""
    file = root / path
    before = file.read_bytes() if file.exists() else None
    folder = next(f for f in (file, *file.parents) if f.parent.exists())
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes((before or b"") + text.encode())
    try:
        yield
    finally:
        if before is not None:
            file.write_bytes(before)
        elif folder == file:
            file.unlink()
        else:
            shutil.rmtree(folder)


class Count:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def say(self, name, findings, seconds):
        if findings:
            self.failed += 1
            print(f"FAIL  {name} ({seconds:.1f} s)")
            for finding in findings[:MOST_SHOWN]:
                print(f"      {finding}")
            if len(findings) > MOST_SHOWN:
                print(f"      and {len(findings) - MOST_SHOWN} more")
        else:
            self.passed += 1
            print(f"ok    {name} ({seconds:.1f} s)")
        sys.stdout.flush()

    def skip(self, name, why):
        self.skipped += 1
        print(f"SKIP  {name}: {why}", flush=True)


def judged(count, name, judge):
    """Runs judge(), and counts its result."""
    start = time.monotonic()
    try:
        findings = judge()
    except tree.Skip as why:
        count.skip(name, why)
        return
    except Exception:  # a check that crashes has failed, and the others still run
        findings = traceback.format_exc().splitlines()
    count.say(name, findings, time.monotonic() - start)


def finds(module, root, *plant):
    *files, expected = plant
    paths, texts = files[::2], files[1::2]
    with contextlib.ExitStack() as stack:
        for path, text in zip(paths, texts):
            stack.enter_context(planted(root, path, text))
        findings = module.check(root)
    if any(expected in finding for finding in findings):
        return []
    return [f"planted in {', '.join(paths)}, expected '{expected}', found:",
            *(findings or ["nothing"])]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--build", type=Path, help="a finished build without sanitizers")
    parser.add_argument("checks", nargs="*", metavar="CHECK", help=" ".join(CHECKS))
    options = parser.parse_args()
    unknown = set(options.checks) - set(CHECKS)
    if unknown:
        parser.error(f"unknown check: {' '.join(sorted(unknown))}")
    build = options.build.resolve() if options.build else None

    count = Count()
    with tempfile.TemporaryDirectory() as name:
        full, bare = Path(name) / "full", Path(name) / "bare"
        bare.mkdir()
        copy(full)
        for check in options.checks or CHECKS:
            module = importlib.import_module(check)
            claim = module.__doc__.split("\n", maxsplit=1)[0]
            judged(count, f"{check}: {claim}", lambda m=module: m.check(tree.HOME, build))
            root = bare if getattr(module, "BARE", False) else full
            for what, plant in module.PLANTED.items():
                judged(count, f"{check} finds {what}",
                       lambda m=module, r=root, p=plant: finds(m, r, *p))
    print(f"{count.passed} passed, {count.failed} failed, {count.skipped} skipped")
    return 1 if count.failed else 0


if __name__ == "__main__":
    sys.exit(main())
