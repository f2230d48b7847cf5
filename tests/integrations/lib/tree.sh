# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What the tests of integrations share: a tree with the other programs, and what the page
# tells its readers to write. To be sourced after lib/debian.sh.

# shellcheck disable=SC2034 # Used by who sources this.
PROGRAMS=(trixie systemd-sysv udev kmod dbus iproute2 procps prometheus prometheus-node-exporter
	ansible-core cloud-init bubblewrap python3-yaml)

# from_page FILE: the block of the page that is introduced by this name.
from_page() {
	awk -v name="\`$1\`" '
		index($0, name) && !found { found = 1; next }
		found && /^    / { block = 1; print substr($0, 5); next }
		block && /^$/ { print; next }
		block { exit }' Documentation/integrations.md
}
