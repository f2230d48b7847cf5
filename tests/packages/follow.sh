#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The metapackage of the built modules follows that of the kernel, from a repository of
# packages as Documentation/packages.md makes it. Debian's kernel is of 7.2 there at first.

cd "$(dirname -- "$0")/../.." || exit
. tests/scripts/lib/debian.sh
. scripts/common.sh
set +e
. scripts/packaging.sh
. tests/scripts/lib/boot.sh
. tests/packages/lib/apt.sh
plan 3

system trixie "${BOOTABLE[@]}" initramfs-tools
take_little_time
apt update || bail_out "the mirror cannot be had"
kernels
old=$(abi "${of_72[0]}")-cloud-amd64
new=$(abi "${of_73[0]}")-cloud-amd64
make -s packages module-packages KERNELS="$old $new" >"$work/paths" || bail_out "there are no packages"

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

stand_ins cloud-amd64 image
metapackage vgpu-stub-modules-cloud-amd64 "$VERSION+${of_72[0]}" "vgpu-stub-modules-$old"
repository "$(built vgpuinfo)" "$(built "vgpu-stub-modules-$old")" "$work/vgpu-stub-modules-cloud-amd64.deb"
echo 'deb [trusted=yes] file:/srv/repository ./' >"$work/system/etc/apt/sources.list.d/fleet.list"
apt update
check "apt reads the repository" [ $? = 0 ]
apt install "$work/linux-image-cloud-amd64.deb" linux-base/trixie-backports vgpu-stub-modules-cloud-amd64
check "apt installs the kernel and the driver" [ $? = 0 ]
check "the driver for $old is there" there modinfo -k "$old" -F filename vgpu_stub
result "The metapackage brings the driver for the newest kernel"

repository "$(built vgpuinfo)" "$(built "vgpu-stub-modules-$old")" "$(built "vgpu-stub-modules-$new")" \
	"$(built vgpu-stub-modules-cloud-amd64)"
apt update
apt full-upgrade
check "apt updates all" [ $? = 0 ]
check "the kernel $new is there" [ -e "$work/system/boot/vmlinuz-$new" ]
check "the driver for $new is there" there modinfo -k "$new" -F filename vgpu_stub
check "nobody is warned" sh -c "! grep -q 'there is no vgpu_stub' '$work/messages'"
result "'apt full-upgrade' from 7.2 to 7.3 brings the driver with the kernel"

# Without the metapackage, which is what the warning is for.
apt install "linux-image-$(abi "${of_72[1]}")-cloud-amd64"
check "apt installs a kernel that the driver is not for" [ $? = 0 ]
check "a line says so" grep -q "there is no vgpu_stub for Linux $(abi "${of_72[1]}")-cloud-amd64, only for" "$work/messages"
result "A kernel without the driver is warned of"

end
