#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Copy sections of the loaded module out of the kernel's memory, in a guest:
#
#   counters.sh DIR NAME=SIZE...
#
# makes DIR/NAME of each, and DIR/NAME.address with where it was.

set -euo pipefail

directory=$1
shift
mkdir -p "$directory"

# number OFFSET BYTES: of the ELF file that the kernel shows its memory as.
number() { od -An "-tu$2" -j "$1" -N "$2" /proc/kcore | tr -d ' '; }

table=$(number 32 8)
entry=$(number 54 2)
entries=$(number 56 2)

# offset_of ADDRESS: where in that file it is.
offset_of() {
	local index at start
	for ((index = 0; index < entries; index++)); do
		at=$((table + index * entry))
		[ "$(number $at 4)" = 1 ] || continue
		# Beyond what the shell counts to, but it wraps around as the address does.
		start=$((0x$(od -An -tx8 -j $((at + 16)) -N 8 /proc/kcore | tr -d ' ')))
		if (($1 - start >= 0 && $1 - start < $(number $((at + 40)) 8))); then
			echo $(($(number $((at + 8)) 8) + $1 - start))
			return
		fi
	done
	echo "counters: the kernel does not show its memory at $1" >&2
	return 1
}

for section; do
	name=${section%=*}
	address=$(cat "/sys/module/vgpu_stub/sections/$name")
	dd if=/proc/kcore of="$directory/$name" bs=1 skip="$(offset_of "$((address))")" \
		count="${section#*=}" 2>/dev/null
	echo "$address" >"$directory/$name.address"
done
