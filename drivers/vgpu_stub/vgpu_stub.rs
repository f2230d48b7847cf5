// SPDX-License-Identifier: GPL-2.0

//! Driver for the vGPU stub, a PCI device that tells a virtual machine which GPU pool it was given
//! a share of, at which priority and under which id.
//!
//! Limitations:
//! - Revision 1 of the device has no interrupt: the completion of a command is found by reading its
//!   status, and its identity does not change while it is bound.
//! - A revision after the second one is driven as that.
//!
//! `Documentation/device.md` has the registers, `Documentation/driver.md` the design.

use kernel::{
    driver::Registration,
    pci,
    prelude::*,
    InPlaceModule, //
};

mod attributes;
mod class;
mod command;
mod driver;
mod event;
mod file;
mod hw;
mod identity;
mod irq;
mod regs;
mod state;
mod uapi;

const MODULE_NAME: &CStr = <LocalModule as kernel::ModuleMetadata>::NAME;

#[pin_data]
struct VgpuStubModule {
    // Fields are dropped in declaration order: the driver has to let go of all devices before
    // their class can go.
    #[pin]
    _driver: Registration<pci::Adapter<class::pci::Adapter<driver::Vgpu>>>,
    _class: class::Registered<driver::Vgpu>,
}

impl InPlaceModule for VgpuStubModule {
    fn init(module: &'static ThisModule) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            _class: driver::CLASS.register()?,
            _driver <- Registration::new(MODULE_NAME, module),
        })
    }
}

module! {
    type: VgpuStubModule,
    name: "vgpu_stub",
    authors: ["The vgpu-stub developers"],
    description: "Driver for the vGPU stub",
    license: "GPL",
}
