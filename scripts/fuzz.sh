#!/bin/bash
# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# fuzz.sh [SECONDS [NAME...]] - builds the fuzzers in build-fuzz/ and runs each for SECONDS (60).
#
# Starts from fuzz/corpus/NAME. Inputs that reach new code are kept in build-fuzz/corpus/NAME. To
# add them to the tree's corpus:
#     build-fuzz/fuzz/NAME -merge=1 fuzz/corpus/NAME build-fuzz/corpus/NAME
# Inputs that crash a fuzzer or make it slow go to build-fuzz/artifacts/, and the exit status is 1.
set -eu
cd "$(dirname "$0")/.."

seconds=${1:-60}
[ $# = 0 ] || shift
build="build-fuzz"

scripts/packages.sh require fuzz
if [ ! -e $build/build.ninja ]; then
        CC=clang meson setup $build -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false \
                -Dbuildtype=debugoptimized \
                -Dc_args='-fsanitize=fuzzer-no-link -fno-sanitize-recover=all'
fi

fuzzers=("$@")
if [ ${#fuzzers[@]} = 0 ]; then
        for folder in fuzz/corpus/*/; do
                fuzzers+=("$(basename "$folder")")
        done
fi
# Not with meson, which does not know targets that were added after the folder was set up.
ninja -C $build "${fuzzers[@]/#/fuzz/}"

mkdir -p $build/artifacts
failed=()
for fuzzer in "${fuzzers[@]}"; do
        echo "== $fuzzer for $seconds s"
        mkdir -p "$build/corpus/$fuzzer"
        words=()
        [ ! -e "fuzz/$fuzzer.dict" ] || words+=(-dict="fuzz/$fuzzer.dict")
        "$build/fuzz/$fuzzer" -max_total_time="$seconds" -timeout=10 -print_final_stats=1 \
                -verbosity=0 -artifact_prefix="$build/artifacts/$fuzzer-" "${words[@]}" \
                "$build/corpus/$fuzzer" "fuzz/corpus/$fuzzer" || failed+=("$fuzzer")
done
if [ ${#failed[@]} != 0 ]; then
        echo "fuzz.sh: failed: ${failed[*]}; see $build/artifacts" >&2
        exit 1
fi
