#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# examples.sh TIELINE FILE... - `tieline check` finds no mistake in the examples, and all their
# expectations are met.
set -eu

tieline=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for example in "$@"; do
        cp "$example" "$work/"
        "$tieline" check "$work/${example##*/}"
done
