# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
## guests that eject a device which they use; EJECTS=N
#
# A hundred times in each way, or EJECTS, on the sanitized QEMU.

settings_eject() {
	: "${EJECTS:=100}"
	must_be_number EJECTS 1
}

prepare_eject() {
	make_what_guests_run_on
	scripts/qemu --sanitized >/dev/null
}

# Guests that eject a device while they use it, on a QEMU that cannot use what it has
# freed without being seen. What it loses is for check_sanitized to find. Each keeps two
# cores busy, and the tests make the host busier when it matters.
check_eject() {
	local name="eject: $EJECTS ejects each" qemu
	qemu=$(scripts/qemu --sanitized)/qemu-system-x86_64
	lint "a guest can be made" make initramfs
	suite "$name" scripts/guest-env env "VGPU_QEMU=$qemu" VGPU_PLUGINS= "VGPU_EJECTS=$EJECTS" \
		ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
		cargo test --locked --no-fail-fast -p eject-tests -- --test-threads=1 --show-output
	# How often an access got to the handlers of a device that was gone.
	sed -n 's/^\(.*: .* ejects, .* too late\)$/        \1/p' "$(log_of "$name")"
}
