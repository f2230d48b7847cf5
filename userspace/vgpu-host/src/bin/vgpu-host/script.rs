// SPDX-License-Identifier: GPL-2.0

//! The scripts by which the toolstack calls this program. They are as short as they are
//! so that an update is one of the program.

/// Becomes the plugin. xapi calls it with one argument.
pub(crate) const PLUGIN: &[u8] = b"#!/bin/sh
# Written by vgpu-host install; vgpu-host uninstall takes it away.
exec /usr/libexec/vgpu-stub/vgpu-host xapi-plugin -- \"$@\"
";

#[cfg(test)]
mod tests {
    use vgpu_host::layout::PROGRAM;

    use super::*;

    #[test]
    fn the_scripts_call_the_program_where_install_puts_it() {
        let text = String::from_utf8_lossy(PLUGIN);
        assert!(text.contains(&format!("exec {PROGRAM} ")), "{text}");
    }
}
