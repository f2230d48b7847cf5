#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The package for dom0: that the rpm of an XCP-ng host can read it, and what it does
# to a host when it is installed, upgraded and removed.

cd "$(dirname -- "$0")/../.." || exit
. tests/selftests/ktap.sh
plan 11
. tests/scripts/lib/work.sh
. tests/scripts/lib/rpm.sh
root=$work/dom0
version=$(. scripts/lib/common.sh && project_version)
hook=usr/libexec/vgpu-stub/vgpu-dm-hook

package=$(make -s rpm)
check "it is in build/packages" \
	[ "$package" = "$PWD/build/packages/vgpu-host-$version-1.x86_64.rpm" ]
check "it is there" [ -s "$package" ]
result "make rpm makes the package and says where it is"

# All that differs between two callers is the time, at least.
again=$(umask 077 && TZ=Asia/Tokyo LC_ALL=C scripts/rpm vgpu-host 1 "$work/again")
check "both have the same bytes" cmp "$package" "$again"
result "The same commit gives the same package each time"

# They differ between two machines.
places=("$PWD" "$(. scripts/lib/common.sh && echo "$CACHE")")
for program in vgpu-host vgpu-dm-hook; do
	program=build/target/x86_64-unknown-linux-gnu/release/$program
	for place in "${places[@]}"; do
		check "$program does not have $place in it" [ "$(grep -caF "$place/" "$program")" = 0 ]
	done
done
result "Where the programs were built does not show in them"

centos_7_knows
result "The rpm of CentOS 7 knows all that is in the package"

# What there has to be of a dom0, in an otherwise empty tree: a shell, and what vgpu-host
# install changes.
mkdir -p "$root"/{dev,proc}
mapfile -t spec <<'END'
%description
%install
install -D -m 755 /bin/busybox %{buildroot}/bin/sh
cd %{buildroot}
mkdir -p etc/xenopsd.conf.d usr/sbin usr/libexec usr/lib64/xen/bin \
	usr/share/man/man8 usr/share/licenses var/lib var/tmp
echo 'use-upstream-qemu=true' >etc/xenopsd.conf
echo '#!/usr/bin/env python3' >usr/lib64/xen/bin/qemu-wrapper
%files
/*
END
stand_in dom0 "${spec[@]}"

# there COMMAND...: a command of the tree.
there() {
	alive chroot "$root" "$@"
}

# contents NAME: note everything in the tree but rpm's own, with sizes of files.
contents() {
	(cd "$root" && find . -path ./var/lib/rpm -prune -o \
		\( -type f -printf '%p %m %s\n' -o -printf '%p %m %l\n' \)) >"$work/$1"
}

# unchanged NAME: everything is as it was then.
unchanged() {
	contents now
	same "$work/$1" "$work/now"
}

contents before
check "rpm installs it" rpm_there -i "$package"
check "it has nothing to say" [ ! -s "$work/messages" ]
check "every file is as it was packaged" rpm_there -V vgpu-host
for program in vgpu-host vgpu-dm-hook; do
	check "$program is there" [ -x "$root/usr/libexec/vgpu-host/$program" ]
done
check "vgpu-host runs" there vgpu-host --version
check "it is of the package's version" [ "$(cat "$work/messages")" = "vgpu-host $version" ]
for file in man/man8/vgpu-host.8 man/man8/vgpu-host-install.8 licenses/vgpu-host/COPYING \
	bash-completion/completions/vgpu-host zsh/site-functions/_vgpu-host \
	fish/vendor_completions.d/vgpu-host.fish; do
	check "$file is there" [ -s "$root/usr/share/$file" ]
done
result "The package installs into an empty tree"

contents installed
comm -13 <(sort "$work/before") <(sort "$work/installed") |
	sed 's/^\.\([^ ]*\) .*/\1/' >"$work/new"
query '[%{FILENAMES}\n]' >"$work/packaged"
check "all that is new or changed belongs to the package" same "$work/packaged" "$work/new"
result "Installing the package changes nothing of the host"

check "vgpu-host install sets it up" there vgpu-host install
check "the hook is there" cmp "$root/$hook" "$root/usr/libexec/vgpu-host/vgpu-dm-hook"
check "the setting is there" grep -rq upstream-compat-qemu-dm-wrapper "$root/etc"
contents set-up
rpm_there -e vgpu-host
check "rpm fails" [ $? -ne 0 ]
check "it says what to do" \
	grep -q 'still set up: run vgpu-host uninstall, xe-toolstack-restart' "$work/messages"
check "everything is still there" unchanged set-up
check "so is the package" rpm_there -V vgpu-host
result "A host that is set up keeps the package"

echo 'of another version' >>"$root/$hook"
newer=$(scripts/rpm vgpu-host 2 "$work/newer")
check "rpm upgrades it" rpm_there -U "$newer"
check "there is one package" rpm_there -q vgpu-host
check "it is the newer one" [ "$(cat "$work/messages")" = "vgpu-host-$version-2.x86_64" ]
check "the hook is the new one" cmp "$root/$hook" "$root/usr/libexec/vgpu-host/vgpu-dm-hook"
result "An upgrade puts the new hook in place of the old one"

mv "$root/usr/lib64/xen/bin/qemu-wrapper" "$work/wrapper"
check "rpm goes back to an older one" rpm_there -U --oldpackage "$package"
check "it says what is wrong" grep -q 'there is no .*qemu-wrapper' "$work/messages"
check "it says what to do" grep -q 'see above, and then run vgpu-host install' "$work/messages"
mv "$work/wrapper" "$root/usr/lib64/xen/bin/qemu-wrapper"
result "A hook that cannot be refreshed does not keep the package from being changed"

check "vgpu-host uninstall undoes it" there vgpu-host uninstall
check "rpm upgrades it" rpm_there -U "$newer"
check "the host is not set up again" unchanged installed
result "An upgrade does not set a host up"

check "rpm removes it" rpm_there -e vgpu-host
check "it has nothing to say" [ ! -s "$work/messages" ]
check "the tree is as it was before" unchanged before
result "Removing the package leaves nothing behind"

end
