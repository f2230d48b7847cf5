// SPDX-License-Identifier: GPL-2.0

//! Boots guests and talks to them.
//!
//! ```no_run
//! # fn main() -> anyhow::Result<()> {
//! use harness::{Guest, Machine};
//!
//! let guest = Guest::builder("two-pools")
//!     .machine(Machine::Q35)
//!     .device("pool_id=B,vm_id=7")
//!     .device("pool_id=A")
//!     .boot()?;
//! guest.check("modprobe vgpu_stub")?;
//! assert_eq!(guest.check("cat /sys/class/vgpu/vgpu0/pool_id")?, "B");
//! guest.finish()?;
//! # Ok(())
//! # }
//! ```
//!
//! A guest is a stock kernel with an initramfs under QEMU's TCG. Inside, an agent
//! (crate `vgpu-agent`) runs commands that [`Guest::run`] and [`Guest::spawn`]
//! send it; from outside, [`Guest::qmp`] reaches the machine itself. What the
//! guest is made of comes from the environment, see [`Artifacts`].
//!
//! Whatever a caller waits for ends when the machine dies, the kernel panics, or
//! the guest's wall-clock limit passes, with an error that says which and where
//! the logs are. [`Guest::finish`] fails when the kernel's log holds a complaint, or
//! the kernel has lost memory and knows it.
//!
//! The times that callers give are those of Debian's kernel; see [`scaled`].

mod agent;
mod artifacts;
mod builder;
mod command;
mod devices;
mod guest;
pub mod ktap;
mod logs;
mod machine;
mod patience;
mod piece;
mod process;
mod qmp;
mod relocation;
mod sockets;

pub use artifacts::Artifacts;
pub use builder::GuestBuilder;
pub use command::{Output, Running};
pub use devices::{default_revision, parse_devices};
pub use guest::Guest;
pub use logs::COMPLAINTS;
pub use machine::{Machine, ParseMachineError};
pub use patience::scaled;
pub use piece::Piece;
/// The QMP types that [`Qmp::execute`] takes, under `qapi::qmp`.
pub use qapi;
pub use qmp::Qmp;
pub use vgpu_agent::End;
