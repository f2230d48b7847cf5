// SPDX-License-Identifier: GPL-2.0

//! The version of a module, for which `module!` has no key.

/// Puts a version into `.modinfo`, from where modinfo(8) prints it and the kernel shows it in
/// `/sys/module/NAME/version`.
macro_rules! module_version {
    ($version:expr) => {
        #[cfg(MODULE)]
        const _: () = {
            const LINE: &str = concat!("version=", $version, "\0");

            #[link_section = ".modinfo"]
            // As the kernel's own: with another kind, the lines are in two sections of that name.
            #[used(compiler)]
            static VERSION: [u8; LINE.len()] = match LINE.as_bytes().first_chunk() {
                Some(bytes) => *bytes,
                None => unreachable!(),
            };
        };
    };
}
pub(crate) use module_version;
