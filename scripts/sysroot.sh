#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# sysroot.sh - the C library and ours for another processor, unpacked from Debian's packages into a
# directory: what a cross compiler builds against and qemu-user runs with. The packages of this machine
# are left alone.
#
#   sysroot.sh ARCHITECTURE DIRECTORY     as Debian names it: arm64, s390x, armhf
#
# A directory that is complete stays as it is. DIRECTORY/sysroot.ini tells Meson where it is.
set -eu

arch=$1
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$2"
dir=$(cd "$2" && pwd)

# What is built against, whatever it is for at home, and the test library.
packages="$("$here/packages.sh" list build | grep -e '-dev$' | tr '\n' ' ')libcmocka-dev"
made_of="$arch: $packages"
[ "$(cat "$dir/made-of" 2>/dev/null)" != "$made_of" ] || exit 0

# An apt of its own, which believes to be on a machine of that kind with nothing installed. Where
# packages come from it knows from this machine.
apt=$dir/apt
rm -rf "${dir:?}"/*
mkdir -p "$apt/lists/partial" "$apt/archives/partial"
: >"$apt/status"
get() {
        apt-get -q -o APT::Architecture="$arch" -o APT::Architectures="$arch" \
                -o APT::Sandbox::User=root -o Acquire::Retries=3 -o Acquire::Languages=none \
                -o Dir::State="$apt" -o Dir::State::Lists="$apt/lists" \
                -o Dir::State::status="$apt/status" -o Dir::Cache="$apt" \
                -o Dir::Cache::archives="$apt/archives" "$@" </dev/null
}

# Sources that have nothing for this kind of machine make it complain; only the download decides.
get update || true
# shellcheck disable=SC2086 # a list of words
get -y --no-install-recommends --download-only install $packages
for package in "$apt"/archives/*.deb; do
        dpkg-deb --extract "$package" "$dir"
done
rm -rf "$apt"

# On a real machine /lib is a link to /usr/lib, and absolute links do not lead out of the directory.
for lib in lib lib64; do
        [ -d "$dir/$lib" ] || continue
        mkdir -p "$dir/usr/$lib"
        cp -a "$dir/$lib/." "$dir/usr/$lib/"
        rm -rf "${dir:?}/$lib"
        ln -s "usr/$lib" "$dir/$lib"
done
find "$dir" -type l -lname '/*' | while read -r link; do
        ln -sfn "$dir$(readlink "$link")" "$link"
done
printf "[constants]\nsysroot = '%s'\n" "$dir" >"$dir/sysroot.ini"
echo "$made_of" >"$dir/made-of"
