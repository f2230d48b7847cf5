#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Run all tests of this directory as subtests, and say whether they held.

cd "$(dirname -- "$0")" || exit

name=
for dir in /sys/class/vgpu/*; do
	[ -d "$dir" ] && name=${dir##*/} && break
done

# What is run, with its arguments.
tests="sysfs.sh
chardev
fuzz 100000
compat /dev/$name
module.sh
removal unbind"

printf 'KTAP version 1\n1..%d\n' "$(echo "$tests" | wc -l)"
number=0
failed=0
while read -r line <&3; do
	number=$((number + 1))
	printf '# Subtest: %s\n' "$line"
	# shellcheck disable=SC2086 # its words are the program and its arguments
	if ./$line >/tmp/vgpu-selftest.$$ 2>&1 3<&-; then
		verdict=ok
	else
		verdict='not ok'
		failed=1
	fi
	sed 's/^/    /' /tmp/vgpu-selftest.$$
	rm -f /tmp/vgpu-selftest.$$
	printf '%s %d - %s\n' "$verdict" "$number" "$line"
done 3<<END
$tests
END
exit $failed
