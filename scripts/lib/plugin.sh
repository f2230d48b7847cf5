# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The device as a shared object for the QEMU of a distribution: what
# scripts/device-plugin, scripts/packaged-qemu and scripts/check-qemu share. It is
# sourced after common.sh.
#
# A QEMU is known by what it says of its version, as in
# '10.0.13 (Debian 1:10.0.13+ds-0+deb13u1)'.

PLUGIN_DEVICES=("${DEVICE_SOURCES[@]}")
# Those of tests.
TEST_DEVICES=(tests/qemu/vgpu-stub-hostile{,-script}.c tests/qemu/late-access.c)
# What both are made of besides.
PLUGIN_SOURCES=(qemu-device/packaged/{loader.c,headers,build} "${DEVICE_HEADERS[@]}"
	qemu-device/standard-header include/uapi/linux/vgpu_stub.h)
TEST_SOURCES=(tests/qemu/vgpu-stub-hostile-script.h tests/qemu/build-qtest)

# version_of COMMAND...: what a QEMU says of its version; the command runs it.
version_of() {
	"$@" --version | sed -n 's/^QEMU emulator version //p'
}

# package_version VERSION: the version of the package of that QEMU.
package_version() {
	[[ $1 =~ ^[0-9.]+\ \(Debian\ ([^\ ]+)\)$ ]] || die \
		"QEMU $1 is not of a package of Debian's or Ubuntu's" \
		"The device has to be built into it: see Documentation/host-qemu.md."
	printf '%s\n' "${BASH_REMATCH[1]}"
}

# source_version VERSION: that of its source package. One that was only built again has
# the same source.
source_version() {
	package_version "$1" | sed -E 's/\+b[0-9]+$//'
}

# plugin_place VERSION: where the plugin for that QEMU lies among those for others. A colon
# separates the files of LD_PRELOAD, so the epoch is left out.
plugin_place() {
	package_version "$1" | sed 's/^[0-9]*://'
}

# keep_headers DIR: unpack the source package in DIR, in memory, as it is 500 MB, and keep of
# it what a device model is compiled with, what checks its style, and the accelerator of tests.
# apt has checked whose it is.
keep_headers() {
	"$TOP/scripts/enter" --bind "$1:/mnt" sh -euc '
		cd /mnt
		dpkg-source --no-check -x ./*.dsc /tmp/tree
		mkdir src
		cd /tmp/tree
		cp -r --parents VERSION configure include qapi accel/qtest scripts/qapi \
			scripts/qapi-gen.py scripts/qemu-stamp.py scripts/checkpatch.pl /mnt/src
		# There is none before QEMU 8.
		[ ! -e host ] || cp -r --parents host/include /mnt/src
		cd /mnt
		rm -rf ./*.dsc ./*.tar.* lists sources sources.list'
}

# fetch_source_here DIR SOURCE: the source package, from where this machine has its
# packages from.
fetch_source_here() {
	local file options
	mkdir -p "$1/lists/partial" "$1/sources"
	for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources}; do
		[ ! -e "$file" ] || sed -E 's/^deb\s/deb-src /; s/^(Types:).*/\1 deb-src/' "$file" \
			>"$1/sources/${file##*/}"
	done
	[ ! -e "$1/sources/sources.list" ] || mv "$1/sources/sources.list" "$1/sources.list"
	options=(-o Dir::Etc::SourceList="$1/sources.list" -o Dir::Etc::SourceParts="$1/sources"
		-o Dir::State::Lists="$1/lists")
	(cd "$1" && private_apt "${options[@]}" update &&
		private_apt "${options[@]}" --download-only --only-source source "qemu=$2")
}

# fetch_source_from DIR SOURCE LINE...: the same from others, as in sources.list.
fetch_source_from() {
	"$TOP/scripts/enter" --bind "$1:/mnt" sh -euc '
		cd /mnt
		mkdir -p lists/partial
		version=$1
		shift
		printf "deb-src %s\n" "$@" >sources.list
		apt="apt-get -qq -o Dir::Etc::SourceList=/mnt/sources.list
			-o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists=/mnt/lists
			-o APT::Sandbox::User=root"
		$apt update
		$apt --download-only --only-source source "qemu=$version"' sh "${@:2}"
}

# why_no_source LOG SOURCE: die with what was wrong with fetching it.
why_no_source() {
	if grep -qE 'Can not find version| 404 ' "$1"; then
		die "the mirror has no source of QEMU $2" \
			"It keeps that of the newest version only: upgrade QEMU (apt-get update," \
			"apt-get install qemu-system-x86), and try again."
	elif grep -q 'Unable to find a source package' "$1"; then
		die "the repositories of this machine's apt have no source packages of QEMU" \
			"Those of the distribution have: see /etc/apt/sources.list*."
	fi
	die "the source of QEMU $2 could not be fetched: the mirror is out of reach" \
		"Check /etc/apt/sources.list* and the network; 'apt-get update' must work."
}

make_source() {
	local dir=$1 source=$2 log=$CACHE/logs/qemu-source.log
	need_space 1000 "the source of QEMU"
	run "$log" "fetching the source of QEMU $source" "$3" "$dir" "$source" "${@:4}" ||
		why_no_source "$log" "$source"
	run "$CACHE/logs/qemu-source-unpack.log" "unpacking it" keep_headers "$dir" ||
		die "the source package of QEMU $source cannot be unpacked"
}

make_plugin() {
	local dir=$1 version=$2 source=$3
	run "$CACHE/logs/plugin.log" "compiling the device for QEMU $version" \
		"$TOP/scripts/enter" --bind "$dir:/mnt" qemu-device/packaged/build "$source" "$version" \
		/mnt/vgpu-stub.so "${PLUGIN_DEVICES[@]}" ||
		die "the device cannot be compiled for QEMU $version"
}

make_test_plugin() {
	local dir=$1 version=$2 source=$3
	run "$CACHE/logs/test-plugin.log" "compiling the devices of tests for it" \
		"$TOP/scripts/enter" --bind "$dir:/mnt" qemu-device/packaged/build "$source" "$version" \
		/mnt/vgpu-stub-tests.so "${TEST_DEVICES[@]}" ||
		die "the devices of tests cannot be compiled for QEMU $version"
	# QEMU 11 has it.
	[ "${version%%.*}" -lt 11 ] || return 0
	run "$CACHE/logs/qtest.log" "compiling the accelerator of tests for it" \
		"$TOP/scripts/enter" --bind "$dir:/mnt" tests/qemu/build-qtest "$source" "$version" /mnt ||
		die "the accelerator of tests cannot be compiled for QEMU $version"
}

# source_for VERSION FETCH [ARG...]: the headers of the source of a QEMU, in the cache.
source_for() {
	local source name
	source=$(source_version "$1")
	name=qemusource-$(key "$source" "$(declare -f keep_headers)" "$("$TOP/scripts/sysroot")")
	[ -d "$CACHE/$name" ] || stage "$name" make_source "$source" "${@:2}"
	printf '%s\n' "$CACHE/$name/src"
}

# plugin_for VERSION SOURCE: the directory of vgpu-stub.so for a QEMU, in the cache.
plugin_for() {
	local name
	name=plugin-$(key "$@" "$(declare -f make_plugin)" "${PLUGIN_DEVICES[@]}" "${PLUGIN_SOURCES[@]}")
	[ -d "$CACHE/$name" ] || stage "$name" make_plugin "$@"
	printf '%s\n' "$CACHE/$name"
}

# test_plugin_for VERSION SOURCE: that of vgpu-stub-tests.so, which is the directory of
# QEMU's modules for tests, too.
test_plugin_for() {
	local name
	name=testplugin-$(key "$@" "$(declare -f make_test_plugin)" "${TEST_DEVICES[@]}" \
		"${PLUGIN_SOURCES[@]}" "${TEST_SOURCES[@]}")
	[ -d "$CACHE/$name" ] || stage "$name" make_test_plugin "$@"
	printf '%s\n' "$CACHE/$name"
}
