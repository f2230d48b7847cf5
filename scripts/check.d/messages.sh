# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
## messages to the host, very many; CALLS=N UNPLUGS=N
#
# A hundred thousand calls, or CALLS, and two hundred unplugs with calls in flight, or UNPLUGS.

settings_messages() {
	: "${CALLS:=100000}" "${UNPLUGS:=200}"
	must_be_number CALLS 100
	must_be_number UNPLUGS 1
}

prepare_messages() {
	make_what_guests_run_on
}

# Calls to the host, most of which are answered, and devices that go in the middle of some.
check_messages() {
	local name="messages: $CALLS calls, $UNPLUGS unplugs"
	lint "a guest can be made" make initramfs
	suite "$name" scripts/guest-env env "VGPU_CALLS=$CALLS" "VGPU_UNPLUGS=$UNPLUGS" \
		cargo test --locked --no-fail-fast -p vm-tests --test scenarios -- --test-threads=1 \
		--show-output messages::a_call_that_gets_no_answer messages::calls_in_flight_end_when
	# What became of them.
	sed -n 's/^\([0-9]* calls of .*\|.* unplugs: .*\)/        \1/p' \
		"$(log_of "$name")"
}
