// SPDX-License-Identifier: MIT OR Apache-2.0

//! Makes what the library takes from elsewhere: the module `uapi` from the
//! contract, and the device's names from the PCI id database.

use std::env;
use std::error::Error;
use std::fs;
use std::path::PathBuf;

use pci_ids::{Device, FromId, Subclass, Vendor};

fn main() -> Result<(), Box<dyn Error>> {
    let header =
        PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../include/uapi/linux/vgpu_stub.h");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    println!("cargo::rerun-if-changed={}", header.display());
    println!("cargo::rerun-if-changed=build.rs");

    let bindings = bindgen::builder()
        .header(header.to_string_lossy())
        .allowlist_item("VGPU_.*")
        .allowlist_item("vgpu_.*")
        // The ioctl numbers are macros that call macros with sizeof in them:
        // only clang itself can say what they come to.
        .clang_macro_fallback()
        .clang_macro_fallback_build_dir(&out)
        .derive_default(true)
        .generate()?
        .to_string();
    fs::write(out.join("uapi.rs"), &bindings)?;

    let vendor = constant(&bindings, "VGPU_PCI_VENDOR_ID")?;
    let device = constant(&bindings, "VGPU_PCI_DEVICE_ID")?;
    let [class, subclass] = constant(&bindings, "VGPU_PCI_CLASS")?.to_be_bytes();
    let names = [
        ("VENDOR", Vendor::from_id(vendor).map(Vendor::name)),
        (
            "DEVICE",
            Device::from_vid_pid(vendor, device).map(Device::name),
        ),
        (
            "CLASS",
            Subclass::from_cid_sid(class, subclass).map(Subclass::name),
        ),
    ];
    let constants = names.map(|(what, name)| format!("const {what}: Option<&str> = {name:?};"));
    fs::write(out.join("names.rs"), constants.join("\n"))?;
    Ok(())
}

/// The value of a 16-bit constant in the generated bindings: a build script
/// cannot include what it generates.
fn constant(bindings: &str, name: &str) -> Result<u16, Box<dyn Error>> {
    let start = format!("pub const {name}: u32 = ");
    let value = bindings
        .lines()
        .find_map(|line| line.strip_prefix(&start)?.strip_suffix(';'))
        .ok_or_else(|| format!("the header has no {name}"))?;
    Ok(value.parse()?)
}
