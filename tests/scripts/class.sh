#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What a driver without 'unsafe' must not be able to do with the class layer does not
# compile, and for the right reason.

cd "$(dirname -- "$0")/../.." || exit
. tests/selftests/ktap.sh
. tests/scripts/lib/work.sh
kernel=$(scripts/kernel)/build

# compile [CFG]: the toy driver, with what CFG names in it.
compile() {
	rm -rf "$work/toy"
	mkdir "$work/toy"
	cp -r drivers/vgpu_stub/{class,compat,pci}* tests/class/toy.rs "$work/toy/"
	printf 'obj-m := toy.o\nRUSTFLAGS_toy.o := -Adead_code -Aunused_imports -Aunexpected_cfgs %s\n' \
		"${1:+--cfg=$1}" >"$work/toy/Kbuild"
	scripts/enter make -C "$kernel" "M=$work/toy" CC=x86_64-linux-gnu-gcc-14 toy.o \
		>"$work/messages" 2>&1
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
plan $((${#harms[@]} + 2))

check "it compiles" compile
result "A driver that does no harm compiles"

for harm in "${harms[@]}"; do
	cfg=${harm%% *} error=${harm#* }
	compile "$cfg"
	check "it does not compile" [ $? -ne 0 ]
	check "the compiler says: $error" grep -q "^error.*$error" "$work/messages"
	result "$cfg"
done

tried=$(printf '%s\n' "${harms[@]%% *}" | sort)
check "all of them" [ "$tried" = "$(grep -o 'harm_[a-z_]*[a-z]' tests/class/toy.rs | grep -v '^harm_\*' | sort -u)" ]
result "Every harm of the toy driver is tried"

end
