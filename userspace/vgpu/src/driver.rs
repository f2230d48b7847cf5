// SPDX-License-Identifier: MIT OR Apache-2.0

//! The driver's names.

/// The name of the driver that gives a device its attributes and its node.
pub const DRIVER: &str = "vgpu_stub";

/// Directory of the class devices of a PCI function, below its own.
pub(crate) const CLASS: &str = "vgpu";
