// SPDX-License-Identifier: GPL-2.0

//! Makes the numbers of the protocol from the device model's header.

use std::env;
use std::error::Error;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    let header = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?)
        .join("../../qemu-device/vgpu-stub-protocol.h");
    println!("cargo::rerun-if-changed={}", header.display());
    println!("cargo::rerun-if-changed=build.rs");
    bindgen::builder()
        .header(header.to_string_lossy())
        // QEMU's own headers have it from there.
        .clang_args(["-include", "stdint.h"])
        .allowlist_item("VGPU_.*")
        .allowlist_item("vgpu_.*")
        .generate()?
        .write_to_file(PathBuf::from(env::var("OUT_DIR")?).join("header.rs"))?;
    Ok(())
}
