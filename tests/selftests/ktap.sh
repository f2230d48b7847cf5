# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Results in KTAP, for test programs in shell.
#
#   plan COUNT
#   check DESCRIPTION CONDITION...	what is wrong in the current test, if it is
#   result NAME				ends the current test
#   end					ends the program

ktap_number=0
ktap_failed=0
ktap_bad=0

plan() {
	ktap_planned=$1
	printf 'KTAP version 1\n1..%d\n' "$1"
}

check() {
	ktap_text=$1
	shift
	"$@" && return
	printf '# %s (%s)\n' "$ktap_text" "$*"
	ktap_bad=1
}

result() {
	ktap_number=$((ktap_number + 1))
	if [ "$ktap_bad" = 0 ]; then
		printf 'ok %d - %s\n' "$ktap_number" "$1"
	else
		printf 'not ok %d - %s\n' "$ktap_number" "$1"
		ktap_failed=$((ktap_failed + 1))
	fi
	ktap_bad=0
}

bail_out() {
	printf 'Bail out! %s\n' "$1"
	exit 1
}

end() {
	printf '# Totals: pass:%d fail:%d\n' $((ktap_number - ktap_failed)) "$ktap_failed"
	[ "$ktap_failed" = 0 ] && [ "$ktap_number" = "$ktap_planned" ]
	exit
}
