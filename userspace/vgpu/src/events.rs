// SPDX-License-Identifier: MIT OR Apache-2.0

//! Learning that a device comes, goes or changes, without asking all the time.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::netlink::{KOBJECT_UEVENT, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, bind, recv, socket_with};

use crate::{Roots, namespaces};

/// The kernel's own announcements; those of udev are another group.
const KERNEL_GROUP: u32 = 1;

/// Time without an announcement after which a change counts as complete: a
/// device comes and goes in several steps, each with its announcement.
const QUIET: Duration = Duration::from_millis(20);
/// Longest time that this may take in all.
const SETTLED: Duration = Duration::from_millis(200);

/// The kernel's announcements (uevents) of what happens to PCI functions and
/// vGPUs.
///
/// Make it before looking at the devices: then nothing that happens after the
/// look is missed.
///
/// It takes no privilege and no open file of a device. An open node would keep
/// its number taken, so that the device that is plugged in next gets another
/// one, and keep the module from being unloaded.
#[derive(Debug)]
pub struct Events {
    socket: Option<OwnedFd>,
}

/// Reason for which [`Events::wait`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// Something happened: look at the devices again.
    Event,
    /// The time is over, or there are no announcements here: look again, too.
    Timeout,
    /// Nobody reads any more what would be written.
    Closed,
}

impl Events {
    /// Interval at which callers look again where nothing is announced.
    pub const FALLBACK: Duration = Duration::from_millis(100);

    /// Listens from now on.
    ///
    /// Nothing is announced about a tree that is a copy, nor in a network namespace
    /// that another user namespace than the initial one owns:
    /// [`wait`](Events::wait) ends every [`FALLBACK`](Events::FALLBACK) then.
    pub fn new(roots: &Roots) -> Self {
        let announced = roots.are_live() && namespaces::hear_of_devices();
        Events {
            socket: announced.then(listen).and_then(Result::ok),
        }
    }

    /// Tells whether the kernel announces anything here.
    pub fn are_announced(&self) -> bool {
        self.socket.is_some()
    }

    /// Sleeps until something happens, for `timeout` at most.
    ///
    /// `output` is where the caller writes to: [`Wake::Closed`] if that is a
    /// pipe that nobody reads from any more.
    ///
    /// # Errors
    /// Those of poll(2).
    pub fn wait(
        &self,
        timeout: Option<Duration>,
        output: Option<BorrowedFd<'_>>,
    ) -> io::Result<Wake> {
        let timeout = match self.socket {
            Some(_) => timeout,
            None => Some(timeout.map_or(Self::FALLBACK, |it| it.min(Self::FALLBACK))),
        };
        // A time too far away to be a number is none.
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            match self.poll(deadline, output)? {
                // What happens elsewhere is announced here, too.
                Wake::Event if !self.drain() => {}
                Wake::Event => return self.settle(output),
                wake => return Ok(wake),
            }
        }
    }

    /// Waits for the steps that follow the first.
    fn settle(&self, output: Option<BorrowedFd<'_>>) -> io::Result<Wake> {
        let end = Instant::now() + SETTLED;
        while Instant::now() < end {
            match self.poll(Some(Instant::now() + QUIET), output)? {
                Wake::Event => self.drain(),
                Wake::Timeout => break,
                Wake::Closed => return Ok(Wake::Closed),
            };
        }
        Ok(Wake::Event)
    }

    fn poll(&self, deadline: Option<Instant>, output: Option<BorrowedFd<'_>>) -> io::Result<Wake> {
        loop {
            let left = deadline.map(|it| it.saturating_duration_since(Instant::now()));
            let left = left.and_then(|left| Timespec::try_from(left).ok());
            // POLLERR and POLLHUP come unasked.
            let mut polled: Vec<PollFd<'_>> = Vec::with_capacity(2);
            polled.extend(
                self.socket
                    .as_ref()
                    .map(|it| PollFd::new(it, PollFlags::IN)),
            );
            polled.extend(output.map(|it| PollFd::from_borrowed_fd(it, PollFlags::empty())));
            match poll(&mut polled, left.as_ref()) {
                Ok(0) => return Ok(Wake::Timeout),
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            }
            let closed = output.is_some()
                && polled.last().is_some_and(|it| {
                    it.revents()
                        .intersects(PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL)
                });
            return Ok(if closed { Wake::Closed } else { Wake::Event });
        }
    }

    /// Takes everything that was announced; says whether any of it may be about
    /// a vGPU.
    fn drain(&self) -> bool {
        let Some(socket) = &self.socket else {
            return false;
        };
        // The kernel's messages are of 2048 bytes and a header.
        let mut message = [0; 4096];
        let mut relevant = false;
        loop {
            match recv(socket.as_fd(), &mut message, RecvFlags::DONTWAIT) {
                Ok((_, length)) => {
                    let message = message.get(..length).unwrap_or(&message);
                    relevant |= is_relevant(message);
                }
                // Some were lost, and any of them may have been.
                Err(Errno::NOBUFS) => relevant = true,
                Err(Errno::INTR) => {}
                Err(_) => return relevant,
            }
        }
    }
}

fn listen() -> rustix::io::Result<OwnedFd> {
    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        Some(KOBJECT_UEVENT),
    )?;
    bind(&socket, &SocketAddrNetlink::new(0, KERNEL_GROUP))?;
    Ok(socket)
}

/// Tells whether an announcement, `ACTION@PATH` and variables that each end in a null
/// byte, is of a subsystem that vGPUs are in.
fn is_relevant(message: &[u8]) -> bool {
    message
        .split(|byte| *byte == 0)
        .any(|variable| matches!(variable, b"SUBSYSTEM=pci" | b"SUBSYSTEM=vgpu"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    fn silent() -> Events {
        Events::new(&Roots::under("/nonexistent"))
    }

    #[test]
    fn announcements_of_pci_functions_and_vgpus_count_and_no_others() {
        for (message, relevant) in [
            (
                &b"add@/devices/x\0ACTION=add\0SUBSYSTEM=pci\0SEQNUM=1\0"[..],
                true,
            ),
            (b"change@/devices/x\0SUBSYSTEM=vgpu\0", true),
            (b"add@/devices/x\0SUBSYSTEM=pci_bus\0", false),
            (b"add@/devices/SUBSYSTEM=pci\0SUBSYSTEM=net\0", false),
            (b"", false),
        ] {
            assert_eq!(is_relevant(message), relevant, "{message:?}");
        }
    }

    #[test]
    fn without_announcements_the_caller_gets_to_look_again_soon() {
        let events = silent();
        assert!(!events.are_announced());
        let start = Instant::now();
        assert_eq!(events.wait(None, None).unwrap(), Wake::Timeout);
        assert!(start.elapsed() >= Events::FALLBACK);
    }

    #[test]
    fn a_timeout_that_is_shorter_counts() {
        let start = Instant::now();
        let wake = silent().wait(Some(Duration::from_millis(1)), None);
        assert_eq!(wake.unwrap(), Wake::Timeout);
        assert!(start.elapsed() < Events::FALLBACK);
    }

    #[test]
    fn an_output_that_nobody_reads_any_more_ends_the_wait() {
        let (reader, writer) = UnixStream::pair().unwrap();
        let wake = silent().wait(None, Some(writer.as_fd()));
        assert_eq!(wake.unwrap(), Wake::Timeout);
        drop(reader);
        let wake = silent().wait(None, Some(writer.as_fd()));
        assert_eq!(wake.unwrap(), Wake::Closed);
    }

    #[test]
    fn an_output_that_is_a_file_is_never_closed() {
        let file = tempfile::tempfile().unwrap();
        let wake = silent().wait(None, Some(file.as_fd()));
        assert_eq!(wake.unwrap(), Wake::Timeout);
    }
}
