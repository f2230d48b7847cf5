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
plan 2
logs=$PWD/build/logs/packages
mkdir -p "$logs"

kernel=$(scripts/kernel) || bail_out "there is no kernel"
release=$(cat "$kernel/release")
make -s packages module-packages KERNELS="$release" >"$work/paths" || bail_out "no packages"

system trixie systemd-sysv udev kmod passwd dbus
mkdir -p "$work/system/lib/modules" "$work/system/root/packages"
cp -a "$kernel/modules" "$work/system/lib/modules/$release"
grep -F -e "/vgpuinfo_" -e "/vgpu-stub-modules-${release}_" "$work/paths" |
	xargs -I{} cp {} "$work/system/root/packages/"
install -m 755 tests/packages/inside "$work/system/usr/local/sbin/inside"
install -m 644 tests/packages/*.service "$work/system/etc/systemd/system/"
there systemctl enable inside.service waiter.service || bail_out "systemctl cannot be used"
there useradd --create-home user || bail_out "there can be no user"
rmdir -p "$work/system$PWD" 2>/dev/null
scripts/enter --root "$(packaging_tree)" mke2fs -q -t ext4 -d "$work/system" "$work/disk" 900M ||
	bail_out "there is no disk"

# boot NAME: until it powers off by itself; what it said of its checks is the result.
boot() {
	local log=$logs/$1.log
	# shellcheck disable=SC2016 # the shell in the sysroot expands it
	timeout 600 scripts/guest-env sh -c '
		disk=$0 stage=$1 console=$2
		set --
		for plugin in $(echo "${VGPU_PLUGINS:-}" | tr : " "); do set -- "$@" -plugin "$plugin"; done
		exec "$VGPU_QEMU" -nodefaults -no-user-config -display none -machine q35 -m 512 \
			-accel tcg -cpu max -no-reboot -serial "file:$console" -serial stdio -kernel "$VGPU_KERNEL/vmlinuz" \
			-append "root=/dev/nvme0n1 rw console=ttyS0 panic=-1 inside=$stage" \
			-drive "file=$disk,if=none,id=disk,format=raw" -device nvme,serial=1,drive=disk \
			"$@" -device vgpu-stub,pool_id=B,priority=high,vm_id=200' \
		"$work/disk" "$1" "$logs/$1-console.log" </dev/null >"$log" 2>&1
	check "it powers off by itself" [ $? = 0 ]
	sed 's/^/# /' "$log"
	check "no check has failed" sh -c "! grep -q '^not ok' '$log'"
	check "all checks were made" grep -q '^done' "$log"
	check "the kernel has nothing to complain about" \
		sh -c "! grep -qE 'BUG:|WARNING:|Oops' '$logs/$1-console.log'"
}

boot install
result "Installing the packages gives the driver and its node, without a reboot"

boot purge
result "The driver comes by itself at the next boot, and purging leaves nothing behind"

end
