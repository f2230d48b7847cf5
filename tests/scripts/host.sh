#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What vgpu-host says about itself, and that man and the shells can use it.

cd "$(dirname -- "$0")/../.." || exit
. tests/scripts/lib/documented.sh
plan 4

make -s host >"$work/programs"
host=$(grep 'vgpu-host$' "$work/programs")

"$host" man --directory "$work/man8"
check "the pages are written" [ $? = 0 ]
pages_render "$work/man8"
result "man renders every page without a warning"

"$host" completions bash >"$work/vgpu-host"
"$host" completions zsh >"$work/_vgpu-host"
"$host" completions fish >"$work/vgpu-host.fish"
for script in vgpu-host _vgpu-host vgpu-host.fish; do
	offers "$work/$script" 'vgpu-host s' 'set spec status' verify
	offers "$work/$script" 'vgpu-host completions ' 'bash fish zsh' powershell
	offers "$work/$script" 'vgpu-host attach VM --priority ' 'high low medium' pool_id
	offers "$work/$script" 'vgpu-host spec ' 'apply check revert' status
	result "$script completes"
done

end
