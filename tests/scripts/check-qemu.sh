#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What check-qemu says of trees that it cannot use. No QEMU is built for this.

cd "$(dirname -- "$0")" || exit
top=$(cd ../.. && pwd)
mkdir -p "$top/build"
work=$(mktemp -d "$top/build/check-qemu.XXXXXX")
. ../../scripts/lib/common.sh
set +e
. ../selftests/ktap.sh
name=qemutree-${work##*/}-4.2.1
trap 'rm -rf "$work" "$CACHE/$name"-*.partial "$CACHE/locks/$name"-* "$CACHE/logs/check-${name/tree/}"*' EXIT
plan 3

"$top/scripts/check-qemu" "$work" >"$work/out" 2>"$work/messages"
check "it fails" [ $? -eq 1 ]
check "the reason" grep -q 'no source tree of QEMU' "$work/messages"
result "A directory that is no tree is refused"

# A tree with a version and nothing else.
mkdir "$work/tree"
echo 4.2.1 >"$work/tree/VERSION"
"$top/scripts/check-qemu" "$work/tree" >"$work/out" 2>"$work/messages"
check "it fails" [ $? -eq 1 ]
check "the reason" grep -q 'the device model has no place in QEMU' "$work/messages"
check "the line of the version" grep -q '^FAILED  QEMU .*4\.2\.1' "$work/out"
check "the last line" [ "$(tail -n 1 "$work/out")" = '0 passed, 1 failed, 0 skipped' ]
result "A tree without a place for the device has failed"

check "nothing of it is kept" [ -z "$(find "$CACHE" -maxdepth 1 -name "$name-*" ! -name '*.partial')" ]
result "A tree that could not be made is not taken for one"

end
