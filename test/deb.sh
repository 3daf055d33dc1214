#!/bin/bash
# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# deb.sh [FOLDER] - tests the packages in FOLDER (build-deb) in a root directory with a minimal
# Debian 12: installs them, connects two interfaces, purges the packages, and checks that nothing
# is left. Needs root, debootstrap and a mirror. The minimal root is kept in build-check/ for the
# next run. The last line is "N passed, N failed, N skipped".
# shellcheck disable=SC2317 # functions are called by try
set -u
cd "$(dirname "$0")/.." || exit 1
folder=${1:-build-deb}
cache=build-check/bookworm.tar

passed=0 failed=0
try() { # claim, command...
        local what=$1
        shift
        if "$@"; then
                passed=$((passed + 1))
                echo "ok    $what"
        else
                failed=$((failed + 1))
                echo "FAIL  $what"
        fi
}
finish() {
        echo "$passed passed, $failed failed, ${1:-0} skipped"
        [ $failed = 0 ]
        exit
}

work=$(mktemp -d)
root=$work/root
# All mounts are in namespaces of a shell that ends with us, so nothing has to be unmounted.
trap 'rm -rf --one-file-system "$work"' EXIT

make_root() {
        local packages=iproute2,iputils-ping,wireguard-tools
        if [ ! -s $cache ]; then
                mkdir -p build-check
                debootstrap --variant=minbase --include=$packages bookworm "$root" \
                        >"$work/log" 2>&1 || return
                tar -C "$root" -cf $cache.new . && mv $cache.new $cache
        else
                mkdir "$root" && tar -C "$root" -xpf $cache
        fi
}
if ! make_root; then
        echo "SKIP  a clean root: debootstrap failed: $(tail -n 1 "$work/log")"
        finish 1
fi
cp "$folder"/tieline_*.deb "$root/tmp/tieline.deb"
cp -L /etc/resolv.conf "$root/etc/resolv.conf" 2>/dev/null
cp /etc/hosts "$root/etc/hosts" 2>/dev/null

# Runs a command in the root, in new mount, process and network namespaces. With "net" it keeps our
# network, which apt needs.
inside() { # net or own, command...
        local network=--net
        [ "$1" = own ] || network=
        shift
        # shellcheck disable=SC2016,SC2086 # the inner shell expands it; an empty option is no word
        unshare --mount --pid --fork --kill-child $network --propagation private bash -c '
                root=$1; shift
                mount --bind "$root" "$root" && mount -t proc proc "$root/proc" &&
                mount -t tmpfs tmpfs "$root/dev" && mkdir "$root/dev/net" &&
                mknod -m 666 "$root/dev/null" c 1 3 && mknod -m 666 "$root/dev/urandom" c 1 9 &&
                mknod -m 600 "$root/dev/net/tun" c 10 200 &&
                exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
                        DEBIAN_FRONTEND=noninteractive "$@"' bash "$root" "$@"
}

files() {
        (cd "$root" && find . -xdev \( -path ./proc -o -path ./dev -o -path ./tmp \
                -o -path ./var/cache -o -path ./var/lib/apt -o -path ./var/lib/dpkg \
                -o -path ./var/log -o -path ./root \) \
                -prune -o ! -type d -print | grep -vE "$of_the_system" | sort)
}
install_it() {
        inside net apt-get -qq -y install --no-install-recommends /tmp/tieline.deb \
                >"$work/log" 2>&1 || { tail -n 20 "$work/log"; false; }
}

tunnel_works() {
        # shellcheck disable=SC2016 # the inner shell expands it
        inside own sh -ec '
                mkdir -p /run/netns
                ip link set lo up
                for side in a b; do
                        tielined wg$side
                        (umask 077; wg genkey >/tmp/$side.key)
                        wg set wg$side private-key /tmp/$side.key
                        ip netns add $side
                        ip link set wg$side netns $side
                done
                wg set wga peer "$(wg pubkey </tmp/b.key)" allowed-ips 10.9.0.2/32
                wg set wgb peer "$(wg pubkey </tmp/a.key)" allowed-ips 10.9.0.1/32
                ip -n a addr add 10.9.0.1/24 dev wga
                ip -n b addr add 10.9.0.2/24 dev wgb
                ip -n a link set wga up
                ip -n b link set wgb up
                for try in $(seq 100); do
                        ss -lun | grep -q ":$(wg show wgb listen-port) " && break
                        sleep 0.05
                done
                port=$(wg show wgb listen-port)
                wg set wga peer "$(wg pubkey </tmp/b.key)" endpoint 127.0.0.1:$port
                ip netns exec a ping -c 3 -i 0.2 -W 5 10.9.0.2
                for process in $(pidof tielined); do
                        sed -n "s/^Uid:/Uid of $process:/p" /proc/$process/status
                done
                grep -l "^Uid:.$(id -u tieline)" /proc/[0-9]*/status
        ' >"$work/log" 2>&1 || { tail -n 30 "$work/log"; false; }
}

# A hub, alone: every command, from a key to nothing.
network_works() {
        # shellcheck disable=SC2016 # the inner shell expands it
        inside own sh -ec '
                mkdir -p /run/netns
                ip link set lo up
                key=$(tieline key acme)
                cat >/etc/tieline/acme.yaml <<FILE
network: acme
addresses: 10.70.0.0/24
hubs:
  z: {endpoint: 203.0.113.10, key: $key}
people:
  e: {devices: {laptop: {key: $(wg genkey | wg pubkey)}}}
FILE
                before=$(ip route; ip rule; nft list ruleset)
                tieline check
                tieline plan || [ $? = 3 ]
                tieline apply
                tieline plan
                ip route get 10.70.0.2 | grep "dev acme"
                wg show acme | grep "10.70.0.2/32"
                nft list table inet tieline-acme >/dev/null
                tieline down
                [ "$(ip route; ip rule; nft list ruleset)" = "$before" ]
                rm -r /etc/tieline /var/lib/tieline
        ' >"$work/log" 2>&1 || { tail -n 30 "$work/log"; false; }
}

# Files that the system writes for itself, or for packages that ours depends on. Debian keeps the
# users of packages, so that their numbers are not used again.
users='(passwd|shadow|group|gshadow)-'
of_the_system="^\\./(run/.*|etc/(\\.pwd\\.lock|ld\\.so\\.cache|machine-id|mtab|$users))\$"

# wireguard-tools recommends nftables, which is no reason to keep it.
nothing_left() {
        inside own sh -c 'apt-get -qq -y purge tieline && apt-get -qq -y autoremove --purge \
                -o APT::AutoRemove::RecommendsImportant=false' \
                >"$work/log" 2>&1 || { tail -n 20 "$work/log"; return 1; }
        diff "$work/before" <(files)
}

# The root may be an old one, so check that there is a mirror now.
if ! inside net apt-get -qq -o APT::Update::Error-Mode=any update >"$work/log" 2>&1; then
        echo "SKIP  a clean root: no mirror for the dependencies: $(tail -n 1 "$work/log")"
        finish 1
fi
files >"$work/before"
try "the package installs in a clean root" install_it
try "it creates its user" grep -q '^tieline:' "$root/etc/passwd"
try "a tunnel works, and its daemons run as that user" tunnel_works
try "tieline makes a network of one file, and undoes it" network_works
try "purging it leaves nothing behind" nothing_left
finish
