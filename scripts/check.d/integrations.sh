# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
## what comes for other programs, with these programs

prepare_integrations() {
	make_what_guests_run_on
}

check_integrations() {
	suites_of integrations
}
