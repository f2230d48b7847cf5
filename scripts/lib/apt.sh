# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# apt, for those who fetch what is of this machine's own release. It is sourced
# after common.sh.

require_apt() {
	[ -x /usr/bin/apt-get ] || die \
		"this is not a Debian system: there is no apt-get" \
		"Use Debian 12 or 13, or a container of one."
}

# apt with the host's sources and keys, and a state of its own: the host's lists
# may be empty or old, and are not ours to update.
private_apt() {
	mkdir -p "$CACHE"/{apt/state/lists/partial,apt/cache/archives/partial}
	apt-get -qq -o Dir::State="$CACHE/apt/state" -o Dir::State::status=/var/lib/dpkg/status \
		-o Dir::Cache="$CACHE/apt/cache" -o APT::Sandbox::User= "$@"
}
