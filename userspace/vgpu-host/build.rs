// SPDX-License-Identifier: GPL-2.0

//! Makes the patch for QEMU's package, by the script that makes it for people.

use std::env;
use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use sha2::{Digest, Sha256};

/// So many digits tell two patches apart.
const DIGITS: usize = 12;

fn main() -> Result<(), Box<dyn Error>> {
    let top = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../..");
    let script = top.join("qemu-device/xcp-ng/make-patch");
    for source in ["qemu-device", "include/uapi/linux/vgpu_stub.h"] {
        println!("cargo::rerun-if-changed={}", top.join(source).display());
    }
    println!("cargo::rerun-if-changed=build.rs");

    let output = Command::new(&script)
        .output()
        .map_err(|error| format!("{}: {error}", script.display()))?;
    if !output.status.success() || output.stdout.is_empty() {
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(format!("{}: {}: {message}", script.display(), output.status).into());
    }
    let digest = format!("{:x}", Sha256::digest(&output.stdout));
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("vgpu-stub.patch"), &output.stdout)?;
    println!("cargo::rustc-env=VGPU_PATCH_DIGEST={}", &digest[..DIGITS]);
    Ok(())
}
