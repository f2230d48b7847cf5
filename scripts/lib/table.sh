# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A table whose cells are counted, for what tests many kernels. It is sourced after
# common.sh by who has a function 'line TEXT...' that prints one of its lines.

passed=0 failed=0 skipped=0
rows=()

# cell TEXT: count one, by its first word; '-' is none.
cell() {
	case $1 in
	passed*) passed=$((passed + 1)) ;;
	FAILED*) failed=$((failed + 1)) ;;
	-) ;;
	*) skipped=$((skipped + 1)) ;;
	esac
}

# row NAMES TEXT...: add one. So many of the texts name it, and the rest are cells.
row() {
	local names=$1 text
	shift
	for text in "${@:names + 1}"; do
		cell "$text"
	done
	rows+=("$(line "$@")")
}

# table TEXT...: print all of it under these names of the columns, and what was counted.
table() {
	line "$@"
	printf '%s\n' "${rows[@]}"
	printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
	[ "$failed" = 0 ]
}
