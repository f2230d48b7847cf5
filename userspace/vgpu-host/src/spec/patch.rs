// SPDX-License-Identifier: GPL-2.0

//! The patch that puts the device into QEMU.

/// What its file is called.
pub const NAME: &str = "vgpu-stub.patch";
/// The whole patch.
pub const TEXT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/vgpu-stub.patch"));
/// Tells this patch from one of another version.
pub const DIGEST: &str = env!("VGPU_PATCH_DIGEST");

/// Every version of the patch has it as its second line.
const SUBJECT: &[u8] = b"Subject: [PATCH] hw/misc: Add vgpu-stub";

/// Whether a file's content is some version of the patch.
pub fn is_ours(text: &[u8]) -> bool {
    text.split(|byte| *byte == b'\n').nth(1) == Some(SUBJECT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_patch_of_this_version_is_known_as_ours() {
        assert!(is_ours(TEXT));
        assert!(!is_ours(b"Subject: [PATCH] hw/misc: Add vgpu-stub\n"));
        assert!(TEXT.ends_with(b"\n"));
    }
}
