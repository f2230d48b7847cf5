#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The packages for guests and hosts: what is in them, and what installing and purging them
# does to a system. What takes a guest is in 'make check-packages'.

cd "$(dirname -- "$0")/../.." || exit
. tests/scripts/lib/debian.sh
. scripts/lib/common.sh
. scripts/lib/packaging.sh
. scripts/lib/plugin.sh
set +e
plan 12
tree=$(packaging_tree) || bail_out "there is nothing to judge packages with"

make -s packages >"$work/paths" 2>"$work/messages" || bail_out "$(cat "$work/messages")"
qemu=$(version_of scripts/enter /usr/bin/qemu-system-x86_64)
expected="vgpu-host_${VERSION}_amd64.deb vgpu-pool_${VERSION}_amd64.deb vgpu-stub-dev_${VERSION}_all.deb
	vgpu-stub-dkms_${VERSION}_all.deb vgpuinfo_${VERSION}_amd64.deb
	vgpu-stub-qemu_$VERSION+$(plugin_place "$qemu")_amd64.deb
	vgpu-host-$VERSION-1.x86_64.rpm vgpu-pool-$VERSION-1.x86_64.rpm vgpuinfo-$VERSION-1.x86_64.rpm"
for name in $expected; do
	check "$name is named" grep -qxF "$PWD/build/packages/$name" "$work/paths"
	check "$name is there" [ -s "build/packages/$name" ]
done
check "nothing else is" [ "$(wc -l <"$work/paths")" = 9 ]
mapfile -t debs < <(grep 'deb$' "$work/paths")
mapfile -t rpms < <(grep 'rpm$' "$work/paths")
for deb in "${debs[@]}"; do
	check "${deb##*/} is of the version" \
		grep -qxE "${VERSION//./\\.}(\+.*)?" <<<"$(dpkg-deb -f "$deb" Version)"
done
check "so are the RPMs" [ "$VERSION-1 $VERSION-1 $VERSION-1 " = \
	"$(scripts/lib/with-rpm rpm -qp --qf '%{VERSION}-%{RELEASE} ' "${rpms[@]}")" ]
result "make packages makes the packages of this version"

# All that differs between two callers is the time, at least.
(umask 077 && TZ=Asia/Tokyo LC_ALL=C scripts/packages "$work/again" >/dev/null)
for name in $expected; do
	check "$name has the same bytes" cmp "build/packages/$name" "$work/again/$name"
done
result "The same commit gives the same packages each time"

check "lintian finds no error" scripts/enter --root "$tree" \
	lintian --allow-root --fail-on error "${debs[@]}"
check "rpmlint finds no error" scripts/enter --root "$tree" \
	rpmlint --config packaging/rpmlint.toml "${rpms[@]}"
result "lintian and rpmlint find no errors"

for deb in "${debs[@]}"; do
	check "${deb##*/} has what each dpkg reads" \
		[ "$(scripts/enter ar t "$deb" | paste -sd' ')" = 'debian-binary control.tar.xz data.tar.xz' ]
done
result "The dpkg of Debian 11 knows all that is in the packages"

dpkg-deb --fsys-tarfile "build/packages/vgpuinfo_${VERSION}_amd64.deb" | tar -t >"$work/contents"
for file in usr/bin/vgpuinfo usr/lib/udev/rules.d/70-vgpu-stub.rules \
	usr/lib/udev/rules.d/71-vgpuinfo-publish.rules usr/lib/sysusers.d/vgpu-stub.conf \
	usr/share/man/man1/vgpuinfo.1.gz usr/share/bash-completion/completions/vgpuinfo \
	usr/share/zsh/vendor-completions/_vgpuinfo usr/share/fish/vendor_completions.d/vgpuinfo.fish \
	usr/lib/systemd/system/vgpuinfo-node-exporter.service \
	usr/lib/systemd/system/vgpuinfo-node-exporter.timer usr/lib/systemd/system/vgpuinfo-publish.service \
	usr/lib/systemd/system/vgpuinfo-publish.timer usr/share/vgpuinfo/prometheus/vgpu.rules.yml \
	usr/share/vgpuinfo/grafana/vgpu.json usr/share/vgpuinfo/ansible/vgpu.fact \
	usr/share/vgpuinfo/node-feature-discovery/vgpu-features \
	usr/share/vgpuinfo/vgpuinfo-1.schema.json; do
	check "vgpuinfo has $file" grep -qxF "./$file" "$work/contents"
done
result "vgpuinfo's package has all that make install installs"

check "its header is in a package of its own" sh -c "! grep usr/include '$work/contents'"
dpkg-deb -x "build/packages/vgpu-stub-dev_${VERSION}_all.deb" "$work/dev"
header=usr/include/linux/vgpu_stub.h
check "the header is there" cmp include/uapi/linux/vgpu_stub.h "$work/dev/$header"
check "so is the example" cmp userspace/examples/vgpu.py \
	"$work/dev/usr/share/doc/vgpu-stub-dev/examples/vgpu.py"
check "nothing else is" [ "$(cd "$work/dev" && find . -type f ! -path './usr/share/doc/*')" = "./$header" ]
check "Debian's linux-libc-dev has none of that name" sh -c "! scripts/enter dpkg -S /$header"
# shellcheck disable=SC2016 # $0 is the inner shell's
check "a program in C uses it" scripts/enter sh -c '
	printf "%s\n" "#include <linux/vgpu_stub.h>" "#include <sys/ioctl.h>" \
		"int main(void) { struct vgpu_info info; return ioctl(0, VGPU_IOC_GET_INFO, &info) != -1; }" |
		cc -xc -std=c99 -Wall -Wextra -pedantic -Werror -isystem "$0" -o /dev/null -' "$work/dev/usr/include"
result "vgpu-stub-dev has the UAPI header, where a C program finds it, and the example"

source=usr/src/vgpu-stub-$VERSION
dpkg-deb -x "build/packages/vgpu-stub-dkms_${VERSION}_all.deb" "$work/dkms"
for file in $(git ls-files drivers Kbuild | grep -v rustfmt); do
	check "$file is there" cmp "$file" "$work/dkms/$source/$file"
done
check "it is of the version" grep -qx "PACKAGE_VERSION=\"$VERSION\"" "$work/dkms/$source/dkms.conf"
# shellcheck disable=SC2016 # $BUILD_EXCLUSIVE_KERNEL is that of dkms.conf
pattern=$(bash -c '. "$0" && echo "$BUILD_EXCLUSIVE_KERNEL"' "$work/dkms/$source/dkms.conf")
for series in $(scripts/preflight --supported); do
	check "it is for $series" grep -qE "$pattern" <<<"$series.1-amd64"
	check "and for its release candidates" grep -qE "$pattern" <<<"$series-rc7-amd64"
	check "it is not for ${series}1" sh -c "! echo '${series}1.1-amd64' | grep -qE '$pattern'"
done
result "The source for DKMS is whole, and for the kernels that the driver supports"

# A release candidate on a system without its source; Debian's name of it has two numbers.
mkdir -p "$work/bin" "$work/headers/include/config"
echo 'CONFIG_RUSTC_VERSION_TEXT="rustc 1.2.3"' >"$work/headers/include/config/auto.conf"
printf '#!/bin/sh\n[ "$4" != linux-headers-7.3-rc7-amd64 ] || echo "7.3~rc7-1~exp1"\n' >"$work/bin/dpkg-query"
printf '#!/bin/sh\necho rustc 1.2.3\n' >"$work/bin/rustc"
printf '#!/bin/sh\n' >"$work/bin/bindgen"
chmod +x "$work/bin/"*
scripts/enter env "PATH=$work/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
	"$work/dkms/$source/dkms-build" --check 7.3-rc7-amd64 "$work/headers" >"$work/messages"
check "it is skipped" [ $? = 77 ]
check "the package of its source is named: $(cat "$work/messages")" \
	grep -q 'apt install linux-source-7.3=7.3~rc7-1~exp1$' "$work/messages"
result "DKMS knows the series of a release candidate"

system trixie systemd-standalone-sysusers passwd
mkdir -p "$work/system/lib/modules"
contents before
check "dpkg installs it" there dpkg -i "$PWD/build/packages/vgpuinfo_${VERSION}_amd64.deb"
check "the group is there" there getent group vgpu
check "vgpuinfo runs" there vgpuinfo --version
check "it is of that version" [ "$(cat "$work/messages")" = "vgpuinfo $VERSION" ]
check "no unit is enabled" sh -c "! find '$work/system/etc/systemd' -name '*vgpu*' | grep ."
# As the timer leaves it.
exported=$work/system/var/lib/prometheus/node-exporter/vgpu.prom
install -D -m 644 /dev/null "$exported"

# Two kernels, of which one has the driver.
hook=/etc/kernel/postinst.d/vgpu-stub
mkdir -p "$work/system/lib/modules/"{7.3.4-amd64/updates,7.3.5-amd64}
check "without a driver, a kernel is no matter" there "$hook" 7.3.5-amd64
check "nothing is said" [ ! -s "$work/messages" ]
: >"$work/system/lib/modules/7.3.4-amd64/updates/vgpu_stub.ko.xz"
check "a kernel with the driver is well" there "$hook" 7.3.4-amd64
check "nothing is said of it" [ ! -s "$work/messages" ]
check "one without it does not fail" there "$hook" 7.3.5-amd64
check "what to install is said" grep -q 'install vgpu-stub-modules-7.3.5-amd64$' "$work/messages"
rm -r "$work/system/lib/modules/"7.3.*
result "A kernel without the driver that others have is warned of"

# /run is each command's own.
published=/run/vgpu
check "dpkg removes it, and what is published" there sh -c "mkdir -p $published/.0000:00:06.0.0 &&
	ln -s .0000:00:06.0.0 $published/0000:00:06.0 && dpkg -r vgpuinfo && [ ! -e $published ]"
check "nothing is exported any more" [ ! -e "$exported" ]
rm -r "$work/system/var/lib/prometheus"
check "dpkg purges it" there dpkg -P vgpuinfo
check "nothing is left" unchanged before
result "vgpuinfo's package installs, and leaves nothing behind when it is purged"

check "it depends on what removes a group" \
	grep -qw passwd <<<"$(dpkg-deb -f "build/packages/vgpuinfo_${VERSION}_amd64.deb" Depends)"
check "dpkg installs it" there dpkg -i "$PWD/build/packages/vgpuinfo_${VERSION}_amd64.deb"
mv "$work/system/usr/sbin/groupdel" "$work/groupdel"
check "dpkg purges it" there dpkg -P vgpuinfo
check "it says what is left" grep -q 'the group vgpu is left$' "$work/messages"
mv "$work/groupdel" "$work/system/usr/sbin/"
check "that can be removed" there groupdel vgpu
check "nothing else is left" unchanged before
result "Where nothing can remove a group, a line says that vgpuinfo's is left"

check "dpkg installs it" there dpkg -i "$PWD/build/packages/vgpu-host_${VERSION}_amd64.deb"
check "vgpu-host runs" there vgpu-host --version
check "it is of that version" [ "$(cat "$work/messages")" = "vgpu-host $VERSION" ]
check "dpkg purges it" there dpkg -P vgpu-host
check "nothing is left" unchanged before
result "So does vgpu-host's"

end
