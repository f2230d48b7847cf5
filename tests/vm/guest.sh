#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The doors to a guest: make guest, scripts/guest, make demo, make modules_install.

cd "$(dirname -- "$0")/../.." || exit
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
. tests/selftests/ktap.sh
plan 7
# What this very check was called with is not for the guests.
unset MACHINE DEVICES RUN QEMU_ARGS GUEST_KERNEL

# guest STATUS: boots one by the variables given, and checks its exit status.
guest() {
	scripts/guest >"$work/stdout" 2>"$work/stderr"
	check "exit status is $1" [ $? = "$1" ]
}

RUN="printf 'a\\tb\\n\$HOME\"'; echo err >&2; exit 5" guest 5
printf 'a\tb\n$HOME"' >"$work/expected"
check "stdout is the command's own, byte for byte" cmp "$work/stdout" "$work/expected"
check "stderr has what it wrote there" grep -qx err "$work/stderr"
result "A guest runs a command and exits with its status"

make guest DEVICES='pool_id=B,vm_id=7;pool_id=A' MACHINE=q35 \
	RUN='modprobe vgpu_stub; cat /sys/class/vgpu/*/pool_id /sys/class/vgpu/vgpu0/vm_id; uname -r' \
	>"$work/stdout" 2>"$work/stderr"
check "make succeeds" [ $? = 0 ]
kernel=$(scripts/kernel)
check "the devices are there" \
	[ "$(tr '\n' ' ' <"$work/stdout")" = "B A 7 $(cat "$kernel/release") " ]
result "make guest takes the devices, the machine and the command"

DEVICES='' RUN='lspci -d 1af4:1111; vgpuinfo' guest 3
check "there is no device" [ ! -s "$work/stdout" ]
result "A guest without the device"

DEVICES='pool_id=C' RUN=true guest 125
check "QEMU's words" grep -qF "vgpu-stub: pool_id must be 'A' or 'B', got 'C'" "$work/stderr"
MACHINE=toaster RUN=true guest 2
check "what it must be" grep -qF "MACHINE must be 'pc' or 'q35', got 'toaster'" "$work/stderr"
result "A bad value is named"

QEMU_ARGS='-device virtio-rng-pci,addr=9' RUN='lspci -s 9 | grep -c Virtio' guest 0
check "the device is there" [ "$(cat "$work/stdout")" = 1 ]
result "QEMU gets the arguments it is given"

make demo >"$work/stdout" 2>"$work/stderr"
check "it succeeds" [ $? = 0 ]
check "every line of the checklist is marked" [ "$(grep -cF '[✓]' "$work/stdout")" -ge 11 ]
check "none of them is missed" sh -c "! grep -qF '[✗]' '$work/stdout'"
result "make demo shows that all of it works"

make modules_install INSTALL_MOD_PATH="$work/modules" >"$work/stdout" 2>&1
check "it succeeds" [ $? = 0 ]
check "the module is there" sh -c "find '$work/modules' -name 'vgpu_stub.ko*' | grep -q updates"
check "nothing is wrong ($(cat "$work/stdout"))" sh -c "! grep -qiE 'error|sign' '$work/stdout'"
result "make modules_install puts the module in place"

end
