#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# 'make in-tree' on a tree that has of Linux what changes.

cd "$(dirname -- "$0")/../.." || exit
. tests/selftests/ktap.sh
. tests/scripts/lib/work.sh
plan 5

export GIT_CONFIG_GLOBAL=$work/config GIT_CONFIG_NOSYSTEM=1
git config --global user.name "A Developer"
git config --global user.email developer@example.org
kernel=$(scripts/kernel)

# linux DIR SUBLEVEL: a tree of that version, kept by git.
linux() {
	mkdir -p "$1"/drivers/misc "$1"/Documentation/userspace-api/ioctl
	printf 'VERSION = 7\nPATCHLEVEL = %s\nSUBLEVEL = 1\n' "$2" >"$1/Makefile"
	printf '%s\n' 'Maintainers List' '' 'UVESAFB DRIVER' 'S:	Orphan' '' \
		'VGA_SWITCHEROO' 'S:	Maintained' '' 'VIA RHINE NETWORK DRIVER' 'S:	Orphan' >"$1/MAINTAINERS"
	printf '%s\n' '0xDD  00-3F  a.h' '0xE5  00-3F  linux/fuse.h' '0xF6  all    b.h' \
		>"$1/Documentation/userspace-api/ioctl/ioctl-number.rst"
	printf '%s\n' 'menu "Misc devices"' 'source "drivers/misc/rp1/Kconfig"' 'endmenu' \
		>"$1/drivers/misc/Kconfig"
	printf 'obj-y\t+= keba/\n' >"$1/drivers/misc/Makefile"
	git init -q "$1"
	git -C "$1" add .
	git -C "$1" commit -qm Linux
}

# in_tree [DIR]: what the target does, and what it says.
in_tree() {
	make -s in-tree KSRC="${1:-}" >"$work/out" 2>"$work/messages"
}

# refused WORDS: it fails, and says so; the tree is as it was.
refused() {
	check "it fails" [ "$status" != 0 ]
	check "it says: $1" grep -qF "$1" "$work/messages"
	check "the tree is as it was" [ "$(git -C "$tree" rev-list --count HEAD)" = 1 ]
}

tree=$work/linux
linux "$tree" 3
in_tree "$tree"
check "it ends well" [ $? = 0 ]
check "there are three commits" [ "$(git -C "$tree" rev-list --count HEAD)" = 4 ]
check "they are printed" [ "$(cat "$work/out")" = "$(git -C "$tree" log --oneline -n 3)" ]
check "nothing is left over" [ -z "$(git -C "$tree" status --porcelain)" ]
check "the layers come before the driver" [ -z "$(git -C "$tree" ls-tree -r --name-only HEAD~1 \
	drivers/misc/vgpu_stub | grep -v '/vgpu_stub/\(class\|compat\|pci\)[./]')" ]
check "they are commits of who is asked for" [ "$(git -C "$tree" log -1 --format='%an %ae%n%b' |
	grep -c '^A Developer developer@example.org$\|^Signed-off-by: A Developer <developer@')" = 2 ]
for file in include/uapi/linux/vgpu_stub.h Documentation/ABI/testing/sysfs-class-vgpu; do
	check "$file is the same" cmp -s "$file" "$tree/$file"
done
check "the driver has all that its root names" sh -c "cd '$tree/drivers/misc/vgpu_stub' &&
	sed -n 's/^mod \(.*\);/\1.rs/p' vgpu_stub.rs compat.rs | sed 's|^linux_7_3|compat/&|' | xargs ls >/dev/null"
check "nothing is for another kernel or for a module outside" \
	sh -c "! grep -rE 'linux_7_2|module_version|VGPU_STUB_VERSION' '$tree/drivers'"
result "The tree has the driver in three commits"

for patch in build/in-tree/*.patch; do
	check "checkpatch accepts ${patch##*/}" scripts/enter --bind "$PWD/build/in-tree:/mnt" \
		sh -c 'cd /tmp && exec "$@"' sh perl "$kernel/build/scripts/checkpatch.pl" --no-tree \
		--strict --terse --max-line-length=100 "/mnt/${patch##*/}"
done
result "The kernel's checkpatch accepts each"

in_tree "$tree"
check "it fails" [ $? != 0 ]
check "it says why" grep -q 'has drivers/misc/vgpu_stub already' "$work/messages"
check "it adds nothing" [ "$(git -C "$tree" rev-list --count HEAD)" = 4 ]
result "A tree that has the driver is left alone"

tree=$work/older
linux "$tree" 2
in_tree "$tree"
status=$?
refused "is Linux 7.2, and the driver is written for 7.3"
tree=$work/changed
linux "$tree" 3
echo >>"$tree/MAINTAINERS"
in_tree "$tree"
status=$?
refused "has changes that are not committed:  M MAINTAINERS"
tree=$work/other
linux "$tree" 4
echo 'menu "Misc devices"' >"$tree/drivers/misc/Kconfig"
git -C "$tree" commit -q --all --amend -m Linux
in_tree "$tree"
status=$?
refused "there is no place for the driver in the tree's drivers/misc/Kconfig"
result "An older tree, one with changes, and one without a place for it are refused"

for wrong in "" "$work/none" "$work"; do
	in_tree "$wrong"
	check "'$wrong' is refused" [ $? != 0 ]
	check "by a line of its own" grep -q '^in-tree: error: ' "$work/messages"
done
mv "$tree/.git" "$work/kept"
in_tree "$tree"
check "one that git does not keep is refused" grep -q 'is not the top of a git repository' \
	"$work/messages"
result "What is no tree of Linux, or not kept by git, is named"

end
