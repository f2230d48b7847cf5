# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Kernels that are built for guests, out of fragments of their configuration. Who sources
# this says of which $SOURCE, and by $KIND and $CONFIGS what they are and in which directory
# the fragments are.
#
# The compiler is clang, as only that gives KASAN to Rust. The linker and the rest are GNU's.

MAKE_ARGUMENTS=(CC=clang-19)

# missing CONFIG FRAGMENT...: the lines of the fragments that did not become part
# of CONFIG; of an option that two fragments have, the later one counts.
missing() {
	awk '
		function option(line) {
			return match(line, /CONFIG_[A-Z0-9_]+/) ? substr(line, RSTART, RLENGTH) : ""
		}
		!/^CONFIG_[A-Z0-9_]+=/ && !/^# CONFIG_[A-Z0-9_]+ is not set$/ { next }
		FILENAME == ARGV[1] { has[option($0)] = $0; next }
		{ wanted[option($0)] = $0 }
		END {
			for (name in wanted) {
				# What depends on something that is off is not even mentioned.
				got = name in has ? has[name] : "# " name " is not set"
				if (got != wanted[name]) print wanted[name]
			}
		}' "$@" | sort
}

# insist_on CONFIG FRAGMENT...: end with an error that names every missing line.
insist_on() {
	local lines
	lines=$(missing "$@")
	[ -z "$lines" ] || die "the kernel's configuration did not take ${lines//$'\n'/, }" \
		"See what the option depends on, and put that into the fragments: ${CONFIGS#"$TOP/"}."
}

# build DIR TREE FRAGMENT...: build a kernel of what the fragments say, from $SOURCE. TREE is
# the build tree of such a kernel to start from, or empty.
build() {
	local dir=$1 tree=$2 duration="about 15 minutes"
	shift 2
	[ -z "$tree" ] || duration="about a minute"
	need_space 2000 "$KIND"
	mkdir "$dir/build"
	[ -z "$tree" ] || cp -a "$tree/." "$dir/build"
	cat "$@" >"$dir/build/vgpu.config"
	run "$CACHE/logs/kernel-config.log" "configuring $KIND" \
		"$TOP/scripts/enter" --bind "$dir:/mnt" \
		make -s -C "$SOURCE" O=/mnt/build "${MAKE_ARGUMENTS[@]}" \
		KCONFIG_ALLCONFIG=/mnt/build/vgpu.config allnoconfig || die \
		"$KIND could not be configured"
	insist_on "$dir/build/.config" "$@"
	run "$CACHE/logs/kernel-build.log" "building $KIND, once; $duration on two cores" \
		"$TOP/scripts/enter" --bind "$dir:/mnt" sh -euc '
		cd /mnt/build
		make -s -j"$(nproc)" "$@" bzImage modules
		make -s "$@" INSTALL_MOD_PATH=/mnt/install modules_install
		make -s "$@" kernelrelease >/mnt/release
		mv "/mnt/install/lib/modules/$(cat /mnt/release)" /mnt/modules
		cp arch/x86/boot/bzImage /mnt/vmlinuz
		rm -r /mnt/install /mnt/modules/build
		# Modules are built against it at another place.
		sed -i "s:/mnt/build:\$(CURDIR):" Makefile' \
		sh "${MAKE_ARGUMENTS[@]}" || die "$KIND could not be built"
}
