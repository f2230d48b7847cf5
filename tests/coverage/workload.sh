#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Do in one guest what the tests of the driver do in many, without unloading the
# module, whose counters would go with it. Whether it does well is for those to say.
# The devices are those that scripts/coverage gives the guest.

tests=/usr/lib/vgpu-selftests
stuck=0000:00:0b.0

modprobe vgpu_stub || exit
"$tests"/sysfs.sh
"$tests"/chardev
"$tests"/compat /dev/vgpu0
"$tests"/removal unbind 2

# Revision 2, whose identity nobody changes here.
for slot in 0d 0e 0f; do
	device=$(ls /sys/bus/pci/devices/0000:00:$slot.0/vgpu)
	"$tests"/chardev "$device"
	vgpuinfo command 1 "$device"
	vgpuinfo check "$device" --source chardev
	cat /sys/class/vgpu/"$device"/*
done

# One waits for its turn and one for the other's end, until a signal, the time and
# unbind put an end to it.
vgpuinfo command 1 $stuck --timeout 1 &
sleep 0.3
vgpuinfo command 2 $stuck --timeout 0.2
vgpuinfo command 3 $stuck --timeout 9 &
wait %1
sleep 0.3
kill %2
wait %2
vgpuinfo command 4 $stuck --timeout 9 &
sleep 0.3
echo $stuck >/sys/bus/pci/drivers/vgpu_stub/unbind
wait
exit 0
