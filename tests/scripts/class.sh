#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What a driver without 'unsafe' must not be able to do with the class layer does not
# compile, and for the right reason.

cd "$(dirname -- "$0")/../.." || exit
. tests/selftests/ktap.sh
. tests/scripts/lib/work.sh
kernel=$(scripts/kernel)/build

# compile FILE [CFG]: a driver over the layers, with what CFG names in it.
compile() {
	rm -rf "$work/driver"
	mkdir "$work/driver"
	cp -r drivers/vgpu_stub/{class,compat,pci}* "$work/driver/"
	cp "$1" "$work/driver/driver.rs"
	printf '%s\n' 'obj-m := driver.o' \
		"RUSTFLAGS_driver.o := -Adead_code -Aunused_imports -Aunexpected_cfgs ${2:+--cfg=$2}" \
		>"$work/driver/Kbuild"
	scripts/enter make -C "$kernel" "M=$work/driver" CC=x86_64-linux-gnu-gcc-14 driver.o \
		>"$work/messages" 2>&1
}

# example FILE: the code in its documentation.
example() {
	sed -n '/^\/\/\/ ```ignore$/,/^\/\/\/ ```$/s/^\/\/\/ \{0,1\}//p' "$1" | grep -v '^```'
}

# CFG, and the error of the compiler that is wanted: the line of the harm has it.
harms=(
	"harm_attribute_keeps_the_data lifetime may not live long enough"
	"harm_interrupt_keeps_the_data lifetime may not live long enough"
	"harm_handler_keeps_the_data lifetime may not live long enough"
	"harm_start_keeps_the_data lifetime may not live long enough"
	"harm_guard_keeps_the_data lifetime may not live long enough"
	"harm_data_leaves_the_guard lifetime may not live long enough"
	"harm_guard_outlives_the_device lifetime may not live long enough"
	"harm_class_is_registered_twice call to unsafe function .class::Class::<T>::register. is unsafe"
	"harm_registration_is_forgotten struct .Adapter. is private"
	"harm_device_of_no_class associated function .new. is private"
	"harm_attributes_of_another_driver mismatched types"
)
plan $((${#harms[@]} + 3))

check "it compiles" compile tests/class/toy.rs
result "A driver that does no harm compiles"

{
	cat <<-'END2'
		// SPDX-License-Identifier: GPL-2.0
		//! The example of the documentation.
		use kernel::{device::Core, fmt, io::Io, irq::ThreadedIrqReturn, prelude::*};
		use kernel::{pci::{DeviceId, IdTable, Vendor}, uaccess::UserSliceWriter};
		mod class;
		mod compat;
		mod pci;
		use class::*;
		use compat::pci_device_table;
	END2
	example drivers/vgpu_stub/class.rs
	example drivers/vgpu_stub/pci.rs
} >"$work/example.rs"
check "it has a module" grep -q '^module! {' "$work/example.rs"
check "it compiles" compile "$work/example.rs"
result "The example in the documentation is a driver"

for harm in "${harms[@]}"; do
	cfg=${harm%% *} error=${harm#* }
	compile tests/class/toy.rs "$cfg"
	check "it does not compile" [ $? -ne 0 ]
	check "the compiler says: $error" grep -q "^error.*$error" "$work/messages"
	result "$cfg"
done

tried=$(printf '%s\n' "${harms[@]%% *}" | sort)
check "all of them" [ "$tried" = "$(grep -o 'harm_[a-z_]*[a-z]' tests/class/toy.rs | grep -v '^harm_\*' | sort -u)" ]
result "Every harm of the toy driver is tried"

end
