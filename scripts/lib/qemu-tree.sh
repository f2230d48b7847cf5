# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A source tree of QEMU, of any version, and the device model in it: what
# scripts/qemu and scripts/check-qemu share. It is sourced after common.sh.

# The suite that the test QEMU is from.
# shellcheck disable=SC2034 # Used by who sources this.
QEMU_SUITE=trixie

# What is asked of QEMU's configure: little, so that it is built soon.
# shellcheck disable=SC2034 # Used by who sources this.
QEMU_CONFIGURE=(
	--target-list=x86_64-softmmu
	--without-default-features
	--disable-debug-info
	--enable-tcg
)

# fetch_qemu DIR SUITE: the source that a suite of the sysroot's mirror has, with
# the distribution's patches, as DIR/src. A suite may list newer versions than the
# mirror has files of: those are named in DIR/absent, and the next one is taken.
fetch_qemu() {
	"$TOP/scripts/enter" --bind "$1:/mnt" sh -euc '
		cd /mnt
		mkdir -p lists/partial
		mirror=$(awk "/^deb-src / { print \$2; exit }" /etc/apt/sources.list)
		echo "deb-src $mirror $1 main" >sources.list
		options="-o Dir::Etc::SourceList=/mnt/sources.list -o Dir::Etc::SourceParts=/dev/null
			-o Dir::State::Lists=/mnt/lists -o APT::Sandbox::User=root"
		apt-get -qq $options update
		for version in $(apt-cache $options showsrc --only-source qemu |
			sed -n "s/^Version: //p" | sort -rVu); do
			if apt-get -qq $options source --only-source "qemu=$version"; then
				mv qemu-*/ src
				break
			fi
			echo "$version" >>absent
		done
		test -d src
		rm -rf lists sources.list qemu_*' sh "$2"
}

# put_device SRC FILE...: device models and headers into a tree, and the contract.
put_device() {
	local src=$1 file
	shift
	for file; do
		cp "$TOP/$file" "$src/hw/misc/"
	done
	"$TOP/qemu-device/standard-header" >"$src/include/standard-headers/linux/vgpu_stub.h"
}
