# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
## a part of everything that takes a minute or two: most lints, the crates, one guest

prepare_quick() {
	make_what_guests_run_on
}

# Many tests of the crates wait for something, and take as long as all of the rest.
check_quick() {
	at_once check_unit rest_of_quick
}

rest_of_quick() {
	lints_of_sources
	lints_by_clippy
	suite "device: revision 2" with_qemu cargo test --quiet --locked -p device-tests \
		--test conformance -- revision_2::
	lint "a guest can be made" make initramfs
	suite "vm: the selftests" scripts/guest-env cargo test --locked -p vm-tests \
		--test scenarios -- selftests::pc::all_selftests_hold
}
