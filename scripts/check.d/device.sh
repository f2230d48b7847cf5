# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
## the device model in QEMU, without a guest

prepare_device() {
	scripts/packaged-qemu --tests >/dev/null
}

# with_qemu [NAME=VALUE...] COMMAND [ARG...]: run it where it finds a QEMU that has the device, and
# those that only tests have.
with_qemu() {
	local qemu
	qemu=$(scripts/packaged-qemu --tests) || return
	mapfile -t qemu <<<"$qemu"
	scripts/enter env "${qemu[@]}" "$@"
}

check_device() {
	suite "device" with_qemu cargo test --quiet --locked --no-fail-fast -p device-tests
	suite "device, by LD_PRELOAD" with_qemu VGPU_PRELOAD=1 \
		cargo test --quiet --locked -p device-tests --test conformance -- registers:: migration::
}
