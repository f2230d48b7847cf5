// SPDX-License-Identifier: MIT OR Apache-2.0

//! One device, and who it is.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::config::Config;
use crate::directory::Directory;
use crate::driver::{CLASS, DRIVER};
use crate::{CallError, Error, PciAddress, Result, Roots};

/// A vGPU stub as it was when it was discovered. It may have vanished since:
/// every call that touches it says so.
///
/// It stands for one PCI function and never for another one, whoever gets its
/// address or its name later: it holds the function's directory in sysfs open,
/// which keeps neither the device nor its driver, and finds everything else from
/// there.
#[derive(Clone, Debug)]
pub struct Vgpu {
    pub(crate) roots: Roots,
    pub(crate) address: PciAddress,
    pub(crate) function: Arc<Directory>,
    name: Option<String>,
    driver: Option<String>,
}

impl Vgpu {
    /// Makes a vGPU of the PCI function at `address`.
    pub(crate) fn new(roots: &Roots, address: PciAddress, function: Directory) -> Self {
        let mut device = Vgpu {
            roots: roots.clone(),
            address,
            function: Arc::new(function),
            name: None,
            driver: None,
        };
        device.refresh();
        device
    }

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
    /// `None` if the kernel does not say, or not any more.
    pub fn revision(&self) -> Option<u8> {
        match self.function.number("revision") {
            Some(revision) => u8::try_from(revision).ok(),
            // Kernels before 4.10 have no attribute for it.
            None => Config::read(&self.function).map(|config| config.revision()),
        }
    }

    /// Returns a name for people: that of the class device, or else the PCI address.
    pub fn label(&self) -> String {
        match &self.name {
            Some(name) => name.clone(),
            None => self.address.to_string(),
        }
    }

    /// Tells whether the PCI function is still there, and not another one in its
    /// place. One that is may have stopped answering all the same.
    pub fn is_present(&self) -> bool {
        self.function.is_current()
    }

    /// Tells whether `other` is the same PCI function, not just one at the same
    /// address; its driver may have changed.
    pub fn is_same_as(&self, other: &Vgpu) -> bool {
        self.address == other.address && self.function.is_same_as(&other.function)
    }

    /// Looks again at which driver is bound. A class device that another one has
    /// made is not a vGPU's, whatever it is called.
    pub(crate) fn refresh(&mut self) {
        self.driver = self.current_driver();
        self.name = match self.driver.as_deref() {
            Some(DRIVER) => self.function.entry_of(CLASS),
            _ => None,
        };
    }

    /// The name of the class device, for what needs the driver.
    pub(crate) fn bound_name(&self) -> Result<&str> {
        self.name()
            .ok_or_else(|| Error::driver_needed(self.driver.clone()))
    }

    /// The driver that is bound now.
    pub(crate) fn current_driver(&self) -> Option<String> {
        self.function.link_name("driver")
    }

    /// Makes an error of what was tried on `path`, as [`Error::io`] does: a file that does
    /// not exist any more went with the device.
    pub(crate) fn refused(&self, path: &Path, doing: &'static str, source: io::Error) -> Error {
        if source.kind() == io::ErrorKind::NotFound && !self.is_present() {
            return Error::Gone;
        }
        Error::io(path, doing, source)
    }

    /// Makes an error of the driver's answer on `path` to a command.
    pub(crate) fn refused_command(&self, path: &Path, source: io::Error) -> Error {
        match source.raw_os_error() {
            Some(libc::EBUSY) => Error::Busy,
            Some(libc::ETIMEDOUT) => Error::TimedOut,
            Some(libc::ECANCELED) => Error::Reset,
            Some(libc::EIO) => Error::Ignored,
            Some(libc::EINTR) => Error::Interrupted,
            _ => self.refused(path, "submit", source),
        }
    }

    /// Makes an error of the driver's answer on `path` to a message.
    pub(crate) fn refused_message(&self, path: &Path, source: io::Error) -> Error {
        match CallError::of(&source) {
            Some(error) => error.into(),
            None => self.refused(path, "send a message to", source),
        }
    }
}
