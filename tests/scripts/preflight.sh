#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What 'make modules KDIR=' says of a tree that cannot build the module.

cd "$(dirname -- "$0")" || exit
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
. ../selftests/ktap.sh
plan 9

preflight=../../scripts/preflight
supported=$($preflight --supported | head -n 1)
printf '#!/bin/sh\necho rustc 1.2.3\n' >"$work/rustc"
chmod +x "$work/rustc"
export RUSTC=$work/rustc

# tree RELEASE CONFIG...: a prepared tree, as far as it is looked at.
tree() {
	rm -rf "$work/tree"
	mkdir -p "$work/tree/include/config" "$work/tree/rust"
	echo "$1" >"$work/tree/include/config/kernel.release"
	shift
	printf '%s\n' "$@" >"$work/tree/include/config/auto.conf"
	touch "$work"/tree/rust/lib{kernel.rmeta,macros.so}
}
good() { tree "$supported.1-test" CONFIG_RUST=y 'CONFIG_RUSTC_VERSION_TEXT="rustc 1.2.3"'; }

# refused TEXT: the tree is refused, with TEXT in the message and a hint below.
refused() {
	"$preflight" "${2:-$work/tree}" 2>"$work/messages"
	check "it is refused" [ $? -eq 1 ]
	check "the message has: $1" grep -q "$1" "$work/messages"
	check "there is a hint" [ "$(wc -l <"$work/messages")" -gt 1 ]
}

good
check "it is taken" "$preflight" "$work/tree"
result "A tree that has everything is taken"

echo "$supported-test" >"$work/tree/include/config/kernel.release"
check "it is taken" "$preflight" "$work/tree"
result "A release candidate of a series that is supported is taken"

refused "no kernel tree at" "$work/nowhere"
result "No tree"

good
rm "$work/tree/include/config/auto.conf"
refused "not prepared"
result "A tree that is not prepared"

tree "$supported.1-test"
refused "without CONFIG_RUST"
result "A kernel without Rust"

good
rm "$work/tree/rust/libkernel.rmeta"
refused "no Rust metadata"
result "No Rust metadata"

tree "$supported.1-test" CONFIG_RUST=y 'CONFIG_RUSTC_VERSION_TEXT="rustc 3.2.1"'
refused "not the one that the kernel was built by"
result "Another compiler"

tree 99.1.0-test CONFIG_RUST=y
refused "newer than the driver supports"
result "A kernel that is too new"

tree 6.1.0-test CONFIG_RUST=y
refused "older than the driver supports"
result "A kernel that is too old"

end
