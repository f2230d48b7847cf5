# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
## from xenstore to a guest on a Xen host; RUNS=N for several runs

settings_xen() {
	: "${RUNS:=1}"
	must_be_number RUNS 1
}

prepare_xen() {
	make_what_guests_run_on
	scripts/lib/xen >/dev/null
	scripts/qemu >/dev/null
}

# A Xen host within a machine, on which the tests come one after the other.
check_xen() {
	local run name
	lint "a Xen host can be made" scripts/lib/dom0
	for ((run = 1; run <= RUNS; run++)); do
		name="xen, run $run of $RUNS"
		suite "$name" scripts/guest-env env "VGPU_KERNEL=$(scripts/lib/xen)" \
			"VGPU_INITRAMFS=$TOP/build/dom0.cpio" cargo test --locked -p xen-tests -- --test-threads=1
		# Each link of the chain by itself.
		sed -n 's/^test \(.* \.\.\. .*\)/        \1/p' "$(log_of "$name")"
	done
}
