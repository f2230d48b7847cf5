#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# That all packages are of one version, and so is what they install.

cd "$(dirname -- "$0")/../.." || exit
. tests/selftests/ktap.sh
. tests/scripts/lib/work.sh
. scripts/lib/common.sh
. scripts/lib/packaging.sh
set +e
plan 3

release=$(cat "$(scripts/kernel)/release") || bail_out "there is no kernel"
make -s packages module-packages KERNELS="$release" >"$work/paths" || bail_out "there are no packages"
version=${VERSION//./\\.}

while read -r package; do
	case $package in
	# Those for one QEMU or one flavour have the version of that behind it.
	*/vgpu-stub-qemu_* | */vgpu-stub-modules-[a-z]*) pattern="$version\\+.+" ;;
	*.rpm) pattern="$version-1" ;;
	*) pattern=$version ;;
	esac
	case $package in
	*.rpm) found=$(scripts/lib/with-rpm rpm -qp --qf '%{VERSION}-%{RELEASE}' "$package") ;;
	*.deb) found=$(dpkg-deb -f "$package" Version) ;;
	esac
	check "${package##*/}, '$found', is of it" grep -qxE "$pattern" <<<"$found"
	echo "${package##*/}" >>"$work/names"
	[[ $package != *.deb ]] || dpkg-deb -x "$package" "$work/installed"
done <"$work/paths"
for name in vgpuinfo_ vgpuinfo- vgpu-host_ vgpu-host- vgpu-pool_ vgpu-pool- vgpu-stub-dev_ vgpu-stub-dkms_ \
	vgpu-stub-qemu_ vgpu-stub-modules-[0-9] vgpu-stub-modules-[a-z]; do
	check "there was one of $name" grep -q "^$name" "$work/names"
done
result "Every package is of the version of Cargo.toml"

installed=$work/installed/usr
for program in bin/vgpuinfo sbin/vgpu-host bin/vgpu-pool; do
	check "$program says it" [ "$("$installed/$program" --version)" = "${program#*/} $VERSION" ]
done
module=$(find "$installed" -name 'vgpu_stub.ko*')
check "modinfo says it of $module" [ "$(scripts/enter modinfo -F version "$module")" = "$VERSION" ]
check "DKMS says it of the source" \
	grep -qx "PACKAGE_VERSION=\"$VERSION\"" "$installed/src/vgpu-stub-$VERSION/dkms.conf"
result "What they install says the same of itself"

newest=$(sed -n 's/^## \([0-9.]*\) .*/\1/p' CHANGELOG.md | head -n 1)
for changes in "$installed"/share/doc/*/changelog.gz; do
	check "$changes begins with it" [ "$(zcat "$changes" | sed -n 's/^## \([0-9.]*\) .*/\1/p' | head -n 1)" = "$newest" ]
done
check "the newest entry is of it" [ "$newest" = "$VERSION" ]
result "The changes that they name begin with that version"

end
