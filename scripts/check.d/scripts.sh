# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
## what the scripts do and say, and what is in the packages

prepare_scripts() {
	scripts/kernel >/dev/null
	scripts/packaged-qemu >/dev/null
}

check_scripts() {
	suites_of scripts
}
