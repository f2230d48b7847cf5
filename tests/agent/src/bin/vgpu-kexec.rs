// SPDX-License-Identifier: GPL-2.0

//! `vgpu-kexec KERNEL INITRAMFS`: starts another kernel from this one, with this
//! one's command line. Devices are not reset on the way.

use std::env;
use std::ffi::CString;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::process::ExitCode;

const USAGE: &str = "usage: vgpu-kexec KERNEL INITRAMFS";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [kernel, initramfs] = &arguments[..] else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    // It does not return when it succeeds.
    let error = match load(kernel, initramfs) {
        Ok(()) => restart(),
        Err(error) => error,
    };
    eprintln!("vgpu-kexec: {error}");
    ExitCode::FAILURE
}

fn load(kernel: &str, initramfs: &str) -> io::Result<()> {
    let (kernel, initramfs) = (File::open(kernel)?, File::open(initramfs)?);
    let line = fs::read_to_string("/proc/cmdline")?;
    let line = CString::new(line.trim())?;
    let length = line.as_bytes_with_nul().len();
    // SAFETY: the files are open, and the line has as many bytes as it says.
    let status = unsafe {
        libc::syscall(
            libc::SYS_kexec_file_load,
            kernel.as_raw_fd(),
            initramfs.as_raw_fd(),
            length,
            line.as_ptr(),
            0_u64,
        )
    };
    match status {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Starts what was loaded, after the drivers have been told to let their devices
/// be.
fn restart() -> io::Error {
    // SAFETY: no pointers.
    unsafe { libc::reboot(libc::LINUX_REBOOT_CMD_KEXEC) };
    io::Error::last_os_error()
}
