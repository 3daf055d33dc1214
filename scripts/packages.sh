#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# packages.sh - the list of all Debian packages that we need, by purpose.
#
#   packages.sh list    PURPOSE...   print all packages for these purposes
#   packages.sh missing PURPOSE...   print those that are not installed
#   packages.sh require PURPOSE...   if any are missing, explain how to install them and fail
#   packages.sh install PURPOSE...   install missing packages (root); quiet unless it fails
#
# A package counts as installed if dpkg has it, or if what we need from it exists anyway: a Meson
# from pip is as good as Debian's. Recommended packages are not installed: those of wireguard-tools
# include a kernel.
set -eu

# purpose  package  what we need from it: a command, pc:<pkg-config name>, or file:<path>
packages() {
        cat <<'LIST'
build   make                    make
build   gcc                     gcc
build   libc6-dev               file:/usr/include/stdio.h
build   meson                   meson
build   ninja-build             ninja
build   pkg-config              pkg-config
build   python3                 python3
build   libssl-dev              pc:libcrypto
build   libmnl-dev              pc:libmnl
build   libcap-dev              pc:libcap
build   libseccomp-dev          pc:libseccomp
build   libjansson-dev          pc:jansson
build   libyaml-dev             pc:yaml-0.1
demo    iproute2                ip
demo    iputils-ping            ping
demo    iperf3                  iperf3
demo    nftables                nft
demo    wireguard-tools         wg
demo    wireguard-go            wireguard-go
profile linux-perf              perf
fuzz    clang                   clang
fuzz    libclang-rt-14-dev      file:/usr/lib/clang/14/lib/linux/libclang_rt.fuzzer-x86_64.a
fuzz    llvm                    llvm-symbolizer
deb     debhelper               dh
deb     build-essential         file:/usr/share/doc/build-essential
deb     libcmocka-dev           pc:cmocka
deb     python3-jsonschema      file:/usr/lib/python3/dist-packages/jsonschema
deb     python3-yaml            file:/usr/lib/python3/dist-packages/yaml
check   binutils                nm
check   clang-format            clang-format
check   debootstrap             debootstrap
check   dnsmasq-base            dnsmasq
check   cppcheck                cppcheck
check   iptables                iptables
check   libcmocka-dev           pc:cmocka
check   mandoc                  mandoc
check   procps                  sysctl
check   shellcheck              shellcheck
check   socat                   socat
check   valgrind                file:/usr/include/valgrind/memcheck.h
check   gcc-s390x-linux-gnu     s390x-linux-gnu-gcc
check   qemu-user               qemu-s390x
cross   gcc-aarch64-linux-gnu   aarch64-linux-gnu-gcc
cross   gcc-arm-linux-gnueabihf arm-linux-gnueabihf-gcc
check   systemd                 file:/lib/systemd/systemd
LIST
}

# The purposes that each purpose includes.
purposes() {
        for purpose in "$@"; do
                case $purpose in
                build) echo build ;;
                demo) echo build demo ;;
                bench) echo build demo ;;
                profile) echo build demo profile ;;
                deb) echo build deb ;;
                fuzz) echo build fuzz ;;
                check) echo build demo fuzz deb check ;;
                cross) echo build demo fuzz deb check cross ;;
                *)
                        echo "packages.sh: unknown purpose '$purpose'" >&2
                        exit 2
                        ;;
                esac
        done
}

is_here() { # package, what we need from it
        if dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; then
                return 0
        fi
        case $2 in
        pc:*) pkg-config --exists "${2#pc:}" 2>/dev/null ;;
        file:*) [ -e "${2#file:}" ] ;;
        *) command -v "$2" >/dev/null 2>&1 ;;
        esac
}

list() {
        wanted=" $(purposes "$@" | tr '\n' ' ') "
        packages | while read -r purpose package what; do
                case $wanted in *" $purpose "*) echo "$package $what" ;; esac
        done
}

missing() {
        list "$@" | while read -r package what; do
                is_here "$package" "$what" || echo "$package"
        done
}

require() {
        packages=$(missing "$@" | tr '\n' ' ')
        [ -n "$packages" ] || return 0
        echo "Some Debian packages are missing. As root, run:" >&2
        echo "  apt-get install --no-install-recommends $packages" >&2
        exit 1
}

apt() {
        DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Acquire::Retries=3 \
                -o DPkg::Lock::Timeout=300 "$@" </dev/null >>"$log" 2>&1
}

install() {
        packages=$(missing "$@" | tr '\n' ' ')
        [ -n "$packages" ] || return 0
        if [ "$(id -u)" != 0 ]; then
                echo "packages.sh: installing these needs root: $packages" >&2
                exit 1
        fi
        if ! command -v apt-get >/dev/null; then
                echo "packages.sh: no apt-get; install the contents of these Debian packages:" \
                        "$packages" >&2
                exit 1
        fi
        echo "installing: $packages"
        log=$(mktemp)
        trap 'rm -f "$log"' EXIT
        # A failed update may still leave usable lists, so only the install decides.
        apt update || true
        # shellcheck disable=SC2086 # a list of words
        if ! apt install --no-install-recommends $packages; then
                cat "$log" >&2
                echo "packages.sh: could not install: $packages" >&2
                exit 1
        fi
}

command=${1:-}
[ $# -lt 2 ] || shift
purposes "$@" >/dev/null
case $command in
list) list "$@" | cut -d' ' -f1 ;;
missing) missing "$@" ;;
require) require "$@" ;;
install) install "$@" ;;
*)
        sed -n 's/^# \{0,1\}//; 6,9p' "$0" >&2
        exit 2
        ;;
esac
