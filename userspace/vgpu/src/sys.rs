// SPDX-License-Identifier: MIT OR Apache-2.0

//! The system calls that std has no safe form of. All `unsafe` is here.

use std::cell::Cell;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::uapi;

/// Takes a snapshot of the device behind an open node.
///
/// # Errors
/// Those of the kernel: `ENOTTY` for a file that is no node of ours.
pub(crate) fn get_info(node: BorrowedFd<'_>) -> io::Result<uapi::vgpu_info> {
    let mut info = uapi::vgpu_info::default();
    // SAFETY: the request writes one vgpu_info, which `info` is, and keeps no
    // pointer to it. Other drivers refuse the number.
    check(unsafe {
        libc::ioctl(
            node.as_raw_fd(),
            // CAST: the type of a request differs between libcs; its 32 bits do not.
            uapi::VGPU_IOC_GET_INFO as libc::Ioctl,
            &raw mut info,
        )
    })?;
    Ok(info)
}

/// Submits a command to the device behind a node open for writing, and waits.
///
/// # Errors
/// Those of the kernel; see `VGPU_IOC_SUBMIT` in the contract. It is never
/// tried again here: the command may have been submitted.
pub(crate) fn submit(node: BorrowedFd<'_>, submit: &mut uapi::vgpu_submit) -> io::Result<()> {
    // SAFETY: the request reads and writes one vgpu_submit, which `submit` is,
    // and keeps no pointer to it. Other drivers refuse the number.
    check(unsafe {
        libc::ioctl(
            node.as_raw_fd(),
            // CAST: the type of a request differs between libcs; its 32 bits do not.
            uapi::VGPU_IOC_SUBMIT as libc::Ioctl,
            ptr::from_mut(submit),
        )
    })
}

/// Sends a message to the device behind a node open for writing, and waits for the
/// answer, which is put into `answer`. Returns the status and the length of that.
///
/// # Errors
/// Those of the kernel; see `VGPU_IOC_CALL` in the contract. It is never tried
/// again here: the message may have been delivered.
pub(crate) fn call(
    node: BorrowedFd<'_>,
    message: &[u8],
    answer: &mut [u8],
    timeout_ms: u32,
) -> io::Result<(u32, usize)> {
    let space = u32::try_from(answer.len()).unwrap_or(u32::MAX);
    let in_len =
        u32::try_from(message.len()).map_err(|_| io::Error::from_raw_os_error(libc::EMSGSIZE))?;
    let mut call = uapi::vgpu_call {
        // CAST: an address has 64 bits at most.
        in_addr: message.as_ptr() as u64,
        out_addr: answer.as_mut_ptr() as u64,
        in_len,
        out_len: space,
        timeout_ms,
        ..Default::default()
    };
    // SAFETY: the request reads and writes one vgpu_call, which `call` is, reads all
    // of `message` and writes at most `space` bytes of `answer`; it keeps no pointer to any
    // of them. Other drivers refuse the number.
    check(unsafe {
        libc::ioctl(
            node.as_raw_fd(),
            // CAST: the type of a request differs between libcs; its 32 bits do not.
            uapi::VGPU_IOC_CALL as libc::Ioctl,
            &raw mut call,
        )
    })?;
    let length = usize::try_from(call.out_len.min(space)).unwrap_or(answer.len());
    Ok((call.status, length))
}

/// Opens the user namespace that owns a namespace, by its file in /proc.
///
/// # Errors
/// `EPERM` if that is neither the caller's nor below it, `ENOTTY` before Linux 4.9.
pub(crate) fn owner_of(namespace: &File) -> io::Result<OwnedFd> {
    // SAFETY: the request takes no argument. Other files refuse the number.
    let owner = unsafe { libc::ioctl(namespace.as_raw_fd(), libc::NS_GET_USERNS) };
    check(owner)?;
    // SAFETY: the kernel has just opened it, for the caller.
    Ok(unsafe { OwnedFd::from_raw_fd(owner) })
}

fn check(result: libc::c_int) -> io::Result<()> {
    match result {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// BAR0, mapped for reading.
///
/// # Invariants
/// `start` is the start of a mapping of `LENGTH` bytes that this owns.
pub(crate) struct Mapping {
    start: *mut libc::c_void,
    /// Set once the kernel has taken it away: there are zeroes instead then.
    taken: Cell<bool>,
}

impl Mapping {
    // CAST: 4096, and usize has 32 bits or more.
    const LENGTH: usize = uapi::VGPU_BAR0_SIZE as usize;

    /// Maps the start of `file`, a resource file or a test's stand-in.
    ///
    /// # Errors
    /// Those of the kernel.
    pub(crate) fn new(file: &File) -> io::Result<Self> {
        // SAFETY: a new mapping at a place of the kernel's choice, which changes
        // no memory that anybody has.
        let start = unsafe {
            libc::mmap(
                ptr::null_mut(),
                Self::LENGTH,
                libc::PROT_READ,
                libc::MAP_SHARED,
                file.as_fd().as_raw_fd(),
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        // INVARIANT: mmap succeeded.
        Ok(Mapping {
            start,
            taken: Cell::new(false),
        })
    }

    /// Reads the registers at `offsets` in that order, each by one 32-bit
    /// little-endian access.
    ///
    /// `None` if the kernel has taken the mapping away, or if an offset is not
    /// that of a register within BAR0.
    pub(crate) fn read<const N: usize>(&self, offsets: [u32; N]) -> Option<[u32; N]> {
        let faults = Faults::caught_in(self);
        let mut values = [0; N];
        for (value, offset) in values.iter_mut().zip(offsets) {
            if offset % 4 != 0 || offset >= uapi::VGPU_BAR0_SIZE {
                return None;
            }
            // SAFETY: the address is aligned and, by the invariant and the check
            // above, within the mapping, which is readable as long as `self`
            // lives. What the kernel has taken away `faults` replaces by a page
            // of zeroes. Volatile, as the memory is a device's.
            // CAST: checked to be less than 4096.
            let register = unsafe {
                self.start
                    .add(offset as usize)
                    .cast::<u32>()
                    .read_volatile()
            };
            *value = u32::from_le(register);
        }
        if faults.any() {
            self.taken.set(true);
        }
        (!self.taken.get()).then_some(values)
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: by the invariant this is ours to unmap, and nothing borrows
        // from it: reads copy.
        unsafe { libc::munmap(self.start, Self::LENGTH) };
    }
}

/// Faults in a mapping, caught while this lives.
///
/// The kernel takes the mapping of a resource file away when a driver claims the
/// BAR (and older kernels when the device is unplugged), and the next access is
/// a SIGBUS. No check beforehand can rule that out, and a copy by the kernel
/// (which would report EFAULT) may be made of accesses of other sizes than the
/// device's four bytes.
///
/// The handler is the process's for the few accesses of one read; threads that
/// read at the same time wait for each other. Faults elsewhere go to whoever
/// had the signal before.
struct Faults {
    previous: *mut libc::sigaction,
    _lock: MutexGuard<'static, ()>,
}

static LOCK: Mutex<()> = Mutex::new(());
/// The address of the mapping that is being read, 0 for none.
static WATCHED: AtomicUsize = AtomicUsize::new(0);
static FAULTED: AtomicBool = AtomicBool::new(false);
/// The handler from before; valid while `WATCHED` is not 0.
static PREVIOUS: AtomicPtr<libc::sigaction> = AtomicPtr::new(ptr::null_mut());

impl Faults {
    fn caught_in(mapping: &Mapping) -> Self {
        // The lock guards no data that a panic could have left half-done.
        let lock = LOCK.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: all zeroes is a sigaction: no flags, an empty mask, SIG_DFL.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) = on_fault;
        // CAST: how sigaction takes a handler that wants a siginfo_t.
        action.sa_sigaction = handler as libc::sighandler_t;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        // SAFETY: as above.
        let previous = Box::into_raw(Box::new(unsafe { std::mem::zeroed::<libc::sigaction>() }));
        PREVIOUS.store(previous, Ordering::SeqCst);
        FAULTED.store(false, Ordering::SeqCst);
        WATCHED.store(mapping.start.addr(), Ordering::SeqCst);
        // SAFETY: both point to a sigaction of ours; the handler does what a
        // handler may. It cannot fail: signal and addresses are good.
        unsafe { libc::sigaction(libc::SIGBUS, &raw const action, previous) };
        Faults {
            previous,
            _lock: lock,
        }
    }

    fn any(&self) -> bool {
        FAULTED.load(Ordering::SeqCst)
    }
}

impl Drop for Faults {
    fn drop(&mut self) {
        // SAFETY: `previous` is what sigaction said in `caught_in`, in a box that
        // only this owns once the handler is no longer installed.
        unsafe {
            libc::sigaction(libc::SIGBUS, self.previous, ptr::null_mut());
            WATCHED.store(0, Ordering::SeqCst);
            drop(Box::from_raw(self.previous));
        }
    }
}

/// Puts a page of zeroes where the watched mapping was, so that the access that
/// faulted can be made again and end.
extern "C" fn on_fault(
    _signal: libc::c_int,
    info: *mut libc::siginfo_t,
    _context: *mut libc::c_void,
) {
    let watched = WATCHED.load(Ordering::SeqCst);
    // SAFETY: the kernel gives every SA_SIGINFO handler a siginfo_t, and that of
    // SIGBUS has an address.
    let address = unsafe { (*info).si_addr() }.addr();
    if watched != 0 && address.wrapping_sub(watched) < Mapping::LENGTH {
        FAULTED.store(true, Ordering::SeqCst);
        // SAFETY: replaces the mapping that `Mapping` owns and that this thread
        // is in the middle of reading; its length stays, so that it can be
        // unmapped as before. A system call that a handler may make.
        let page = unsafe {
            libc::mmap(
                ptr::with_exposed_provenance_mut(watched),
                Mapping::LENGTH,
                libc::PROT_READ,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED,
                -1,
                0,
            )
        };
        if page != libc::MAP_FAILED {
            return;
        }
    }
    // Not ours: the access is made again and faults again, for the handler from
    // before or, by default, the end of the process.
    // SAFETY: PREVIOUS is null, which changes nothing, or valid: this handler is
    // installed.
    unsafe {
        libc::sigaction(
            libc::SIGBUS,
            PREVIOUS.load(Ordering::SeqCst),
            ptr::null_mut(),
        )
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(content: &[u8]) -> (tempfile::TempDir, File) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("resource0");
        std::fs::write(&path, content).unwrap();
        let file = File::options().read(true).write(true).open(path).unwrap();
        (directory, file)
    }

    #[test]
    fn registers_are_read_as_32_bit_little_endian_numbers() {
        let mut content = [0; 4096];
        content[..8].copy_from_slice(&[1, 2, 3, 4, 5, 6, 7, 8]);
        content[4092..].copy_from_slice(&[9, 0, 0, 0x80]);
        let (_directory, file) = file(&content);
        let mapping = Mapping::new(&file).unwrap();
        assert_eq!(
            mapping.read([4, 0, 4092]),
            Some([0x0807_0605, 0x0403_0201, 0x8000_0009])
        );
    }

    #[test]
    fn an_offset_that_is_no_registers_is_not_read() {
        let (_directory, file) = file(&[0; 8192]);
        let mapping = Mapping::new(&file).unwrap();
        for offset in [1, 2, 3, 4094, 4096, u32::MAX] {
            assert_eq!(mapping.read([offset]), None, "{offset}");
        }
    }

    #[test]
    fn a_mapping_that_is_taken_away_is_no_signal_and_no_value() {
        let (_directory, file) = file(&[0x42; 4096]);
        let mapping = Mapping::new(&file).unwrap();
        assert!(mapping.read([0]).is_some());
        // Has the same effect as a driver that claims the BAR.
        file.set_len(0).unwrap();
        for _ in 0..2 {
            assert_eq!(mapping.read([0, 4]), None);
        }
    }

    #[test]
    fn threads_may_read_mappings_that_go_away_at_the_same_time() {
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let (_directory, file) = file(&[0x42; 4096]);
                        let mapping = Mapping::new(&file).unwrap();
                        assert_eq!(mapping.read([0]), Some([0x4242_4242]));
                        file.set_len(0).unwrap();
                        assert_eq!(mapping.read([0]), None);
                    }
                });
            }
        });
    }

    #[test]
    fn the_handler_from_before_is_back_after_a_read() {
        let (_directory, file) = file(&[0; 4096]);
        let mapping = Mapping::new(&file).unwrap();
        mapping.read([0]);
        let _lock = LOCK.lock().unwrap();
        // SAFETY: all zeroes is a sigaction, and asking for one changes nothing.
        let action = unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            libc::sigaction(libc::SIGBUS, ptr::null(), &raw mut action);
            action
        };
        let ours: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) = on_fault;
        // CAST: as in `caught_in`.
        assert_ne!(action.sa_sigaction, ours as libc::sighandler_t);
    }

    #[test]
    fn the_owner_of_a_namespace_is_one_of_users() {
        let network = File::open("/proc/self/ns/net").unwrap();
        match owner_of(&network) {
            Ok(owner) => {
                let link = format!("/proc/self/fd/{}", owner.as_raw_fd());
                let target = std::fs::read_link(link).unwrap();
                assert!(target.to_string_lossy().starts_with("user:["), "{target:?}");
            }
            // In a user namespace below it.
            Err(error) => assert_eq!(error.raw_os_error(), Some(libc::EPERM)),
        }
        let (_directory, file) = file(b"");
        let refused = owner_of(&file).unwrap_err();
        assert_eq!(refused.raw_os_error(), Some(libc::ENOTTY));
    }

    #[test]
    fn a_file_that_is_no_node_refuses_the_requests() {
        let (_directory, file) = file(b"");
        let refused = Some(libc::ENOTTY);
        let info = get_info(file.as_fd());
        assert_eq!(info.unwrap_err().raw_os_error(), refused);
        let result = submit(file.as_fd(), &mut uapi::vgpu_submit::default());
        assert_eq!(result.unwrap_err().raw_os_error(), refused);
    }
}
