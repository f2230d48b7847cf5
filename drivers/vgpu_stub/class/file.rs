// SPDX-License-Identifier: GPL-2.0

//! The operations of an open device node.
//!
//! All of them may be called after the device is gone: an open file is not closed by an unplug.

use core::marker::PhantomData;
use kernel::{
    bindings,
    fs,
    prelude::*,
    sync::aref::ARef,
    uaccess::{
        UserPtr,
        UserSlice, //
    }, //
};

use crate::compat;

use super::{
    Device,
    Operations, //
};

/// An open file of a class device.
pub(crate) struct File<'a, T: Operations> {
    open: &'a OpenFile<T>,
    file: &'a fs::File,
}

/// State of an open file.
struct OpenFile<T: Operations> {
    device: ARef<Device<T>>,
    data: T::FileData,
}

impl<T: Operations> File<'_, T> {
    /// Returns the device whose node was opened.
    pub(crate) fn device(&self) -> &Device<T> {
        &self.open.device
    }

    /// Returns what the driver keeps for this file.
    pub(crate) fn data(&self) -> &T::FileData {
        &self.open.data
    }

    /// Checks whether the file was opened for writing.
    pub(crate) fn is_writable(&self) -> bool {
        self.file.flags() & fs::file::flags::O_ACCMODE != fs::file::flags::O_RDONLY
    }

    /// Checks whether a read must not wait.
    pub(crate) fn is_nonblocking(&self) -> bool {
        self.file.flags() & fs::file::flags::O_NONBLOCK != 0
    }

    /// # Safety
    ///
    /// `file` must have been opened by [`VTable::open`] and stay open for `'a`, and the calling
    /// thread must not be in an `fdget_pos` section for it.
    unsafe fn from_raw<'a>(file: *mut bindings::file) -> File<'a, T> {
        // SAFETY: `open` stored a box that `release` frees. The rest is by the caller.
        unsafe {
            File {
                open: &*(*file).private_data.cast::<OpenFile<T>>(),
                file: fs::File::from_raw_file(file),
            }
        }
    }
}

/// Returns the `struct file_operations` of a driver's devices.
pub(super) const fn vtable<T: Operations>() -> &'static bindings::file_operations {
    &VTable::<T>::VTABLE
}

struct VTable<T: Operations>(PhantomData<T>);

impl<T: Operations> VTable<T> {
    const VTABLE: bindings::file_operations = bindings::file_operations {
        owner: compat::this_module!(T),
        open: Some(Self::open),
        release: Some(Self::release),
        read: Some(Self::read),
        poll: Some(Self::poll),
        unlocked_ioctl: Some(Self::ioctl),
        // The arguments are pointers to structs whose layout is the same for 32 bits.
        #[cfg(CONFIG_COMPAT)]
        compat_ioctl: bindings::compat_ptr_ioctl,
        ..pin_init::zeroed()
    };

    /// # Safety
    ///
    /// Called by the VFS only, for a file of a `Device<T>` that is being opened.
    unsafe extern "C" fn open(inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: `chrdev_open` found the cdev through the inode and holds a reference to it, and
        // with it to the device, which is its parent.
        let device = unsafe { Device::<T>::from_cdev((*inode).__bindgen_anon_5.i_cdev) };
        // A node may be opened after its device is gone: it goes a moment later.
        if device.is_gone() {
            return ENODEV.to_errno();
        }

        let open = OpenFile {
            device: ARef::from(device),
            data: T::open(device),
        };
        match KBox::new(open, GFP_KERNEL) {
            // SAFETY: The file is being opened, so its private data is ours to set.
            Ok(open) => unsafe { (*file).private_data = KBox::into_raw(open).cast() },
            Err(error) => return Error::from(error).to_errno(),
        }

        // SAFETY: Both are valid, by the caller. It cannot fail.
        unsafe { bindings::stream_open(inode, file) }
    }

    /// # Safety
    ///
    /// Called by the VFS only, once, for a file that was opened by [`Self::open`].
    unsafe extern "C" fn release(_inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: This is the box that `open` stored, and nobody uses the file any more.
        drop(unsafe { KBox::<OpenFile<T>>::from_raw((*file).private_data.cast()) });
        0
    }

    /// # Safety
    ///
    /// Called by the VFS only, for a file that was opened by [`Self::open`].
    unsafe extern "C" fn read(
        file: *mut bindings::file,
        buffer: *mut c_char,
        size: usize,
        _position: *mut bindings::loff_t,
    ) -> isize {
        // SAFETY: By the caller, and the file is a stream, which has no `fdget_pos` section.
        let file = unsafe { File::<T>::from_raw(file) };
        if file.device().is_gone() {
            // CAST: An errno fits.
            return ENODEV.to_errno() as isize;
        }
        if size == 0 {
            return 0;
        }
        let buffer = UserSlice::new(UserPtr::from_ptr(buffer.cast()), size).writer();
        match T::read(&file, buffer) {
            // CAST: Not more than what was asked for, which fits.
            Ok(count) => count as isize,
            // CAST: An errno fits.
            Err(error) => error.to_errno() as isize,
        }
    }

    /// # Safety
    ///
    /// Called by the VFS only, for a file that was opened by [`Self::open`].
    unsafe extern "C" fn poll(
        file: *mut bindings::file,
        table: *mut bindings::poll_table_struct,
    ) -> bindings::__poll_t {
        // SAFETY: By the caller.
        let this = unsafe { File::<T>::from_raw(file) };

        // First the queue, then the look: what happens in between wakes up the poll.
        // SAFETY: By the caller. The device lives as long as the file, and whoever polls leaves its
        // queue before the file is released.
        unsafe { bindings::poll_wait(file, this.device().poll_queue(), table) };
        let file = this;
        if file.device().is_gone() {
            // Readable too: whoever waits for nothing else gets to read, and to know.
            bindings::POLLIN | bindings::POLLRDNORM | bindings::POLLERR | bindings::POLLHUP
        } else if T::is_readable(&file) {
            bindings::POLLIN | bindings::POLLRDNORM
        } else {
            0
        }
    }

    /// # Safety
    ///
    /// Called by the VFS only, for a file that was opened by [`Self::open`].
    unsafe extern "C" fn ioctl(file: *mut bindings::file, command: c_uint, arg: c_ulong) -> c_long {
        // SAFETY: By the caller; ioctl has no `fdget_pos` section.
        let file = unsafe { File::<T>::from_raw(file) };
        match T::ioctl(&file, command, arg) {
            Ok(()) => 0,
            // CAST: An errno fits.
            Err(error) => error.to_errno() as c_long,
        }
    }
}
