# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the scripts that make packages share. It is sourced after common.sh.

# shellcheck disable=SC2034 # Used by who sources this.
VERSION=$(project_version)
EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$TOP" log -1 --format=%ct)} || die \
	"git does not know the time of the commit" "Set SOURCE_DATE_EPOCH to it."

# built_or_shown LOG COMMAND...: build packages; what it says goes to a log, which is
# printed if it fails.
built_or_shown() {
	local log=$1
	shift
	"$@" >"$log" 2>&1 && return
	cat -- "$log" >&2
	die "the packages could not be built; the lines above say why"
}

# deliver DIRECTORY PACKAGE...: put them there, and print their paths.
deliver() {
	local directory package
	directory=$(cd -- "$1" && pwd -P)
	shift
	for package; do
		mv -- "$package" "$directory/"
		printf '%s\n' "$directory/${package##*/}"
	done
}

# packaging_tree: the tree that has what makes Debian packages, and judges them.
packaging_tree() {
	"$TOP/scripts/lib/debian-tree" trixie debhelper dh-dkms lintian rpm rpmlint apt-utils e2fsprogs \
		kmod openssl
}

# debian_changelog SOURCE VERSION MAINTAINER: the one entry that a package is to have.
debian_changelog() {
	printf '%s (%s) unstable; urgency=medium\n\n' "$1" "$2"
	printf '  * See /usr/share/doc/*/changelog.gz.\n\n'
	printf ' -- %s  %s\n' "$3" "$(LC_ALL=C date -u -d "@$EPOCH" '+%a, %d %b %Y %H:%M:%S +0000')"
}

# build_debs SOURCE [NAME=VALUE...]: the packages of a source tree, beside it. The
# variables are for its debian/rules.
build_debs() {
	local root
	root=$(packaging_tree) || return
	(cd "$1" && "$TOP/scripts/enter" --root "$root" env SOURCE_DATE_EPOCH="$EPOCH" "${@:2}" \
		sh -c 'umask 022 && debian/rules binary')
}
