#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What scripts/kernel-debug insists on in a kernel's configuration.

cd "$(dirname -- "$0")" || exit
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
. ../selftests/ktap.sh
plan 5

takes() {
	../../scripts/kernel-debug --takes "$work/config" "$work"/*.fragment 2>"$work/messages"
}
refused() {
	takes
	check "it is refused" [ $? -eq 1 ]
	check "the message has: $1 ($(cat "$work/messages"))" grep -qF "$1" "$work/messages"
}

cat >"$work/1.fragment" <<-EOF2
	# CONFIG_COMMENT=y is a comment.

	CONFIG_ON=y
	CONFIG_NAME="one"
	# CONFIG_OFF is not set
EOF2
printf '%s\n' CONFIG_ON=y 'CONFIG_NAME="one"' '# CONFIG_OFF is not set' CONFIG_MORE=y >"$work/config"
check "it is taken ($(cat "$work/messages" 2>/dev/null))" takes
result "A configuration that has everything is taken"

sed -i /OFF/d "$work/config"
check "it is taken" takes
result "What is off may be missing"

printf '%s\n' CONFIG_OFF=y >>"$work/config"
refused "# CONFIG_OFF is not set"
result "What must be off is named when it is on"

printf '%s\n' 'CONFIG_NAME="two"' '# CONFIG_ON is not set' >"$work/config"
refused 'did not take CONFIG_NAME="one", CONFIG_ON=y'
result "Whatever was not taken is named"

printf '%s\n' 'CONFIG_NAME="two"' >"$work/2.fragment"
printf '%s\n' CONFIG_ON=y 'CONFIG_NAME="two"' >"$work/config"
check "it is taken" takes
result "Of two fragments the later one counts"

end
