#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# sysroot.sh - unpacks the C library and our other dependencies for another architecture from
# Debian's packages into a directory, for cross compilers and qemu-user. It does not change this
# machine's packages.
#
#   sysroot.sh ARCHITECTURE DIRECTORY     Debian's name: arm64, s390x, armhf
#
# A complete directory is left unchanged. DIRECTORY/sysroot.ini tells Meson where it is.
set -eu

arch=$1
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$2"
dir=$(cd "$2" && pwd)

# The development packages of the build, and the test library.
packages="$("$here/packages.sh" list build | grep -e '-dev$' | tr '\n' ' ')libcmocka-dev"
made_of="$arch: $packages"
[ "$(cat "$dir/made-of" 2>/dev/null)" != "$made_of" ] || exit 0

# A separate apt, as on a machine of that architecture with nothing installed. It uses this
# machine's package sources.
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

# It complains about sources without this architecture; only the download decides.
get update || true
# shellcheck disable=SC2086 # a list of words
get -y --no-install-recommends --download-only install $packages
for package in "$apt"/archives/*.deb; do
        dpkg-deb --extract "$package" "$dir"
done
rm -rf "$apt"

# Make /lib a link to /usr/lib, and make absolute links stay inside the directory.
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
