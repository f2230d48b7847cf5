#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# vgpuinfo's RPM: that the rpm of CentOS 7 can read it, and what it does to a system. That
# is Debian's here, with Debian's rpm.

cd "$(dirname -- "$0")/../.." || exit
. tests/scripts/lib/debian.sh
. tests/scripts/lib/rpm.sh
root=$work/system
plan 3
version=$(. scripts/lib/common.sh && project_version)

package=$(scripts/rpm vgpuinfo) || bail_out "there is no package"
centos_7_knows
query '[%{FILEMODES:perms} %{FILEUSERNAME} %{FILEGROUPNAME}\n]' >"$work/modes"
check "there are files, directories and links of root only" \
	[ "$(grep -cvE '^[-dl]([r-][w-][x-]){3} root root$' "$work/modes")" = 0 ]
query '[%{FILENAMES}\n]' >"$work/packaged"
check "it has vgpuinfo" grep -qx /usr/bin/vgpuinfo "$work/packaged"
check "every path is ASCII" [ "$(LC_ALL=C grep -cv '^[ -~]*$' "$work/packaged")" = 0 ]
result "The rpm of CentOS 7 knows all that is in vgpuinfo's package"

system trixie systemd-standalone-sysusers passwd
stand_in base 'Provides: /bin/sh' %description %files
contents before
check "rpm installs it" rpm_there -i "$package"
check "it has nothing to say" [ ! -s "$work/messages" ]
check "every file is as it was packaged" rpm_there -V vgpuinfo
check "the group is there" there getent group vgpu
check "vgpuinfo runs" there vgpuinfo --version
check "it is of that version" [ "$(cat "$work/messages")" = "vgpuinfo $version" ]
contents installed
comm -13 "$work/before" "$work/installed" | sed 's/^\.\([^ ]*\) .*/\1/' |
	grep -vE '^/etc/(group|gshadow)-?$' >"$work/new"
check "all that is new is of the package, or the group's" \
	[ -z "$(comm -23 <(sort "$work/new") <(sort "$work/packaged"))" ]
result "It installs, and vgpuinfo works"

check "rpm erases it" rpm_there -e vgpuinfo
check "it has nothing to say" [ ! -s "$work/messages" ]
check "nothing is left" unchanged before
result "Erasing it leaves nothing behind"

end
