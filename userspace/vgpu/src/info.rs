// SPDX-License-Identifier: MIT OR Apache-2.0

//! A device's registers, and the sources that they may be read from.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use crate::identity::all_ones;
use crate::{Error, PoolId, Priority, Result, uapi};

/// Source that a device is read from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Source {
    /// [`Sysfs`](Source::Sysfs) where the driver is bound, else
    /// [`Bar`](Source::Bar), and [`Published`](Source::Published) where that may not
    /// be opened.
    #[default]
    Auto,
    /// The attributes in /sys/class/vgpu/vgpuN: readable by all users, one
    /// value a file, so command and status may be from before and after a
    /// change.
    Sysfs,
    /// `VGPU_IOC_GET_INFO` on /dev/vgpuN: one consistent view, for root and
    /// whoever udev gives the node to.
    Chardev,
    /// BAR0, mapped for reading: needs no driver, but root.
    Bar,
    /// Values that root has read in BAR0 and [published](crate::publish) in /run/vgpu:
    /// readable by all users, and as old as [`Info::age`] says.
    Published,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Source::Auto => "auto",
            Source::Sysfs => "sysfs",
            Source::Chardev => "chardev",
            Source::Bar => "bar",
            Source::Published => "published",
        })
    }
}

/// The registers of a device, decoded: the same whichever source they are from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Info {
    /// Source that the values were read from; never [`Source::Auto`].
    pub source: Source,
    /// Time since they were read, if they were [`Published`](Source::Published).
    pub age: Option<Duration>,
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
    /// Features beyond revision 1: `VGPU_FEATURE_*` bits. 0 on
    /// revision 1, and from a driver that knows no other.
    pub features: u32,
    /// Number of changes that the host has made to pool, priority or vm_id of the running
    /// device, wraps. 0 where it cannot.
    pub config_generation: u32,
    /// Tells whether somebody on the host answers [messages](crate::Vgpu::call). `None` of a
    /// device that has none.
    pub link: Option<bool>,
}

/// One of the registers that [`Info`] has the values of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Register {
    /// [`Info::pool_id`]
    PoolId,
    /// [`Info::priority`]
    Priority,
    /// [`Info::vm_id`]
    VmId,
    /// [`Info::command`]
    Command,
    /// [`Info::status`]
    Status,
    /// [`Info::features`]
    Features,
    /// [`Info::config_generation`]
    ConfigGeneration,
}

/// Number of times that a device is read again that changes meanwhile.
const MOST_ATTEMPTS: usize = 8;

impl Info {
    /// The value of `register`.
    pub fn register(&self, register: Register) -> u32 {
        match register {
            Register::PoolId => self.pool_id.raw(),
            Register::Priority => self.priority.raw(),
            Register::VmId => self.vm_id,
            Register::Command => self.command,
            Register::Status => self.status,
            Register::Features => self.features,
            Register::ConfigGeneration => self.config_generation,
        }
    }

    /// Reads an identity of which no part is from before a change and another
    /// from after it: `read` gives everything, beginning with the generation,
    /// and `generation` that alone. One at `path` that does not stop changing is
    /// not to be believed.
    pub(crate) fn consistent(
        path: &Path,
        read: impl Fn() -> Result<Info>,
        generation: impl Fn() -> Result<u32>,
    ) -> Result<Info> {
        for _ in 0..MOST_ATTEMPTS {
            let info = read()?;
            if generation()? == info.config_generation {
                return Ok(info);
            }
        }
        Err(Error::Malformed {
            path: path.into(),
            what: "the identity does not stop changing".into(),
        })
    }

    /// Tells whether the host can change the identity of the running device.
    pub(crate) fn has_live_config(features: u32) -> bool {
        features & uapi::VGPU_FEATURE_LIVE_CONFIG != 0
    }

    /// Tells whether the device has messages.
    pub(crate) fn has_messages(features: u32) -> bool {
        features & uapi::VGPU_FEATURE_MESSAGES != 0
    }

    /// Tells whether the driver announces changes of pool, priority and vm_id. Those
    /// of another device change all the same when the guest migrates.
    pub fn announces_identity(&self) -> bool {
        !matches!(self.source, Source::Bar | Source::Published)
            && Info::has_live_config(self.features)
    }

    /// Refuses the registers of a device that is gone.
    pub(crate) fn checked(self) -> Result<Self> {
        let registers = [
            self.command,
            self.status,
            self.pool_id.raw(),
            self.priority.raw(),
            self.vm_id,
        ];
        if all_ones(&registers) {
            return Err(Error::Gone);
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Reads a device that has changed after each of the first
    /// `changes` looks at its generation.
    fn read(changes: u32) -> Option<(u32, u32)> {
        let generation = Cell::new(0);
        let info = Info::consistent(
            Path::new("test"),
            || {
                Ok(Info {
                    source: Source::Bar,
                    age: None,
                    pool_id: PoolId::from_raw(0x42),
                    priority: Priority::from_raw(2),
                    vm_id: generation.get() * 10,
                    command: 0,
                    status: 0,
                    features: 7,
                    config_generation: generation.get(),
                    link: None,
                })
            },
            || {
                if generation.get() < changes {
                    generation.set(generation.get() + 1);
                }
                Ok(generation.get())
            },
        );
        info.ok().map(|it| (it.config_generation, it.vm_id))
    }

    #[test]
    fn an_identity_that_changes_meanwhile_is_read_again_but_not_forever() {
        assert_eq!(read(0), Some((0, 0)));
        assert_eq!(read(3), Some((3, 30)));
        assert_eq!(read(100), None);
    }
}
