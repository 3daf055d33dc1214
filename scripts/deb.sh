#!/bin/bash
# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
# deb.sh [FOLDER] - builds the Debian packages of this tree, including uncommitted changes, and puts
# them into FOLDER (build-deb). Builds a copy without history. As root, it builds as nobody and
# without network, because the build must need neither.
set -eu
cd "$(dirname "$0")/.."
out=$(realpath -m "${1:-build-deb}")

version=$(sed -n "s/^ *version: '\(.*\)',$/\1/p" meson.build)
if [ "$(dpkg-parsechangelog -S Version)" != "$version" ]; then
        echo "deb.sh: debian/changelog and meson.build have different versions" >&2
        exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/tieline-$version" "$work/home" "$out"
python3 test/tree/tree.py | tar -c -T - | tar -x -C "$work/tieline-$version"

user=(env "HOME=$work/home")
if [ "$(id -u)" = 0 ]; then
        chown -R 65534:65534 "$work"
        chmod 755 "$work"
        user=(unshare --net setpriv --reuid=65534 --regid=65534 --clear-groups "${user[@]}")
fi
log=$out/build.log
if ! (cd "$work/tieline-$version" && "${user[@]}" dpkg-buildpackage -us -uc -b) >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        echo "deb.sh: the build failed; see $log" >&2
        exit 1
fi
rm -f "$out"/*.deb
cp "$work"/*.deb "$out"
[ "$(id -u)" != 0 ] || chown -R --reference=Makefile "$out"
for package in "$out"/*.deb; do
        echo "$package"
done
