# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
## a kernel with the driver in its own tree, built in and as a module

prepare_in-tree() {
	make_what_guests_run_on
	scripts/kernel-in-tree y >/dev/null
	scripts/kernel-in-tree m >/dev/null
}

check_in-tree() {
	suite "in-tree" tests/in-tree/boot.sh
}
