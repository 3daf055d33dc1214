#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# enum_compile.sh - tests the rules of base/enum.h that the compiler enforces: each wrong program
# must fail for the expected reason, and the corrected program must compile.
#
# usage: CC=gcc enum_compile.sh   (from anywhere; CC may have options)
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
CC=${CC:-cc}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
tried=0
failed=0

# The warnings of the tree.
warnings="-Wall -Wextra $(grep -o "'-W[a-z=-]*'" "$root/meson.build" | tr -d "'" | tr '\n' ' ')"

# Compiles the program on stdin like the tree. The compiler's output goes to $folder/said.
compiles() {
        { printf '#include "base/enum.h"\n'; cat; } > "$folder/case.c"
        # Both are lists of words, hence unquoted.
        # shellcheck disable=SC2086
        LC_ALL=C $CC -std=gnu17 $warnings -I"$root" \
                -c "$folder/case.c" -o "$folder/case.o" > "$folder/said" 2>&1
}

report() { # result, name of the case
        echo "$1  $2"
        if [ "$1" != ok ]; then
                failed=$((failed + 1))
                sed 's/^/      /' "$folder/said"
        fi
}

# stdin: a program; $1: name of the case
accepts() {
        tried=$((tried + 1))
        if compiles && [ ! -s "$folder/said" ]; then
                report ok "$1"
        else
                report FAIL "$1: should compile without messages"
        fi
}

# stdin: a program; $1: name of the case; $2: expression that an error must match
refuses() {
        tried=$((tried + 1))
        if compiles; then
                report FAIL "$1: should not compile"
        elif grep -E "error: .*($2)" "$folder/said" > /dev/null; then
                report ok "$1"
        else
                report FAIL "$1: does not compile, but not because of: $2"
        fi
}

refuses 'a value given twice' 'duplicate case value' <<'C'
#define LIST(X) X(A, 1, a, "first") X(B, 1, b, "second")
WG_ENUM_DECLARE(thing, LIST)
WG_ENUM_DEFINE(thing, LIST)
C
refuses 'a name given twice' "duplicate member 'a'" <<'C'
#define LIST(X) X(A, 1, a, "first") X(B, 2, a, "second")
WG_ENUM_DECLARE(thing, LIST)
WG_ENUM_DEFINE(thing, LIST)
C
accepts 'distinct values and names' <<'C'
#define LIST(X) X(A, 1, a, "first") X(B, 2, b, "second")
WG_ENUM_DECLARE(thing, LIST)
WG_ENUM_DEFINE(thing, LIST)
C

refuses 'a flag of two bits' 'B must be a single bit' <<'C'
#define LIST(X) X(A, 1, a, "first") X(B, 6, b, "second")
WG_FLAGS_DECLARE(things, LIST)
WG_FLAGS_DEFINE(things, LIST)
C
refuses 'a flag of no bit' 'B must be a single bit' <<'C'
#define LIST(X) X(A, 1, a, "first") X(B, 0, b, "second")
WG_FLAGS_DECLARE(things, LIST)
WG_FLAGS_DEFINE(things, LIST)
C
refuses 'a flag given twice' 'duplicate case value' <<'C'
#define LIST(X) X(A, 2, a, "first") X(B, 2, b, "second")
WG_FLAGS_DECLARE(things, LIST)
WG_FLAGS_DEFINE(things, LIST)
C
accepts 'flags of one bit each' <<'C'
#define LIST(X) X(A, 1, a, "first") X(B, 1 << 6, b, "second")
WG_FLAGS_DECLARE(things, LIST)
WG_FLAGS_DEFINE(things, LIST)
C

# A new member must be handled everywhere, even in a switch with a default.
for default in '' 'default: break;'; do
        with=${default:+, with a default}
        refuses "a switch that lacks a member$with" \
                "enumeration value 'B' not (explicitly )?handled in switch" <<C
#define LIST(X) X(A, 1, a, "first") X(B, 2, b, "second")
WG_ENUM_DECLARE(thing, LIST)
int f(enum thing t);
int f(enum thing t)
{
        switch (t) {
        case A: return 1;
        $default
        }
        return 0;
}
C
        accepts "a switch over all members$with" <<C
#define LIST(X) X(A, 1, a, "first") X(B, 2, b, "second")
WG_ENUM_DECLARE(thing, LIST)
int f(enum thing t);
int f(enum thing t)
{
        switch (t) {
        case A: return 1;
        case B: return 2;
        $default
        }
        return 0;
}
C
done

echo "$((tried - failed)) of $tried cases passed ($CC)"
[ "$failed" = 0 ]
