#!/bin/bash
# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# check.sh - runs the checks stage by stage and adds up their counts. The last line is
# "N passed, N failed, N skipped". The exit status is 1 if something failed.
#
#   check.sh [--long] [STAGE...]      without names: all stages
#
#   tree      checks of the tree itself (test/tree)
#   gcc       build with gcc -Werror and everything optional; unit tests, simulator, fuzz corpora,
#             timing tests with valgrind
#   clang     build with clang -Werror; unit tests, timing tests with valgrind
#   asan      build with AddressSanitizer and UBSan; the tests of gcc, with a shorter simulator run;
#             the namespace tests, tielined with tielined
#   tsan      build with ThreadSanitizer; unit tests; the same namespace tests, without those of
#             programs that have one thread
#   msan      build with MemorySanitizer; unit tests, timing tests
#   net       namespace tests with the release build, and with other WireGuards as peers; a short
#             run of the bench
#   install   as a normal user: build, unit tests, make install; checks the installed files
#   deb       build the Debian package; install and run it in a clean Debian
#   s390x     cross build for a big-endian machine; unit tests with qemu-user; a simulated history
#             that must be the same as here
#   arm64     the same for 64-bit ARM; only with --long, or by name
#   armhf     the same for 32-bit ARM; only with --long, or by name
#   fuzz      each fuzzer for ten minutes; only with --long, or by name
#
# --long adds days of simulated time, a report on whether timing depends on secrets, the namespace
# tests that wait for real time to pass, and five minutes of thread wake-ups.
#
# Everything is built in build-check/, and the output of every program is kept in build-check/log/.
set -u
cd "$(dirname "$0")/.." || exit 1

stages=(tree gcc clang asan tsan msan net install deb s390x)
long=0
wanted=()
for word in "$@"; do
        case $word in
        --long) long=1 ;;
        --help)
                sed -n '4,/^[^#]/s/^# \{0,1\}//p' "$0"
                exit 0
                ;;
        tree | gcc | clang | asan | tsan | msan | net | install | deb | fuzz) wanted+=("$word") ;;
        s390x | arm64 | armhf) wanted+=("$word") ;;
        *)
                echo "check.sh: unknown stage '$word'; see --help" >&2
                exit 2
                ;;
        esac
done
[ "$long" = 0 ] || stages+=(arm64 armhf fuzz)
[ ${#wanted[@]} = 0 ] || stages=("${wanted[@]}")

out=$PWD/build-check
log=$out/log
mkdir -p "$out"
exec 9>"$out/lock"
if ! flock -n 9; then
        echo "check.sh: another run is using $out" >&2
        exit 2
fi
rm -rf "$log"
mkdir -p "$log"

# Give what root built to the owner of the tree, so that they can remove it.
finish() {
        [ -z "$building" ] || kill "$building" 2>/dev/null
        rm -rf "${scratch[@]}"
        [ "$(id -u)" != 0 ] || chown -R --reference=Makefile "$out"
}
building='' scratch=() # scratch: temporary directories outside the tree
trap finish EXIT
trap 'exit 130' INT TERM

### Counting

passed=0 failed=0 skipped=0
failures=()

# Adds a step's counts, and prints what failed or was skipped.
add() { # step, passed, failed, skipped, output file
        local line

        passed=$((passed + $2)) failed=$((failed + $3)) skipped=$((skipped + $4))
        printf '   %s: %d passed, %d failed, %d skipped (%d s)\n' "$1" "$2" "$3" "$4" \
                $((SECONDS - began))
        while read -r line; do
                printf '      %s\n' "$line"
        done < <(grep '^SKIP ' "$5")
        [ "$3" = 0 ] && return
        while read -r line; do
                failures+=("$stage: $1: $line")
        done < <(sed -n 's/^FAIL \+//p' "$5" | grep . || echo "see ${5#"$PWD"/}")
        printf '   end of %s:\n' "${5#"$PWD"/}"
        tail -n 60 "$5" | sed 's/^/   | /'
}

# A step with counts of its own: the last line of its output is like ours.
counted() { # step, command...
        local step=$1 began=$SECONDS file counts
        shift
        file=$log/$stage-${step// /-}
        "$@" >"$file" 2>&1 </dev/null
        local status=$?
        read -r -a counts < <(
                sed -nE '$s/^([0-9]+) passed, ([0-9]+) failed, ([0-9]+) skipped$/\1 \2 \3/p' "$file"
        )
        if [ ${#counts[@]} != 3 ]; then
                echo "FAIL  ended with status $status and no counts" >>"$file"
                counts=(0 1 0)
        elif [ "${counts[0]}${counts[1]}${counts[2]}" = 000 ]; then
                echo "FAIL  tested nothing" >>"$file"
                counts=(0 1 0)
        elif [ $status != 0 ] && [ "${counts[1]}" = 0 ]; then
                echo "FAIL  counted no failure, but ended with status $status" >>"$file"
                counts[1]=1
        fi
        add "$step" "${counts[@]}" "$file"
}

# A step that is one check, with its exit status as the result.
single() { # step, command...
        local step=$1 began=$SECONDS file
        shift
        file=$log/$stage-${step// /-}
        if "$@" >"$file" 2>&1 </dev/null; then
                add "$step" 1 0 0 "$file"
        else
                add "$step" 0 1 0 "$file"
                return 1
        fi
}

### Building. All builds run one after another, beside the checks of the tree and nothing else, so
### that timing-sensitive tests have the machine to themselves.

declare -A options=(
        [gcc]="-Dauto_features=enabled"
        [clang]=""
        [asan]="-Db_sanitize=address,undefined -Dbuildtype=debugoptimized -Db_lundef=false
                -Dc_args=-fno-sanitize-recover=all"
        [tsan]="-Db_sanitize=thread -Dbuildtype=debugoptimized -Db_lundef=false"
        [msan]="-Db_sanitize=memory -Dbuildtype=debugoptimized -Db_lundef=false"
)
# Sysroots are in the tree, unless its path has characters that pkg-config or Meson's machine files
# cannot handle.
sysroots=build-check
if [[ $out == *[^A-Za-z0-9/._+-]* ]]; then
        sysroots=$(mktemp -d)
        scratch+=("$sysroots")
fi

declare -A compiler=([gcc]=gcc [clang]=clang [asan]=clang [tsan]=clang [msan]=clang)
for machine in s390x arm64 armhf; do
        compiler[$machine]="the cross compiler"
        options[$machine]="--cross-file $sysroots/sysroot-$machine/sysroot.ini
                --cross-file scripts/cross/$machine.ini --cross-file scripts/cross/common.ini"
done

NO_SYSROOT=77 # a build's exit status if there was nothing to build against

compile() { # build
        local dir=$out/$1
        local how="${compiler[$1]} ${options[$1]}"

        # Start over if the options have changed.
        [ "$(cat "$dir/made-with" 2>/dev/null)" = "$how" ] || rm -rf "$dir"
        if [[ ${options[$1]} == *--cross-file* ]]; then
                scripts/sysroot.sh "$1" "$sysroots/sysroot-$1" || return $NO_SYSROOT
        else
                local -x CC=${compiler[$1]}
        fi
        if [ ! -e "$dir/build.ninja" ]; then
                # shellcheck disable=SC2086 # a list of words
                meson setup --werror -Dtests=enabled ${options[$1]} "$dir" || return
                echo "$how" >"$dir/made-with"
        fi
        meson compile -C "$dir"
}

# The builds that the stages need, in order.
queue=()
for stage in "${stages[@]}"; do
        case $stage in
        tree | net) needs=(gcc) ;;
        gcc | clang | asan | tsan | msan) needs=("$stage") ;;
        s390x | arm64 | armhf) needs=(gcc "$stage") ;;
        *) continue ;;
        esac
        for need in "${needs[@]}"; do
                [[ " ${queue[*]} " == *" $need "* ]] || queue+=("$need")
        done
done

build_all() {
        local name

        for name in "${queue[@]}"; do
                compile "$name" >"$log/build-$name" 2>&1 </dev/null
                echo $? >"$log/built-$name"
        done
}

declare -A told # builds whose result was counted

# Waits for a build (or, outside the stage "tree", for all builds), counts it once, and fails if it
# failed.
build() {
        if [ "$stage" != tree ]; then
                wait "$building"
        fi
        while [ ! -e "$log/built-$1" ] && kill -0 "$building" 2>/dev/null; do
                sleep 0.2
        done
        if [ -z "${told[$1]:-}" ]; then
                told[$1]=yes
                single "build with ${compiler[$1]}" report "$1"
        else
                is_built "$1"
        fi
}

is_built() {
        [ "$(cat "$log/built-$1" 2>/dev/null)" = 0 ]
}

report() {
        cat "$log/build-$1"
        is_built "$1"
}

meson_test() { # build, suite
        local logs=$out/$1/meson-logs

        rm -f "$logs/check.json"
        # The sanitizers of our compilers do not support the memory layout of some kernels.
        "${fixed_layout[@]}" meson test -C "$out/$1" --no-rebuild --suite "$2" --logbase check \
                --timeout-multiplier 4 >"$log/meson-$1-$2" 2>&1
        scripts/testlog.py "$logs/check.json"
}

fixed_layout=()
! setarch -R true 2>/dev/null || fixed_layout=(setarch -R)

### Stages

tests_in_namespaces() { # build, further arguments for run.py
        local words=("${@:2}")

        [ ! -e "$out/$1/test/netns/blast" ] || words+=(--tools "$out/$1/test/netns")
        [ "$long" = 0 ] || words+=(--long)
        TIELINED=$out/$1/daemon/tielined "${fixed_layout[@]}" \
                python3 test/netns/run.py "${words[@]}"
}

# Networks from seeds, in namespaces: packets against the model.
generated_networks() { # build, how many, how many with --long, more arguments
        local last=$2

        [ "$long" = 0 ] || last=$3
        "${fixed_layout[@]}" python3 test/proof/run.py --build "$out/$1" --seeds "1..$last" \
                "${@:4}"
}

# Runs the scenarios in which another user runs or preloads a built file. The directory is one that
# other users cannot read, with a space in its name.
from_a_private_folder() { # build
        local parent home status

        parent=$(mktemp -d)
        home="$parent/somebody's private folder"
        mkdir -m 700 "$home" && mkdir -p "$home/build/test" "$home/test"
        cp -a "$out/$1/daemon" "$out/$1/quick" "$home/build"
        cp -a "$out/$1/test/netns" "$home/build/test"
        cp -a test/netns "$home/test"
        TIELINED="$home/build/daemon/tielined" python3 "$home/test/netns/run.py" --impl-b tielined \
                status-of-nobody another-user memory-is-refused refused-pieces
        status=$?
        rm -rf "$parent"
        return $status
}

# Sanitizers write to files, because a daemon has no standard error. Each file is a finding. The
# daemon's user can write to their directory. Its name has no space or colon, which would end an
# option.
open_reports() {
        reports=$(mktemp -d)
        scratch+=("$reports")
        chmod 1777 "$reports"
}

sanitizer_reports() {
        local file status=0

        for file in "$reports"/*; do
                [ -e "$file" ] || continue
                status=1
                echo "FAIL  ${file##*/}"
                cat "$file"
        done
        return $status
}

stage_tree() {
        build gcc || return
        counted "tree" python3 test/tree/run.py --build "$out/gcc"
}

stage_gcc() {
        build gcc || return
        counted "unit tests" meson_test gcc unit
        counted "simulator" meson_test gcc sim
        counted "fuzz corpora" meson_test gcc fuzz
        counted "timing tests" meson_test gcc timing
        [ "$long" = 0 ] || counted "timing report" "$out/gcc/test/timing/report"
        [ "$long" = 0 ] ||
                single "simulated days" "$out/gcc/sim/simulate" --seeds 1001..1100 --hours 72
}

stage_clang() {
        build clang || return
        counted "unit tests" meson_test clang unit
        counted "timing tests" meson_test clang timing
}

stage_asan() {
        build asan || return
        open_reports
        export ASAN_OPTIONS=abort_on_error=1:log_path=$reports/asan
        export UBSAN_OPTIONS=print_stacktrace=1:abort_on_error=1:log_path=$reports/asan
        counted "unit tests" meson_test asan unit
        counted "simulator" meson_test asan sim
        counted "fuzz corpora" meson_test asan fuzz
        counted "namespaces" tests_in_namespaces asan --impl-b tielined
        counted "generated networks" generated_networks asan 8 60
        single "no sanitizer report" sanitizer_reports
        unset ASAN_OPTIONS UBSAN_OPTIONS
}

# Scenarios of `tieline`, which has one thread. Of tielined, they show what others do, too; those of
# the first office remain, and the generated networks.
one_thread='node-|lab-|commands-|one-lan-(?!leased-line)'

stage_tsan() {
        build tsan || return
        open_reports
        export TSAN_OPTIONS=abort_on_error=1:halt_on_error=1:log_path=$reports/tsan
        counted "unit tests" meson_test tsan unit
        [ "$long" = 0 ] ||
                single "minutes of wake-ups" \
                        "${fixed_layout[@]}" "$out/tsan/test/test_daemon_soak" 300
        local without=()
        [ "$long" = 1 ] || without=(--without "$one_thread")
        counted "namespaces" tests_in_namespaces tsan --impl-b tielined "${without[@]}"
        counted "generated networks" generated_networks tsan 4 20
        single "no sanitizer report" sanitizer_reports
        unset TSAN_OPTIONS
}

stage_msan() {
        build msan || return
        counted "unit tests" meson_test msan unit
        counted "timing tests" meson_test msan timing
}

stage_net() {
        build gcc || return
        counted "namespaces" tests_in_namespaces gcc
        counted "generated networks" generated_networks gcc 40 600 --test
        counted "from a private folder" from_a_private_folder gcc
        counted "bench works" python3 bench/run.py --check --build "$out/gcc"
}

stage_install() {
        counted "as a normal user" test/install.sh
}

stage_deb() {
        single "package" scripts/deb.sh "$out/deb" || return
        counted "in a clean root" test/deb.sh "$out/deb"
}

# A seed gives the same history for every pointer size and byte order.
same_history() { # build
        local here=$log/history-here there=$log/history-$1 emulator

        emulator=$(sed -n "s/^qemu = '\(.*\)'/\1/p" "scripts/cross/$1.ini")
        "$out/gcc/sim/simulate" --seeds 1..5 --verbose >"$here" &&
                "$emulator" -L "$sysroots/sysroot-$1" "$out/$1/sim/simulate" \
                        --seeds 1..5 --verbose >"$there" || return
        # The last line tells how long it took.
        sed -i '/^seeds /d' "$here" "$there"
        diff "$here" "$there" | head -n 20
        [ -s "$here" ] && cmp "$here" "$there"
}

cross() { # machine
        wait "$building"
        if [ "$(cat "$log/built-$1")" = $NO_SYSROOT ]; then
                counted "build" no_sysroot "$1"
                return
        fi
        build gcc && build "$1" || return
        counted "unit tests" meson_test "$1" unit
        single "the same history" same_history "$1"
}

no_sysroot() {
        tail -n 20 "$log/build-$1"
        echo "SKIP  cannot get the packages of $1 to build against: see build-check/log/build-$1"
        echo "0 passed, 0 failed, 1 skipped"
}

stage_s390x() {
        cross s390x
}

stage_arm64() {
        cross arm64
}

stage_armhf() {
        cross armhf
}

stage_fuzz() {
        single "fuzzers" scripts/fuzz.sh 600
}

begin=$SECONDS
number=0
build_all &
building=$!
for stage in "${stages[@]}"; do
        number=$((number + 1))
        before=$SECONDS
        printf '== %d/%d %s\n' $number ${#stages[@]} "$stage"
        "stage_$stage"
        printf '   %s took %d s\n' "$stage" $((SECONDS - before))
done

printf '== done in %d min %d s\n' $(((SECONDS - begin) / 60)) $(((SECONDS - begin) % 60))
for failure in "${failures[@]}"; do
        echo "failed: $failure"
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ] && [ $passed != 0 ]
