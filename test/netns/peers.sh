#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# peers.sh NAME - prints the path of another WireGuard implementation to test against. Builds it
# first if necessary, outside this tree (remove $cache to build again). If it cannot, it says why
# on stderr and exits with 1: the caller then skips whatever needs it.
#
#   wireguard-go       the distribution's package
#   wireguard-go-new   the newest release of the Go module
#   boringtun          the newest release of the crate
#   gotatun            the newest release of the crate
set -eu

cache=${XDG_CACHE_HOME:-/var/cache}/tieline-peers
limit=300 # seconds a build may take

give_up()
{
        echo "$*" >&2
        exit 1
}

# build NAME TOOL COMMAND... - runs COMMAND, which puts one program into $NEW/bin, moves that
# program to $cache/NAME and prints its path.
build()
{
        name=$1
        shift
        if [ ! -x "$cache/$name" ]; then
                command -v "$1" >/dev/null || give_up "building $name needs $1"
                mkdir -p "$cache" || give_up "cannot write to $cache"
                NEW=$(mktemp -d "$cache/new.XXXXXX")
                trap 'rm -rf "$NEW"' EXIT
                export NEW GOBIN="$NEW/bin" GOTOOLCHAIN=local CARGO_INSTALL_ROOT="$NEW"
                timeout "$limit" "$@" >"$NEW/log" 2>&1 </dev/null ||
                        give_up "$name does not build: $(tail -n 1 "$NEW/log")"
                mv "$NEW/bin/"* "$cache/$name"
        fi
        echo "$cache/$name"
}

case ${1-} in
wireguard-go)
        command -v wireguard-go || give_up "wireguard-go is not installed"
        ;;
wireguard-go-new)
        build wireguard-go-new go install golang.zx2c4.com/wireguard@latest
        ;;
boringtun)
        build boringtun-cli cargo install --locked boringtun-cli
        ;;
gotatun)
        limit=900 # it builds a C library too
        build gotatun cargo install --locked gotatun-cli
        ;;
*)
        give_up "usage: peers.sh wireguard-go | wireguard-go-new | boringtun | gotatun"
        ;;
esac
