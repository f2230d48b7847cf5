# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
## the driver on kernels that watch over it; CYCLES=N STORM=N CALLS=N UNPLUGS=N
#
# Its devices come and go CYCLES times, 25 or more, and its storm lasts STORM seconds. CALLS and
# UNPLUGS are those of messages. What it needs is made at its beginning, side by side.

settings_debug() {
	: "${STORM:=60}" "${CYCLES:=}" "${CALLS:=}" "${UNPLUGS:=}"
	must_be_number STORM 1
	[ -z "$CALLS" ] || must_be_number CALLS 100
	[ -z "$UNPLUGS" ] || must_be_number UNPLUGS 1
	[ -z "$CYCLES" ] || must_be_number CYCLES 25 \
		"Fewer rounds do not tell what is lost from what a kernel keeps for a while."
}

# Kernels that watch over the driver. What of the scenarios is about it is tried with
# them, too, on one machine, as they take five times as long; and what only they can judge.
check_debug() {
	local campaigns=("VGPU_STORM=$STORM" ${CYCLES:+"VGPU_CYCLES=$CYCLES"})
	local messages=(${CALLS:+"VGPU_CALLS=$CALLS"} ${UNPLUGS:+"VGPU_UNPLUGS=$UNPLUGS"})
	scripts/sysroot >/dev/null
	# The kernel's links and Rust crates keep one core busy, and leave time for these.
	# Should they not build, the checks that need them say so.
	say "QEMU and the programs are made meanwhile (log: $LOGS/programs-of-debug.log)"
	programs_of_debug >"$LOGS/programs-of-debug.log" 2>&1 </dev/null &
	scripts/kernel-debug >/dev/null
	wait "$!" || say "a program does not build (log: $LOGS/programs-of-debug.log)"

	local -x GUEST_KERNEL=debug
	lint "a guest that watches over the driver can be made" make initramfs
	at_once guests_that_wait guests_that_work
}

# The first is asleep for most of ten minutes, until its kernel releases kobjects, and the
# other kernel's links keep one core busy: so neither has the others wait for it.
guests_that_wait() {
	suite "debug: failures to load" scripts/guest-env cargo test --locked -p debug-tests -- \
		--show-output failure_to_load
	local -x GUEST_KERNEL=driver-remove
	lint "a guest that removes drivers can be made" make initramfs
	suite "debug: selftests, with drivers that are removed" scripts/guest-env cargo test --locked \
		-p vm-tests --test scenarios selftests::pc::all_selftests_hold
}

# What 'campaigns' of check_debug says is for the first of these. More than two campaigns
# at a time take no less time: many of them keep a device busy for as long as they last.
guests_that_work() {
	suite "debug: campaigns" scripts/guest-env env "${campaigns[@]}" \
		cargo test --locked --no-fail-fast -p debug-tests -- --test-threads=2 --show-output \
		--skip failure_to_load
	# Those about the driver once it is loaded, without what a campaign or another one of
	# them does, too, what is about QEMU's part, and what takes hibernation or vfio-pci. The
	# selftests of revision 1 are for the other kernel: it sees all that this one does.
	suite "debug: vm" scripts/guest-env env "${messages[@]}" cargo test --locked --no-fail-fast \
		-p vm-tests --test scenarios -- --test-threads=3 --show-output hostile:: hotplug:: \
		messages:: moved:: power:: replaced:: revision_2:: scripted:: storms:: suspended:: \
		--skip q35:: --skip under_load --skip command_is_pending --skip keeps_its_number \
		--skip stops_answering --skip values_beyond --skip while_it_goes --skip every_change \
		--skip take_their_time --skip snapshot --skip from_disk --skip passed_through \
		--skip without_rights --skip there_in_revision_3
}

programs_of_debug() {
	scripts/packaged-qemu --tests || return
	make guest-programs || return
	scripts/enter cargo test --quiet --locked --no-run -p debug-tests || return
	scripts/enter cargo test --quiet --locked --no-run -p vm-tests --test scenarios
}
