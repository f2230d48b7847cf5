#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Loading and unloading, binding and unbinding. Usage: module.sh [ROUNDS]

. "$(dirname -- "$0")/ktap.sh"

rounds=${1:-5}
plan 5
modprobe vgpu_stub || bail_out "modprobe vgpu_stub failed"
device=
for candidate in /sys/bus/pci/drivers/vgpu_stub/*:*; do
	[ -e "$candidate" ] && device=$(readlink -f "$candidate") && break
done
[ -n "$device" ] || bail_out "no device is bound to vgpu_stub"
address=${device##*/}
values() {
	cat /sys/class/vgpu/*/pool_id /sys/class/vgpu/*/priority /sys/class/vgpu/*/vm_id
}
before=$(values)

alias=$(cat "$device/modalias")
check "modprobe finds vgpu_stub for $alias" \
	sh -c "modprobe --resolve-alias '$alias' | grep -qx vgpu_stub"
result "The module names the device it is for"

node=$(echo "$device"/vgpu/*)
exec 3<>"/dev/${node##*/}"
check "rmmod is refused" sh -c '! rmmod vgpu_stub 2>/dev/null'
check "the module is still there" [ -d /sys/module/vgpu_stub ]
echo "$address" >/sys/bus/pci/drivers/vgpu_stub/unbind
check "the device is unbound" [ ! -e "$device/driver" ]
check "rmmod is refused after unbind too" sh -c '! rmmod vgpu_stub 2>/dev/null'
exec 3>&-
echo "$address" >/sys/bus/pci/drivers/vgpu_stub/bind
check "the values are the same" [ "$(values)" = "$before" ]
result "An open file keeps the module and not the device"

i=0
while [ $i -lt "$rounds" ]; do
	i=$((i + 1))
	check "round $i: unbind" sh -c "echo $address >/sys/bus/pci/drivers/vgpu_stub/unbind"
	check "round $i: the class device is gone" [ ! -e "$device/vgpu" ]
	check "round $i: bind" sh -c "echo $address >/sys/bus/pci/drivers/vgpu_stub/bind"
	check "round $i: values" [ "$(values)" = "$before" ]
done
check "the device is enabled once ($(cat "$device/enable"))" [ "$(cat "$device/enable")" = 1 ]
result "Unbind and bind, $rounds times"

i=0
while [ $i -lt "$rounds" ]; do
	i=$((i + 1))
	check "round $i: rmmod" rmmod vgpu_stub
	check "round $i: the class is gone" [ ! -e /sys/class/vgpu ]
	check "round $i: modprobe" modprobe vgpu_stub
	check "round $i: values" [ "$(values)" = "$before" ]
done
check "the device is enabled once ($(cat "$device/enable"))" [ "$(cat "$device/enable")" = 1 ]
result "rmmod and modprobe, $rounds times"

rmmod vgpu_stub
check "the device is not enabled any more" [ "$(cat "$device/enable")" = 0 ]
check "no major number is left" sh -c '! grep -q vgpu /proc/devices'
check "BAR0 is given back" sh -c '! grep -q vgpu_stub /proc/iomem'
modprobe vgpu_stub
result "Unloading leaves nothing behind"

end
