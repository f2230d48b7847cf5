#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The packages in a guest as people have it: Debian with systemd and udev, on a disk, with
# the newest kernel of each series. The first boot installs the packages that were built
# before, the second one finds the driver loaded by itself, and purges them.

cd "$(dirname -- "$0")/../.." || exit
. tests/scripts/lib/debian.sh
. scripts/lib/common.sh
set +e
. scripts/lib/packaging.sh
. tests/scripts/lib/boot.sh
plan 4

newest=$(scripts/kernel) || bail_out "there is no kernel"
older=$(scripts/kernel --of 7.2 cloud-amd64) || bail_out "there is no kernel of 7.2"
make -s packages module-packages KERNELS="$(cat "$newest/release") $(cat "$older/release")" >"$work/paths" ||
	bail_out "there are no packages"

# guest KERNEL: its disk, with the packages that are to be installed.
guest() {
	local release
	release=$(cat "$1/release")
	system trixie "${BOOTABLE[@]}"
	mkdir -p "$work/system/lib/modules" "$work/system/root/packages"
	cp -a "$1/modules" "$work/system/lib/modules/$release"
	grep -F -e "/vgpuinfo_" -e "/vgpu-stub-modules-${release}_" "$work/paths" |
		xargs -I{} cp {} "$work/system/root/packages/"
	prepare packages
	disk 900M
}

guest "$older"
boot install-7.2 install "$older/vmlinuz"
result "Installing the packages gives the driver and its node without a reboot, on 7.2"

guest "$newest"
boot early early "$newest/vmlinuz" -snapshot
result "A node that was there before the packages gets their group"

boot install install "$newest/vmlinuz"
result "So it does on the newest kernel"

boot purge purge "$newest/vmlinuz"
result "The driver comes by itself at the next boot, and purging leaves nothing behind"

end
