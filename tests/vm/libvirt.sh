#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A domain of Debian's libvirt, in session mode, whose emulator is Debian's QEMU as it is:
# the device is loaded by what the domain says of QEMU's command line.

if [ "${1:-}" != --inside ]; then
	cd "$(dirname -- "$0")/../.." || exit
	settings=$(scripts/packaged-qemu) && kernel=$(scripts/kernel) || exit
	exec scripts/lib/with-libvirt tests/vm/libvirt.sh --inside "${settings##*VGPU_PLUGINS=}" "$kernel/vmlinuz"
fi

# The part inside the sysroot. A session is that of a user, who may not look into the
# homes of others: what the domain is made of is copied.
if [ "$(id -u)" = 0 ]; then
	mkdir -p /tmp/vm/run
	cp "$2" "$3" build/initramfs.cpio tests/selftests/ktap.sh tests/vm/libvirt.sh \
		build/target/x86_64-unknown-linux-gnu/release/vgpu-ask /tmp/vm/
	chown -R games /tmp/vm
	cd /tmp/vm || exit
	exec setpriv --reuid=games --regid=games --clear-groups env HOME=/tmp/vm \
		XDG_RUNTIME_DIR=/tmp/vm/run ./libvirt.sh --inside
fi

# shellcheck source=tests/selftests/ktap.sh
. ./ktap.sh
plan 7

vm() { virsh --quiet --connect qemu:///session "$@" 2>>messages; }
ask() { ./vgpu-ask /tmp/vm/agent 60 "$1"; }
monitor() { vm qemu-monitor-command vm "$1"; }

# A daemon less.
mkdir -p .config/libvirt
echo 'stdio_handler = "file"' >.config/libvirt/qemu.conf
cat >vm.xml <<-'END'
	<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
	  <name>vm</name>
	  <memory unit='MiB'>512</memory>
	  <vcpu>1</vcpu>
	  <os>
	    <type arch='x86_64' machine='pc'>hvm</type>
	    <kernel>/tmp/vm/vmlinuz</kernel>
	    <initrd>/tmp/vm/initramfs.cpio</initrd>
	    <cmdline>console=ttyS0 loglevel=5 mitigations=off cryptomgr.notests no_timer_check tsc=nowatchdog</cmdline>
	  </os>
	  <features><acpi/><apic/></features>
	  <cpu mode='custom'><model>qemu64</model></cpu>
	  <devices>
	    <emulator>/usr/bin/qemu-system-x86_64</emulator>
	    <serial type='file'><source path='/tmp/vm/console'/></serial>
	    <serial type='unix'><source mode='bind' path='/tmp/vm/agent'/></serial>
	    <memballoon model='none'/>
	  </devices>
	  <qemu:commandline>
	    <qemu:arg value='-plugin'/>
	    <qemu:arg value='/tmp/vm/vgpu-stub.so'/>
	    <qemu:arg value='-device'/>
	    <qemu:arg value='vgpu-stub,id=gpu0,revision=2,pool_id=B,priority=high,vm_id=200,addr=0x19'/>
	  </qemu:commandline>
	</domain>
END

# until_answered COMMAND: once the guest is there.
until_answered() {
	until ask true >/dev/null 2>&1; do
		[ "$(vm domstate vm)" = running ] && [ "$SECONDS" -lt 600 ] || return
		sleep 1
	done
	ask "$1"
}

vm define vm.xml
check "it is defined" [ "$(vm domstate vm)" = 'shut off' ]
result "A domain with the plugin on its command line is defined"

vm start vm
check "it runs" [ "$(vm domstate vm)" = running ]
check "the guest has the device" [ "$(until_answered \
	'modprobe vgpu_stub && cd /sys/class/vgpu/vgpu0 && cat pool_id priority vm_id' | tr '\n' ' ')" = 'B high 200 ' ]
result "It starts, and the guest reads the device"

monitor '{"execute": "qom-set", "arguments":
	{"path": "/machine/peripheral/gpu0", "property": "priority", "value": "low"}}' >/dev/null
check "the guest knows" [ "$(ask 'vgpuinfo wait --for priority=low --timeout 600 >/dev/null; vgpuinfo get priority')" = low ]
result "A change by qemu-monitor-command arrives in the guest"

vm save vm saved
check "it is off" [ "$(vm domstate vm)" = 'shut off' ]
check "there is a state" [ -s saved ]
result "It is saved"

vm restore saved
check "it runs" [ "$(vm domstate vm)" = running ]
check "the change is kept" [ "$(until_answered 'vgpuinfo get priority')" = low ]
check "so it is on the host" [ "$(monitor '{"execute": "qom-get", "arguments":
	{"path": "/machine/peripheral/gpu0", "property": "priority"}}' | grep -c '"return":"low"')" = 1 ]
result "It is restored, with the device as it was"

monitor '{"execute": "device_del", "arguments": {"id": "gpu0"}}' >/dev/null
check "the guest has lost it" ask 'for i in $(seq 6000); do vgpuinfo >/dev/null 2>&1; [ $? = 3 ] && exit; sleep 0.1; done; exit 1'
check "so has the host" [ "$(monitor '{"execute": "qom-list", "arguments":
	{"path": "/machine/peripheral"}}' | grep -c gpu0)" = 0 ]
check "the guest has nothing to complain about" [ -z "$(ask "dmesg | grep -E 'BUG|WARNING|Oops'")" ]
result "It is unplugged while the guest runs"

vm destroy vm
vm undefine vm
check "it is gone" [ -z "$(vm list --all --name)" ]
result "It is destroyed and undefined"

sed 's/^/# virsh: /' messages
end
