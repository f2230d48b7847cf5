#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The metapackages of the built modules follow those of the kernels, from a repository of
# packages as Documentation/packages.md makes it. Debian's kernels are of 7.2 there at first.

cd "$(dirname -- "$0")/../.." || exit
. tests/scripts/lib/debian.sh
. scripts/lib/common.sh
set +e
. scripts/lib/packaging.sh
. tests/scripts/lib/boot.sh
. tests/packages/lib/apt.sh
plan 3

system trixie "${BOOTABLE[@]}" initramfs-tools
take_little_time
apt update || bail_out "the mirror cannot be had"
kernels
flavours=(cloud-amd64 amd64 rt-amd64)
old=$(abi "${of_72[0]}")
new=$(abi "${of_73[0]}")
make -s packages module-packages KERNELS="${flavours[*]/#/$old-} ${flavours[*]/#/$new-}" >"$work/paths" ||
	bail_out "there are no packages"

# repository PACKAGE...: make it of these, and sign it.
repository() {
	rm -rf "$work/system/srv/repository"
	mkdir -p "$work/system/srv/repository"
	cp "$@" "$work/system/srv/repository/"
	# shellcheck disable=SC2016 # the shell there expands it
	scripts/enter --root "$(packaging_tree)" sh -euc 'cd "$1"
		apt-ftparchive packages . >Packages
		apt-ftparchive release . >Release' sh "$work/system/srv/repository"
}

built() {
	grep -F "/$1_" "$work/paths"
}

# driven ABI: there is the driver for its kernels.
driven() {
	local flavour
	for flavour in "${flavours[@]}"; do
		check "the kernel $1-$flavour is there" [ -e "$work/system/boot/vmlinuz-$1-$flavour" ]
		check "the driver for it is there" there modinfo -k "$1-$flavour" -F filename vgpu_stub
	done
}

packages=("$(built vgpuinfo)") kernels=()
for flavour in "${flavours[@]}"; do
	stand_ins "$flavour" image
	kernels+=("$work/linux-image-$flavour.deb")
	metapackage "vgpu-stub-modules-$flavour" "$VERSION+${of_72[0]}" "vgpu-stub-modules-$old-$flavour"
	packages+=("$(built "vgpu-stub-modules-$old-$flavour")")
done
repository "${packages[@]}" "$work/vgpu-stub-modules-"*.deb
echo 'deb [trusted=yes] file:/srv/repository ./' >"$work/system/etc/apt/sources.list.d/fleet.list"
apt update
check "apt reads the repository" [ $? = 0 ]
apt install "${kernels[@]}" linux-base/trixie-backports "${flavours[@]/#/vgpu-stub-modules-}"
check "apt installs the kernels and the driver" [ $? = 0 ]
driven "$old"
result "The metapackages bring the driver for the newest kernels of three flavours"

for flavour in "${flavours[@]}"; do
	packages+=("$(built "vgpu-stub-modules-$new-$flavour")" "$(built "vgpu-stub-modules-$flavour")")
done
repository "${packages[@]}"
apt update
apt full-upgrade
check "apt updates all" [ $? = 0 ]
check "nobody is warned" sh -c "! grep 'there is no vgpu_stub' '$work/messages'"
driven "$new"
result "'apt full-upgrade' from 7.2 to 7.3 brings the driver with the kernels"

# Without the metapackage, which is what the warning is for.
apt install "linux-image-$(abi "${of_72[1]}")-cloud-amd64"
check "apt installs a kernel that the driver is not for" [ $? = 0 ]
check "a line says so" grep -q "there is no vgpu_stub for Linux $(abi "${of_72[1]}")-cloud-amd64, only for" "$work/messages"
result "A kernel without the driver is warned of"

end
