#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# That there is one version, that of Cargo.toml.

cd "$(dirname -- "$0")/../.." || exit
. tests/selftests/ktap.sh
plan 4
release=build/target/x86_64-unknown-linux-gnu/release
version=$(. scripts/lib/common.sh && project_version)

make modules >/dev/null
module=build/module/drivers/vgpu_stub/vgpu_stub.ko
check "modinfo says it" [ "$(scripts/enter modinfo -F version "$module")" = "$version" ]
result "The module is of that version"

make tools host pool >/dev/null
for program in vgpuinfo vgpu-host vgpu-pool; do
	check "$program says it" [ "$("$release/$program" --version)" = "$program $version" ]
done
result "The commands are of that version"

check "no member has another one" \
	[ "$(grep -L '^version.workspace = true$' userspace/*/Cargo.toml tests/*/Cargo.toml)" = "" ]
result "Every crate takes it from the workspace"

check "it is the newest entry" \
	[ "$(sed -n 's/^## \([0-9.]*\) .*/\1/p' CHANGELOG.md | head -n 1)" = "$version" ]
check "the first entry is the first version" \
	[ "$(sed -n 's/^## \([0-9.]*\) .*/\1/p' CHANGELOG.md | tail -n 1)" = 0.1.0 ]
result "CHANGELOG.md has an entry for it"

end
