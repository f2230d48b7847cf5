#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Signed modules in a guest whose kernel takes no others: one whose key the kernel does not
# know, and one whose certificate the firmware has. The kernel is Debian's own.

cd "$(dirname -- "$0")/../.." || exit
. tests/scripts/lib/debian.sh
. scripts/common.sh
set +e
. scripts/packaging.sh
. tests/scripts/lib/boot.sh
plan 2

kernel=$(scripts/kernel) || bail_out "there is no kernel"
release=$(cat "$kernel/release")
firmware=$(scripts/debian-tree trixie ovmf python3-virt-firmware) || bail_out "there is no firmware"

scripts/enter --root "$(packaging_tree)" openssl req -x509 -newkey rsa:2048 -nodes -days 30 \
	-subj '/CN=Key of the fleet/' -keyout "$work/key.pem" -out "$work/cert.pem" 2>"$work/messages" ||
	bail_out "there is no key: $(cat "$work/messages")"
system trixie "${BOOTABLE[@]}"
mkdir -p "$work/system/lib/modules" "$work/system/root/"{signed,unsigned}
cp -a "$kernel/modules" "$work/system/lib/modules/$release"
# The unsigned one is last, as it stays in build/packages.
make -s module-packages KERNELS="$release" KEY="$work/key.pem" CERT="$work/cert.pem" >"$work/paths" ||
	bail_out "no signed module"
cp "$(grep -F "/vgpu-stub-modules-${release}_" "$work/paths")" "$work/system/root/signed/"
make -s packages module-packages KERNELS="$release" >"$work/paths" || bail_out "no packages"
cp "$(grep -F "/vgpu-stub-modules-${release}_" "$work/paths")" "$work/system/root/unsigned/"
cp "$(grep -F "/vgpuinfo_" "$work/paths")" "$work/system/root/"
prepare packages
disk 900M

ARGUMENTS=module.sig_enforce=1 boot signing-refused refused "$kernel/vmlinuz"
result "Without its certificate no module is loaded, and the doctor names what is missing"

# As 'mokutil --import' and the reboot after it do, but without a shim.
cp "$firmware/usr/share/OVMF/OVMF_CODE_4M.fd" "$work/code.fd"
scripts/enter --root "$firmware" virt-fw-vars --input /usr/share/OVMF/OVMF_VARS_4M.fd \
	--output "$work/variables.fd" --add-db OvmfEnrollDefaultKeys "$work/cert.pem" >"$work/messages" 2>&1
check "the firmware takes the certificate" [ $? = 0 ]
sed 's/^/# /' "$work/messages"
ARGUMENTS=module.sig_enforce=1 boot signing-trusted trusted "$kernel/vmlinuz" \
	-drive "if=pflash,unit=0,format=raw,readonly=on,file=$work/code.fd" \
	-drive "if=pflash,unit=1,format=raw,file=$work/variables.fd"
result "With the certificate the signed module is loaded at boot"

end
