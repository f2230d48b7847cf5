// SPDX-License-Identifier: GPL-2.0

//! Driver for the vGPU stub, a PCI device that tells a virtual machine which GPU pool it was given
//! a share of, at which priority and under which id.
//!
//! Limitations:
//! - Revision 1 of the device has no interrupt: the completion of a command is found by reading its
//!   status. Nor can it say that its identity has changed, as it may by a migration: the identity
//!   is read whenever somebody looks, and a change is announced to nobody.
//! - Revisions above 3 are driven as revision 3.
//!
//! `include/uapi/linux/vgpu_stub.h` has the registers and the ioctls,
//! `Documentation/ABI/testing/sysfs-class-vgpu` the attributes.

use kernel::prelude::*;

mod announcement;
mod attributes;
mod class;
mod command;
mod compat;
mod driver;
mod event;
mod file;
mod hw;
mod identity;
mod irq;
mod live_config;
mod message;
mod pci;
mod regs;
mod slots;
mod state;
mod timeout;
mod uapi;
#[cfg(module_version)]
mod version;
mod vgpu;
mod wakeup;
mod window;

type Module = pci::Module<vgpu::Vgpu>;

module! {
    type: Module,
    name: "vgpu_stub",
    authors: ["The vgpu-stub developers"],
    description: "Driver for the vGPU stub",
    license: "GPL",
}

// Out of the kernel's tree it has a version of its own, which the build says.
#[cfg(module_version)]
version::module_version!(env!("VGPU_STUB_VERSION"));
