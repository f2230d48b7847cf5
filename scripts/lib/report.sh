# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# How checks are run, counted and reported. It is sourced after common.sh, from the checkout, by
# who has LOGS, the directory for what they print.

passed=0 failed=0 skipped=0

# log_of NAME: where a check's output goes.
log_of() {
	printf '%s\n' "$LOGS/${1//[^a-zA-Z0-9]/-}.log"
}

# verdict NAME STATUS LOG SECONDS: print one check's line, and its log if it failed.
verdict() {
	if [ "$2" = 0 ]; then
		printf 'ok      %s (%s s)\n' "$1" "$4"
	else
		printf 'FAILED  %s (%s s); log: %s\n%s\n' "$1" "$4" "$3" \
			"$(tail -n 60 -- "$3" | sed 's/^/        | /')"
	fi
}

# counted FUNCTION: run it, and leave what it counted in a file.
counted() {
	local passed=0 failed=0 skipped=0
	"$1"
	echo "$passed $failed $skipped" >"$LOGS/$1.counts"
}

# at_once FUNCTION...: checks of which none gets in another's way. Much of what they do
# keeps only one core busy.
at_once() {
	local function good bad ignored
	for function; do
		counted "$function" &
	done
	wait
	for function; do
		# One that broke down in the middle has failed.
		read -r good bad ignored <"$LOGS/$function.counts" || good=0 bad=1 ignored=0
		passed=$((passed + good)) failed=$((failed + bad)) skipped=$((skipped + ignored))
	done
}

# lint NAME COMMAND...: a check that passes or fails as a whole, and quietly.
lint() {
	local name=$1 log status=0 started=$SECONDS
	log=$(log_of "$1")
	shift
	"$@" >"$log" 2>&1 </dev/null || status=$?
	verdict "$name" "$status" "$log" $((SECONDS - started))
	if [ "$status" = 0 ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
	fi
}

# suite NAME COMMAND...: tests that count themselves, as cargo test or as KTAP.
suite() {
	local name=$1 log status=0 started=$SECONDS counts good bad ignored
	log=$(log_of "$1")
	shift
	say "$name (log: $log)"
	"$@" >"$log" 2>&1 </dev/null || status=$?
	counts=$(scripts/lib/tally "$log")
	read -r good bad ignored <<<"$counts"
	# A suite that breaks down, or runs no test at all, has failed once more.
	if [ "$status" != 0 ] && [ "$bad" = 0 ]; then
		bad=1
	fi
	if [ $((good + bad + ignored)) = 0 ]; then
		bad=1
		echo "no test was run" >>"$log"
	fi
	[ "$bad" = 0 ] || status=1
	verdict "$name: $good passed, $bad failed, $ignored skipped" "$status" "$log" \
		$((SECONDS - started))
	passed=$((passed + good)) failed=$((failed + bad)) skipped=$((skipped + ignored))
}

# suites_of DIRECTORY: each script of that directory of tests, which is a suite.
suites_of() {
	local test
	for test in "tests/$1"/*.sh; do
		suite "$1: $(basename "$test" .sh)" "$test"
	done
}
