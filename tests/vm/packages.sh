#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What the packages of vgpuinfo and of the built module put into a system, in a guest that
# has the driver, the rule of udev and the command of nobody else. That they are installed
# and purged there, by dpkg and under systemd, is tried by tests/packages/guest.sh.

cd "$(dirname -- "$0")/../.." || exit
. tests/selftests/ktap.sh
. tests/scripts/lib/work.sh
plan 1
unset MACHINE DEVICES RUN QEMU_ARGS GUEST_KERNEL
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml)
release=$(cat "$(scripts/kernel)/release")

make -s guest-programs packages module-packages KERNELS="$release" >"$work/paths" 2>"$work/messages" ||
	bail_out "there are no packages: $(cat "$work/messages")"
mkdir "$work/tree"
for package in "vgpuinfo_$version" "vgpu-stub-modules-${release}_$version"; do
	scripts/enter dpkg-deb -x "build/packages/${package}_amd64.deb" "$work/tree"
done
scripts/enter scripts/initramfs --kernel "$(scripts/kernel)" --tree "$work/tree" \
	--agent build/target/x86_64-unknown-linux-gnu/release/vgpu-agent "$work/initramfs.cpio" ||
	bail_out "there is no initramfs"

# The kernel names the device, udev finds the module by that, and the rule is for its node.
scripts/guest-env env "VGPU_INITRAMFS=$work/initramfs.cpio" MACHINE=q35 \
	DEVICES=pool_id=B,priority=high,vm_id=200 RUN='
		test ! -e /sys/module/vgpu_stub || echo too early
		/lib/systemd/systemd-udevd --daemon && udevadm trigger --action=add && udevadm settle
		for _ in $(seq 6000); do [ ! -e /dev/vgpu/by-path ] || break; sleep 0.1; done
		stat -c "%U:%G %a" /dev/vgpu0
		readlink -f /dev/vgpu/by-path/pci-0000:00:06.0
		cat /sys/module/vgpu_stub/version
		vgpuinfo get vm_id
		vgpuinfo doctor >/dev/null; echo $?' \
	build/target/x86_64-unknown-linux-gnu/debug/vgpu-guest >"$work/said" 2>"$work/messages"
check "the guest ends well" [ $? = 0 ]
printf '%s\n' 'root:vgpu 660' /dev/vgpu0 "$version" 200 0 >"$work/expected"
check "all is as it should be" diff "$work/said" "$work/expected"
[ "$ktap_bad" = 0 ] || sed 's/^/# /' "$work/messages"
result "The packages give a device its driver, its node and its link by themselves"

end
