#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Trees of the cache: whole or not there, whatever happens while they are made.

cd "$(dirname -- "$0")" || exit
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export work VGPU_CACHE=$work/cache
. ../../scripts/lib/common.sh
set +e
. ../selftests/ktap.sh
plan 6

# A builder that takes a while, and says that it ran.
slow() {
	echo run >>"$work/runs"
	echo half >"$1/file"
	sleep "$2"
	echo whole >"$1/file"
}
broken() { false; }
export -f slow
# A run of its own, as every script is.
make_slow() {
	bash -c '. ../../scripts/lib/common.sh; stage tree-1 slow '"$1" 2>>"$work/messages"
}

make_slow 0
check "the tree is there" [ "$(cat "$CACHE/tree-1/file")" = whole ]
make_slow 0
check "it is made once" [ "$(wc -l <"$work/runs")" = 1 ]
result "A tree that is there is not made again"

rm -rf "$CACHE/tree-1" "$work/runs"
make_slow 60 &
for _ in $(seq 12000); do
	[ ! -e "$CACHE/tree-1.partial/file" ] || break
	sleep 0.05
done
check "the run is in the middle of it" [ -e "$CACHE/tree-1.partial/file" ]
pkill -KILL -P $! 2>/dev/null
kill -KILL $!
wait $! 2>/dev/null
check "nothing is taken for whole" [ ! -e "$CACHE/tree-1" ]
# Whoever held the lock may still be asleep.
pkill -KILL -f 'sleep 60' 2>/dev/null
make_slow 0
check "the next run makes it" [ "$(cat "$CACHE/tree-1/file")" = whole ]
check "nothing half-made is left" [ ! -e "$CACHE/tree-1.partial" ]
result "A run that was killed leaves nothing that is taken for whole"

rm -rf "$CACHE/tree-1" "$work/runs" "$work/messages"
make_slow 1 &
make_slow 1 &
wait
check "the tree is there" [ "$(cat "$CACHE/tree-1/file")" = whole ]
check "it was made once" [ "$(wc -l <"$work/runs")" = 1 ]
check "the other one said that it waits" grep -q 'waiting for another run' "$work/messages"
result "Two runs at once make it once"

(stage tree-2 broken) 2>"$work/messages"
check "the run fails" [ $? -ne 0 ]
check "there is no tree" [ ! -e "$CACHE/tree-2" ]
result "A builder that fails leaves no tree"

(need_space 999999999 "a test") 2>"$work/messages"
check "it is refused" [ $? -ne 0 ]
check "the message says what to do" grep -q VGPU_CACHE "$work/messages"
result "A disk that is too small is refused before a long step"

run "$work/log" "a test" sh -c 'echo why it fails; exit 3' 2>"$work/messages"
check "the failure is passed on" [ $? -ne 0 ]
check "the end of the log is shown" grep -q 'why it fails' "$work/messages"
result "A long step that fails shows the end of its log"

end
