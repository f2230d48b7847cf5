#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What the scripts say when what they need cannot be had.

cd "$(dirname -- "$0")" || exit
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export VGPU_CACHE=$work/cache
. ../selftests/ktap.sh
plan 16
scripts=$(cd ../../scripts && pwd)
supported=$("$scripts/preflight" --supported | head -n 1)

# packages SERIES RELEASE...: the fields of a mirror with these kernels.
packages() {
	: >"$work/list"
	while [ $# -gt 0 ]; do
		printf 'Package: linux-source-%s\nVersion: %s-1\n' "$1" "$2"
		printf 'Package: linux-headers-%s+deb13-cloud-amd64\nVersion: %s-1\n' "$2" "$2"
		printf 'Package: linux-headers-%s+deb13-common\nVersion: %s-1\n' "$2" "$2"
		shift 2
	done >>"$work/list"
}
choose() { "$scripts/kernel" --choose "$work/list" "$@" 2>"$work/messages"; }

packages 6.12 6.12.107 "$supported" "$supported.4"
printf 'Package: linux-headers-%s.9+deb13-cloud-amd64\nVersion: %s.9-1\n' "$supported" "$supported" \
	>>"$work/list"
check "the newest with its source" [ "$(choose)" = "$supported.4+deb13-cloud-amd64 $supported" ]
result "The newest kernel that has its source beside it is chosen"

packages "$supported" "$supported.4" 99.1 99.1.3
check "the supported one" [ "$(choose)" = "$supported.4+deb13-cloud-amd64 $supported" ]
check "the newer one is named" grep -q '99.1.3' "$work/messages"
result "A kernel that is too new is left alone, and named"

packages 6.12 6.12.107 "$supported" "$supported.4"
for flavour in amd64 rt-amd64; do
	printf 'Package: linux-headers-%s+deb13-%s\nVersion: %s-1\n' \
		"$supported.4" "$flavour" "$supported.4"
done >>"$work/list"
for flavour in amd64 rt-amd64 cloud-amd64; do
	check "$flavour" \
		[ "$(choose "$supported" "$flavour")" = "$supported.4+deb13-$flavour $supported" ]
done
result "A flavour is not taken for another whose name ends in its own"

check "the series" [ "$(choose 6.12 cloud-amd64)" = "6.12.107+deb13-cloud-amd64 6.12" ]
result "A series that is named is taken, whether it is supported or not"

# The releases of a kernel, by its names and the versions of its packages.
for release in "$supported".4+deb13-cloud-amd64 "$supported"-rc7-amd64 "$supported"~rc7-1~exp1 \
	"$supported"-cloud-amd64 "$supported".0-rc7 "$supported".12-1~bpo13+1; do
	# shellcheck source=scripts/lib/common.sh
	found=$(. "$scripts/lib/common.sh" && series_of "$release")
	check "$release is of it, and not of '$found'" [ "$found" = "$supported" ]
done
result "The series of a kernel are its first two numbers, a release candidate's too"

# candidate RELEASE FLAVOUR: add a release candidate of that name, with its source.
candidate() {
	printf 'Package: linux-%s\nVersion: %s~rc7-1~exp1\n' "headers-$1-$2" "$supported" \
		"source-$supported" "$supported" >>"$work/list"
}
for release in "$supported-rc7" "$supported"; do
	packages 6.12 6.12.107
	candidate "$release" amd64
	candidate "$release" cloud-amd64
	check "$release" [ "$(choose)" = "$release-cloud-amd64 $supported" ]
done
result "A release candidate is chosen if there is no other"

packages 6.12 6.12.107 "$supported" "$supported.4" 99.1 99.1.3
candidate "$supported-rc7" rt-amd64
printf 'Package: linux-headers-%s.4+deb13-amd64\nVersion: %s.4-1\n' "$supported" "$supported" >>"$work/list"
printf 'Package: linux-headers-%s.9+deb13-amd64\nVersion: %s.9-1\n' "$supported" "$supported" >>"$work/list"
sort -V >"$work/expected" <<-END
	$supported-rc7-rt-amd64 rt-amd64 $supported~rc7-1~exp1
	$supported.4+deb13-amd64 amd64 $supported.4-1
	$supported.4+deb13-cloud-amd64 cloud-amd64 $supported.4-1
END
"$scripts/kernel" --all "$work/list" >"$work/found"
check "these, with flavour and version" diff "$work/expected" "$work/found"
result "All kernels that have their source beside them are those of the supported series"

packages 99.1 99.1.3
choose
check "it is refused" [ $? -ne 0 ]
check "the reason" grep -q 'newer than the driver supports' "$work/messages"
for text in 99.1.3 "$("$scripts/preflight" --supported | paste -sd, | sed 's/,/, /g')" VGPU_MIRROR= \
	"cache of a machine" building.md; do
	check "it has: $text" grep -qF "$text" "$work/messages"
done
check "there is one message" [ "$(grep -c error: "$work/messages")" = 1 ]
result "A mirror with too new kernels only is refused, and what serves instead is named"

packages 6.12 6.12.107
choose
check "it is refused" [ $? -ne 0 ]
check "the reason" grep -q 'no Rust-enabled kernel' "$work/messages"
check "what serves instead is named" grep -q 'VGPU_MIRROR=' "$work/messages"
result "A mirror without a Rust-enabled kernel is refused"

# Port 9 of this machine answers nobody.
VGPU_MIRROR=http://127.0.0.1:9/debian "$scripts/sysroot" >/dev/null 2>"$work/messages"
check "it fails" [ $? -ne 0 ]
check "the reason" grep -q 'mirror http://127.0.0.1:9/debian is out of reach' "$work/messages"
check "nothing is taken for a sysroot" sh -c "! ls -d $VGPU_CACHE/sysroot-*[0-9a-f] 2>/dev/null"
result "A mirror out of reach is named"

# The sysroot is a real one, which has a mirror of its own.
sysroot=$(env -u VGPU_CACHE "$scripts/sysroot") || bail_out "there is no sysroot"
mkdir -p "$VGPU_CACHE"
ln -s "$sysroot" "$VGPU_CACHE/"
VGPU_MIRROR=http://127.0.0.1:9/debian "$scripts/enter" apt-get --print-uris update >"$work/uris"
for suite in trixie trixie-backports; do
	check "the tree's goes on to be asked for $suite" \
		grep -q "/dists/$suite/InRelease" <(grep -v 127.0.0.1 "$work/uris")
	check "the other one is asked for it, too" \
		grep -qF "'http://127.0.0.1:9/debian/dists/$suite/InRelease'" "$work/uris"
done
result "A mirror that is named when the tree is there is asked, too"

# kept WHAT RELEASE: the packages of a kernel without Rust, as an earlier run has left them.
kept() {
	local name directory=$work/package
	# shellcheck source=scripts/lib/common.sh
	name=$(. "$scripts/lib/common.sh" && key "$1" linux-{binary,image,base,modules}-"$2?")
	mkdir -p "$directory"/{DEBIAN,boot,usr/lib/modules/"$2"} "$VGPU_CACHE/kernel-packages-$name"
	printf '%s\n' "Package: linux-image-$2" 'Version: 1' 'Architecture: amd64' \
		'Maintainer: nobody' 'Description: kernel' >"$directory/DEBIAN/control"
	echo CONFIG_SMP=y >"$directory/boot/config-$2"
	echo kept >"$directory/boot/vmlinuz-$2"
	dpkg-deb --root-owner-group -b "$directory" "$VGPU_CACHE/kernel-packages-$name/" >/dev/null
}
release=6.12.1+deb13-cloud-amd64
kept "Linux $release, which has no Rust" "$release"
echo "$release 6.12" >"$VGPU_CACHE/kernel-without-rust-current"
# Nobody is asked: no mirror has this one.
directory=$("$scripts/kernel" --without-rust 2>"$work/messages")
check "it is there" [ "$(cat "$directory/vmlinuz")" = kept ]
check "it is the one that was chosen" [ "$(cat "$directory/release")" = "$release" ]
result "A kernel whose packages were kept needs no mirror"

# As 'kernel --update' leaves it, where nothing can be asked.
mkdir "$work/copy"
cp -r "$scripts" "$work/copy/"
printf '#!/bin/sh\nexit 1\n' >"$work/copy/scripts/enter"
: >"$VGPU_CACHE/kernel-without-rust-current.old"
check "it is the same" \
	[ "$("$work/copy/scripts/kernel" --without-rust 2>"$work/messages")" = "$directory" ]
check "it is said" grep -qF "going on with Linux $release" "$work/messages"
result "A look for a newer kernel that fails leaves the one in use"

printf '#!/bin/sh\nprintf "%%s\\n" "$@" >>%s\nexit 1\n' "$work/asked" >"$work/copy/scripts/enter"
"$work/copy/scripts/kernel" --metadata "$supported-rc7-rt-amd64" 2>"$work/messages"
for package in "headers-$supported-rc7-rt-amd64" "headers-$supported-rc7-common" "kbuild-$supported-rc7"; do
	check "linux-$package" grep -qxF "linux-$package" "$work/asked"
done
result "The metadata of a release candidate are made of its own headers"

# A user, on a machine that does not let users have namespaces.
mkdir "$work/bin"
printf '#!/bin/sh\n[ "$1" = -u ] && echo 4711 || echo nobody\n' >"$work/bin/id"
printf '#!/bin/sh\nexit 1\n' >"$work/bin/unshare"
chmod +x "$work/bin"/*
PATH=$work/bin:$PATH "$scripts/sysroot" 2>"$work/messages"
check "it fails" [ $? -ne 0 ]
check "there is a hint" grep -q 'or run this as root' "$work/messages"
result "No root and no user namespaces is refused"

printf '#!/bin/sh\necho 0\n' >"$work/bin/id"
PATH=$work/bin:$PATH "$scripts/sysroot" 2>"$work/messages"
check "it fails" [ $? -ne 0 ]
check "the reason" grep -q 'may not make a mount namespace' "$work/messages"
result "A root that may not mount is refused"

end
