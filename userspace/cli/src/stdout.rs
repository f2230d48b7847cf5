// SPDX-License-Identifier: GPL-2.0

//! The standard output as the process got it.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, fcntl_getfd, retry_on_intr, write};
use rustix::stdio::stdout;

static WAS_CLOSED: AtomicBool = AtomicBool::new(false);

/// Looks at the descriptor before the language's runtime does, which opens /dev/null
/// in the place of one that is closed.
#[used]
// SAFETY: the C library calls each function in this section once, before main; this
// one makes a system call and writes to a static of its own.
#[unsafe(link_section = ".init_array")]
static LOOK: extern "C" fn() = {
    extern "C" fn look() {
        let closed = fcntl_getfd(stdout()) == Err(Errno::BADF);
        WAS_CLOSED.store(closed, Ordering::Relaxed);
    }
    look
};

/// Tells whether there is one to write to.
///
/// # Errors
/// `EBADF` if it was closed when the process started.
pub fn check() -> io::Result<()> {
    match WAS_CLOSED.load(Ordering::Relaxed) {
        true => Err(Errno::BADF.into()),
        false => Ok(()),
    }
}

/// Writes all of `bytes`, and waits where a pipe that does not block is full.
///
/// # Errors
/// As [`check`], and what the kernel answered.
pub(crate) fn write_all(mut bytes: &[u8]) -> io::Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    check()?;
    while !bytes.is_empty() {
        match retry_on_intr(|| write(stdout(), bytes)) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(Errno::AGAIN) => {
                let stdout = stdout();
                let mut polled = [PollFd::new(&stdout, PollFlags::OUT)];
                retry_on_intr(|| poll(&mut polled, None))?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
