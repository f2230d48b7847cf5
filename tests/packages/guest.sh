#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The packages in a guest as people have it: Debian with systemd and udev, on a disk, with
# the kernel of the tests. The first boot installs the packages that were built before,
# the second one finds the driver loaded by itself, and purges them.

cd "$(dirname -- "$0")/../.." || exit
. tests/scripts/lib/debian.sh
. scripts/common.sh
set +e
. scripts/packaging.sh
. tests/packages/lib/boot.sh
plan 2

kernel=$(scripts/kernel) || bail_out "there is no kernel"
release=$(cat "$kernel/release")
make -s packages module-packages KERNELS="$release" >"$work/paths" || bail_out "no packages"

system trixie "${BOOTABLE[@]}"
mkdir -p "$work/system/lib/modules" "$work/system/root/packages"
cp -a "$kernel/modules" "$work/system/lib/modules/$release"
grep -F -e "/vgpuinfo_" -e "/vgpu-stub-modules-${release}_" "$work/paths" |
	xargs -I{} cp {} "$work/system/root/packages/"
prepare
disk 900M

boot install install "$kernel/vmlinuz"
result "Installing the packages gives the driver and its node, without a reboot"

boot purge purge "$kernel/vmlinuz"
result "The driver comes by itself at the next boot, and purging leaves nothing behind"

end
