#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# vgpuinfo's package on this Debian and on older ones.

cd "$(dirname -- "$0")/../.." || exit
. tests/scripts/lib/debian.sh
. scripts/lib/common.sh
set +e
. tests/packages/lib/apt.sh
plan 4
version=$(project_version)
make -s packages >/dev/null || bail_out "there are no packages"

# works_on SUITE PACKAGE: with what the package depends on.
works_on() {
	system "$@"
	contents before
	check "dpkg installs it" there dpkg -i "$PWD/build/packages/vgpuinfo_${version}_amd64.deb"
	check "the group is there" there getent group vgpu
	check "vgpuinfo runs" there vgpuinfo --version
	check "it is of that version" [ "$(cat "$work/messages")" = "vgpuinfo $version" ]
	check "dpkg purges it" there dpkg -P vgpuinfo
	check "nothing is left" unchanged before
	result "The package installs, works and leaves nothing behind on $1"
}

system trixie systemd-standalone-sysusers
check "nothing is there that removes a group" sh -c "! [ -e '$work/system/usr/sbin/groupdel' ]"
check "the mirror can be had" apt update
check "apt installs it" apt install "$PWD/build/packages/vgpuinfo_${version}_amd64.deb"
check "the group is there" there getent group vgpu
check "apt purges it" apt purge vgpuinfo
check "the group is gone" sh -c "! grep '^vgpu:' '$work/system/etc/group'"
result "apt brings what it takes to remove the group"

works_on trixie systemd-standalone-sysusers passwd
works_on bookworm systemd-standalone-sysusers
works_on bullseye systemd

end
