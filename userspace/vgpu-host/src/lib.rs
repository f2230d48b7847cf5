// SPDX-License-Identifier: GPL-2.0

//! What the two programs of the host share: the hook that gives a device model
//! its vGPU stubs, and the command that sets them up and puts the device into the
//! host's QEMU.
//!
//! Text that comes from xenstore is parsed into [`Device`]s, and whatever is
//! made for a command line is made of those. No text is copied.

pub mod below;
pub mod configuration;
pub mod device;
pub mod keys;
pub mod layout;
pub mod program;
pub mod shown;
pub mod spec;
pub mod xenstore;

pub use device::{Device, Messages, Msix, Pool, Priority, Revision};
pub use keys::KeyError;
pub use shown::Shown;
