#!/bin/bash
# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# install.sh - tests what packagers rely on: a user without privileges can build a copy of the tree
# without history, the unit tests pass, and `make install` with DESTDIR and prefix installs exactly
# the expected files. Under root, the build has no network. The last line is "N passed, N failed, N
# skipped".
set -u
cd "$(dirname "$0")/.." || exit 1

passed=0 failed=0 skipped=0
verdict() { # status, claim
        if [ "$1" = 0 ]; then
                passed=$((passed + 1))
                echo "ok    $2"
        else
                failed=$((failed + 1))
                echo "FAIL  $2"
        fi
}
try() { # claim, command...
        local what=$1
        shift
        "$@"
        verdict $? "$what"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/tree" "$work/home"
python3 test/tree/tree.py | tar -c -T - | tar -x -C "$work/tree"

# Root becomes nobody; any other user is a normal user already.
path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
user=(env -i "HOME=$work/home" "PATH=$path" LC_ALL=C.UTF-8)
if [ "$(id -u)" = 0 ]; then
        chown -R 65534:65534 "$work"
        user=(unshare --net setpriv --reuid=65534 --regid=65534 --clear-groups "${user[@]}")
fi
as_user() {
        (cd "$work/tree" && "${user[@]}" "$@")
}

try "a normal user can build" as_user make
unit_tests() {
        as_user meson test -C build --no-rebuild --suite unit &&
                [ -s "$work/tree/build/meson-logs/testlog.json" ]
}
try "a normal user can run the unit tests" unit_tests
try "make install works" as_user make install DESTDIR="$work/root" prefix=/usr

files_in_place() {
        (cd "$work/root" && find . ! -type d | sort) | diff - <(sort <<'LIST'
./usr/bin/tieline
./usr/lib/systemd/system/tielined@.service
./usr/lib/sysusers.d/tieline.conf
./usr/lib/tieline/wg-quick.bash
./usr/sbin/tieline-quick
./usr/sbin/tielined
./usr/share/bash-completion/completions/tieline
./usr/share/bash-completion/completions/tieline-quick
./usr/share/bash-completion/completions/tielined
./usr/share/man/man1/tieline-explain.1
./usr/share/man/man1/tieline-lab.1
./usr/share/man/man5/tieline.yaml.5
./usr/share/man/man8/tieline-quick.8
./usr/share/man/man8/tieline.8
./usr/share/man/man8/tielined.8
./usr/share/tieline/examples/hard-lans.yaml
./usr/share/tieline/examples/leased-line.yaml
./usr/share/tieline/examples/remote-work.yaml
./usr/share/tieline/examples/three-hubs.yaml
./usr/share/tieline/tieline.schema.json
./usr/share/tieline/wg-quick@.service.d/tieline.conf
LIST
        )
}
try "exactly the expected files are installed" files_in_place

tielined=$work/root/usr/sbin/tielined
version_is_ours() {
        [ "$(as_user "$tielined" --version | head -n 1)" = \
                "tielined $(sed -n "s/^ *version: '\(.*\)',$/\1/p" meson.build)" ]
}
try "tielined --version prints the version from meson.build" version_is_ours

for program in sbin/tielined sbin/tieline-quick bin/tieline; do
        try "${program#*/} is hardened" test/hardened.sh "$work/root/usr/$program"
done
finds_what_is_not() {
        echo 'int main(void) { return 0; }' >"$work/plain.c"
        gcc -no-pie -fno-pie -fcf-protection=none -fno-stack-clash-protection -fno-stack-protector \
                -Wl,-z,norelro,-z,lazy,-z,execstack -o "$work/plain" "$work/plain.c" &&
                [ "$(test/hardened.sh "$work/plain" | wc -l)" = \
                        "$(grep -c -E '^ *(demand|at_least) ' test/hardened.sh)" ]
}
try "the hardening check finds everything missing in a plain program" finds_what_is_not

nothing_optional() {
        as_user meson setup build-bare -Dtests=disabled -Dseccomp=disabled -Dvalgrind=disabled \
                -Dcompletion=false -Dsysusersdir= -Dunitdir= -Dhardening=false --werror &&
                as_user meson compile -C build-bare &&
                as_user env DESTDIR="$work/bare" meson install -C build-bare --quiet &&
                [ "$(cd "$work/bare" && find . ! -type d | wc -l)" = 14 ] &&
                as_user "$(find "$work/bare" -name tielined)" --version | grep -q '^tielined '
}
try "it builds without any optional part" nothing_optional

# Builds again in a folder with a longer name, at another time. Only debug information may contain
# the path of the sources.
same_again() {
        local again="$work/somewhere else entirely" file

        mkdir "$again" &&
                tar -c -C "$work/tree" --exclude=./build --exclude=./build-bare . |
                tar -x -C "$again" &&
                as_user meson setup "$again/objects" "$again" -Dtests=disabled &&
                as_user ninja -C "$again/objects" daemon/tielined || return
        for file in "$work/tree/build" "$again/objects"; do
                objcopy --strip-debug --remove-section=.note.gnu.build-id "$file/daemon/tielined" \
                        "$file.stripped" || return
        done
        cmp "$work/tree/build.stripped" "$again/objects.stripped"
}
try "a second build elsewhere gives the same program" same_again

# Every option in --help must be in the man page, as `Fl -config`, and in the completion.
options_are_known() { # program
        local options option status=0 share=$work/root/usr/share

        options=$(as_user "$work/root/usr/sbin/$1" --help | grep -o -e '--[a-z][a-z-]*' | sort -u)
        [ -n "$options" ] || return 1
        for option in $options; do
                grep -q -- "Fl .*${option#-}\b" "$share/man/man8/$1.8" &&
                        grep -q -- "[( ]$option\b" "$share/bash-completion/completions/$1" &&
                        continue
                echo "$option is not in the man page, or not in the completion"
                status=1
        done
        return $status
}
for program in tielined tieline-quick; do
        try "man page and completion have all options of $program" options_are_known $program
done

# Completion must offer what the help of each command names. (test/tree/man.py checks the man page.)
tieline=$work/root/usr/bin/tieline
options_in_help() { # command
        as_user "$tieline" "$1" --help | sed -n 's/^ .*  *\(--[a-z-]*\).*/\1/p' | sort -u
}
commands_are_complete() {
        local command commands status=0

        commands=$(as_user "$tieline" complete -- "")
        [ "$(wc -w <<<"$commands")" -ge 8 ] || return 1
        for command in $commands; do
                diff <(options_in_help "$command") \
                        <(as_user "$tieline" complete -- "$command" -- | sort -u) || status=1
        done
        return $status
}
try "completion has all commands and options of tieline" commands_are_complete

# The units must have the paths of the installed programs.
units_find_programs() {
        local found

        found=$(grep -o '/[a-z/]*/\(tielined\|tieline-quick\|wg-quick.bash\)' -h \
                "$work/root/usr/lib/systemd/system/tielined@.service" \
                "$work/root/usr/share/tieline/wg-quick@.service.d/tieline.conf" | sort -u)
        [ "$(wc -l <<<"$found")" = 3 ] || return 1
        while read -r path; do
                [ -e "$work/root$path" ] || return 1
        done <<<"$found"
}
try "the units have the right paths of the programs" units_find_programs

# systemd rates the sandbox of tielined@ from 0 (tight) to 10; systemd 252 gave 2.5.
sandbox_is_tight() {
        systemd-analyze security --offline=true --threshold=27 \
                "$work/root/usr/lib/systemd/system/tielined@.service"
}
loose_unit_is_told() {
        printf '[Service]\nExecStart=/bin/true\n' >"$work/loose.service"
        ! systemd-analyze security --offline=true --threshold=27 "$work/loose.service" >/dev/null
}
if systemd-analyze security --help 2>/dev/null | grep -q -e --offline; then
        try "the sandbox of tielined@ is tight" sandbox_is_tight
        try "the rating rejects a unit without a sandbox" loose_unit_is_told
else
        skipped=$((skipped + 2))
        echo "SKIP  the sandbox of tielined@ is tight: systemd-analyze lacks --offline"
        echo "SKIP  the rating rejects a unit without a sandbox: same reason"
fi

completion_offers() {
        local COMP_WORDS=(tielined --con) COMP_CWORD=1 COMPREPLY

        # shellcheck source=doc/completion/tielined
        . "$work/root/usr/share/bash-completion/completions/tielined"
        _tielined
        [ "${COMPREPLY[*]}" = --config ] || return
        COMP_WORDS=(tieline-quick "do") COMPREPLY=()
        # shellcheck source=doc/completion/tieline-quick
        . "$work/root/usr/share/bash-completion/completions/tieline-quick"
        _tieline_quick
        [ "${COMPREPLY[*]}" = down ] || return
        COMP_WORDS=(tieline ch) COMPREPLY=()
        local PATH=$work/root/usr/bin:$PATH
        # shellcheck source=doc/completion/tieline
        . "$work/root/usr/share/bash-completion/completions/tieline"
        _tieline
        [ "${COMPREPLY[*]}" = check ]
}
try "completion works" completion_offers

# Simulates some running interfaces, and others with a configuration file.
names_are_offered() {
        # shellcheck disable=SC2016 # the inner shell expands it
        "${own_mounts[@]}" bash -euc '
                mount -t tmpfs tmpfs /run
                mount -t tmpfs tmpfs /etc
                mkdir /run/tieline /etc/wireguard
                touch /run/tieline/wg{5,6}.sock /run/tieline/vpn.sock /etc/wireguard/wg{7,8}.conf
                . "$1"
                COMP_WORDS=(tielined --stat wg) COMP_CWORD=2 COMPREPLY=()
                _tielined
                [ "${COMPREPLY[*]}" = "wg5 wg6" ]
                COMP_WORDS=(tielined wg) COMP_CWORD=1 COMPREPLY=()
                _tielined
                [ "${COMPREPLY[*]}" = "wg7 wg8" ]
                mkdir /etc/tieline
                touch /etc/tieline/{acme,globex}.yaml /etc/tieline/other.key
                PATH=$2:$PATH
                . "${1%d}"
                COMP_WORDS=(tieline plan --json "") COMP_CWORD=3 COMPREPLY=()
                _tieline
                [ "$(printf "%s\n" "${COMPREPLY[@]}" | sort | tr "\n" " ")" = "acme globex " ]
                COMP_WORDS=(tieline apply --confirm "") COMPREPLY=()
                _tieline
                [ "${COMPREPLY[*]}" = "60s 5m" ]
        ' bash "$work/root/usr/share/bash-completion/completions/tielined" "$work/root/usr/bin"
}
own_mounts=(unshare --mount --map-root-user)
[ "$(id -u)" != 0 ] || own_mounts=(unshare --mount)
if "${own_mounts[@]}" true 2>/dev/null; then
        try "completion offers the names of interfaces" names_are_offered
else
        skipped=$((skipped + 1))
        echo "SKIP  completion offers the names of interfaces: no user namespaces here"
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
