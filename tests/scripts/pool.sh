#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What vgpu-pool says about itself, that man and the shells can use it, and its unit.

cd "$(dirname -- "$0")/../.." || exit
. tests/scripts/lib/documented.sh
plan 5

make -s pool
pool=build/target/x86_64-unknown-linux-gnu/release/vgpu-pool

"$pool" man --directory "$work/man8"
check "the pages are written" [ $? = 0 ]
pages_render "$work/man8"
result "man renders every page without a warning"

"$pool" completions bash >"$work/vgpu-pool"
"$pool" completions zsh >"$work/_vgpu-pool"
"$pool" completions fish >"$work/vgpu-pool.fish"
for script in vgpu-pool _vgpu-pool vgpu-pool.fish; do
	offers "$work/$script" 'vgpu-pool ' 'serve completions man' verify
	offers "$work/$script" 'vgpu-pool completions ' 'bash fish zsh' powershell
	offers "$work/$script" 'vgpu-pool serve --answer ' 'echo identity queue' medium
	result "$script completes"
done

# What of it is no option of the program's is found when it starts.
options=$(sed -n 's/^Environment="VGPU_POOL_OPTIONS=\(.*\)"$/\1/p' \
	userspace/vgpu-pool/systemd/vgpu-pool.service)
check "it has options" [ -n "$options" ]
mkdir "$work/sockets"
# shellcheck disable=SC2086 # As systemd parts them.
timeout 2 "$pool" serve "$work/sockets" $options 2>"$work/said"
check "the program takes them, and goes when it is told to" [ $? = 124 ]
check "it has begun" grep -q "^vgpu-pool: watching $work/sockets$" "$work/said"
result "The unit's options are the program's"

end
