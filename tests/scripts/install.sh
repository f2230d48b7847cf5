#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What make install puts in place, and that man and the shells can use it.

cd "$(dirname -- "$0")/../.." || exit
. tests/scripts/lib/documented.sh
plan 6
root=$work/root/usr

make install DESTDIR="$work/root" PREFIX=/usr >"$work/messages" 2>&1
check "it succeeds" [ $? = 0 ]
for file in bin/vgpuinfo lib/udev/rules.d/70-vgpu-stub.rules \
	lib/udev/rules.d/71-vgpuinfo-publish.rules lib/sysusers.d/vgpu-stub.conf \
	share/man/man1/vgpuinfo.1 share/man/man1/vgpuinfo-query.1 \
	share/bash-completion/completions/vgpuinfo share/zsh/site-functions/_vgpuinfo \
	share/fish/vendor_completions.d/vgpuinfo.fish lib/systemd/system/vgpuinfo-node-exporter.service \
	lib/systemd/system/vgpuinfo-node-exporter.timer lib/systemd/system/vgpuinfo-publish.service \
	lib/systemd/system/vgpuinfo-publish.timer share/man/man1/vgpuinfo-publish.1 share/vgpuinfo/prometheus/vgpu.rules.yml \
	share/vgpuinfo/grafana/vgpu.json share/vgpuinfo/ansible/vgpu.fact \
	share/vgpuinfo/node-feature-discovery/vgpu-features include/linux/vgpu_stub.h; do
	check "$file is installed" [ -s "$root/$file" ]
done
result "Everything is installed"

check "it runs" "$root/bin/vgpuinfo" --version >"$work/stdout"
result "The command that is installed runs here"

pages_render "$root/share/man/man1"
result "man renders every page without a warning"

# What the completions ask for the devices; one of them has no driver.
mkdir "$work/stand-ins"
printf '#!/bin/sh\nprintf "%%s\\n" vgpu0 vgpu1 -\n' >"$work/stand-ins/vgpuinfo"
chmod +x "$work/stand-ins/vgpuinfo"
for script in bash-completion/completions/vgpuinfo zsh/site-functions/_vgpuinfo \
	fish/vendor_completions.d/vgpuinfo.fish; do
	offers "$root/share/$script" 'vgpuinfo get p' 'pool_id pci priority' vm_id
	offers "$root/share/$script" 'vgpuinfo -d vgpu' 'vgpu0 vgpu1' all
	offers "$root/share/$script" 'vgpuinfo wait --device ' 'vgpu0 vgpu1 all' 'share'
	offers "$root/share/$script" 'vgpuinfo -d vgpu0,' 'vgpu1 all' share
	result "${script%%[-/]*} completes"
done

end
