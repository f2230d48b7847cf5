// SPDX-License-Identifier: GPL-2.0

//! `vgpu-vfio ADDRESS`: uses a device that vfio-pci is bound to, as a virtual machine in
//! this one would: opens it, resets it, writes to its registers, and closes it.

use std::env;
use std::ffi::{CString, c_int, c_ulong};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::fs::FileExt;
use std::process::ExitCode;

const USAGE: &str = "usage: vgpu-vfio ADDRESS";

// linux/vfio.h
const VFIO_SET_IOMMU: c_ulong = 0x3b66;
const VFIO_GROUP_SET_CONTAINER: c_ulong = 0x3b68;
const VFIO_GROUP_GET_DEVICE_FD: c_ulong = 0x3b6a;
const VFIO_DEVICE_RESET: c_ulong = 0x3b6f;
const VFIO_TYPE1_IOMMU: c_int = 1;

/// Registers, in BAR0 and so at this offset of the device's file.
const COMMAND: u64 = 0x000;
const IRQ_ENABLE: u64 = 0x01c;

fn main() -> ExitCode {
    let Some(address) = env::args().nth(1) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match pass_through(&address) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vgpu-vfio: {error}");
            ExitCode::FAILURE
        }
    }
}

fn pass_through(address: &str) -> io::Result<()> {
    let group = fs::read_link(format!("/sys/bus/pci/devices/{address}/iommu_group"))?;
    let group = group.file_name().ok_or(io::ErrorKind::NotFound)?;
    let container = open("/dev/vfio/vfio")?;
    let group = open(&format!("/dev/vfio/{}", group.to_string_lossy()))?;
    let number = container.as_raw_fd();
    // SAFETY: the argument points to a number that outlives the call.
    check(unsafe {
        libc::ioctl(
            group.as_raw_fd(),
            VFIO_GROUP_SET_CONTAINER,
            &raw const number,
        )
    })?;
    // SAFETY: the argument is a number.
    check(unsafe { libc::ioctl(container.as_raw_fd(), VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU) })?;
    let name = CString::new(address)?;
    // SAFETY: the argument points to a string that outlives the call.
    let device = unsafe { libc::ioctl(group.as_raw_fd(), VFIO_GROUP_GET_DEVICE_FD, name.as_ptr()) };
    let device = check(device)?;
    // SAFETY: the descriptor is new, and nobody else's.
    let device = unsafe { File::from_raw_fd(device) };
    // SAFETY: there is no argument.
    check(unsafe { libc::ioctl(device.as_raw_fd(), VFIO_DEVICE_RESET) })?;
    device.write_all_at(&3_u32.to_le_bytes(), IRQ_ENABLE)?;
    device.write_all_at(&0x99_u32.to_le_bytes(), COMMAND)
}

fn open(path: &str) -> io::Result<File> {
    let file = OpenOptions::new().read(true).write(true).open(path);
    file.map_err(|error| io::Error::new(error.kind(), format!("{path}: {error}")))
}

fn check(status: c_int) -> io::Result<c_int> {
    match status {
        -1 => Err(io::Error::last_os_error()),
        status => Ok(status),
    }
}
