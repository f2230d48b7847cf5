# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What every script here shares: where things are, how they speak, and how a
# tree is made so that a half-made one is never taken for a whole one.

set -euo pipefail

# shellcheck disable=SC2034 # Used by who sources this.
TOP=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)
# Where cargo puts what runs elsewhere, seen from the checkout.
# shellcheck disable=SC2034
RELEASE=build/target/x86_64-unknown-linux-gnu/release
# The device model, seen from the checkout.
DEVICE_SOURCES=("$TOP"/qemu-device/vgpu-stub*.c)
DEVICE_SOURCES=("${DEVICE_SOURCES[@]#"$TOP/"}")
# shellcheck disable=SC2034
DEVICE_HEADERS=("$TOP"/qemu-device/vgpu-stub*.h)
DEVICE_HEADERS=("${DEVICE_HEADERS[@]#"$TOP/"}")
CACHE=${VGPU_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vgpu-stub}

say() { printf '==> %s\n' "$*" >&2; }

# die MESSAGE [HINT...]: one line that says what is wrong, then what to do.
die() {
	printf '%s: error: %s\n' "${0##*/}" "$1" >&2
	shift
	[ $# -eq 0 ] || printf '    %s\n' "$@" >&2
	exit 1
}

# project_version: that of all that is made here.
project_version() {
	sed -n 's/^version = "\(.*\)"$/\1/p' "$TOP/Cargo.toml"
}

# series_of RELEASE: that of a kernel, by its release or the version of its package: 7.3 of
# 7.3.4+deb13-amd64. A release candidate has two numbers only: 7.3-rc7-amd64, 7.3~rc7-1~exp1.
series_of() {
	grep -oE '^[0-9]+\.[0-9]+' <<<"$1"
}

# key [FILE|STRING...]: a short name for the content of everything given.
key() {
	local input
	for input; do
		if [ -f "$input" ]; then
			cat -- "$input"
		else
			printf '%s\n' "$input"
		fi
	done | sha256sum | cut -c1-12
}

# need_space MIB WHAT: refuse before a long step rather than in the middle of it.
need_space() {
	local free
	mkdir -p "$CACHE"
	free=$(df --output=avail -m "$CACHE" | tail -n 1)
	[ "$free" -ge "$1" ] || die \
		"$2 needs $1 MiB of disk, $CACHE has $free MiB free" \
		"Free some space, or set VGPU_CACHE to a directory on a larger disk."
}

# stage NAME BUILDER [ARG...]: make $CACHE/NAME once.
#
# BUILDER is called with the directory to fill and its arguments. It works in
# NAME.partial, which becomes NAME by one rename when it is done; a build that
# was cut off leaves only a .partial, which the next run throws away. The lock
# makes a second run wait for the first instead of building the same thing into
# the same place.
stage() {
	local name=$1 builder=$2 dir=$CACHE/$1 started
	shift 2
	[ ! -d "$dir" ] || return 0
	mkdir -p "$CACHE/locks"
	(
		# A builder that fails must not get as far as the rename.
		set -e
		# stdin is the terminal of an interactive guest: builders have no
		# business with it.
		exec </dev/null
		if ! flock --nonblock 9; then
			say "waiting for another run that is making ${name%-*}"
			flock 9
		fi
		[ ! -d "$dir" ] || exit 0
		started=$SECONDS
		remove_tree "$dir.partial"
		mkdir -p "$dir.partial"
		"$builder" "$dir.partial" "$@"
		mv -T "$dir.partial" "$dir"
		say "${name%-*} is ready ($((SECONDS - started)) s)"
	) 9>"$CACHE/locks/$name"
	[ -d "$dir" ] || die "making ${name%-*} failed; the lines above say where"
}

# run LOG WHAT COMMAND...: run a long step with its output in LOG, a dot every
# five seconds for whoever is watching, and the end of LOG when it fails.
run() {
	local log=$1 what=$2 pid started=$SECONDS
	shift 2
	mkdir -p "$(dirname -- "$log")"
	printf '==> %s (log: %s) ' "$what" "$log" >&2
	# It keeps the lock: should this script be killed, the step goes on for a while,
	# and the next run must wait for its end.
	"$@" >"$log" 2>&1 &
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		sleep 1
		[ $(((SECONDS - started) % 5)) -ne 0 ] || printf '.' >&2
	done
	if wait "$pid"; then
		printf ' %d s\n' $((SECONDS - started)) >&2
	else
		printf ' failed\n' >&2
		tail -n 30 -- "$log" | sed 's/^/    | /' >&2
		return 1
	fi
}

# A tree made in a user namespace holds files of other user ids, which only that
# namespace may remove.
remove_tree() {
	[ -e "$1" ] || return 0
	if [ "$(id -u)" = 0 ]; then
		rm -rf -- "$1"
	else
		unshare --user --map-auto --map-root-user rm -rf -- "$1"
	fi
}

# require_namespaces: root, or a user who may have user and mount namespaces.
require_namespaces() {
	if [ "$(id -u)" = 0 ]; then
		unshare --mount true 2>/dev/null || die \
			"root may not make a mount namespace here" \
			"A container needs CAP_SYS_ADMIN for this (docker run --privileged)."
		return
	fi
	command -v newuidmap >/dev/null || die \
		"running as a user needs newuidmap" \
		"Install it (apt-get install uidmap), or run this as root."
	grep -qE "^($(id -un)|$(id -u)):" /etc/subuid 2>/dev/null || die \
		"user $(id -un) has no range of subordinate user ids in /etc/subuid" \
		"Give it one: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $(id -un)" \
		"or run this as root."
	unshare --user --map-auto --map-root-user --mount --pid --fork true 2>/dev/null || die \
		"neither root nor unprivileged user namespaces" \
		"Run this as root, or allow them: sysctl kernel.unprivileged_userns_clone=1" \
		"(on Ubuntu: sysctl kernel.apparmor_restrict_unprivileged_userns=0)."
}
