# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What packages do to a Debian system, tried in a copy of a tree. To be sourced from the
# checkout. The files of the test go to $work, which the tree sees at its own path.

. tests/selftests/ktap.sh
. tests/scripts/lib/work.sh

# system SUITE [PACKAGE...]: a system of its own, for the functions below.
system() {
	local tree
	tree=$(scripts/lib/debian-tree "$@") || bail_out "there is no tree of Debian's $1"
	rm -rf "$work/system"
	cp -a "$tree" "$work/system"
	mkdir -p "$work/system$PWD" "$work/system$(. scripts/lib/common.sh && echo "$CACHE")"
	: >"$work/system/etc/resolv.conf"
	rm -f "$work/system/var/log/dpkg.log"
}

# there COMMAND...: as root of that system, with what it says in $work/messages.
there() {
	scripts/enter --root "$work/system" "$@" >"$work/messages" 2>&1 && return
	sed 's/^/# /' "$work/messages"
	return 1
}

# contents NAME: note everything in it but what dpkg, apt and rpm note for
# themselves.
contents() {
	(cd "$work/system" && find . \( -path ./var/lib/dpkg -o -path ./var/lib/apt -o -path ./var/lib/rpm -o -path ./var/log -o \
		-path ./var/cache -o -path ".$PWD" -o -path '*.cache/vgpu-stub' \) -prune -o \
		! -name '*-' \( -type f -printf '%p %m %s\n' -o -printf '%p %m %l\n' \)) |
		sort >"$work/$1"
}

# unchanged NAME: everything is as it was then.
unchanged() {
	contents now
	diff "$work/$1" "$work/now" >"$work/difference" && return
	sed 's/^/# /' "$work/difference"
	return 1
}
