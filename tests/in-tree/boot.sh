#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Guests whose kernel has the driver in its own tree, built in and as a module.

cd "$(dirname -- "$0")/../.." || exit
. tests/selftests/ktap.sh
. tests/scripts/lib/work.sh
. scripts/lib/common.sh
set +e
plan 2

make -s guest-programs || bail_out "the programs of a guest cannot be made"

# guest HOW COMMAND: a guest with the devices of $devices that runs it, without a module of ours.
guest() {
	local kernel
	kernel=$(scripts/kernel-in-tree "$1") || return
	scripts/enter scripts/initramfs --kernel "$kernel" --stock vgpu_stub \
		--tool "$RELEASE/vgpuinfo" --rules userspace/udev/70-vgpu-stub.rules \
		--agent "$RELEASE/vgpu-agent" --selftests build/selftests build/in-tree.cpio || return
	scripts/guest-env env VGPU_KERNEL="$kernel" VGPU_INITRAMFS="$PWD/build/in-tree.cpio" \
		VGPU_SLOWNESS=6 DEVICES="$devices" \
		RUN="$2" "$PWD/build/target/x86_64-unknown-linux-gnu/debug/vgpu-guest" >"$work/out"
	local status=$?
	cat "$work/out"
	return "$status"
}

# What needs no module of its own.
SELFTESTS='cd /usr/lib/vgpu-selftests && ./sysfs.sh && ./chardev && ./removal unbind'

devices='pool_id=A,priority=low,vm_id=7;revision=3,pool_id=B,vm_id=8'
guest y "cat /sys/class/vgpu/vgpu0/pool_id; lsmod; vgpuinfo list; $SELFTESTS"
check "it ends well" [ $? = 0 ]
check "the device is there without a module" [ "$(sed -n 1p "$work/out")" = A ]
check "vgpuinfo lists both" grep -q vgpu1 "$work/out"
check "there is no module" sh -c "! grep -q '^vgpu_stub ' '$work/out'"
result "Built in, the driver is there from the start"

devices='revision=3,pool_id=B,vm_id=8'
guest m "modprobe vgpu_stub && modinfo -F intree vgpu_stub && lsmod && $SELFTESTS && ./module.sh"
check "it ends well" [ $? = 0 ]
check "it is the kernel's own" grep -qx Y "$work/out"
check "it is a module" grep -q '^vgpu_stub ' "$work/out"
result "As a module of the kernel's own, it is loaded and unloaded"

end
