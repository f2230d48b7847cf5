// SPDX-License-Identifier: GPL-2.0

//! What a device says about itself, and where it may be asked.

use std::fmt;

use crate::{PoolId, Priority};

/// Where a device is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Source {
    /// [`Sysfs`](Source::Sysfs) where the driver is bound, else
    /// [`Bar`](Source::Bar).
    #[default]
    Auto,
    /// The attributes in /sys/class/vgpu/vgpuN: readable by all users, one
    /// value a file, so two values may be from before and after a change.
    Sysfs,
    /// `VGPU_IOC_GET_INFO` on /dev/vgpuN: one consistent view, for root and
    /// whoever udev gives the node to.
    Chardev,
    /// BAR0, mapped for reading: needs no driver, but root.
    Bar,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Source::Auto => "auto",
            Source::Sysfs => "sysfs",
            Source::Chardev => "chardev",
            Source::Bar => "bar",
        })
    }
}

/// The registers of a device, decoded: the same whichever source they are from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Info {
    /// Where the values were read; never [`Source::Auto`].
    pub source: Source,
    /// The pool the device belongs to.
    pub pool_id: PoolId,
    /// The device's priority in that pool.
    pub priority: Priority,
    /// The number of the virtual machine.
    pub vm_id: u32,
    /// The last command, 0 if there was none since reset.
    pub command: u32,
    /// The register STATUS: `VGPU_STATUS_*` bits.
    pub status: u32,
}
