#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The plugin's package beside Debian 13's QEMU, and what apt does when there is another
# QEMU.

cd "$(dirname -- "$0")/../.." || exit
. tests/scripts/lib/debian.sh
. scripts/lib/common.sh
. scripts/lib/packaging.sh
. scripts/lib/plugin.sh
set +e
plan 5
plugin=/usr/lib/x86_64-linux-gnu/vgpu-stub/vgpu-stub.so

make -s packages >"$work/paths" || bail_out "there are no packages"
package=$(grep /vgpu-stub-qemu_ "$work/paths")
version=$(dpkg-deb -f "$package" Version)
qemu=$(dpkg-deb -f "$package" Depends | sed 's/.*qemu-system-x86 (= \([^)]*\)).*/\1/')
system trixie qemu-system-x86
there dpkg-query -W -f '${Version}' qemu-system-x86
[ "$(cat "$work/messages")" = "$qemu" ] || bail_out \
	"the package is for QEMU $qemu of the sysroot, and the mirror has $(cat "$work/messages")"
contents before

# apt VERB...: with no other packages than those of the repository and what is installed.
apt() {
	there apt-get -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null \
		-o APT::Sandbox::User=root --yes "$@"
}

# repository PACKAGE...: has these.
repository() {
	rm -rf "$work/repository"
	mkdir "$work/repository"
	cp -- "$@" "$work/repository/"
	scripts/enter --root "$(packaging_tree)" sh -c 'cd "$1" && apt-ftparchive packages . >Packages' sh \
		"$work/repository"
	echo "deb [trusted=yes] file:$work/repository ./" >"$work/sources.list"
	apt update
}

# another PACKAGE VERSION FIELD...: a package without files, and print its path.
another() {
	local directory=$work/another/$1
	rm -rf "$directory"
	mkdir -p "$directory/DEBIAN"
	printf '%s\n' "Package: $1" "Version: $2" 'Architecture: amd64' 'Description: another version' \
		'Maintainer: nobody <nobody@vgpu-stub.invalid>' "${@:3}" >"$directory/DEBIAN/control"
	dpkg-deb -b "$directory" "$work/another" >/dev/null
	find "$work/another" -maxdepth 1 -name "$1_*.deb"
}

repository "$package"
check "apt installs it" apt install vgpu-stub-qemu
there env LD_PRELOAD="$plugin" qemu-system-x86_64 -device vgpu-stub,help
check "QEMU has the device" grep -q 'pool_id=<str> *- A or B' "$work/messages"
printf '%s\n' '{"execute": "qmp_capabilities"}' \
	'{"execute": "qom-get", "arguments": {"path": "/machine/peripheral/gpu0", "property": "vm_id"}}' \
	'{"execute": "quit"}' >"$work/requests"
# shellcheck disable=SC2016 # the shell in the tree expands it
check "a machine starts with it" there timeout 600 sh -c 'exec qemu-system-x86_64 -accel tcg -S \
	-nodefaults -display none -qmp stdio -plugin "$1" -device vgpu-stub,id=gpu0,vm_id=200 <"$2"' \
	sh "$plugin" "$work/requests"
check "the device has what it was given" grep -q '"return": 200' "$work/messages"
result "apt installs the plugin, and Debian's QEMU loads it"

# said TEXT: apt said this, in however many lines.
said() {
	tr -s '\n ' ' ' <"$work/messages" | grep -qF -- "$1"
}

# What comes after both.
next=$qemu.1
newer=$(another qemu-system-x86 "$next" 'Depends: qemu-system-common')
matching=$(another vgpu-stub-qemu "$version.1" "Depends: qemu-system-x86 (= $next)")

repository "$newer"
apt -s upgrade
check "QEMU is kept back" said 'kept back: qemu-system-x86 0 upgraded'
apt -s full-upgrade
check "a full upgrade takes it" said 'upgraded: qemu-system-x86 1 upgraded'
check "it says that the plugin goes" said 'REMOVED: vgpu-stub-qemu'
there apt-mark hold vgpu-stub-qemu
apt -s full-upgrade
check "one that is held stays, and QEMU with it" said 'kept back: qemu-system-x86 0 upgraded'
there apt-mark unhold vgpu-stub-qemu
result "QEMU is kept back until there is a plugin for the new one"

repository "$newer" "$matching"
apt -s upgrade
check "both are upgraded" said 'upgraded: qemu-system-x86 vgpu-stub-qemu 2 upgraded, 0 newly installed, 0 to remove'
result "QEMU and the plugin for it are upgraded together"

repository "$matching"
apt -s install vgpu-stub-qemu >"$work/out"
check "it is refused" grep -q '^# E: ' "$work/out"
check "the QEMU that it is for is named" said "Depends: qemu-system-x86 (= $next) but $qemu is"
apt -s upgrade
check "an upgrade leaves the one that fits" said 'kept back: vgpu-stub-qemu 0 upgraded'
result "The plugin for another QEMU is refused, and the QEMU that it is for is named"

check "dpkg purges it" there dpkg -P vgpu-stub-qemu
check "nothing is left" unchanged before
result "Purging it leaves nothing behind"

end
