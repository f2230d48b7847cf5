# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
## scenarios with guests, and the doors to them

prepare_vm() {
	make_what_guests_run_on
	scripts/kernel --without-rust >/dev/null
}

check_vm() {
	lint "a guest can be made" make initramfs host pool
	at_once commands_of_vm scenarios_of_vm
}

commands_of_vm() {
	suite "vm: the commands" tests/vm/guest.sh
	suite "vm: libvirt" tests/vm/libvirt.sh
	suite "vm: packages" tests/vm/packages.sh
}

# Two guests at a time: one core each.
scenarios_of_vm() {
	suite "vm" scripts/guest-env env "VGPU_KERNEL_WITHOUT_RUST=$(scripts/kernel --without-rust)" \
		cargo test --locked --no-fail-fast -p vm-tests -p harness \
		--test '*' -- --test-threads=2
}
