# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
## vgpu-host, the device and the driver beside released ones; REVISION=COMMIT WRITE=1
#
# It takes the history of the checkout, and builds versions that were released: REVISION names
# another one. With WRITE=1 what vgpu-host leaves is kept for the tests.

settings_upgrade() {
	# Those whose traces are kept.
	: "${REVISION:=$(ls userspace/vgpu-host/tests/released)}" "${WRITE:=}"
}

prepare_upgrade() {
	make_what_guests_run_on
}

# A host that released versions of vgpu-host have set up, by their real programs; and the
# device and the driver of each with those of today.
check_upgrade() {
	local revision programs
	for revision in $REVISION; do
		check_mixed "$revision"
		lint "vgpu-host of $revision can be made" scripts/lib/released-host "$revision"
		programs=$(scripts/lib/released-host "$revision") || continue
		suite "upgrade from $revision" scripts/enter env "VGPU_RELEASED=$programs" \
			${WRITE:+VGPU_RELEASED_WRITE=1} cargo test --quiet --locked --no-fail-fast -p vgpu-host \
			--test '*' -- released whenever_it_dies
	done
}

# check_mixed REVISION: state that goes from the device of then to that of now and back, and
# the driver of then with a device of now, whose revision it does not know.
check_mixed() {
	local mixed plugins released
	lint "the device and the driver of $1 can be made" scripts/lib/released-device "$1"
	released=$(scripts/lib/released-device "$1") || return 0
	mapfile -t mixed < <(scripts/packaged-qemu --tests)
	plugins=$(printf '%s\n' "${mixed[@]}" | sed -n 's/^VGPU_PLUGINS=//p')
	mixed+=("$(printf '%s\n' "${mixed[@]}" | sed -n 's/^VGPU_QEMU=/VGPU_TARGET_QEMU=/p')")
	suite "migration from the device of $1" scripts/enter env "${mixed[@]}" \
		"VGPU_PLUGINS=$released/vgpu-stub.so" "VGPU_TARGET_PLUGINS=$plugins" \
		cargo test --locked --no-fail-fast -p device-tests --test conformance migration::
	suite "migration to the device of $1" scripts/enter env "${mixed[@]}" \
		"VGPU_TARGET_PLUGINS=$released/vgpu-stub.so" \
		cargo test --locked --no-fail-fast -p device-tests --test conformance migration::
	lint "a guest can be made" make initramfs host
	suite "the driver of $1 with revision 3" scripts/guest-env env VGPU_REVISION=3 \
		"VGPU_INITRAMFS=$released/initramfs.cpio" cargo test --locked --no-fail-fast \
		-p vm-tests --test scenarios -- --test-threads=2 \
		selftests:: hotplug:: what_revision_2_has
}
