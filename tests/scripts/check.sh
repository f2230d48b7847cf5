#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What scripts/check refuses before it makes anything, what it makes for a group, and what it
# says of it.

cd "$(dirname -- "$0")" || exit
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
. ../selftests/ktap.sh
plan 11

scripts=$(cd ../../scripts && pwd)
checks=$scripts/check
logs=../../build/logs/check
groups=$(basename -s .sh "$scripts"/check.d/*.sh)
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
for group in $groups; do
	check "it names $group" grep -qw "$group" <(sed -n 's/^ *Groups: //p' "$work/messages")
done
for name in '' --hlp ../check 'lint unit'; do
	refused "there is no group '$name'" "$checks" "$name"
done
result "A group that is none is refused before the others are run, and all groups are named"

"$checks" --help >"$work/output"
check "it succeeds" [ $? -eq 0 ]
for group in $groups; do
	check "it says what $group is" grep -qE "^  $group +[a-z].{9}" "$work/output"
	check "in one line" [ "$(grep -c '^## ' "$scripts/check.d/$group.sh")" = 1 ]
done
check "there are no others" [ "$(grep -c '^  ' "$work/output")" = "$(wc -w <<<"$groups")" ]
result "Help has a line for each group"

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

# A checkout in which nothing but check and what it sources is real. Of the rest each says that
# it was called, and passes a test.
copy=$work/copy
mkdir -p "$copy"/{bin,scripts/lib,tests/{scripts,vm,packages,integrations},userspace/vgpu-host/tests/released/abc}
cat >"$work/stand-in" <<-END
	#!/bin/sh
	echo "\${0##*/} \$*" >>$work/called
	echo 'test result: ok. 1 passed; 0 failed; 0 ignored'
	[ ! -e $work/broken ] || exit 1
END
chmod +x "$work/stand-in"
for file in bin/make tests/{scripts,packages,integrations}/one.sh tests/vm/{guest,libvirt,packages}.sh \
	$(cd "$scripts/.." && echo scripts/* scripts/lib/*); do
	[ -d "$scripts/../$file" ] || ln -s "$work/stand-in" "$copy/$file"
done
rm "$copy"/scripts/check "$copy"/scripts/lib/{common.sh,report.sh,tally}
cp -r "$scripts"/check{,.d} "$copy/scripts/"
cp "$scripts"/lib/{common.sh,report.sh,tally} "$copy/scripts/lib/"

# run GROUP...: check them there; what they had made is in 'made', of what takes long to make.
run() {
	: >"$work/called"
	PATH=$copy/bin:$PATH "$copy/scripts/check" "$@" >"$work/output" 2>"$work/messages"
	status=$?
	made=$(sed -nE 's/^(make) .*/\1/p; s/^((sysroot|kernel|kernel-debug|guest-kernel|qemu|packaged-qemu|xen|dom0|kernel-in-tree|released-[a-z]+|debian-tree|with-[a-z]+) .*)/\1/p' \
		"$work/called" | sed 's/ *$//' | sort -u | paste -sd,)
}

# makes GROUP WHAT: that and nothing else.
makes() {
	known+="$1"$'\n'
	run "$1"
	check "$1 makes '$2', not '$made'" [ "$made" = "$2" ]
}

GUESTS='kernel,make,packaged-qemu --tests'
known=
makes unit 'sysroot'
makes device 'packaged-qemu --tests'
makes sanitized 'qemu --sanitized'
makes scripts 'kernel,packaged-qemu'
makes lint 'kernel,make,packaged-qemu --source'
makes quick "kernel,make,packaged-qemu --source,packaged-qemu --tests"
makes vm "kernel,kernel --without-rust,make,packaged-qemu --tests"
makes hostile "$GUESTS"
makes messages "$GUESTS"
makes eject "$GUESTS,qemu --sanitized"
makes debug 'kernel-debug,make,packaged-qemu --tests,sysroot'
makes xen 'dom0,kernel,packaged-qemu --tests,qemu,xen'
makes upgrade "$GUESTS,released-device abc,released-host abc"
makes packages 'kernel,packaged-qemu --tests'
makes in-tree 'kernel,kernel-in-tree m,kernel-in-tree y,packaged-qemu --tests'
makes integrations 'kernel,packaged-qemu --tests'
check "all groups were tried" [ "$(sort <<<"${known%$'\n'}")" = "$groups" ]
result "A group makes what it needs, and nothing else"

run unit
check "it succeeds" [ "$status" = 0 ]
check "the last line" [ "$(tail -n 1 "$work/output")" = '2 passed, 0 failed, 0 skipped' ]
check "the log is where it was" grep -qF "1 passed" "$copy/build/logs/check/unit.log"
run unit device
check "the last line" [ "$(tail -n 1 "$work/output")" = '4 passed, 0 failed, 0 skipped' ]
result "What passed is counted, of all groups that are named"

run
for name in 'every file names its licence' 'scripts: one' 'unit: harness' 'device' 'vm: libvirt' 'vm'; do
	check "it has: $name" grep -qE "^(ok|FAILED) +${name}[: ]" "$work/output"
done
check "the others are left out" sh -c "! grep -qE 'packages: one|integrations|debug|sanitized' '$work/output'"
check "lints have failed, as nothing is there" [ "$status" = 1 ]
check "the last line has all ($(tail -n 1 "$work/output"))" \
	grep -qE "^[1-9][0-9]* passed, $(grep -c '^FAILED' "$work/output") failed, 0 skipped$" "$work/output"
result "Everything is lints, scripts, crates, the device and guests"

# at_once takes them for broken that leave no counts.
cat >>"$copy/scripts/check.d/unit.sh" <<-'END'
	check_unit() { at_once ends_early passes; }
	ends_early() { exit 0; }
	passes() { lint "one" true; }
END
run unit
check "it fails" [ "$status" = 1 ]
check "the last line" [ "$(tail -n 1 "$work/output")" = '1 passed, 1 failed, 0 skipped' ]
result "A part that breaks down has failed, and the others count"

touch "$work/broken"
run device
check "it fails" [ "$status" = 1 ]
check "nothing was tried" [ ! -s "$work/output" ]
result "Without what it needs a group does not begin"

printf '## one that is new\ncheck_fresh() { lint "fresh" true; }\n' >"$copy/scripts/check.d/fresh.sh"
run fresh
check "it runs ($(cat "$work/messages"))" [ "$(tail -n 1 "$work/output")" = '1 passed, 0 failed, 0 skipped' ]
run --help
check "it is named" grep -q '^  fresh  *one that is new$' "$work/output"
result "A group is a file, and nothing else names it"

end
