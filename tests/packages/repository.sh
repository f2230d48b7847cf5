#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The repository of Documentation/packages.md, made by the very commands of the page, and
# what a guest's apt makes of it; and what cloud-init makes of the page's snippet.

cd "$(dirname -- "$0")/../.." || exit
. tests/scripts/lib/debian.sh
. scripts/lib/common.sh
. scripts/lib/packaging.sh
set +e
plan 4

# block TEXT: the indented block of the page behind the line that begins so.
block() {
	awk -v text="$1" 'index($0, text) == 1 { found = 1; next }
		found && /^    / { print substr($0, 5); began = 1; next }
		found && began && !/^$/ { exit }' Documentation/packages.md
}

make -s packages >"$work/paths" || bail_out "there are no packages"
repository=$work/repository
mkdir -p "$repository"
grep 'deb$' "$work/paths" | xargs -I{} cp {} "$repository/"
block '## An apt repository' | sed "s|^cd .*|cd '$repository'|" >"$work/recipe"
check "the page has a recipe" grep -q '^gpg --clearsign' "$work/recipe"
tree=$(scripts/lib/debian-tree trixie apt-utils cloud-init gnupg) || bail_out "there is no tree with gpg"
# The socket of its agent is to have a short path.
# shellcheck disable=SC2016 # the shell in the tree expands it
check "it works" scripts/enter --root "$tree" sh -euc '
	export GNUPGHOME=/tmp/gnupg
	mkdir -m 700 "$GNUPGHOME"
	for name in Fleet Stranger; do
		gpg --quiet --batch --passphrase "" --quick-generate-key "$name" default default never
		gpg --armor --export "$name" >"$2/$name.asc"
	done
	. "$1"
	gpgconf --kill all' sh "$work/recipe" "$work" >"$work/messages" 2>&1
check "there is a signed list" grep -q 'BEGIN PGP SIGNATURE' "$repository/InRelease"
[ -s "$repository/InRelease" ] || sed 's/^/# /' "$work/messages"
result "The page's commands make a repository"

system trixie systemd-standalone-sysusers passwd
contents before
key=/etc/apt/keyrings/vgpu-stub.asc
block '`/etc/apt/keyrings/' | sed "s|https://[^ ]*|file:$repository|" >"$work/sources.list"
check "the page's line names the key" grep -qF "signed-by=$key" "$work/sources.list"
# apt ARG...: with that repository alone.
apt() {
	there apt-get -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null \
		-o APT::Sandbox::User=root --yes "$@"
}
mkdir -p "$work/system${key%/*}"
cp "$work/Fleet.asc" "$work/system$key"
check "apt reads it" apt -o APT::Update::Error-Mode=any update
check "apt installs from it" apt install vgpuinfo
check "vgpuinfo runs" there vgpuinfo --version
check "it is of that version" [ "$(cat "$work/messages")" = "vgpuinfo $VERSION" ]
check "apt purges it" apt purge vgpuinfo
rm "$work/system$key"
check "nothing is left" unchanged before
result "A guest installs from it, by the page's line"

cp "$work/Stranger.asc" "$work/system$key"
rm -rf "$work/system/var/lib/apt/lists"
check "apt refuses it" [ "$(apt update >"$work/out" && apt install vgpuinfo >>"$work/out"; echo $?)" != 0 ]
check "vgpuinfo is not there" [ ! -e "$work/system/usr/bin/vgpuinfo" ]
cp "$work/Fleet.asc" "$work/system$key"
rm -rf "$work/system/var/lib/apt/lists"
check "apt takes it again" apt -o APT::Update::Error-Mode=any update
echo >>"$repository/vgpuinfo_${VERSION}_amd64.deb"
check "apt refuses a package that was changed" [ "$(apt install vgpuinfo >"$work/out"; echo $?)" != 0 ]
check "vgpuinfo is not there" [ ! -e "$work/system/usr/bin/vgpuinfo" ]
result "A list that another key has signed, and a package that was changed, are refused"

# The page's snippet, with that repository and its key.
block 'For cloud-init' | sed "s|https://packages[^ ]*|file:$repository|" >"$work/snippet"
indent=$(sed -n 's/^\( *\)-----BEGIN PGP.*/\1/p' "$work/snippet")
awk -v key="$(sed "s/^/$indent/" "$work/Fleet.asc")" '
	/BEGIN PGP/ { print key; skipped = 1; next }
	skipped && /^ *…$/ { skipped = 0; next }
	{ print }' "$work/snippet" >"$work/user-data"
system trixie apt-utils cloud-init gnupg
check "cloud-init knows all that is in it" there cloud-init schema --config-file "$work/user-data"
seed=$work/system/var/lib/cloud/seed/nocloud
mkdir -p "$seed"
cp "$work/user-data" "$seed/"
echo 'instance-id: guest' >"$seed/meta-data"
# It sees this machine's devices, and is to leave alone all but the files of the tree.
printf '%s\n' 'datasource_list: [NoCloud]' 'network: {config: disabled}' 'preserve_hostname: true' \
	'cloud_init_modules: []' >"$work/system/etc/cloud/cloud.cfg.d/99-test.cfg"
# Whether there is a network is not its matter here.
there cloud-init init >"$work/out"
check "its apt module takes them" there cloud-init single --name apt_configure --frequency always
cat "$work"/system/etc/apt/sources.list.d/vgpu-stub.list >"$work/sources.list"
check "the source is there" grep -qF "file:$repository ./" "$work/sources.list"
check "it is signed by the key" grep -q 'signed-by=/' "$work/sources.list"
check "there are the backports" grep -rq 'trixie-backports main' "$work/system/etc/apt/sources.list.d/backports.list"
check "apt reads it" apt -o APT::Update::Error-Mode=any update
check "it has vgpuinfo" there apt-cache -o Dir::Etc::SourceList="$work/sources.list" \
	-o Dir::Etc::SourceParts=/dev/null show vgpuinfo
result "cloud-init sets the repository up from the page's snippet"

end
