// SPDX-License-Identifier: MIT OR Apache-2.0

//! The driver's device node, /dev/vgpuN.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, FileType, Stat, access, fstat, stat};
use rustix::io::Errno;

use crate::class::ClassDevice;
use crate::{Error, Info, PoolId, Priority, Result, Source, Vgpu, sys, sysfs, uapi};

/// Takes one consistent snapshot of `device`.
pub(crate) fn read(device: &Vgpu) -> Result<Info> {
    let (node, path) = open(device, OpenOptions::new().read(true))?;
    let info = sys::get_info(node.as_fd()).map_err(|error| device.refused(&path, "ask", error))?;
    Info {
        source: Source::Chardev,
        age: None,
        pool_id: PoolId::from_raw(info.pool_id),
        priority: Priority::from_raw(info.priority),
        vm_id: info.vm_id,
        command: info.command,
        status: info.status,
        features: info.features,
        config_generation: info.config_generation,
        // The snapshot does not have it: it says nothing of the others.
        link: match Info::has_messages(info.features) {
            true => sysfs::link(&ClassDevice::open(device)?, info.features)?,
            false => None,
        },
    }
    .checked()
}

/// Submits a command and waits for it; fills in what became of it.
pub(crate) fn submit(device: &Vgpu, submit: &mut uapi::vgpu_submit) -> Result<()> {
    let (node, path) = open(device, OpenOptions::new().read(true).write(true))?;
    sys::submit(node.as_fd(), submit).map_err(|error| device.refused_command(&path, error))
}

/// Sends a message and waits for the answer, which is put into `answer`; returns the
/// status and the length of it.
pub(crate) fn call(
    device: &Vgpu,
    message: &[u8],
    answer: &mut [u8],
    timeout_ms: u32,
) -> Result<(u32, usize)> {
    let (node, path) = open(device, OpenOptions::new().read(true).write(true))?;
    sys::call(node.as_fd(), message, answer, timeout_ms)
        .map_err(|error| device.refused_message(&path, error))
}

/// Finds out whether the caller may read the node of `device` and write to it, without
/// opening it; returns its path.
///
/// # Errors
/// [`Error::NoNode`], [`Error::WrongNode`] and [`Error::Permission`], which udev may be
/// about to mend; [`Error::DriverNeeded`], [`Error::Gone`], [`Error::Malformed`] and
/// [`Error::Io`].
pub(crate) fn examine(device: &Vgpu) -> Result<PathBuf> {
    let number = ClassDevice::open(device)?.node_number()?;
    let path = device.roots.node(device.bound_name()?);
    match stat(&path) {
        Ok(node) if !is_node(&node, number) => return Err(Error::WrongNode { path }),
        Ok(_) => {}
        Err(Errno::NOENT) => return Err(Error::NoNode { path }),
        Err(error) => return Err(device.refused(&path, "look at", error.into())),
    }
    match access(&path, Access::READ_OK | Access::WRITE_OK) {
        Ok(()) => Ok(path),
        Err(error) => Err(device.refused(&path, "open", error.into())),
    }
}

/// Opens the node of `device`, and makes sure that it is the device's.
fn open(device: &Vgpu, options: &OpenOptions) -> Result<(File, PathBuf)> {
    let class_device = ClassDevice::open(device)?;
    let path = device.roots.node(device.bound_name()?);
    let node = match options.open(&path) {
        Ok(node) => node,
        Err(error) => return Err(refused(&class_device, device, &path, error)),
    };
    // The number can be read as long as the class device is registered that was
    // opened before the node was: it was this device's all that time.
    let number = class_device.node_number()?;
    match fstat(&node) {
        Ok(node) if !is_node(&node, number) => Err(Error::WrongNode { path }),
        Ok(_) => Ok((node, path)),
        Err(error) => Err(device.refused(&path, "look at", error.into())),
    }
}

/// Tells whether a file is the device node with `number`.
fn is_node(file: &Stat, number: u64) -> bool {
    FileType::from_raw_mode(file.st_mode) == FileType::CharacterDevice && file.st_rdev == number
}

/// Makes an error of what the kernel answered when the node was opened. One that
/// another device has left behind is no node: nobody answers there.
fn refused(class_device: &ClassDevice<'_>, device: &Vgpu, path: &Path, error: io::Error) -> Error {
    let errno = error.raw_os_error();
    if let Some(libc::ENOENT | libc::ENXIO | libc::ENODEV) = errno {
        match class_device.node_number() {
            // It went with the driver or with the device.
            Err(gone @ (Error::DriverNeeded { .. } | Error::Gone)) => return gone,
            _ if errno == Some(libc::ENOENT) => return Error::NoNode { path: path.into() },
            Ok(number) if stat(path).is_ok_and(|node| !is_node(&node, number)) => {
                return Error::WrongNode { path: path.into() };
            }
            _ => {}
        }
    }
    device.refused(path, "open", error)
}

#[cfg(test)]
mod tests {
    use crate::fixture::{Fixture, Stub};
    use crate::{Error, Source};

    #[test]
    fn a_missing_node_is_told_from_a_missing_driver_and_a_missing_device() {
        let fixture = Fixture::new();
        fixture.add(&Stub::at("0000:00:06.0").bound("vgpu0"));
        fixture.add(&Stub::at("0000:00:07.0"));
        let mut devices = fixture.discover();
        let [bound, unbound] = [0, 1].map(|index| devices[index].read(Source::Chardev));
        assert!(matches!(bound, Err(Error::NoNode { .. })), "{bound:?}");
        assert!(matches!(unbound, Err(Error::DriverNeeded { .. })));
        fixture.unplug("0000:00:06.0");
        let gone = devices[0].read(Source::Chardev);
        assert!(matches!(gone, Err(Error::Gone)), "{gone:?}");
    }

    #[test]
    fn a_node_that_takes_no_ioctl_of_ours_is_an_error_and_no_device() {
        let fixture = Fixture::new();
        fixture.add(&Stub::at("0000:00:06.0").bound("vgpu0"));
        fixture.link_node("vgpu0");
        let result = fixture.discover()[0].read(Source::Chardev);
        assert!(matches!(result, Err(Error::Io { .. })), "{result:?}");
    }
}
