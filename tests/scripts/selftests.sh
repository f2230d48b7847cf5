#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A program of tests/selftests takes its file, and a test a line of run_tests.sh besides.

cd "$(dirname -- "$0")/../.." || exit
. tests/selftests/ktap.sh
. tests/scripts/lib/work.sh
plan 4

mkdir -p "$work"/{tests/selftests,include/uapi/linux,out}
cp tests/selftests/{Makefile,config,*.sh} "$work/tests/selftests/"
cp include/uapi/linux/vgpu_stub.h "$work/include/uapi/linux/"
printf '#include <linux/vgpu_stub.h>\n#include "own.h"\nint main(void) { return OWN; }\n' \
	>"$work/tests/selftests/fresh.c"
echo '#define OWN 3' >"$work/tests/selftests/own.h"
make() { scripts/enter make -s -C "$work/tests/selftests" "OUTPUT=$work/out" 2>&1; }

check "make builds it: $(make)" [ -x "$work/out/fresh" ]
"$work/out/fresh"
check "it runs" [ $? = 3 ]
for file in "$work"/tests/selftests/*.sh; do
	check "${file##*/} is beside it" cmp "$file" "$work/out/${file##*/}"
done
result "A C file is a program in every guest"

echo '#define OWN 4' >"$work/tests/selftests/own.h"
touch -d '+1 minute' "$work/tests/selftests/own.h"
check "make builds it: $(make)" [ -x "$work/out/fresh" ]
"$work/out/fresh"
check "it is another one" [ $? = 4 ]
result "A header that changes has the programs built anew"

echo 'int broken' >"$work/tests/selftests/compat.c"
said=$(make)
check "make fails" [ $? != 0 ]
check "the compiler says why: $said" grep -q 'compat\.c:.*error' <<<"$said"
check "there is no such program" [ ! -e "$work/out/compat" ]
rm "$work/tests/selftests/compat.c"
result "A program that does not compile is not left out, the one of 32 bits no more than others"

# A stand-in for each test, which has to be given what it is called with.
sed -i '/^tests="/,/"$/s/"$/\nfresh and new"/' "$work/out/run_tests.sh"
sed -n '/^tests="/,/"$/s/^\(tests="\)\{0,1\}\([a-z.]*\).*/\2/p' "$work/out/run_tests.sh" >"$work/tests/names"
number=$(wc -l <"$work/tests/names")
while read -r test; do
	printf '#!/bin/sh\necho "%s: $*"\ncat\n' "$test" >"$work/out/$test"
	chmod +x "$work/out/$test"
done <"$work/tests/names"
printf '#!/bin/sh\nexit 1\n' >"$work/out/chardev"
"$work/out/run_tests.sh" </dev/null >"$work/said"
check "it fails, as one does" [ $? = 1 ]
check "all are planned" grep -qx "1\.\.$number" "$work/said"
check "they have their arguments" grep -qx '    fresh: and new' "$work/said"
check "the new one has passed" grep -qx "ok $number - fresh and new" "$work/said"
check "the one that fails is named" grep -qx 'not ok [0-9]* - chardev' "$work/said"
check "no other one has failed" [ "$(grep -c '^not ok' "$work/said")" = 1 ]
check "all were run" [ "$(grep -cE '^(not )?ok ' "$work/said")" = "$number" ]
result "A line of run_tests.sh is a test"

end
