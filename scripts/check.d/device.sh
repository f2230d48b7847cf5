# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
## the device model in QEMU, without a guest

prepare_device() {
	scripts/packaged-qemu --tests >/dev/null
}

check_device() {
	local qemu
	qemu=$(scripts/packaged-qemu --tests)
	mapfile -t qemu <<<"$qemu"
	suite "device" scripts/enter env "${qemu[@]}" \
		cargo test --quiet --locked --no-fail-fast -p device-tests
	suite "device, by LD_PRELOAD" scripts/enter env "${qemu[@]}" VGPU_PRELOAD=1 \
		cargo test --quiet --locked -p device-tests --test conformance -- registers:: migration::
}
