#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The integrations with the programs that they are for, in a guest with the device:
# Debian with systemd, Prometheus, node_exporter and Ansible, on a disk, with the kernel of
# the tests.

cd "$(dirname -- "$0")/../.." || exit
. tests/scripts/lib/debian.sh
. tests/integrations/lib/tree.sh
. scripts/lib/common.sh
set +e
. scripts/lib/packaging.sh
. tests/scripts/lib/boot.sh
plan 10

kernel=$(scripts/kernel) || bail_out "there is no kernel"
release=$(cat "$kernel/release")
system "${PROGRAMS[@]}"
there_is=$work/system
{
	make -s install DESTDIR="$there_is" PREFIX=/usr &&
		mkdir -p "$there_is/lib/modules" && cp -a "$kernel/modules" "$there_is/lib/modules/$release" &&
		make -s modules && install -D -m 644 build/module/drivers/vgpu_stub/vgpu_stub.ko \
		"$there_is/lib/modules/$release/updates/vgpu_stub.ko"
} >"$work/messages" 2>&1 || bail_out "$(cat "$work/messages")"
there depmod "$release" || bail_out "depmod cannot be used"
there systemd-sysusers || bail_out "there is no group"
prepare integrations
install -m 644 tests/integrations/prometheus.yml "$there_is/etc/prometheus/"
install -m 644 tests/integrations/dashboard.py "$there_is/root/"
mkdir -p "$there_is/etc/ansible/facts.d"
echo 'ARGS="--collector.disable-defaults --collector.textfile"' \
	>"$there_is/etc/default/prometheus-node-exporter"
from_page /etc/systemd/system/gpu-work.service >"$there_is/etc/systemd/system/gpu-work.service"
from_page /etc/udev/rules.d/80-vgpu-pool.rules >"$there_is/etc/udev/rules.d/80-vgpu-pool.rules"
awk '/^```python$/ { inside = 1; next } /^```$/ { inside = 0 } inside' Documentation/messages.md \
	>"$there_is/root/call.py"
printf '#!/bin/sh\nexec sleep infinity\n' | install -m 755 /dev/stdin "$there_is/usr/local/bin/gpu-work"
install -m 755 userspace/examples/vgpu.py "$there_is/root/"
disk 2G

run_guest guest "$kernel/vmlinuz" -m 1024
ended guest
result "A guest with all of them runs to its end"

# about PART NAME: the checks of that part have passed, and there were some.
about() {
	sed -n "/^part $1/,/^part /p" "$logs/guest.log" | tr -d '\r' | sed '/^part/d' >"$work/part"
	sed 's/^/# /' "$work/part"
	check "there were checks" grep -q '^ok' "$work/part"
	check "none has failed" sh -c "! grep -q '^not ok' '$work/part'"
	result "$2"
}

about prometheus "A Prometheus that scrapes node_exporter answers the dashboard"
about systemd "Units are started with the device, and those of its pool"
about ansible "Ansible has the devices as facts"
about features "The labels for Kubernetes say what is there"
about containers "A container sees the identity, and with the node all of it"
about removal "A device that goes is in no file any more, and comes back"
about driver "A device without its driver is exported as such"
about published "A timer has it shown to users who are not root"

# With a device that has messages, and a daemon that answers them.
mkdir "$work/sockets"
make -s pool
build/target/x86_64-unknown-linux-gnu/release/vgpu-pool serve "$work/sockets" --answer identity \
	2>"$logs/vgpu-pool.log" &
pool=$!
boot messages messages "$kernel/vmlinuz" -m 1024 \
	-chardev "socket,id=gpu0,path=$work/sockets/guest.sock,server=on,wait=off" \
	-device vgpu-stub,revision=3,chardev=gpu0,vm_id=7
kill "$pool"
result "Programs in Python with the standard library alone ask the host and use the driver"

end
