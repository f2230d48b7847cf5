#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What scripts/check refuses, before it makes anything.

cd "$(dirname -- "$0")" || exit
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
. ../selftests/ktap.sh
plan 4

checks=../../scripts/check
logs=../../build/logs/check
mkdir -p "$logs"
touch "$logs/refused"

# refused TEXT [NAME=VALUE] COMMAND...: it is, with TEXT, and nothing was begun: the
# logs of the run that this test is a part of are there.
refused() {
	env "${@:2}" >"$work/output" 2>"$work/messages"
	check "it is refused: ${*:2}" [ $? -eq 1 ]
	check "the message has: $1 ($(cat "$work/messages"))" grep -qF "$1" "$work/messages"
	check "nothing is printed" [ ! -s "$work/output" ]
	check "the logs are there" [ -e "$logs/refused" ]
}

refused "there is no group 'vmm'" "$checks" lint vmm
result "A group that is none is named before the others are run"

for value in abc 0 -1 1.5 08; do
	refused "STORM must be a number, 1 or more, got '$value'" "STORM=$value" "$checks" debug
	refused "OPERATIONS must be a number, 1 or more, got '$value'" "OPERATIONS=$value" "$checks" sanitized
	refused "EJECTS must be a number, 1 or more, got '$value'" "EJECTS=$value" "$checks" eject
	refused "SCRIPTS must be a number, 1 or more, got '$value'" "SCRIPTS=$value" "$checks" hostile
	refused "RUNS must be a number, 1 or more, got '$value'" "RUNS=$value" "$checks" xen
done
result "What is not a number, or 0, is no count"

refused "SEED must be a number, 0 or more, got 'abc'" SEED=abc "$checks" sanitized
refused "SEED must be a number, 0 or more, got 'abc'" SEED=abc "$checks" hostile
result "A seed is a number"

for value in abc 3 24; do
	refused "CYCLES must be a number, 25 or more, got '$value'" "CYCLES=$value" "$checks" debug
done
result "Too few cycles to judge by are refused"

rm -f "$logs/refused"
end
