#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Counts the tests in a log of `meson test`, and prints the output of those that failed.

    testlog.py LOG.json

The last line is "N passed, N failed, N skipped".
"""
import json
import sys

GOOD = {"OK", "EXPECTEDFAIL"}
SHOWN = 40


def last_line(test):
    printed = [line for line in test.get("stdout", "").splitlines() if line.strip()]
    return printed[-1].strip() if printed else "no reason given"


def main():
    try:
        with open(sys.argv[1], encoding="utf-8") as log:
            tests = [json.loads(line) for line in log]
    except FileNotFoundError:
        tests = []
    passed = failed = skipped = 0
    for test in tests:
        if test["result"] in GOOD:
            passed += 1
        elif test["result"] == "SKIP":
            skipped += 1
            print(f"SKIP  {test['name']}: {last_line(test)}")
        else:
            failed += 1
            printed = (test.get("stdout", "") + test.get("stderr", "")).splitlines()
            print(*printed[-SHOWN:], sep="\n")
            print(f"FAIL  {test['name']}: {test['result']}, exit status {test.get('returncode')}")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
