#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The files for other programs, judged by these without a guest.

cd "$(dirname -- "$0")/../.." || exit
. tests/scripts/lib/debian.sh
. tests/integrations/lib/tree.sh
plan 5
tree=$(scripts/lib/debian-tree "${PROGRAMS[@]}") || bail_out "there is no tree with the programs"

# judged COMMAND...: by a program of the tree, which is quoted if it finds something.
judged() {
	scripts/enter --root "$tree" "$@" >"$work/messages" 2>&1 && return
	sed 's/^/# /' "$work/messages"
	return 1
}

rules=userspace/integrations/prometheus/vgpu.rules.yml
check "promtool takes the rules" judged promtool check rules "$rules"
check "its tests hold" judged promtool test rules tests/integrations/vgpu.rules.test.yml
while read -r alert; do
	check "$alert has one that fires" sh -c "grep -A 1 'alertname: $alert\$' \
		tests/integrations/vgpu.rules.test.yml | grep -q exp_alerts"
	check "$alert is in the page" grep -qF "\`$alert\`" Documentation/integrations.md
done < <(sed -n 's/.*alert: //p' "$rules")
result "Each alert fires on what it is about, and on nothing else"

check "promtool takes what vgpuinfo writes" judged sh -c \
	'promtool check metrics <userspace/vgpuinfo/tests/golden/prometheus'
result "The metrics are as Prometheus wants them"

make -s install DESTDIR="$work/files" PREFIX=/usr >"$work/messages" 2>&1 || bail_out "$(cat "$work/messages")"
system "${PROGRAMS[@]}"
cp -a "$work/files/." "$work/system/"
mkdir -p "$work/system/etc/systemd/system" "$work/system/usr/local/bin"
from_page /etc/systemd/system/gpu-work.service >"$work/system/etc/systemd/system/gpu-work.service"
install -m 755 /dev/null "$work/system/usr/local/bin/gpu-work"
for unit in vgpuinfo-node-exporter.service vgpuinfo-node-exporter.timer vgpuinfo-publish.service \
	vgpuinfo-publish.timer gpu-work.service; do
	check "systemd takes $unit" there systemd-analyze verify --man=no "$unit"
	check "it has nothing to say about it" [ ! -s "$work/messages" ]
done
result "systemd finds nothing wrong with the units"

from_page /etc/udev/rules.d/80-vgpu-pool.rules >"$work/system/etc/udev/rules.d/80-vgpu-pool.rules"
check "udev takes the rules" there udevadm verify --resolve-names=late \
	/etc/udev/rules.d/80-vgpu-pool.rules /usr/lib/udev/rules.d/70-vgpu-stub.rules \
	/usr/lib/udev/rules.d/71-vgpuinfo-publish.rules
result "udev finds nothing wrong with the rules"

from_page '#cloud-config' | sed -n '/^#cloud-config/,$p' >"$work/system/root/cloud-config"
check "it is not empty" grep -q vgpuinfo "$work/system/root/cloud-config"
check "cloud-init takes it" there cloud-init schema --config-file /root/cloud-config
check "it is valid" grep -q Valid "$work/messages"
result "cloud-init finds the page's configuration valid"

end
