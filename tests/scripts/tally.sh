#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Each test is counted once.

cd "$(dirname -- "$0")" || exit
tally=$(cd ../../scripts/lib && pwd)/tally
log=$(mktemp)
trap 'rm -f "$log"' EXIT
. ../selftests/ktap.sh
plan 3

printf '%s\n' 'TAP version 13' 1..4 'ok 1 - one' 'not ok 2 - two' 'ok 3 - three # SKIP no device' \
	'# ok 9' 'ok 4 - four' >"$log"
check "the numbers" [ "$("$tally" "$log")" = '2 1 1' ]
result "KTAP is counted"

printf '%s\n' 'test one ... ok' 'test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured' \
	'test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 measured' >"$log"
check "the numbers" [ "$("$tally" "$log")" = '7 3 1' ]
result "The results of several suites of cargo's are added up"

printf '%s\n' 'ok 1 - within' 'not ok 2 - within' 'ok 3 - within # SKIP no device' \
	'test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured' >"$log"
check "the numbers" [ "$("$tally" "$log")" = '1 0 0' ]
result "What a test of cargo's shows is not counted once more"

end
