# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# The system of tests/scripts/lib/debian.sh, in $work, booted from a disk as people have it, with
# systemd and udev. What is checked there is in tests/packages/inside. To be sourced from
# the checkout, after those, scripts/common.sh and scripts/packaging.sh.

# shellcheck disable=SC2034,SC2154 # for who sources this, and from what it has sourced
BOOTABLE=(systemd-sysv udev kmod passwd dbus)
logs=$PWD/build/logs/packages
mkdir -p "$logs"

# prepare: put into the system what makes the checks when it boots.
prepare() {
	install -m 755 tests/packages/inside "$work/system/usr/local/sbin/inside"
	install -m 644 tests/packages/*.service "$work/system/etc/systemd/system/"
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

# run_guest NAME STAGE KERNEL [OPTION...]: boot it until it powers off by itself. The options
# are for QEMU; the kernel gets ARGUMENTS besides.
run_guest() {
	# shellcheck disable=SC2016 # the shell in the sysroot expands it
	timeout 900 scripts/guest-env sh -c '
		disk=$0 kernel=$1 console=$2 arguments=$3
		shift 3
		for plugin in $(echo "${VGPU_PLUGINS:-}" | tr : " "); do set -- "$@" -plugin "$plugin"; done
		exec "$VGPU_QEMU" -nodefaults -no-user-config -display none -machine q35 -m 512 \
			-accel tcg -cpu max -no-reboot -serial "file:$console" -serial stdio -kernel "$kernel" \
			-append "root=/dev/nvme0n1 rw console=ttyS0 panic=-1 systemd.default_device_timeout_sec=600 $arguments" \
			-drive "file=$disk,if=none,id=disk,format=raw" -device nvme,serial=1,drive=disk \
			"$@" -device vgpu-stub,pool_id=B,priority=high,vm_id=200' \
		"$work/disk" "$3" "$logs/$1-console.log" "inside=$2 ${ARGUMENTS:-}" "${@:4}" \
		</dev/null >"$logs/$1.log" 2>&1
	echo $? >"$logs/$1.status"
}

# judge NAME: what it said of the checks of its stage is the result.
judge() {
	check "it powers off by itself" [ "$(cat "$logs/$1.status")" = 0 ]
	sed 's/^/# /' "$logs/$1.log"
	check "no check has failed" sh -c "! grep -q '^not ok' '$logs/$1.log'"
	check "all checks were made" grep -q '^done' "$logs/$1.log"
	check "the kernel has nothing to complain about" \
		sh -c "! grep -qE 'BUG:|WARNING:|Oops' '$logs/$1-console.log'"
}

boot() {
	run_guest "$@"
	judge "$1"
}
