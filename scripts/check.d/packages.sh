# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
## the packages in guests with systemd, and on older Debians

prepare_packages() {
	make_what_guests_run_on
}

check_packages() {
	suites_of packages
}
