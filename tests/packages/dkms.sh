#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# vgpu-stub-dkms on a Debian 13 with kernels of its backports: what stands in the way of
# a build, and that the module is built when that is gone; updates of the kernel and of the
# package. The kernels that it was built for are booted at the end.

cd "$(dirname -- "$0")/../.." || exit
. tests/scripts/lib/debian.sh
. scripts/lib/common.sh
set +e
. scripts/lib/packaging.sh
. tests/scripts/lib/boot.sh
. tests/packages/lib/apt.sh
plan 21

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

# changed VERSION [FILE TEXT]: another version of the package, with more in a file of its
# source; $work/VERSION.deb.
changed() {
	rm -rf "$work/deb"
	scripts/enter dpkg-deb -R "$package" "$work/deb" || return
	mv "$work/deb/usr/src/vgpu-stub-$VERSION" "$work/deb/usr/src/vgpu-stub-$1"
	sed -i "s/$VERSION/$1/g" "$work/deb/DEBIAN/"{control,postinst,prerm} \
		"$work/deb/usr/src/vgpu-stub-$1/dkms.conf"
	sed -i 's/^Depends: vgpuinfo (= [^)]*)/Depends: vgpuinfo/' "$work/deb/DEBIAN/control"
	[ -z "${2:-}" ] || echo "$3" >>"$work/deb/usr/src/vgpu-stub-$1/$2"
	scripts/enter dpkg-deb -b "$work/deb" "$work/$1.deb" >/dev/null
}

# with_little_room DIRECTORY SIZE ARGUMENT...: apt, when the directory has its contents and
# that much room in all.
with_little_room() {
	# shellcheck disable=SC2016 # the shell there expands it
	there sh -euc '
		cp -a "$1" /tmp/kept
		mount -t tmpfs -o "size=$2,mode=755" tmpfs "$1"
		cp -a /tmp/kept/. "$1"
		shift 2
		exec "$@"' sh "$1" "$2" "${APT[@]}" "${@:3}"
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
new=$(abi "${of_73[0]}")
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

# What stands in the place of the directory for the notes is in its way, as no room would be.
# shellcheck disable=SC2016 # the shell there expands it
there sh -c ': >/run/vgpu-stub-dkms && exec "$@"' sh "${APT[@]}" install "linux-headers-$prebuilt"
check "apt installs the headers" [ $? = 0 ]
check "all packages are configured" all_is_configured
apt purge "linux-headers-$prebuilt"
result "A line that cannot be kept fails no package"

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

apt purge linux-source-7.2
check "apt purges the source" [ $? = 0 ]
changed 99.1 drivers/vgpu_stub/vgpu_stub.rs 'this is not Rust'
# With a trigger in the same boot, as other packages fire it.
# shellcheck disable=SC2016 # the shell there expands it
there sh -c '"$@" && dpkg-trigger --by-package=dpkg /usr/src && dpkg --configure --pending' \
	sh "${APT[@]}" install "$work/99.1.deb"
check "apt installs a driver that does not compile" [ $? = 0 ]
check "it is compiled once" [ "$(grep -c '^Running the pre_build script' "$work/messages")" = 1 ]
skipped "$old-cloud-amd64" "the driver does not compile: see /*/make.log"
check "the log has the compiler's word" grep -q '^error' "$work/system${line##* }"
result "A driver that does not compile leaves no package half configured"

changed 99.2
apt install "$work/99.2.deb"
check "apt installs the next version" [ $? = 0 ]
check "it is built" built_for "$old-cloud-amd64" 99.2
result "An upgrade is built of what was kept of the source, when its package is gone"

other=$(abi "${of_72[1]}")-cloud-amd64
with_little_room /var/lib/vgpu-stub-dkms 1m install "linux-headers-$other" "linux-source-7.2=${of_72[1]}"
check "apt installs headers" [ $? = 0 ]
skipped "$other" "its source cannot be read: see /*/make.log"
apt purge "linux-headers-$other" linux-source-7.2
check "they can be purged" [ $? = 0 ]
result "When the disk is full in the middle of a build one line says so"

with_little_room /var/lib/dkms 100m install "$work/linux-image-amd64.deb" "$work/linux-headers-amd64.deb"
check "apt installs a kernel" [ $? = 0 ]
skipped "$old-amd64" "it takes 500 MiB of disk, and /var/lib/dkms* has [0-9]*"
result "So it is when there is no room for a build"

apt install linux-source/trixie-backports
check "apt installs what follows the newest source" [ $? = 0 ]
check "it is built" built_for "$old-amd64" 99.2
result "It is built for another flavour as soon as there is room, of what was kept"

apt full-upgrade
check "apt updates the kernels" [ $? = 0 ]
check "nothing is amiss" nothing_is_amiss
check "all packages are configured" all_is_configured
for flavour in cloud-amd64 amd64; do
	check "it is built for $new-$flavour" built_for "$new-$flavour" 99.2
	check "that for $old-$flavour is still there" built_for "$old-$flavour" 99.2
done
result "A kernel update from 7.2 to 7.3 brings the module in the same transaction"

releases=("$old-cloud-amd64" "$old-amd64" "$new-cloud-amd64" "$new-amd64")
for release in "${releases[@]}"; do
	cp "$work/system/boot/"{vmlinuz,initrd.img}"-$release" "$work/"
done
prepare packages
# What compiles takes long to copy, and does nothing in a guest.
mkdir "$work/aside"
mv "$work/system/usr/lib/rustlib" "$work/system/usr/lib/llvm-19" "$work/aside/"
disk 4G
mv "$work/aside/"* "$work/system/usr/lib/"
# An initramfs looks for the disk for half a minute, or for as long as this; and it sleeps as
# long before it looks, so this is not to be long.
patience=rootdelay=120
# All at once, from the same disk: what they write is their own.
for release in "${releases[@]}"; do
	ARGUMENTS="inside=dkms $patience" run_guest "dkms-$release" "$work/vmlinuz-$release" \
		-initrd "$work/initrd.img-$release" -snapshot &
done
ARGUMENTS="inside=untrusted lockdown=integrity $patience" run_guest dkms-lockdown "$work/vmlinuz-$old-cloud-amd64" \
	-initrd "$work/initrd.img-$old-cloud-amd64" -snapshot &
wait
for release in "${releases[@]}"; do
	judge "dkms-$release"
	result "A guest with $release loads by itself what DKMS has built"
done

judge dkms-lockdown
result "Under lockdown it is not loaded, and the doctor names the certificate of DKMS's key"

# The key by which DKMS signs is its own: other modules may have been signed by it.
# shellcheck disable=SC2016 # the shell there expands it
there sh -c 'mkdir -p /run/vgpu-stub-dkms && : >/run/vgpu-stub-dkms/x && "$@" && ! ls -d /run/vgpu*' \
	sh "${APT[@]}" purge vgpu-stub-dkms vgpuinfo
check "apt purges all" [ $? = 0 ]
(cd "$work/system" && find . \( -name '*vgpu?stub*' -o -name '*vgpuinfo*' \) ! -path ".$PWD/*" \
	! -path './var/log/*' ! -path './root/.cache/*') >"$work/left"
find "$work/system/var/lib/dkms" -mindepth 1 ! -name 'mok.*' ! -name dkms_dbversion >>"$work/left"
check "nothing is left: $(cat "$work/left")" [ ! -s "$work/left" ]
check "the group is gone" sh -c "! grep '^vgpu:' '$work/system/etc/group'"
result "Purging leaves nothing behind but DKMS's own key"

end
