# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# apt in the system of tests/scripts/lib/debian.sh, and the kernels that the mirror has for
# it. To be sourced from the checkout, after that and scripts/lib/common.sh.

# shellcheck disable=SC2154 # work is that of what was sourced before
mkdir -p "$CACHE/archives" "$work/archives/partial"
# What was fetched once. Each run has a directory of its own, as apt locks it.
find "$CACHE/archives" -maxdepth 1 -name '*.deb' -exec cp -l -t "$work/archives" {} +
# What apt-get is always told.
APT=(env DEBIAN_FRONTEND=noninteractive apt-get -y -o APT::Sandbox::User=root
	-o APT::Install-Recommends=0 -o Dpkg::Use-Pty=0 -o "Dir::Cache::archives=$work/archives")

# apt ARGUMENT...: what it says is in $work/messages.
apt() {
	local status
	there "${APT[@]}" "$@"
	status=$?
	find "$work/archives" -maxdepth 1 -name '*.deb' -exec cp -l -u -t "$CACHE/archives" {} + 2>/dev/null
	return "$status"
}

# take_little_time: let an initramfs be for the disk of tests/scripts/lib/boot.sh alone.
take_little_time() {
	echo MODULES=list >"$work/system/etc/initramfs-tools/conf.d/modules"
	printf 'nvme\next4\n' >>"$work/system/etc/initramfs-tools/modules"
}

# versions PACKAGE SERIES: those that backports have, the newest first.
versions() {
	there apt-cache madison "$1"
	awk -v series="$2." '$6 ~ /backports/ && index($3, series) == 1 { print $3 }' \
		"$work/messages"
}

# kernels: set of_72 and of_73, the versions of Debian's kernels of both series, the newest
# first.
kernels() {
	mapfile -t of_72 < <(versions linux-source 7.2)
	mapfile -t of_73 < <(versions linux-source 7.3)
	if [ ${#of_72[@]} -lt 3 ] || [ ${#of_73[@]} -lt 1 ]; then
		bail_out "the mirror lacks a kernel: it has ${of_72[*]} ${of_73[*]}"
	fi
}

# abi VERSION: what the release of Debian's kernels of that version begins with.
abi() {
	printf '%s+deb13\n' "${1%%-*}"
}

# metapackage NAME VERSION DEPENDENCY: make $work/NAME.deb.
metapackage() {
	rm -rf "$work/metapackage"
	mkdir -p "$work/metapackage/DEBIAN"
	cat >"$work/metapackage/DEBIAN/control" <<-END
		Package: $1
		Version: $2
		Architecture: amd64
		Maintainer: Nobody <nobody@vgpu-stub.invalid>
		Depends: $3
		Description: metapackage for a test
	END
	scripts/enter dpkg-deb -b "$work/metapackage" "$work/$1.deb" >/dev/null
}

# stand_ins FLAVOUR KIND...: make linux-KIND-FLAVOUR as it was when the newest of 7.2 was
# the newest kernel: the mirror has only that of today.
stand_ins() {
	local flavour=$1 kind
	shift
	for kind; do
		metapackage "linux-$kind-$flavour" "${of_72[0]}" "linux-$kind-$(abi "${of_72[0]}")-$flavour"
	done
}
