#!/bin/bash
# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# demo.sh TIELINED - shows tielined at work between three hosts, each a network namespace on this
# machine, and then two whole networks with `tieline lab'. Takes less than a minute, touches nothing
# outside these namespaces, and removes them at the end, even if interrupted. The exit status is 0
# only if everything worked.
set -Eeuo pipefail

# Names contain our process ID, so that several demos and tests can run at the same time.
alice=alice$$ bob=bob$$ carol=carol$$ switch=switch$$
work=

bold='' dim='' green='' red='' plain=''
if [ -t 1 ]; then
        bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
fi

say() {
        printf '%s\n' "$@"
}

step() {
        printf '\n%s== %s%s\n' "$bold" "$1" "$plain"
        shift
        [ $# = 0 ] || say "$@"
}

# Prints a command, even if its output is redirected, and runs it.
exec 3>&1
shown=
run() {
        shown=$*
        printf '%s   # %s%s\n' "$dim" "$*" "$plain" >&3
        "$@"
}

indent() {
        sed 's/^/     /'
}

give_up() {
        printf '%sdemo: %s%s\n' "$red" "$1" "$plain" >&2
        exit 1
}

failed() {
        printf '%sdemo: this did not work: %s%s\n' "$red" "${shown:-$1}" "$plain" >&2
        [ ! -s "$work/log" ] || sed 's/^/demo: /' "$work/log" >&2
}

clean_up() {
        trap '' INT TERM
        local host pid
        for host in "$alice" "$bob" "$carol" "$switch"; do
                [ -e "/run/netns/$host" ] || continue
                for pid in $(ip netns pids "$host"); do
                        kill "$pid" 2>/dev/null || true
                done
        done
        # The daemons remove their sockets when they end.
        for _ in {1..50}; do
                [ -n "$(compgen -G "/var/run/wireguard/*$$.sock" || true)" ] || break
                sleep 0.1
        done
        for host in "$alice" "$bob" "$carol" "$switch"; do
                ip netns del "$host" 2>/dev/null || true
        done
        [ -z "$work" ] || rm -rf "$work"
}

on() { # host, command...
        run ip netns exec "$@"
}

# Creates a host. Its number is the last part of its addresses.
make_host() { # name, number
        ip netns add "$1"
        ip -n "$1" link set lo up
        ip link add eth0 netns "$1" type veth peer name "$1" netns "$switch"
        ip -n "$switch" link set "$1" master bridge up
        ip -n "$1" addr add "192.0.2.$2/24" dev eth0
        ip -n "$1" link set eth0 up
        wg genkey >"$work/$1.key"
        wg pubkey <"$work/$1.key" >"$work/$1.pub"
}

# Sets the key, port and address of a WireGuard interface.
configure() { # name, number
        run wg set "$1" private-key "$work/$1.key" listen-port 51820
        run ip -n "$1" addr add "10.77.0.$2/24" dev "$1"
        run ip -n "$1" link set "$1" up
}

befriend() { # name, the peer's name, the peer's number
        run wg set "$1" peer "$(cat "$work/$2.pub")" \
                endpoint "192.0.2.$3:51820" allowed-ips "10.77.0.$3/32"
}

wait_for_socket() { # name
        for _ in {1..50}; do
                ! wg show "$1" >/dev/null 2>&1 || return 0
                sleep 0.1
        done
        return 1
}

throughput() { # from, to, the receiver's number
        ip netns exec "$2" iperf3 --server --one-off --bind "10.77.0.$3" >"$work/log" 2>&1 &
        for _ in {1..50}; do
                [ -z "$(ip netns exec "$2" ss -Hltn 'sport = 5201')" ] || break
                sleep 0.1
        done
        on "$1" iperf3 --client "10.77.0.$3" --time 2 --format m >"$work/iperf" 2>"$work/log"
        awk '/receiver/ { print "     received " $5 " " $6 ", " $7 " " $8; n = $5 }
                END { exit !(n > 0) }' "$work/iperf"
}

tielined=$(realpath -q "${1:-build/daemon/tielined}" || true)
tieline=$(realpath -q "$(dirname "$tielined")/../cli/tieline" || command -v tieline || true)
examples=$(dirname "$(realpath "$0")")/../doc/examples
[ -x "$tielined" ] || give_up "no tielined at ${1:-build/daemon/tielined}; build it with 'make'"
[ "$(id -u)" = 0 ] || give_up "this needs root: sudo make demo"
for program in ip nft ping wg iperf3 wireguard-go; do
        command -v "$program" >/dev/null ||
                give_up "$program is missing; 'scripts/packages.sh install demo' installs it"
done
[ -c /dev/net/tun ] || give_up "there is no /dev/net/tun here"

trap clean_up EXIT
trap 'failed "$BASH_COMMAND"' ERR
trap 'exit 130' INT
trap 'exit 143' TERM
umask 077
work=$(mktemp -d)

step "Three hosts on one network" \
        "   alice (tielined)      bob (tielined)      carol (Debian's wireguard-go)" \
        "   192.0.2.1             192.0.2.2           192.0.2.3" \
        "       '---------------------'-------------------'"
ip netns add "$switch" || give_up "cannot create a network namespace here"
ip -n "$switch" link add bridge type bridge
ip -n "$switch" link set bridge up
make_host "$alice" 1
make_host "$bob" 2
make_host "$carol" 3

step "A WireGuard interface on each" \
        "tielined returns once its interface is ready; wg(8) and ip(8) configure it."
on "$alice" "$tielined" "$alice"
on "$bob" "$tielined" "$bob"
on "$carol" wireguard-go "$carol" >"$work/log" 2>&1
wait_for_socket "$carol"
rm "$work/log"
configure "$alice" 1
configure "$bob" 2
configure "$carol" 3

step "alice and bob: a tunnel, 10.77.0.1 to 10.77.0.2" \
        "The first packet waits for the handshake, then leaves encrypted."
befriend "$alice" "$bob" 2
befriend "$bob" "$alice" 1
on "$alice" ping -n -c 3 -i 0.2 -W 5 10.77.0.2 | indent
say "TCP through the tunnel, in each direction:"
throughput "$alice" "$bob" 2
throughput "$bob" "$alice" 1

step "alice and carol: the same with another WireGuard"
befriend "$alice" "$carol" 3
befriend "$carol" "$alice" 1
on "$carol" ping -n -c 3 -i 0.2 -W 5 10.77.0.1 | indent
throughput "$alice" "$carol" 3
throughput "$carol" "$alice" 1

step "The state of alice's interface"
run wg show "$alice" | indent

for peer in "$bob" "$carol"; do
        handshake=$(wg show "$alice" latest-handshakes |
                grep -F "$(cat "$work/$peer.pub")" | cut -f2)
        [ "$handshake" -gt 0 ] || give_up "no handshake with ${peer%"$$"}"
done

# Shows a network of doc/examples, or fails. Its lock must not appear beside the example.
show_network() { # name, further words for tieline lab
        local file=$work/$1.yaml

        cp "$examples/$1.yaml" "$file"
        "$tieline" check "$file" >"$work/log" 2>&1
        shift
        run "$tieline" lab "$file" "$@"
        : >"$work/log"
}

if [ ! -x "$tieline" ]; then
        printf '\n%sIt works.%s The hosts are gone now.\n' "$green" "$plain"
        exit
fi

step "Two offices as if on one LAN: doc/examples/leased-line.yaml" \
        "Only z has a public address. a and c run Tieline; b, d and the printer do not." \
        "  b, printer -- router -- provider --.      .-- provider -- router -- d" \
        "                  |                   '- z -'                  |" \
        "                  a                                            c"
show_network leased-line --disturb node-restart:a

step "People who work at home: doc/examples/remote-work.yaml" \
        "Nobody can change beijing's router, so c stands in for e and f there. The policy says" \
        "who may connect to what; the hub and the nodes enforce it."
show_network remote-work

step "LANs that make trouble: doc/examples/hard-lans.yaml" \
        "Nobody can change lyon's router: its node answers for addresses that stand for others." \
        "bergen, porto and the home of kim have one prefix: others use mapped addresses."
show_network hard-lans

step "Why can d not reach b?" "tieline explain needs no root and sends no packet."
run "$tieline" explain "$work/remote-work.yaml" "d -> b" || [ $? = 3 ]

printf '\n%sIt works.%s Everything is gone now; README.md explains how to set it up.\n' \
        "$green" "$plain"
