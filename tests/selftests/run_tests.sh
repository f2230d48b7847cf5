#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Run all tests of this directory as subtests, and say whether they held.

cd "$(dirname -- "$0")" || exit

name=
for dir in /sys/class/vgpu/*; do
	[ -d "$dir" ] && name=${dir##*/} && break
done

printf 'KTAP version 1\n1..6\n'
number=0
failed=0
run() {
	number=$((number + 1))
	printf '# Subtest: %s\n' "$*"
	program=$1
	if (
		shift
		"./$program" "$@"
	) >/tmp/vgpu-selftest.$$ 2>&1; then
		verdict=ok
	else
		verdict='not ok'
		failed=1
	fi
	sed 's/^/    /' /tmp/vgpu-selftest.$$
	rm -f /tmp/vgpu-selftest.$$
	printf '%s %d - %s\n' "$verdict" "$number" "$*"
}

run sysfs.sh
run chardev
run fuzz 100000
run compat "/dev/$name"
run module.sh
run removal unbind
exit $failed
