# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
## the device model under sanitizers; OPERATIONS=N SEED=N
#
# A million random operations, or OPERATIONS. They are drawn anew each time; SEED repeats those of
# a run that printed it.

settings_sanitized() {
	: "${OPERATIONS:=1000000}" "${SEED:=$SRANDOM}"
	must_be_number OPERATIONS 1
	must_be_number SEED 0
}

prepare_sanitized() {
	scripts/qemu --sanitized >/dev/null
}

# The device model where it cannot do what it must not without being seen.
check_sanitized() {
	local qemu
	qemu=$(scripts/qemu --sanitized)/qemu-system-x86_64
	sanitized "device, sanitized" 1 -p device-tests
	sanitized "device, sanitized: $OPERATIONS random operations, SEED=$SEED" "$OPERATIONS" \
		-p device-tests --test conformance random_
}

# sanitized NAME OPERATIONS ARG...: a suite of cargo test, with the QEMU of its caller.
# Whose a leak is takes the whole stack to say, which slows it all down threefold.
sanitized() {
	suite "$1" scripts/enter env "VGPU_QEMU=$qemu" "VGPU_OPERATIONS=$2" "VGPU_MESSAGES=$2" \
		"VGPU_SEED=$SEED" ASAN_OPTIONS=detect_leaks=1:fast_unwind_on_malloc=0 \
		"LSAN_OPTIONS=suppressions=$TOP/tests/qemu/leaks.supp:print_suppressions=0" \
		UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
		cargo test --locked --no-fail-fast "${@:3}"
}
