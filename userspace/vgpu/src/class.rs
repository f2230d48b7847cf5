// SPDX-License-Identifier: MIT OR Apache-2.0

//! The class device that the driver gives to a PCI function.

use std::io;
use std::path::Path;

use rustix::fs::makedev;

use crate::directory::Directory;
use crate::driver::CLASS;
use crate::{Error, Result, Vgpu};

/// The class device of a vGPU, open.
///
/// It is found below the directory of its PCI function and not by its name alone:
/// that may have become another function's.
pub(crate) struct ClassDevice<'a> {
    device: &'a Vgpu,
    directory: Directory,
}

impl<'a> ClassDevice<'a> {
    /// Opens the class device that `device` had when it was looked at last.
    ///
    /// # Errors
    /// [`Error::DriverNeeded`] if the driver is not bound any more, or was bound
    /// again; [`Error::Gone`].
    pub(crate) fn open(device: &'a Vgpu) -> Result<Self> {
        let name = device.bound_name()?;
        let path = device.roots.class_device(name);
        let place = Path::new(CLASS).join(name);
        match device.function.below(&place, path) {
            Ok(directory) => Ok(ClassDevice { device, directory }),
            Err(error) if error.kind() == io::ErrorKind::NotFound && device.is_present() => {
                Err(Error::driver_needed(device.current_driver()))
            }
            Err(error) => {
                let path = device.roots.class_device(name);
                Err(device.refused(&path, "open", error))
            }
        }
    }

    /// Returns the directory of the class device.
    pub(crate) fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Reads the attribute `name`.
    ///
    /// # Errors
    /// [`Error::Malformed`] for what `parse` takes for none, and as
    /// [`refused`](Self::refused).
    pub(crate) fn read<T>(&self, name: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T> {
        match self.directory.read(name) {
            Ok(bytes) => self.parse(name, &bytes, parse),
            Err(error) => Err(self.refused(name, "read", error)),
        }
    }

    /// Reads the attribute `name`; `None` if there is none of that name, or none
    /// any more.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub(crate) fn read_optional<T>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>> {
        match self.directory.read(name) {
            Ok(bytes) => self.parse(name, &bytes, parse).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.refused(name, "read", error)),
        }
    }

    fn parse<T>(&self, name: &str, bytes: &[u8], parse: impl Fn(&str) -> Option<T>) -> Result<T> {
        let text = String::from_utf8_lossy(bytes);
        parse(text.trim_end_matches('\n')).ok_or_else(|| Error::Malformed {
            path: self.directory.path(name),
            what: format!("{text:?} is no {name}"),
        })
    }

    /// Reads the number of the device node, as `st_rdev` of stat(2) has it.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub(crate) fn node_number(&self) -> Result<u64> {
        self.read("dev", |text| {
            let (major, minor) = text.split_once(':')?;
            Some(makedev(major.parse().ok()?, minor.parse().ok()?))
        })
    }

    /// Makes an error of what the kernel answered for the attribute `name`. One
    /// that does not exist any more went with the device, or with the driver
    /// alone.
    pub(crate) fn refused(&self, name: &str, doing: &'static str, error: io::Error) -> Error {
        let path = self.directory.path(name);
        if error.kind() == io::ErrorKind::NotFound
            && self.device.is_present()
            && !self.directory.is_current()
        {
            return Error::driver_needed(self.device.current_driver());
        }
        self.device.refused(&path, doing, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Fixture, Stub};
    use crate::number::parse_u32;

    #[test]
    fn an_open_class_device_is_never_the_next_one_of_its_name() {
        let fixture = Fixture::new();
        fixture.add(&Stub::at("0000:00:06.0").bound("vgpu0"));
        fixture.add(&Stub::at("0000:00:07.0"));
        let device = &fixture.discover()[0];
        let class_device = ClassDevice::open(device).unwrap();
        assert_eq!(class_device.read("vm_id", parse_u32).unwrap(), 200);

        // Another device's, and a later one of the same device.
        let refused = || {
            let read = class_device.read("vm_id", parse_u32);
            assert!(
                matches!(read, Err(Error::DriverNeeded { driver: None })),
                "{read:?}"
            );
        };
        fixture.unbind("0000:00:06.0");
        refused();
        fixture.bind("0000:00:07.0", "vgpu0");
        refused();
        fixture.unbind("0000:00:07.0");
        fixture.bind("0000:00:06.0", "vgpu0");
        refused();

        fixture.unplug("0000:00:06.0");
        let read = class_device.read("vm_id", parse_u32);
        assert!(matches!(read, Err(Error::Gone)), "{read:?}");
    }

    #[test]
    fn the_number_of_the_node_is_read_as_the_kernel_writes_it() {
        let fixture = Fixture::new();
        fixture.add(&Stub::at("0000:00:06.0").bound("vgpu0"));
        let device = &fixture.discover()[0];
        let class_device = ClassDevice::open(device).unwrap();
        assert_eq!(class_device.node_number().unwrap(), makedev(1, 3));
        for text in ["", "1", "1:", "1:3:5", "-1:3", "0x1:3"] {
            std::fs::write(fixture.class("vgpu0").join("dev"), text).unwrap();
            let number = class_device.node_number();
            assert!(matches!(number, Err(Error::Malformed { .. })), "{text:?}");
        }
    }
}
