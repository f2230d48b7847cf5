#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The integrations with the programs that they are for, in a guest with the device:
# Debian with systemd, Prometheus, node_exporter and Ansible, on a disk, with the kernel of
# the tests.

cd "$(dirname -- "$0")/../.." || exit
. tests/scripts/lib/debian.sh
. tests/integrations/lib/tree.sh
. scripts/common.sh
set +e
. scripts/packaging.sh
plan 8
logs=$PWD/build/logs/integrations
mkdir -p "$logs"
log=$logs/guest.log

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
there useradd --create-home user || bail_out "there can be no user"
install -m 755 tests/integrations/inside "$there_is/usr/local/sbin/inside"
install -m 644 tests/integrations/{inside,gpu-pool@}.service "$there_is/etc/systemd/system/"
install -m 644 tests/integrations/prometheus.yml "$there_is/etc/prometheus/"
install -m 644 tests/integrations/dashboard.py "$there_is/root/"
mkdir -p "$there_is/etc/ansible/facts.d"
echo 'ARGS="--collector.disable-defaults --collector.textfile"' \
	>"$there_is/etc/default/prometheus-node-exporter"
from_page /etc/systemd/system/gpu-work.service >"$there_is/etc/systemd/system/gpu-work.service"
from_page /etc/udev/rules.d/80-vgpu-pool.rules >"$there_is/etc/udev/rules.d/80-vgpu-pool.rules"
printf '#!/bin/sh\nexec sleep infinity\n' | install -m 755 /dev/stdin "$there_is/usr/local/bin/gpu-work"
there systemctl enable inside.service || bail_out "systemctl cannot be used"
rmdir -p "$there_is$PWD" 2>/dev/null
scripts/enter --root "$(packaging_tree)" mke2fs -q -t ext4 -d "$there_is" "$work/disk" 2G || bail_out "there is no disk"

# shellcheck disable=SC2016 # the shell in the sysroot expands it
timeout 1200 scripts/guest-env sh -c '
	disk=$0 console=$1
	set --
	for plugin in $(echo "${VGPU_PLUGINS:-}" | tr : " "); do set -- "$@" -plugin "$plugin"; done
	exec "$VGPU_QEMU" -nodefaults -no-user-config -display none -machine q35 -m 1024 \
		-accel tcg -cpu max -no-reboot -serial "file:$console" -serial stdio -kernel "$VGPU_KERNEL/vmlinuz" \
		-append "root=/dev/nvme0n1 rw console=ttyS0 panic=-1" \
		-drive "file=$disk,if=none,id=disk,format=raw" -device nvme,serial=1,drive=disk \
		"$@" -device vgpu-stub,pool_id=B,priority=high,vm_id=200' \
	"$work/disk" "$logs/console.log" </dev/null >"$log" 2>&1
check "it powers off by itself" [ $? = 0 ]
check "all checks were made" grep -q '^done' "$log"
check "the kernel has nothing to complain about" sh -c "! grep -qE 'BUG:|WARNING:|Oops' '$logs/console.log'"
result "A guest with all of them runs to its end"

# about PART NAME: the checks of that part have passed, and there were some.
about() {
	sed -n "/^part $1/,/^part /p" "$log" | tr -d '\r' | sed '/^part/d' >"$work/part"
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

end
