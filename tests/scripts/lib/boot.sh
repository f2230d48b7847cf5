# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# The system of tests/scripts/lib/debian.sh, in $work, booted from a disk as people have it, with
# systemd and udev. To be sourced from the checkout, after those, scripts/lib/common.sh and
# scripts/lib/packaging.sh.

# shellcheck disable=SC2034,SC2154 # for who sources this, and from what it has sourced
BOOTABLE=(systemd-sysv udev kmod passwd dbus)

# prepare SUITE: put into the system what makes the checks of tests/SUITE when it boots.
prepare() {
	logs=$PWD/build/logs/$1
	mkdir -p "$logs"
	install -m 755 "tests/$1/inside" "$work/system/usr/local/sbin/inside"
	install -m 644 "tests/$1/"*.service "$work/system/etc/systemd/system/"
	there systemctl enable inside.service || bail_out "systemctl cannot be used"
	# The console is for the log, and what a first boot does takes an emulated processor long.
	there systemctl mask serial-getty@ttyS0.service
	touch "$work/system/"{etc,var}/.updated
	there useradd --create-home user || bail_out "there can be no user"
}

# disk SIZE: make a disk of the system, as it is now.
disk() {
	rmdir -p "$work/system$PWD" 2>/dev/null
	scripts/enter --root "$(packaging_tree)" mke2fs -q -t ext4 -d "$work/system" "$work/disk" "$1" ||
		bail_out "there is no disk"
}

# What a machine may take, in seconds. Nothing but one that never ends is to be ended by it:
# machines differ threefold, and several guests run beside each other.
LIMIT=3600

# The processor is that of tests/harness, as TCG loses registers with XSAVE. A kernel whose host
# is busy panics over ticks that come late, takes from them a TSC that runs many times too fast,
# and complains of a processor that was stuck. What systemd and udev would give up on takes an
# emulated processor longer.
PROCESSOR=qemu64,+ssse3,+sse4.1,+sse4.2,+popcnt,+x2apic
SLOW=(no_timer_check tsc=unstable nosoftlockup udev.event_timeout=1800
	systemd.default_{timeout_start,device_timeout}_sec=1800)

# run_guest NAME KERNEL [OPTION...]: boot it until it powers off by itself, with what it says on
# its second serial line in $logs/NAME.log, the console beside it, and the exit status. The
# options are for QEMU; the kernel gets ARGUMENTS besides.
run_guest() {
	# shellcheck disable=SC2016 # the shell in the sysroot expands it
	timeout "$LIMIT" scripts/guest-env sh -c '
		disk=$0 kernel=$1 console=$2 processor=$3 arguments=$4
		shift 4
		for plugin in $(echo "${VGPU_PLUGINS:-}" | tr : " "); do set -- "$@" -plugin "$plugin"; done
		exec "$VGPU_QEMU" -nodefaults -no-user-config -display none -machine q35 -m 512 \
			-accel tcg -cpu "$processor" -no-reboot -serial "file:$console" -serial stdio \
			-kernel "$kernel" -append "root=/dev/nvme0n1 rw console=ttyS0 panic=-1 $arguments" \
			-drive "file=$disk,if=none,id=disk,format=raw" -device nvme,serial=1,drive=disk \
			"$@" -device vgpu-stub,pool_id=B,priority=high,vm_id=200' \
		"$work/disk" "$2" "$logs/$1-console.log" "$PROCESSOR" "${SLOW[*]} ${ARGUMENTS:-}" "${@:3}" \
		</dev/null >"$logs/$1.log" 2>&1
	echo $? >"$logs/$1.status"
}

# ended NAME: it has run to its end.
ended() {
	check "it powers off by itself" [ "$(cat "$logs/$1.status")" = 0 ]
	check "all checks were made" grep -q '^done' "$logs/$1.log"
	check "the kernel has nothing to complain about" \
		sh -c "! grep -E 'BUG:|WARNING:|Oops|Kernel panic' '$logs/$1-console.log'"
}

# judge NAME: what it said of the checks of its stage is the result.
judge() {
	sed 's/^/# /' "$logs/$1.log"
	ended "$1"
	check "no check has failed" sh -c "! grep -q '^not ok' '$logs/$1.log'"
}

# boot NAME STAGE KERNEL [OPTION...]: run it, and judge that.
boot() {
	ARGUMENTS="inside=$2 ${ARGUMENTS:-}" run_guest "$1" "${@:3}"
	judge "$1"
}
