#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# show.sh TIELINE FILE... - what `tieline show` prints about examples, given their ULA.
set -eu

tieline=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$@" "$work/"

# Compares the output for an example with standard input.
shows() {
        printf 'tieline-lock 1\nula fd12:3456:789a::/48\n' >"$work/$1.lock"
        cat >"$work/expected"
        "$tieline" show "$work/$1.yaml" >"$work/shown" 2>"$work/said"
        diff -u "$work/expected" "$work/shown"
        grep -q 'may still change: run `tieline check' "$work/said"
        "$tieline" check "$work/$1.yaml" >/dev/null 2>&1
        "$tieline" show "$work/$1.yaml" >"$work/shown" 2>"$work/said"
        diff -u "$work/expected" "$work/shown"
        diff -u /dev/null "$work/said"
}

shows leased-line <<'END'
acme: 10.70.0.0/24, fd12:3456:789a::/64

Nodes
  NAME  KIND  IPV4       IPV6               HUB  KEEPALIVE  MTU
  z     hub   10.70.0.1  fd12:3456:789a::1  -    -          1420
        at 203.0.113.10:51820
  a     site  10.70.0.2  fd12:3456:789a::2  z    25 s       1420
  c     site  10.70.0.3  fd12:3456:789a::3  z    25 s       1420

LANs
  SITE      PREFIX            MAPPED         GATEWAY        NODE
  shenzhen  192.168.201.0/24  10.200.0.0/24  static-routes  a 192.168.201.2
            native from everywhere: the LAN's router has the routes
  beijing   192.168.200.0/24  10.200.1.0/24  static-routes  c 192.168.200.2
            native from everywhere: the LAN's router has the routes

Routes to enter
  on shenzhen's router: 10.70.0.0/24, 192.168.200.0/24 via 192.168.201.2
  on beijing's router: 10.70.0.0/24, 192.168.201.0/24 via 192.168.200.2
END

shows remote-work <<'END'
acme: 10.70.0.0/24, fd12:3456:789a::/64

Nodes
  NAME      KIND    IPV4       IPV6               HUB  KEEPALIVE  MTU
  z         hub     10.70.0.1  fd12:3456:789a::1  -    -          1420
            at 203.0.113.10:51820
  a         site    10.70.0.2  fd12:3456:789a::2  z    25 s       1420
  c         site    10.70.0.3  fd12:3456:789a::3  z    25 s       1420
  e/laptop  device  10.70.0.4  fd12:3456:789a::4  z    25 s       1420
  f/laptop  device  10.70.0.5  fd12:3456:789a::5  z    25 s       1420
  f/phone   stock   10.70.0.6  fd12:3456:789a::6  z    25 s       1420

LANs
  SITE      PREFIX            MAPPED         GATEWAY        NODE
  shenzhen  192.168.201.0/24  10.200.0.0/24  static-routes  a 192.168.201.2
            native from everywhere: the LAN's router has the routes
  beijing   192.168.200.0/24  10.200.1.0/24  untouchable    c 192.168.200.2
            SNAT from everywhere: the LAN's router sends replies elsewhere

Routes to enter
  on shenzhen's router: 10.70.0.0/24, 192.168.200.0/24 via 192.168.201.2

Services
  NAME  AT                   PORTS
  git   d (192.168.200.244)  443/tcp, 22/tcp

Groups
  NAME        PEOPLE
  admins      f
  developers  e, f
END
