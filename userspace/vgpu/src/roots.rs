// SPDX-License-Identifier: MIT OR Apache-2.0

//! Directories in which the kernel's views of a device are found.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::{Error, PciAddress, Result};

/// The trees that devices are looked up in: this machine's /sys and /dev, or
/// those of a directory that holds a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roots {
    root: PathBuf,
    sys: PathBuf,
}

impl Default for Roots {
    /// This machine's own.
    fn default() -> Self {
        Roots::under("/")
    }
}

impl Roots {
    /// `sys` and `dev` below `directory`: a container's root, a copy, a test's
    /// fixture.
    pub fn under(directory: impl AsRef<Path>) -> Self {
        let directory = directory.as_ref();
        Roots {
            root: directory.into(),
            sys: directory.join("sys"),
        }
    }

    /// Tells whether these are this machine's own: the kernel announces nothing about
    /// a copy.
    pub(crate) fn are_live(&self) -> bool {
        self.root == Path::new("/")
    }

    /// Returns the path of another file, given without its first slash.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// The directory with a link for every device the driver has bound.
    pub(crate) fn class(&self) -> PathBuf {
        self.sys.join("class/vgpu")
    }

    /// The class device `name`.
    pub(crate) fn class_device(&self, name: &str) -> PathBuf {
        self.class().join(name)
    }

    /// The directory with a link for every PCI function.
    pub(crate) fn pci(&self) -> PathBuf {
        self.sys.join("bus/pci/devices")
    }

    /// The PCI function at `address`.
    pub(crate) fn pci_device(&self, address: PciAddress) -> PathBuf {
        self.pci().join(address.to_string())
    }

    /// The directory with what root has published of devices.
    pub(crate) fn published(&self) -> PathBuf {
        self.path("run/vgpu")
    }

    /// The user whose files are believed: root, or whoever owns a copy.
    pub(crate) fn owner(&self) -> Result<u32> {
        const ROOT: u32 = 0;
        if self.are_live() {
            return Ok(ROOT);
        }
        let root = self.root.metadata();
        root.map(|it| it.uid())
            .map_err(|error| Error::io(&self.root, "look at", error))
    }

    /// The device node of the class device `name`.
    pub(crate) fn node(&self, name: &str) -> PathBuf {
        self.path("dev").join(name)
    }
}
