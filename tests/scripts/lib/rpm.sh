# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: GPL-2.0
#
# What is in an RPM, $package, and what it does to a tree, $root, which need not have an
# rpm. To be sourced from the checkout, after work.sh.

# query FORMAT: what the package says of itself.
query() {
	scripts/lib/with-rpm rpm -qp --qf "$1" "$package"
}

# same FILE FILE: both have the same lines, in any order.
same() {
	diff <(sort "$1") <(sort "$2") >"$work/difference" && return
	sed 's/^/# /' "$work/difference"
	return 1
}

# centos_7_knows: check that its rpm, 4.11, can read the package. Later ones have weak and
# boolean dependencies, triggers for files, and payloads by zstd.
centos_7_knows() {
	# The shell is there once for each scriptlet.
	query '[%{REQUIRENAME}\n]' | sort -u >"$work/requirements"
	printf '%s\n' /bin/sh 'rpmlib(CompressedFileNames)' 'rpmlib(FileDigests)' \
		'rpmlib(PayloadFilesHavePrefix)' 'rpmlib(PayloadIsXz)' >"$work/known"
	check "it requires what is known, and nothing else" same "$work/known" "$work/requirements"
	query '[%{RECOMMENDNAME}][%{SUGGESTNAME}][%{SUPPLEMENTNAME}][%{ENHANCENAME}]' >"$work/weak"
	check "none is weak" [ ! -s "$work/weak" ]
	query '[%{FILETRIGGERNAME}][%{TRANSFILETRIGGERNAME}][%{TRIGGERNAME}]' >"$work/triggers"
	check "it has no triggers" [ ! -s "$work/triggers" ]
	query '[%{PREINPROG} ][%{POSTINPROG} ][%{PREUNPROG} ][%{POSTUNPROG} ][%{PRETRANSPROG} ]' >"$work/shells"
	query '[%{POSTTRANSPROG} ][%{VERIFYSCRIPTPROG} ][%{PREUNTRANSPROG} ]' >>"$work/shells"
	check "its scriptlets are for the shell" [ "$(xargs -n 1 <"$work/shells" | sort -u)" = /bin/sh ]
	check "its payload and digests are known" \
		[ "$(query '%{PAYLOADFORMAT} %{PAYLOADCOMPRESSOR} %{FILEDIGESTALGO}')" = 'cpio xz 8' ]
	check "it has the digests of old" \
		grep -qxE '[0-9a-f]{32} [0-9a-f]{40}' <(query '%{SIGMD5} %{SHA1HEADER}\n')
}

# stand_in NAME [LINE...]: install a package of that name, for every requirement is looked
# at. The lines are the rest of its spec, in the tree.
stand_in() {
	printf '%s\n' "Name: $1" 'Version: 1' 'Release: 1' 'Summary: Stands for a system' \
		'License: GPL-2.0-only' 'AutoReqProv: no' '%global debug_package %{nil}' \
		'%global __os_install_post %{nil}' "${@:2}" >"$work/$1.spec"
	scripts/lib/with-rpm rpmbuild -bb --quiet --define "_topdir $work/rpmbuild" --define "_tmppath $work" \
		--define "_rpmdir $work" "$work/$1.spec" >"$work/messages" 2>&1 &&
		rpm_there -i "$work/x86_64/$1-1-1.x86_64.rpm" && return
	bail_out "there is no package that stands for the system: $(cat "$work/messages")"
}

# alive COMMAND...: with processes and devices in the tree, as on a host that runs, and
# what it says in $work/messages.
alive() {
	# shellcheck disable=SC2016 # the shell in the sysroot expands it
	scripts/lib/with-rpm sh -c '
		mount --rbind /proc "$0/proc" && mount --rbind /dev "$0/dev" && exec "$@"' "$root" "$@" \
		>"$work/messages" 2>&1
}

# rpm_there ARG...: rpm for the tree.
rpm_there() {
	alive rpm --root "$root" "$@"
}
