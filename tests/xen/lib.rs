// SPDX-License-Identifier: GPL-2.0

//! A Xen host with its first domain, dom0, and VMs on it.
//!
//! The host is a guest of the harness. What is real in it: Xen, dom0's kernel,
//! xenstored, xl with libxl, QEMU with the device, the hook, and the guest with the
//! driver. What is XCP-ng's own stands in, in tests/xen/dom0: for xenopsd, a shim
//! between xl and the hook; for the stock wrapper, a script that starts QEMU.

mod host;
mod vm;

pub use host::Host;
pub use vm::Vm;
