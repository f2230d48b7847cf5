// SPDX-License-Identifier: GPL-2.0

//! Conformance of the device model, over qtest: QEMU without a guest, in which
//! the test itself is the processor.
//!
//! This library is the bench: a [`Machine`] to plug devices into, the [`pci`]
//! accesses a guest would make, and a [`Model`] of what the device must answer.
//! What is shown with it is in `tests/conformance`.
//!
//! QEMU is the program that the environment variable `VGPU_QEMU` names. It has the device
//! built in, or loads it from the files that `VGPU_PLUGINS` lists, with a colon between
//! them: by `-plugin`, or by `LD_PRELOAD` if `VGPU_PRELOAD` is set. What is migrated goes to
//! another one if `VGPU_TARGET_QEMU` and `VGPU_TARGET_PLUGINS` say so. Whatever goes wrong on
//! the bench ends the test with a panic that says what.

mod backend;
mod environment;
mod hotplug;
mod late;
mod machine;
mod model;
mod msix;
pub mod pci;
mod qmp;
mod qtest;
mod state;

pub use backend::Backend;
pub use environment::number;
pub use hotplug::Hotplug;
pub use late::Late;
pub use machine::{Chipset, Machine, Refusal, refuse};
pub use model::{Identity, Model};
pub use msix::Msix;
pub use qmp::{Qmp, QmpError};
pub use qtest::{Qtest, Request, Width};
