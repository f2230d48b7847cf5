# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
## clippy, rustfmt, checkpatch, shellcheck; what modules and programs must not have

prepare_lint() {
	scripts/kernel >/dev/null
	scripts/packaged-qemu --source >/dev/null
}

# The guide's own program, as the guide has it.
FOREIGN=tests/selftests/guide_test_vgpu.c

# sources PATHSPEC...: the files that git knows of or would add. A lint takes all files of a
# kind, so that it takes the next one, too.
sources() {
	local file
	git ls-files --cached --others --exclude-standard -- "$@" ":!$FOREIGN" |
		while read -r file; do
			[ ! -e "$file" ] || printf '%s\n' "$file"
		done
}

# shell_scripts: those that are called so or that begin so.
shell_scripts() {
	sources | tr '\n' '\0' | xargs -0 awk '
		FNR > 1 { nextfile }
		FILENAME ~ /\.sh$/ || /^#!.*sh$/ { print FILENAME }'
}

shell_scripts_are_sound() {
	shell_scripts | scripts/enter xargs -P "$(nproc)" -n 12 shellcheck
}

# unsafe_is_where_it_belongs: 'unsafe' is in class, compat and pci of the driver only.
unsafe_is_where_it_belongs() {
	local files
	mapfile -t files < <(sources 'drivers/*.rs')
	[ ${#files[@]} -gt 0 ] || return
	! grep -Hnw unsafe -- "${files[@]}" |
		grep -vE '^drivers/vgpu_stub/(class|compat|pci)(\.rs:|/)|^[^:]*:[0-9]+:\s*//'
}

module_builds_clean() {
	rm -rf build/module
	make modules CLIPPY="$1" 2>&1 | tee "$LOGS/module.txt"
	[ "${PIPESTATUS[0]}" = 0 ] && ! grep -qiE '^(warning|error)' "$LOGS/module.txt"
}

module_cannot_panic() {
	local module=build/module/drivers/vgpu_stub/vgpu_stub.ko
	scripts/enter nm "$module" >"$LOGS/symbols.txt" && ! grep panicking "$LOGS/symbols.txt"
}

module_is_for_the_device() {
	scripts/enter modinfo -F alias build/module/drivers/vgpu_stub/vgpu_stub.ko |
		grep -x 'pci:v00001AF4d00001111sv\*sd\*bc\*sc\*i\*'
}

uapi_is_fresh() {
	scripts/enter scripts/uapi-bindings | diff drivers/vgpu_stub/uapi.rs -
}

# The structures of a C header or of a description for syzkaller: their members, in
# order, and the ioctls.
contract_of() {
	awk '
		/^(struct )?vgpu_[a-z]+ {$/ { print $0 ~ /^struct/ ? $2 : $1; inside = 1; next }
		/^};?$/ { inside = 0 }
		inside {
			name = $0 ~ /;/ ? $2 : $1
			sub(/[[;].*/, "", name)
			print "\t" name
		}' "$1"
	grep -owE 'VGPU_IOC_[A-Z_]+' "$1" | grep -vE '_NR_|_MAGIC' | sort -u
}

syzkaller_knows_the_contract() {
	diff <(contract_of include/uapi/linux/vgpu_stub.h) <(contract_of tests/syzkaller/dev_vgpu.txt)
}

# are_kernel_style TYPES PATHSPEC...: the kernel's checkpatch finds nothing in these sources but
# what is of these types, which ask for what only the kernel has.
are_kernel_style() {
	local kernel files
	kernel=$(scripts/kernel)
	mapfile -t files < <(sources "${@:2}")
	# It leaves a file of its own where it runs.
	scripts/enter sh -c 'cd /tmp && exec "$@"' sh "$kernel/build/scripts/checkpatch.pl" \
		--no-tree --terse --strict --file --show-types --max-line-length=100 \
		--ignore "$1" "${files[@]/#/$TOP/}"
}

device_is_qemu_style() {
	local files
	mapfile -t files < <(sources 'qemu-device/*.[ch]' 'tests/qemu/*.[ch]')
	scripts/enter perl "$(scripts/packaged-qemu --source)/scripts/checkpatch.pl" --no-tree --terse \
		--file "${files[@]}"
}

userspace_documents_itself() {
	scripts/enter env RUSTDOCFLAGS=-Dwarnings cargo doc --quiet --locked --no-deps --workspace
}

everything_has_a_licence() {
	local file bad=0
	while read -r file; do
		head -n 2 -- "$file" | grep -q SPDX-License-Identifier || {
			echo "no SPDX line: $file"
			bad=1
		}
	done < <(sources | grep -E '\.(rs|c|h|sh|py|toml)$|Makefile|Kbuild|Kconfig|^scripts/|^qemu-device/|meson')
	return "$bad"
}

# debian/copyright says the same; tests/driver.rs includes a file of the driver's.
what_others_link_has_its_licence() {
	local file bad=0
	while read -r file; do
		grep -q 'SPDX-License-Identifier: MIT OR Apache-2\.0' <(head -n 2 -- "$file") || {
			echo "not under MIT OR Apache-2.0: $file"
			bad=1
		}
	done < <(sources userspace/vgpu userspace/examples | grep -vE '/LICENSE-|tests/driver\.rs$')
	grep -qx 'license = "MIT OR Apache-2.0"' userspace/vgpu/Cargo.toml || bad=1
	# Crates of this repository are under the GPL.
	! grep -E 'path = |^vgpu' userspace/vgpu/Cargo.toml || bad=1
	return "$bad"
}

# Statically linked, and with no wish for a kernel newer than 3.10.
is_static() {
	scripts/enter file "$1" | grep -E 'static-pie linked.* for GNU/Linux 3\.2\.0'
}

vgpuinfo_is_static() {
	make tools && is_static "$RELEASE/vgpuinfo"
}

programs_for_dom0_are_static() {
	make host pool && is_static "$RELEASE/vgpu-host" && is_static "$RELEASE/vgpu-dm-hook" &&
		is_static "$RELEASE/vgpu-pool"
}

vgpuinfo_is_small() {
	local size
	size=$(stat -c %s "$RELEASE/vgpuinfo")
	echo "$size bytes"
	[ "$size" -lt $((3 * 1024 * 1024)) ]
}

# Those that build nothing.
lints_of_sources() {
	lint "shellcheck" shell_scripts_are_sound
	lint "rustfmt of userspace and tests" scripts/enter cargo fmt --check
	lint "rustfmt of the driver" scripts/enter rustfmt --check drivers/vgpu_stub/vgpu_stub.rs
	lint "unsafe is in class, compat and pci of the driver only" unsafe_is_where_it_belongs
	lint "the driver's view of the contract is fresh" uapi_is_fresh
	lint "syzkaller's description has all of the contract" syzkaller_knows_the_contract
	lint "checkpatch of the contract and the selftests" are_kernel_style \
		PREFER_KERNEL_TYPES,PREFER_DEFINED_ATTRIBUTE_MACRO,CAMELCASE \
		'*.[ch]' ':!qemu-device' ':!tests/qemu'
	lint "checkpatch of the driver" are_kernel_style NOTHING 'drivers/*.rs'
	lint "QEMU's checkpatch of the device models" device_is_qemu_style
	lint "every file names its licence" everything_has_a_licence
	lint "what others link is under MIT or Apache-2.0" what_others_link_has_its_licence
}

# Those that compile everything by clippy.
lints_by_clippy() {
	lint "clippy of userspace and tests" scripts/enter cargo clippy --quiet --locked --workspace \
		--all-targets -- -D warnings
	lint "the module builds without warnings, clippy's included" module_builds_clean 1
}

check_lint() {
	lints_of_sources
	lints_by_clippy
	lint "documentation of userspace and tests" userspace_documents_itself
	lint "the module builds without warnings" module_builds_clean ""
	lint "the module has no way to panic" module_cannot_panic
	lint "the module is loaded for 1AF4:1111" module_is_for_the_device
	lint "vgpuinfo is static" vgpuinfo_is_static
	lint "what runs in dom0 is static" programs_for_dom0_are_static
	lint "vgpuinfo is smaller than 3 MiB" vgpuinfo_is_small
	lint "rust-analyzer's projects are whole" scripts/rust-analyzer --check
}
