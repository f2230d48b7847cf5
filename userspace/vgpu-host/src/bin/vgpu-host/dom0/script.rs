// SPDX-License-Identifier: GPL-2.0

//! The scripts by which the toolstack calls this program. They are as short as they are
//! so that an update is one of the program.

/// Becomes the plugin. xapi calls it with one argument.
pub(crate) const PLUGIN: &[u8] = b"#!/bin/sh
# Written by vgpu-host install; vgpu-host uninstall takes it away.
exec /usr/libexec/vgpu-stub/vgpu-host xapi-plugin -- \"$@\"
";

/// Becomes the guard. VMs have no way to be moved from a host on which it always fails, so
/// that without the program it only has a line logged.
pub(crate) const GUARD: &[u8] = b"#!/bin/sh
# Written by vgpu-host install; vgpu-host uninstall takes it away.
[ -x /usr/libexec/vgpu-stub/vgpu-host ] || {
	echo '/usr/libexec/vgpu-stub/vgpu-host is gone: run vgpu-host install'
	exit 1
}
exec /usr/libexec/vgpu-stub/vgpu-host xapi-guard -- \"$@\"
";

#[cfg(test)]
mod tests {
    use vgpu_host::layout::PROGRAM;

    use super::*;

    #[test]
    fn the_scripts_call_the_program_where_install_puts_it() {
        for script in [PLUGIN, GUARD] {
            let text = String::from_utf8_lossy(script);
            assert!(text.contains(&format!("exec {PROGRAM} ")), "{text}");
        }
    }
}
