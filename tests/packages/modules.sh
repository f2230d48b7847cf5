#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The packages of built modules, as files: what they do in a guest is in guest.sh, and whom
# they follow in follow.sh.

cd "$(dirname -- "$0")/../.." || exit
. tests/scripts/lib/debian.sh
. scripts/lib/common.sh
. scripts/lib/packaging.sh
set +e
plan 2
tree=$(packaging_tree) || bail_out "there is nothing to judge packages with"

release=$(cat "$(scripts/kernel)/release") || bail_out "there is no kernel"
make -s module-packages KERNELS="$release" >"$work/paths" || bail_out "there are no packages"
mapfile -t packages <"$work/paths"
check "there is the module and who follows it" [ "${#packages[@]}" = 2 ]
mkdir "$work/first"
cp -- "${packages[@]}" "$work/first/"
# All that differs between two callers is the time, at least.
(umask 077 && TZ=Asia/Tokyo LC_ALL=C scripts/module-packages "$release" >/dev/null)
for package in "${packages[@]}"; do
	check "${package##*/} has the same bytes" cmp "$package" "$work/first/${package##*/}"
	dpkg-deb -x "$package" "$work/installed"
done
# They differ between two machines.
for place in "$PWD" "$CACHE"; do
	check "nothing in them names $place" sh -c "! grep -rlF '$place' '$work/installed'"
done
result "The same commit gives the same packages each time, wherever they are made"

check "lintian finds no error" scripts/enter --root "$tree" lintian --allow-root --fail-on error "${packages[@]}"
result "lintian finds no errors"

end
