#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Signed modules in a guest whose kernel takes no others: one whose key the kernel does not
# know, one whose certificate the firmware has, and one by a key of which only the authority is
# known there. The kernel is Debian's own.

cd "$(dirname -- "$0")/../.." || exit
. tests/scripts/lib/debian.sh
. scripts/lib/common.sh
set +e
. scripts/lib/packaging.sh
. tests/scripts/lib/boot.sh
plan 4

kernel=$(scripts/kernel) || bail_out "there is no kernel"
release=$(cat "$kernel/release")
firmware=$(scripts/lib/debian-tree trixie ovmf python3-virt-firmware) || bail_out "there is no firmware"

# shellcheck disable=SC2016 # the shell in the tree expands it
scripts/enter --root "$(packaging_tree)" sh -euc '
	cd "$1"
	new() {
		name=$1 file=$2
		shift 2
		openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=$name/" \
			-keyout "$file.key" -out "$file.pem" "$@"
	}
	new "Key of the fleet" fleet
	new "Authority of the fleet" authority
	new "Key of a builder" builder -CA authority.pem -CAkey authority.key \
		-addext basicConstraints=critical,CA:FALSE
	cat builder.pem authority.pem >chain.pem' sh "$work" 2>"$work/messages" ||
	bail_out "there is no key: $(cat "$work/messages")"
system trixie "${BOOTABLE[@]}"
mkdir -p "$work/system/lib/modules" "$work/system/root/"{signed,chained,unsigned}
cp -a "$kernel/modules" "$work/system/lib/modules/$release"
# module DIRECTORY [NAME=VALUE...]: the package of the module, in a directory of the guest.
module() {
	make -s module-packages KERNELS="$release" "${@:2}" >"$work/paths" || bail_out "there is no package"
	cp "$(grep -F "/vgpu-stub-modules-${release}_" "$work/paths")" "$work/system/root/$1/"
}
module chained KEY="$work/builder.key" CERT="$work/chain.pem"
module signed KEY="$work/fleet.key" CERT="$work/fleet.pem"
# It is last, as it stays in build/packages.
module unsigned
make -s packages >"$work/paths" || bail_out "there are no packages"
cp "$(grep -F "/vgpuinfo_" "$work/paths")" "$work/system/root/"

# A machine with Secure Boot, and what mokutil says there.
# shellcheck disable=SC2016 # it is for the shell of that system
printf '%s\n' '#!/bin/sh' 'case $1 in' '--sb-state) echo SecureBoot enabled ;;' \
	'--test-key) echo "$2 is not enrolled" ;;' 'esac' >"$work/system/usr/bin/mokutil"
chmod +x "$work/system/usr/bin/mokutil"
certificate=/usr/share/vgpu-stub-modules-$release/certificate.der
for kind in signed chained; do
	check "dpkg installs it" there sh -c "dpkg -i /root/*.deb /root/$kind/*.deb"
	check "it says how to enroll the key" grep -qF "'mokutil --import $certificate'" "$work/messages"
	scripts/enter --root "$(packaging_tree)" openssl x509 -inform DER -noout -subject \
		-in "$work/system$certificate" >"$work/$kind"
	check "dpkg purges it" there dpkg -P "vgpu-stub-modules-$release" vgpuinfo
done
check "it is that of the key" grep -q 'Key of the fleet$' "$work/signed"
check "with a chain, it is that of the authority" grep -q 'Authority of the fleet$' "$work/chained"
rm "$work/system/usr/bin/mokutil"
result "Under Secure Boot the package says how its key is enrolled"

prepare packages
disk 900M

ARGUMENTS=module.sig_enforce=1 boot signing-refused refused "$kernel/vmlinuz"
result "Without its certificate no module is loaded, and the doctor names what is missing"

# trusting NAME: boot with that certificate in the firmware's variables, as 'mokutil --import' and
# the reboot after it do, but without a shim.
trusting() {
	cp "$firmware/usr/share/OVMF/OVMF_CODE_4M.fd" "$work/code.fd"
	scripts/enter --root "$firmware" virt-fw-vars --input /usr/share/OVMF/OVMF_VARS_4M.fd \
		--output "$work/variables.fd" --add-db OvmfEnrollDefaultKeys "$work/$1.pem" >"$work/messages" 2>&1
	check "the firmware takes the certificate" [ $? = 0 ]
	sed 's/^/# /' "$work/messages"
	ARGUMENTS=module.sig_enforce=1 boot "signing-$1" "$1" "$kernel/vmlinuz" \
		-drive "if=pflash,unit=0,format=raw,readonly=on,file=$work/code.fd" \
		-drive "if=pflash,unit=1,format=raw,file=$work/variables.fd"
}
trusting fleet
result "With the certificate the signed module is loaded at boot"

trusting authority
result "With an authority's certificate a module is loaded that a key of its own has signed"

end
