#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Lints of a checkout take what is new in it, wherever it is.

cd "$(dirname -- "$0")/../.." || exit
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
. scripts/lib/common.sh
. scripts/check.d/lint.sh
set +e
. tests/selftests/ktap.sh
plan 7

# checkout: begin an empty one.
checkout() {
	rm -rf "$work/checkout"
	git init --quiet "$work/checkout"
	cd "$work/checkout" || exit
}

# file NAME [LINE...]
file() {
	mkdir -p "$(dirname -- "$1")"
	printf '%s\n' "${@:2}" >"$1"
}

# found: what the lint says of it.
found() {
	unsafe_is_where_it_belongs >"$work/found" 2>&1
}

checkout
for file in class compat pci class/device compat/linux_7_2 class/deep/er/file pci/mod; do
	file "drivers/vgpu_stub/$file.rs" 'unsafe { f() }'
done
file drivers/vgpu_stub/driver.rs '    // No unsafe here.' '#![deny(unsafe_op_in_unsafe_fn)]'
check "nothing is found" found
result "unsafe may be in class, compat and pci, at any depth"

for file in new/file new/class/file class_of pci2/file driver ../class ../other/class/file; do
	checkout
	file drivers/vgpu_stub/class.rs 'unsafe { f() }'
	file "drivers/vgpu_stub/$file.rs" '' 'let x = unsafe { f() };'
	found
	check "it fails for $file.rs" [ $? -ne 0 ]
	check "it says where" grep -qE "/${file##*/}.rs:2:" "$work/found"
	check "it says nothing else" [ "$(wc -l <"$work/found")" = 1 ]
done
git add .
found
check "it fails when git knows the file" [ $? -ne 0 ]
result "unsafe in any other file of the driver is found, in a new folder, too"

checkout
found
check "it fails" [ $? -ne 0 ]
result "A lint that sees no file has failed"

checkout
file drivers/one.rs 'unsafe { f() }'
git add .
rm drivers/one.rs
file drivers/two.rs
check "nothing is found" found
result "A file that was removed is none"

checkout
file one/two/three.sh
file one/two/four '#!/bin/sh'
file five '#!/bin/bash' 'echo'
file six '#!/usr/bin/python3' '#!/bin/sh'
file seven 'text' '#!/bin/sh'
file eight '#!/usr/bin/make -f'
file .gitignore 'ignored'
file ignored/nine.sh
check "these" [ "$(shell_scripts | sort | paste -sd' ')" = 'five one/two/four one/two/three.sh' ]
result "A script is one by its name or its first line"

checkout
file new/folder/one.c
file tests/qemu/two.c
file tests/selftests/three.h
file "$FOREIGN"
check "these" [ "$(sources '*.[ch]' ':!tests/qemu' | paste -sd' ')" = 'new/folder/one.c tests/selftests/three.h' ]
result "A C source is one wherever it is, but not the guide's"

checkout
file one/two.rs '// SPDX-License-Identifier: GPL-2.0'
check "it is licensed" everything_has_a_licence
file one/three.rs '// Text.' ''
check "it fails" [ "$(everything_has_a_licence)" = "no SPDX line: one/three.rs" ]
result "A file without a licence is named"

end
