#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The patch for QEMU 4.2.1: what it makes of a tree, and that it can be undone.

cd "$(dirname -- "$0")" || exit
# patch and git are those of the sysroot.
[ -n "${VGPU_SYSROOT:-}" ] || exec ../../scripts/enter "$PWD/${0##*/}"
. ../selftests/ktap.sh
plan 6
top=$(cd ../.. && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export GIT_CEILING_DIRECTORIES=$work

# tree NAME: as much of QEMU 4.2 as the patch looks at.
tree() {
	mkdir -p "$work/$1"/{hw/misc,include/standard-headers/linux}
	touch "$work/$1/hw/misc/edu.c" "$work/$1/include/standard-headers/linux/types.h"
	{
		printf 'common-obj-$(CONFIG_FIXTURE_%s) += fixture.o\n' 1 2 3 4 5 6
		printf 'common-obj-$(CONFIG_%s) += %s.o\n' ISA_TESTDEV pc-testdev \
			PCI_TESTDEV pci-testdev EDU edu PCA9552 pca9552
		printf '\ncommon-obj-$(CONFIG_UNIMP) += unimp.o\n'
		printf 'common-obj-$(CONFIG_FIXTURE_%s) += fixture.o\n' 7 8 9
	} >"$work/$1/hw/misc/Makefile.objs"
}

# As rpmbuild applies it, and stricter: what surrounds the line must be the same.
apply() { patch --quiet --fuzz=0 -p1 -d "$work/$1" "${@:2}" <"$work/patch"; }

tree pristine
"$top/qemu-device/xcp-ng/make-patch" >"$work/patch"
check "it can be made" [ $? -eq 0 ]
check "it is the same from elsewhere" cmp "$work/patch" \
	<(cd / && "$top/qemu-device/xcp-ng/make-patch")
result "The patch is the same wherever it is made"

tree patched
check "it applies" apply patched
sources=("$top"/qemu-device/vgpu-stub*.[ch])
for file in "${sources[@]}"; do
	name=${file##*/}
	check "$name is the source" cmp "$file" "$work/patched/hw/misc/$name"
done
check "the contract is as in the test QEMU" \
	cmp <("$top/qemu-device/standard-header") "$work/patched/include/standard-headers/linux/vgpu_stub.h"
check "nothing of it is the kernel's alone" sh -c \
	"! grep -nE '<linux/|__u(8|16|32|64)' $work/patched/include/standard-headers/linux/vgpu_stub.h"
check "those, the contract and Makefile.objs differ, and no other file" \
	[ "$(diff -rq "$work/pristine" "$work/patched" | wc -l)" = $((${#sources[@]} + 2)) ]
check "one line is new in Makefile.objs" [ "$(diff "$work/pristine/hw/misc/Makefile.objs" \
	"$work/patched/hw/misc/Makefile.objs" | sed 1d)" = "> obj-\$(CONFIG_PCI) += vgpu-stub.o vgpu-stub-backend.o vgpu-stub-messages.o" ]
result "The patch adds the sources and one line"

check "it is refused" sh -c "! patch --quiet --forward --dry-run -p1 -d $work/patched <$work/patch >&2"
result "A tree that has the patch refuses it"

check "it is taken back" apply patched -R
check "all is as it was" diff -r "$work/pristine" "$work/patched"
result "The patch taken back leaves the tree as it was"

git init -q "$work/patched"
check "it applies" git -C "$work/patched" apply --whitespace=error-all "$work/patch"
check "the source is there" cmp "$top/qemu-device/vgpu-stub.c" "$work/patched/hw/misc/vgpu-stub.c"
check "it is taken back" git -C "$work/patched" apply -R "$work/patch"
check "all is as it was" diff -r --exclude=.git "$work/pristine" "$work/patched"
result "git apply takes it too, both ways"

tree other
sed -i /EDU/d "$work/other/hw/misc/Makefile.objs"
check "it is refused" sh -c "! patch --quiet --fuzz=0 --dry-run -p1 -d $work/other <$work/patch >&2"
result "A tree whose Makefile.objs is another refuses it"

end
