// SPDX-License-Identifier: MIT OR Apache-2.0

//! Finds the vGPU stubs of this machine and reads what they say: which pool
//! they belong to, at which priority, under which id.
//!
//! ```no_run
//! use vgpu::{Roots, Source, Vgpu};
//!
//! for mut device in Vgpu::discover(&Roots::default())? {
//!     let info = device.read(Source::Auto)?;
//!     println!("{}: pool {}, priority {}", device.label(), info.pool_id, info.priority);
//! }
//! # Ok::<(), vgpu::Error>(())
//! ```
//!
//! A device with the driver `vgpu_stub` bound is read through sysfs or its node
//! in /dev, any other one through BAR0 or, where that may not be opened, by what root
//! has published of it. Nothing here enables a device, binds a
//! driver or writes to BAR0; commands need the driver.
//!
//! A [`Vgpu`] is one PCI function for good: a name or an address that another
//! device gets later leads to no other one. What is opened is found from the
//! function's own directory in sysfs, or compared with what is found there.
//!
//! Every device may vanish at any moment. That is an [`Error::Gone`] of the
//! call it happened in, never a panic and never a signal.
//!
//! The licence is MIT or Apache-2.0, other than that of the rest of the repository: nothing of
//! that is linked in. What [`uapi`] takes from the UAPI header, `GPL-2.0 WITH
//! Linux-syscall-note`, any program may use.

mod address;
mod bar;
mod call;
mod chardev;
mod class;
mod command;
mod config;
mod device;
mod diagnose;
mod directory;
mod discover;
mod driver;
mod error;
mod events;
mod identity;
mod info;
mod message;
mod modalias;
mod names;
mod namespaces;
mod number;
mod publish;
mod published;
mod read;
mod roots;
mod sys;
mod sysfs;
pub mod uapi;

#[cfg(test)]
mod fixture;

pub use address::{AddressError, PciAddress};
pub use command::Completion;
pub use device::Vgpu;
pub use diagnose::{Finding, Part, Verdict, diagnose, survey, without_host_name};
pub use driver::DRIVER;
pub use error::{Error, Refusal, Result};
pub use events::{Events, Wake};
pub use identity::{PoolId, Priority};
pub use info::{Info, Register, Source};
pub use message::{Answer, CallError, MESSAGE_MAX};
pub use number::parse_u32;
pub use publish::{Publication, publish};
pub use roots::Roots;
