#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The attributes of /sys/class/vgpu/vgpuN. Changes the last command.

. "$(dirname -- "$0")/ktap.sh"

plan 9
dir=
for candidate in /sys/class/vgpu/*; do
	[ -d "$candidate" ] && dir=$candidate && break
done
[ -n "$dir" ] || bail_out "no device in /sys/class/vgpu; is vgpu_stub loaded?"
name=${dir##*/}

matches() {
	printf '%s' "$1" | grep -qxE "$2"
}

# read_one ATTRIBUTE PATTERN: one line of the promised form.
read_one() {
	lines=$(wc -l <"$dir/$1")
	check "$1 has one line" [ "$lines" -eq 1 ]
	check "$1 is as promised" matches "$(cat "$dir/$1")" "$2"
}

# refused TEXT: a command that must not be taken.
refused() {
	before=$(cat "$dir/command")
	if printf '%b' "$1" 2>/dev/null >"$dir/command"; then
		check "'$1' is refused" false
	fi
	check "'$1' changes nothing" [ "$(cat "$dir/command")" = "$before" ]
}

for attribute in pool_id priority vm_id command status; do
	check "$attribute is there" [ -f "$dir/$attribute" ]
done
result "The attributes are there"

read_one pool_id '[A-Za-z0-9]|0x[0-9a-f]{2,8}'
read_one priority 'low|medium|high|[0-9]+'
read_one vm_id '[0-9]+'
result "pool_id, priority and vm_id have the form of the ABI"

read_one command '0x[0-9a-f]{8}'
read_one status '0x[0-9a-f]{8}'
result "command and status have the form of the ABI"

for attribute in pool_id priority vm_id status; do
	check "mode of $attribute" [ "$(stat -c %a "$dir/$attribute")" = 444 ]
done
check "mode of command" [ "$(stat -c %a "$dir/command")" = 644 ]
result "All may read, and root may write a command"

for command in 0 5 4294967295 0x0 0X1f 0xffffffff 0xDEADbeef; do
	check "$command is taken" sh -c "echo $command >$dir/command"
	check "$command reads back" [ $(($(cat "$dir/command"))) = $((command)) ]
	check "status after $command" [ "$(cat "$dir/status")" = 0x00000001 ]
done
check "a command without a newline is taken" sh -c "printf 7 >$dir/command"
check "it reads back" [ "$(cat "$dir/command")" = 0x00000007 ]
result "A written command is submitted and reads back"

for command in '\n' ' ' '0x' '0x\n' '-1' '+1' '1 2' ' 1' '1\n\n' '4294967296' '0x100000000' \
	'0b1' '0o7' '1_0' 'x' '5x' '0x5g' '1\0'; do
	refused "$command"
done
result "What is no number of 32 bits is refused and changes nothing"

uevent=$(cat "$dir/uevent")
for line in "DEVNAME=$name" "VGPU_POOL_ID=$(cat "$dir/pool_id")" \
	"VGPU_PRIORITY=$(cat "$dir/priority")" "VGPU_VM_ID=$(cat "$dir/vm_id")"; do
	check "uevent has $line" sh -c "printf '%s\n' '$uevent' | grep -qxF '$line'"
done
result "The uevent says what the attributes say"

device=$(readlink -f "$dir/device")
check "class of the parent" [ "$(cat "$device/class")" = 0x120000 ]
check "driver of the parent" [ "$(basename "$(readlink -f "$device/driver")")" = vgpu_stub ]
check "the device is enabled once" [ "$(cat "$device/enable")" = 1 ]
# Command register: memory decoding is on. Bus mastering is off, unless an interrupt is a
# write to memory.
command=$(od -A n -t x1 -j 4 -N 1 "$device/config" | tr -d ' ')
wanted=2
[ ! -e "$device/msi_irqs" ] || wanted=6
check "memory decoding, bus mastering (0x$command)" [ $((0x$command & 6)) = $wanted ]
result "The parent is the PCI device, enabled once and bus master only for MSI-X"

check "the node is a character device" [ -c "/dev/$name" ]
number=$(printf '%d:%d' "0x$(stat -c %t "/dev/$name")" "0x$(stat -c %T "/dev/$name")")
check "its number is $number" [ "$number" = "$(cat "$dir/dev")" ]
result "The node is there"

end
