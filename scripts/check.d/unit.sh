# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
## the crates, without a guest and without QEMU

prepare_unit() {
	scripts/sysroot >/dev/null
}

check_unit() {
	suite "unit" scripts/enter cargo test --quiet --locked --no-fail-fast \
		-p vgpu -p vgpu-cli -p vgpu-qmp -p vgpuinfo -p vgpu-host -p vgpu-pool -p vgpu-protocol \
		-p vgpu-agent -p structure-tests
	suite "unit: harness" scripts/enter cargo test --quiet --locked --no-fail-fast \
		-p harness --lib --bins
}
