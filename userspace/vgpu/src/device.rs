// SPDX-License-Identifier: GPL-2.0

//! One device: who it is, and reading it from whichever source.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::{Error, Info, PciAddress, Result, Roots, Source};
use crate::{bar, chardev, discover, sysfs};

/// The name of the driver that gives a device its attributes and its node.
pub const DRIVER: &str = "vgpu_stub";

/// A vGPU stub as it was when it was discovered. It may have vanished since:
/// every call that touches it says so.
#[derive(Clone, Debug)]
pub struct Vgpu {
    pub(crate) roots: Roots,
    pub(crate) address: PciAddress,
    /// Of the function's entry in sysfs: another device at the same address has
    /// another one.
    pub(crate) inode: u64,
    pub(crate) name: Option<String>,
    pub(crate) driver: Option<String>,
    pub(crate) revision: Option<u8>,
}

impl Vgpu {
    /// The name of the class device, `vgpu0`; `None` while the driver is not
    /// bound.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The address of the PCI function.
    pub fn pci(&self) -> PciAddress {
        self.address
    }

    /// The driver that is bound, which may be another one than [`DRIVER`].
    pub fn driver(&self) -> Option<&str> {
        self.driver.as_deref()
    }

    /// The PCI revision, which is that of the register map: 1 or higher.
    /// `None` if the kernel did not say.
    pub fn revision(&self) -> Option<u8> {
        self.revision
    }

    /// What people may call the device: its name or else its PCI address.
    pub fn label(&self) -> String {
        match &self.name {
            Some(name) => name.clone(),
            None => self.address.to_string(),
        }
    }

    /// Whether the PCI function is still there, and not another one in its
    /// place. One that is may have stopped answering all the same.
    pub fn is_present(&self) -> bool {
        inode(&self.pci_directory()) == Some(self.inode)
    }

    /// Whether `other` is the same PCI function, not just one at the same
    /// address; its driver may have changed.
    pub fn is_same_as(&self, other: &Vgpu) -> bool {
        (self.address, self.inode) == (other.address, other.inode)
    }

    /// Reads the registers once, from `source`.
    ///
    /// With [`Source::Auto`] the driver may come or go meanwhile, as it does
    /// while a guest boots: the device is looked at again then, for 0.1 s at
    /// most, and [`name`](Vgpu::name) and [`driver`](Vgpu::driver) follow.
    ///
    /// # Errors
    /// [`Error::DriverNeeded`] for sysfs and chardev without the driver;
    /// [`Error::NoNode`] for chardev; [`Error::Lockdown`], [`Error::Claimed`]
    /// and [`Error::DecodingOff`] for BAR0; [`Error::Permission`],
    /// [`Error::Gone`], [`Error::Malformed`] and [`Error::Io`] for all.
    pub fn read(&mut self, source: Source) -> Result<Info> {
        let result = match source {
            Source::Sysfs => sysfs::read(self),
            Source::Chardev => chardev::read(self),
            Source::Bar => bar::read(self),
            Source::Auto => self.read_auto(),
        };
        // Half of a device gives all kinds of errors while it is removed.
        result.map_err(|error| match self.is_present() {
            true => error,
            false => Error::Gone,
        })
    }

    fn read_auto(&mut self) -> Result<Info> {
        const PAUSE: Duration = Duration::from_millis(10);
        let mut pauses = 10;
        loop {
            let result = match self.name {
                Some(_) => sysfs::read(self),
                None => bar::read(self),
            };
            match result {
                Err(error) if pauses > 0 && error.may_be_rebinding() && self.is_present() => {
                    pauses -= 1;
                    thread::sleep(PAUSE);
                    self.refresh();
                }
                result => return result,
            }
        }
    }

    /// Looks again at which driver is bound.
    fn refresh(&mut self) {
        self.name = discover::names(&self.roots)
            .ok()
            .and_then(|mut names| names.remove(&self.address));
        self.driver = self.current_driver();
    }

    /// The name of the class device, for what needs the driver.
    pub(crate) fn bound_name(&self) -> Result<&str> {
        self.name().ok_or_else(|| Error::DriverNeeded {
            driver: self.driver.clone(),
        })
    }

    /// The driver that is bound now.
    pub(crate) fn current_driver(&self) -> Option<String> {
        link_name(&self.pci_directory().join("driver"))
    }

    pub(crate) fn pci_directory(&self) -> PathBuf {
        self.roots.pci_device(self.address)
    }
}

/// The inode number of a file, without following a link; `None` if it is gone.
pub(crate) fn inode(path: &Path) -> Option<u64> {
    Some(fs::symlink_metadata(path).ok()?.ino())
}

/// The last part of the text of a link; `None` if it is gone or none.
pub(crate) fn link_name(path: &Path) -> Option<String> {
    let target = fs::read_link(path).ok()?;
    Some(target.file_name()?.to_str()?.to_string())
}
