#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What the device, as a shared object, refuses to be loaded into, and that it leaves
# alone whoever is no QEMU. Debian's QEMU of the sysroot is the one that it is for.

cd "$(dirname -- "$0")/../.." || exit
top=$PWD
mkdir -p build
work=$(mktemp -d "$top/build/device-plugin.XXXXXX")
trap 'rm -rf "$work"' EXIT
. tests/selftests/ktap.sh
. scripts/lib/common.sh
. scripts/lib/plugin.sh
set +e
plan 11

settings=$(scripts/packaged-qemu) || bail_out "there is no plugin"
mapfile -t settings <<<"$settings"
for setting in "${settings[@]}"; do
	declare "${setting?}"
done
plugin=$VGPU_PLUGINS
source=$(scripts/packaged-qemu --source)
version=$(version_of scripts/enter "$VGPU_QEMU")
# A QEMU that is not refused goes on.
enter() { scripts/enter timeout 600 "$@" </dev/null >"$work/out" 2>"$work/messages"; }
qemu=("$VGPU_QEMU" -machine none -nodefaults -display none)

# compile FOR [FLAGS]: another plugin, as $work/vgpu-stub.so.
compile() {
	scripts/enter env "VGPU_CFLAGS=${2:-}" qemu-device/packaged/build "$source" "$1" \
		"$work/vgpu-stub.so" qemu-device/vgpu-stub*.c || bail_out "it does not compile"
}

# refused TEXT COMMAND...: with one line on stderr, in which TEXT is, and status 1.
refused() {
	enter "${@:2}"
	check "status of: ${*:2}" [ $? -eq 1 ]
	check "the line begins with its name ($(cat "$work/messages"))" \
		grep -q '^vgpu-stub\.so: not loaded: ' "$work/messages"
	check "it has: $1 ($(cat "$work/messages"))" grep -qF "$1" "$work/messages"
	check "it is one line" [ "$(wc -l <"$work/messages")" -eq 1 ]
}

# They differ between two machines.
for place in "$top" "$CACHE"; do
	check "$place is not in it" [ "$(grep -caF "$place/" "$plugin")" = 0 ]
done
result "Where it was compiled does not show in it"

enter env "LD_PRELOAD=$plugin" "$VGPU_QEMU" -device vgpu-stub,help
check "it has the properties" grep -q 'pool_id=<str> *- A or B' "$work/out"
enter env "LD_PRELOAD=$plugin" "$VGPU_QEMU" -device help
check "it is in the list" grep -q 'name "vgpu-stub", bus PCI' "$work/out"
result "By LD_PRELOAD, -device help knows the device"

other=$(sed -E 's/^([0-9]+\.[0-9]+)\.[0-9]+/\1.99/' <<<"$version")
compile "$other"
refused "this is QEMU $version" "${qemu[@]}" -plugin "$work/vgpu-stub.so"
check "for which it is" grep -qF "it is for QEMU $other" "$work/messages"
refused "this is QEMU $version" env "LD_PRELOAD=$work/vgpu-stub.so" "$VGPU_QEMU" --version
check "nothing else is printed" [ ! -s "$work/out" ]
compile "${version%)}+b1)"
refused "this is QEMU $version" "${qemu[@]}" -plugin "$work/vgpu-stub.so"
result "Another version is refused, be it another build of the same source"

# Integers of 128 bits are aligned to 8 bytes where the compiler has none.
printf '#include "qemu/osdep.h"\n#undef CONFIG_INT128\n' >"$work/no-int128.h"
compile "$version" "-include $work/no-int128.h"
refused "another configuration" "${qemu[@]}" -plugin "$work/vgpu-stub.so"
refused "another configuration" env "LD_PRELOAD=$work/vgpu-stub.so" "${qemu[@]}"
result "A QEMU in which structures have another layout is refused"

cp "$plugin" "$work/second.so"
refused "has the device vgpu-stub already" "${qemu[@]}" -plugin "$plugin" -plugin "$work/second.so"
refused "has the device vgpu-stub already" env "LD_PRELOAD=$plugin" "${qemu[@]}" -plugin "$plugin"
result "A QEMU that has the device, built in or loaded, is refused"

# As QEMU without modules: a program with that name, and what opens a plugin.
cat >"$work/opens.c" <<-'END'
	#include <dlfcn.h>
	#include <stdio.h>

	int main(int argc, char **argv)
	{
		void *plugin = dlopen(argv[1], RTLD_LAZY);
		int (*install)(void) = plugin ? dlsym(plugin, "qemu_plugin_install") : NULL;

		if (!install) {
			puts(dlerror());
			return 2;
		}
		return install();
	}
END
scripts/enter gcc -o "$work/qemu-dm" "$work/opens.c"
refused "exports nothing" "$work/qemu-dm" "$plugin"
scripts/enter cp /usr/bin/true "$work/xen-qemu-system-i386"
refused "exports nothing" env "LD_PRELOAD=$plugin" "$work/xen-qemu-system-i386"
result "A QEMU that exports nothing is refused, and told what it is"

enter env "LD_PRELOAD=$plugin" sh -c 'printenv LD_PRELOAD && ls / >/dev/null && qemu-system-x86_64 -device help'
check "it runs" [ $? -eq 0 ]
check "it says nothing" [ ! -s "$work/messages" ]
check "the variable is passed on" grep -qxF "$plugin" "$work/out"
check "to a QEMU" grep -q 'name "vgpu-stub"' "$work/out"
result "A program that is no QEMU is left alone"

# What QEMU starts to write its state to.
library=/usr/lib/x86_64-linux-gnu/libm.so.6
{
	echo '{"execute": "qmp_capabilities"}'
	echo '{"execute": "migrate", "arguments": {"uri": "exec:env >'"$work"'/env; cat >'"$work"'/state"}}'
	for _ in $(seq 6000); do
		[ ! -s "$work/state" ] || break
		sleep 0.1
	done
	echo '{"execute": "quit"}'
} | scripts/enter env "LD_PRELOAD=$plugin $library" "$VGPU_QEMU" -machine pc -accel tcg -S -nodefaults \
	-display none -qmp stdio -device vgpu-stub >"$work/out" 2>"$work/messages"
check "it succeeds ($(cat "$work/messages"))" [ "${PIPESTATUS[1]}" -eq 0 ]
check "there is a state" [ -s "$work/state" ]
check "its variable ($(grep LD_PRELOAD "$work/env"))" grep -qxF "LD_PRELOAD=$library" "$work/env"
result "What QEMU starts does not load it"

# What make device-plugin says, before it fetches anything.
made() { scripts/device-plugin "$@" >"$work/out" 2>"$work/messages"; }
made "$work/nowhere"
check "it fails" [ $? -eq 1 ]
check "which" grep -qF "there is no QEMU at $work/nowhere" "$work/messages"
made /bin/true
check "it fails" [ $? -eq 1 ]
check "which" grep -q "does not say which version of QEMU it is" "$work/messages"
result "A QEMU that is none is named"

# exporting VERSION: a program that says so and exports what QEMU does.
exporting() {
	printf '#include <stdio.h>\nint qmp_query_version;\nint main(void) { puts("QEMU emulator version %s"); }\n' \
		"$1" | scripts/enter gcc -rdynamic -x c -o "$work/qemu" -
}
printf '#!/bin/sh\necho "QEMU emulator version 9.0.2 (pve-qemu-kvm_9.0.2-4)"\n' >"$work/qemu"
chmod +x "$work/qemu"
made "$work/qemu"
check "it fails" [ $? -eq 1 ]
check "the kind" grep -q "Proxmox builds it without modules" "$work/messages"
exporting 10.0.13
made "$work/qemu"
check "it fails" [ $? -eq 1 ]
check "the kind" grep -q "not of a package of Debian's or Ubuntu's" "$work/messages"
result "A QEMU that no device can be compiled for is told what it is"

exporting '9.9.9 (Debian 1:9.9.9+ds-1+b3)'
made "$work/qemu"
check "it fails" [ $? -eq 1 ]
check "the version of the source" grep -qF "the mirror has no source of QEMU 1:9.9.9+ds-1" "$work/messages"
check "there is a hint" grep -q 'upgrade QEMU' "$work/messages"
result "A QEMU whose source is not to be had is told so"

end
