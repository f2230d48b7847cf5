#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# vgpu-stub-dkms on a Debian 13 with kernels of its backports: what stands in the way of
# a build, and that the module is built when that is gone.

cd "$(dirname -- "$0")/../.." || exit
. tests/scripts/lib/debian.sh
. scripts/common.sh
set +e
. scripts/packaging.sh
. tests/packages/lib/boot.sh
. tests/packages/lib/apt.sh
plan 8

make -s packages >"$work/paths" || bail_out "there are no packages"
package=$PWD/build/packages/vgpu-stub-dkms_${VERSION}_all.deb
tool=$PWD/build/packages/vgpuinfo_${VERSION}_amd64.deb

nothing_is_amiss() {
	! grep -qE 'no module for|^E:' "$work/messages"
}

# skipped KERNEL REASON: one line has said it, however many have printed that, and no
# package is the worse for it. The reason is a pattern.
skipped() {
	line=$(grep -o "vgpu-stub: no module for Linux .*" "$work/messages" | sort -u)
	# shellcheck disable=SC2053
	[[ $line == "vgpu-stub: no module for Linux $1: "$2 ]]
	check "one line, '$line', says '$2'" [ $? = 0 ]
	check "all packages are configured" all_is_configured
	check "there is no module" not_built_for "$1"
}

all_is_configured() {
	there dpkg --audit && [ ! -s "$work/messages" ]
}

# built_for KERNEL [VERSION]: DKMS has built it, of that version.
built_for() {
	there modinfo -k "$1" -F filename vgpu_stub && grep -q /updates/dkms/ "$work/messages" &&
		there modinfo -k "$1" -F version vgpu_stub && [ "$(cat "$work/messages")" = "${2:-$VERSION}" ] &&
		there modinfo -k "$1" -F signer vgpu_stub && [ -s "$work/messages" ]
}

not_built_for() {
	! there modinfo -k "$1" -F filename vgpu_stub >/dev/null
}

# The release that apt is to prefer has other compilers: nothing is better than those.
system trixie "${BOOTABLE[@]}"
apt update || bail_out "the mirror cannot be had"
apt -s -t trixie-backports install linux-headers-cloud-amd64 "$tool" "$package" >/dev/null
check "apt refuses" [ $? != 0 ]
check "it names the compiler" grep -q 'Depends: rust.* (< 1.86)' "$work/messages"
result "With '-t trixie-backports' apt refuses the package, and installs nothing"

# What the package depends on is there, as that is not what is tested.
system trixie "${BOOTABLE[@]}" initramfs-tools dkms gcc-14 make xz-utils rustc rust-src bindgen
take_little_time
apt update || bail_out "the mirror cannot be had"
kernels
old=$(abi "${of_72[0]}")
apt install "$tool" "$package"
check "apt installs it" [ $? = 0 ]
check "nothing is amiss" nothing_is_amiss
result "It installs on a system without any kernel"

stand_ins cloud-amd64 image headers
stand_ins amd64 image headers
apt install "$work/linux-image-cloud-amd64.deb" "$work/linux-headers-cloud-amd64.deb" \
	linux-base/trixie-backports
check "apt installs the kernel" [ $? = 0 ]
skipped "$old-cloud-amd64" "its source is missing: apt install linux-source-7.2=${of_72[0]}"
result "Without the kernel's source one line says what to install, and no package fails"

apt install "linux-source-7.2=${of_72[1]}"
check "apt installs another version of the source" [ $? = 0 ]
skipped "$old-cloud-amd64" "linux-source-7.2 is of version ${of_72[1]}, and the kernel of ${of_72[0]}: *"
result "So it is with the source of another point release"

prebuilt=$(abi "${of_72[-1]}")-cloud-amd64
make -s module-packages KERNELS="$prebuilt" >"$work/paths" || bail_out "there is no prebuilt module"
apt install "$(grep -F "/vgpu-stub-modules-${prebuilt}_" "$work/paths")" "linux-headers-$prebuilt"
check "apt installs both" [ $? = 0 ]
check "nothing is said of it" sh -c "! grep -q 'no module for Linux $prebuilt' '$work/messages'"
check "DKMS has built none" sh -c "! [ -e '$work/system/var/lib/dkms/vgpu-stub/$VERSION/$prebuilt' ]"
apt purge "linux-headers-$prebuilt" "vgpu-stub-modules-$prebuilt"
check "they can be purged" [ $? = 0 ]
result "A kernel that has a prebuilt module is left alone"

# Debian 13's own kernel; and one of a supported series, by somebody who left out Rust.
there apt-cache madison linux-headers-cloud-amd64
own=$(abi "$(awk '$6 ~ /^trixie.main/ { print $3; exit }' "$work/messages")")-cloud-amd64
custom=${old%+*}-custom
apt install "linux-headers-$own"
check "apt installs the headers" [ $? = 0 ]
check "nothing is said of it" sh -c "! grep -q 'no module for Linux $own' '$work/messages'"
check "there is no module" not_built_for "$own"
apt purge "linux-headers-$own"
mkdir -p "$work/system/lib/modules/$custom"
cp -r "$work/system/usr/src/linux-headers-$old-cloud-amd64" "$work/system/lib/modules/$custom/build"
sed -i '/^CONFIG_RUST=y/d' "$work/system/lib/modules/$custom/build/.config"
check "DKMS skips it" there /usr/lib/dkms/dkms_autoinstaller start "$custom"
check "nothing is amiss" nothing_is_amiss
check "there is no module" not_built_for "$custom"
rm -r "$work/system/lib/modules/$custom"
result "A kernel of another series, and one without Rust, are skipped without a word"

apt install "linux-source-7.2=${of_72[0]}"
check "apt does what the line said" [ "apt install linux-source-7.2=${of_72[0]}" = "apt${line##*apt}" ]
check "it is built, and signed" built_for "$old-cloud-amd64"
result "Installing the source that the line names builds the module by itself"

apt -s -t trixie-backports full-upgrade
check "apt would take it out, for another compiler" grep -q '^Remv vgpu-stub-dkms' "$work/messages"
sed -n '/^    Package: src:rustc/,/^$/s/^    //p' Documentation/packages.md \
	>"$work/system/etc/apt/preferences.d/vgpu-stub"
apt -s -t trixie-backports full-upgrade
check "apt would upgrade" [ $? = 0 ]
check "the driver would stay" sh -c "! grep -q '^Remv vgpu-stub-dkms' '$work/messages'"
check "so would the compiler" sh -c "! grep -q '^Inst rustc' '$work/messages'"
rm "$work/system/etc/apt/preferences.d/vgpu-stub"
result "With what the page says, 'apt -t trixie-backports' leaves the driver and its compiler alone"

end
