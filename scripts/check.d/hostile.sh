# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
## the driver against a device that lies at random; SCRIPTS=N SEED=N
#
# Five hundred random scripts, or SCRIPTS. They are drawn anew each time; SEED repeats those of a
# run that printed it.

settings_hostile() {
	: "${SCRIPTS:=500}" "${SEED:=$SRANDOM}"
	must_be_number SCRIPTS 1
	must_be_number SEED 0
}

prepare_hostile() {
	make_what_guests_run_on
}

# A device whose every answer is random, or gone at each of the driver's reads.
check_hostile() {
	local name="hostile: $SCRIPTS random scripts, SEED=$SEED"
	lint "a guest can be made" make initramfs
	suite "$name" scripts/guest-env env "VGPU_SCRIPTS=$SCRIPTS" "VGPU_SEED=$SEED" \
		cargo test --locked -p vm-tests --test scenarios -- --nocapture scripted
	# What became of the steps of all sessions.
	sed -n 's/^\(.* ended with .*\)/        \1/p' "$(log_of "$name")"
}
