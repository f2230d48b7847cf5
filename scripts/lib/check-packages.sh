# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The part of scripts/check-qemu about QEMUs that distributions package: the device is
# loaded into them, and goes by migration to one that has it built in, and back. It is
# sourced after the rest.

# Those of the mirror. That of trixie is the sysroot's, on which the other tests run.
PACKAGED=(bookworm trixie-security trixie-backports forky sid)

# lines SUITE: where its packages and what they depend on are from, as in sources.list.
lines() {
	local mirror
	mirror=$(awk '/^deb-src / { print $2; exit }' "$(scripts/sysroot)/etc/apt/sources.list")
	case $1 in
	*-security) printf '%s %s main\n' "$mirror" "${1%-*}" "${mirror%/}-security" "$1" ;;
	*-backports) printf '%s %s main\n' "$mirror" "${1%-*}" "$mirror" "$1" ;;
	*) printf '%s %s main\n' "$mirror" "$1" ;;
	esac
}

# fetch_packages DIR SUITE LINE...: QEMU and all libraries of its, in DIR/root, and what
# runs it with those, DIR/qemu.
fetch_packages() {
	"$TOP/scripts/enter" --bind "$1:/mnt" sh -euc '
		cd /mnt
		mkdir -p lists/partial cache/archives/partial root
		suite=$1
		shift
		printf "deb %s\n" "$@" >sources.list
		: >status
		apt="apt-get -qq -o Dir::Etc::SourceList=/mnt/sources.list
			-o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists=/mnt/lists
			-o Dir::State::status=/mnt/status -o Dir::Cache=/mnt/cache
			-o APT::Sandbox::User=root -o Debug::NoLocking=1"
		$apt update
		$apt install --yes --download-only --no-install-recommends -t "$suite" qemu-system-x86
		for deb in cache/archives/*.deb; do dpkg-deb -x "$deb" root; done
		rm -rf lists cache sources.list status' sh "${@:2}"
	cat >"$1/qemu" <<-'END'
		#!/bin/sh
		root=$(dirname -- "$0")/root
		libraries=$root/lib/x86_64-linux-gnu
		[ -e "$libraries/libc.so.6" ] || libraries=$root/usr/lib/x86_64-linux-gnu
		exec "$libraries/ld-linux-x86-64.so.2" \
			--library-path "$libraries:$root/usr/lib/x86_64-linux-gnu" \
			"$root/usr/bin/qemu-system-x86_64" \
			-L "$root/usr/share/qemu" -L "$root/usr/share/seabios" "$@"
	END
	chmod +x "$1/qemu"
}

make_packages() {
	need_space 1000 "a packaged QEMU"
	run "$CACHE/logs/check-qemu-packages-$2.log" "fetching the packaged QEMU of $2" \
		fetch_packages "$@" || die "the packages of $2 could not be had"
}

# conformance WHAT LOG ENV... -- ARG...: run the suite, or some tests of it.
conformance() {
	local what=$1 log=$2 passes settings=()
	shift 2
	while [ "$1" != -- ]; do
		settings+=("$1")
		shift
	done
	shift
	if run "$log" "conformance: $what" scripts/enter env "${settings[@]}" \
		cargo test --quiet --locked --no-fail-fast -p device-tests "$@"; then
		read -r passes _ < <(scripts/lib/tally "$log")
		good "$what: conformance, $passes passed"
	else
		bad "$what: conformance" "$log"
	fi
}

# built SUITE: the QEMU of it that has the device built in, if there is one.
built() {
	local built
	if [ "$1" = "$QEMU_SUITE" ]; then
		built=$(scripts/qemu)
	else
		built=$(find "$CACHE" -maxdepth 1 -name "qemutree-$1-*" ! -name '*.partial' -printf '%T@ %p\n' |
			sort -n | tail -n 1 | cut -d ' ' -f 2)
	fi
	[ ! -x "$built/qemu-system-x86_64" ] || printf '%s\n' "$built/qemu-system-x86_64"
}

# between WHAT LOG BUILT QEMU PLUGINS MODULES: migrate to a QEMU that has the device built
# in and back. It is one without modules, which the plugin refuses.
between() {
	local what=$1 log=$2 built=$3 qemu=$4 plugins=$5 modules=$6
	conformance "$what, to one that has it built in" "$log-to-built-in.log" \
		"VGPU_QEMU=$qemu" "VGPU_PLUGINS=$plugins" "VGPU_TARGET_QEMU=$built" \
		"QEMU_MODULE_DIR=$modules" -- --test conformance migration::
	conformance "$what, from one that has it built in" "$log-from-built-in.log" \
		"VGPU_QEMU=$built" "VGPU_TARGET_QEMU=$qemu" "VGPU_TARGET_PLUGINS=$plugins" \
		"QEMU_MODULE_DIR=$modules" -- --test conformance migration::
	if ! scripts/enter env "LD_PRELOAD=${plugins%%:*}" "$built" --version >"$log-refused.log" 2>&1 &&
		grep -q 'not loaded: .* exports nothing' "$log-refused.log"; then
		good "$what: the plugin refuses a QEMU without modules"
	else
		bad "$what: the plugin does not refuse a QEMU without modules" "$log-refused.log"
	fi
}

# check_package SUITE QEMU VERSION SOURCE: load the device into it.
check_package() {
	local suite=$1 qemu=$2 version=$3 source=$4 what log plugins tests built
	what="packaged QEMU $version ($suite)"
	log=$CACHE/logs/check-qemu-packaged-$suite
	if ! plugins=$(plugin_for "$version" "$source") ||
		! tests=$(test_plugin_for "$version" "$source"); then
		bad "$what: the device does not compile; the lines above say why"
		return
	fi
	plugins+=/vgpu-stub.so:$tests/vgpu-stub-tests.so
	conformance "$what" "$log.log" "VGPU_QEMU=$qemu" "VGPU_PLUGINS=$plugins" \
		"QEMU_MODULE_DIR=$tests" -- --test conformance --test late
	built=$(built "$suite")
	[ -z "$built" ] || between "$what" "$log" "$built" "$qemu" "$plugins" "$tests"
}

# absent_or_bad WHAT TEXT REASON LOG: skip it for a reason that the log has as a text.
absent_or_bad() {
	if grep -qF "$2" "$4"; then
		printf 'absent  %s: %s\n' "$1" "$3"
		skipped=$((skipped + 1))
	else
		bad "$1: it cannot be had" "$4"
	fi
}

# check_suite SUITE: fetch its QEMU, and check that.
check_suite() {
	local suite=$1 name version source sources log=$CACHE/logs/check-qemu-packages-$1.log
	mapfile -t sources < <(lines "$suite")
	name=qemupackage-$suite-$(key "$(declare -f fetch_packages)" "${sources[@]}" "$(scripts/sysroot)")
	if ! [ -d "$CACHE/$name" ] && ! (stage "$name" make_packages "$suite" "${sources[@]}"); then
		absent_or_bad "packaged QEMU ($suite)" ' 404 ' "the mirror lists it, but has no files of it" \
			"$log"
		return
	fi
	version=$(version_of scripts/enter "$CACHE/$name/qemu")
	if source=$(source_for "$version" fetch_source_from "${sources[@]}" 2>"$log-source"); then
		check_package "$suite" "$CACHE/$name/qemu" "$version" "$source"
	else
		absent_or_bad "packaged QEMU $version ($suite)" 'the mirror has no source of QEMU' \
			"the mirror has no source of it" "$log-source"
	fi
}

check_packages() {
	local suite qemu=/usr/bin/qemu-system-x86_64
	check_package "$QEMU_SUITE" "$qemu" "$(version_of scripts/enter "$qemu")" \
		"$(scripts/packaged-qemu --source)"
	for suite in "${PACKAGED[@]}"; do
		check_suite "$suite"
	done
}
