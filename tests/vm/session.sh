#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# All that can be done with a device, from bind to unbind, in a guest:
#
#   session.sh ADDRESS
#
# Prints a line for each step: its name, its exit status, its output and what it
# wrote to stderr, separated by tabs. It ends with 0 whatever the device does.

address=$1
driver=/sys/bus/pci/drivers/vgpu_stub
class=/sys/class/vgpu

# step NAME COMMAND... Without a process of its own: there are many steps, and
# starting one takes an emulated machine long.
step() {
	name=$1
	shift
	output=$("$@" 2>/tmp/stderr)
	status=$?
	error=
	while read -r line || [ -n "$line" ]; do
		error="$error $line"
	done </tmp/stderr
	# Words with one blank between them, in place of lines.
	set -f
	# shellcheck disable=SC2086
	set -- $output
	printf '%s\t%s\t%s\t%s\n' "$name" "$status" "$*" "$error"
	set +f
}

# put TEXT FILE: a write whose error is said, as the shell's own echo does not.
put() {
	printf %s "$1" | dd status=none of="$2"
}

step bind put "$address" $driver/bind
for device in "$class"/vgpu*; do
	[ -e "$device" ] || continue
	for attribute in "$device"/*; do
		case ${attribute##*/} in
		dev | uevent) ;;
		*) [ ! -f "$attribute" ] || step "${attribute##*/}" cat "$attribute" ;;
		esac
	done
	step list vgpuinfo --json
	step submit vgpuinfo command 5 --timeout 0.1
	step again vgpuinfo command 5 --timeout 0.1
	for attribute in pool_id priority vm_id; do
		step $attribute cat "$device/$attribute"
	done
done
[ ! -e $driver/"$address" ] || step unbind put "$address" $driver/unbind
step left ls $class
step enabled cat /sys/bus/pci/devices/"$address"/enable
