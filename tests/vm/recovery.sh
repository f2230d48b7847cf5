#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Looks in a guest whether a device is what it should be, and works. The device is named
# by its PCI address.
#
#   recovery.sh shows ADDRESS LIMIT VALUE...
#       sysfs shows these within LIMIT, in hundredths of a second, and then the node, too:
#       pool_id, priority, vm_id and, of revision 2, config_generation
#   recovery.sh completes ADDRESS NUMBER
#       so many commands succeed. Prints how long all of them took, in hundredths of a
#       second, and of how many the node told
#
# At the end of its line it prints how many interrupts came so far on the device's lines.
# It starts few programs: that takes an emulated machine long.

now() {
	read -r uptime _ </proc/uptime
	echo "${uptime%.*}${uptime#*.}"
}

attributes() {
	for attribute in pool_id priority vm_id config_generation; do
		[ -e "$class/$attribute" ] || continue
		read -r value <"$class/$attribute" || value=unreadable
		printf '%s ' "$value"
	done
}

# same WAY SHOWN WANTED
same() {
	[ "$2" = "$3" ] || {
		echo "$1 shows '$2' and not '$3'" >&2
		return 1
	}
}

shows() {
	limit=$(($(now) + $1))
	shift
	until shown=$(attributes) && [ "$shown" = "$* " ]; do
		[ "$(now)" -lt "$limit" ] || break
		sleep 0.05
	done
	same sysfs "$shown" "$* " &&
		# Of revision 1 the generation is 0.
		same "the node" "$(vgpuinfo -d "$address" --source chardev query --format raw -n \
			-o pool_id,priority,vm_id,config_generation)" "$1 $2 $3 ${4:-0}"
}

# completions: as often as the records on descriptor 3 say that a command was completed.
completions() {
	# It waits for one if there is none.
	# shellcheck disable=SC2046
	set -- $(timeout 1 dd bs=1600 count=1 <&3 2>/dev/null | od -An -v -tu4)
	count=0
	while [ $# -ge 4 ]; do
		[ "$1" != 2 ] || count=$((count + $2))
		shift 4
	done
	echo "$count"
}

completes() {
	exec 3<"/dev/${class##*/}" || return
	start=$(now)
	command=0
	while [ "$command" -lt "$1" ]; do
		command=$((command + 1))
		echo "$command" >"$class/command" || return
	done
	took=$(($(now) - start))
	read -r shown <"$class/command"
	same "the command" "$((shown))" "$1" || return
	if [ -e "$class/features" ]; then
		printf '%s ' "$took" "$(completions)"
	else
		printf '%s ' "$took" 0
	fi
}

interrupts() {
	lines=
	for irq in "$device"/msi_irqs/*; do
		[ ! -e "$irq" ] || lines="$lines ${irq##*/}"
	done
	[ -n "$lines" ] || read -r lines <"$device/irq"
	count=0
	while read -r line counts; do
		case " $lines " in
		*" ${line%:} "*) ;;
		*) continue ;;
		esac
		# One for each processor, and then it says what it is.
		for number in $counts; do
			case $number in
			*[!0-9]*) break ;;
			*) count=$((count + number)) ;;
			esac
		done
	done </proc/interrupts
	echo "$count"
}

what=$1
address=$2
device=/sys/bus/pci/devices/$address
class=$(echo "$device"/vgpu/*)
shift 2
"$what" "$@" && interrupts
