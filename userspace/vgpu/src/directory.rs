// SPDX-License-Identifier: MIT OR Apache-2.0

//! Directories of sysfs, held open.

use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::buffer::spare_capacity;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, RawDir, fstat, openat, readlinkat, statat};
use rustix::io::retry_on_intr;

use crate::number::parse_u32;

/// As much as an attribute of sysfs holds.
const ATTRIBUTE_SIZE: usize = 4096;

/// As much of a listing as is asked for at once: some dozens of PCI functions.
const LISTING_SIZE: usize = 4096;

/// An object's directory in sysfs, open.
///
/// Everything that is looked up in it belongs to the object that it was opened
/// for, whoever has the object's name or address by now. Once the object is
/// removed, nothing is found in it any more.
///
/// The descriptor (`O_PATH`) keeps alive neither the object nor its driver.
#[derive(Debug)]
pub(crate) struct Directory {
    descriptor: OwnedFd,
    path: PathBuf,
}

impl Directory {
    /// Opens the directory at `path`, following links.
    ///
    /// # Errors
    /// Those of the kernel.
    pub(crate) fn open(path: PathBuf) -> io::Result<Self> {
        let descriptor = open(CWD, &path, OFlags::PATH | OFlags::DIRECTORY)?;
        Ok(Directory { descriptor, path })
    }

    /// Opens the directory at `path`, following links, and lists the names in it.
    /// A name that is no UTF-8 is left out: it is neither a PCI address nor a class device.
    ///
    /// # Errors
    /// Those of the kernel.
    pub(crate) fn list(path: PathBuf) -> io::Result<(Self, Vec<String>)> {
        let descriptor = open(CWD, &path, OFlags::RDONLY | OFlags::DIRECTORY)?;
        let names = names(&descriptor, usize::MAX)?;
        Ok((Directory { descriptor, path }, names))
    }

    /// Opens the directory at `place` below this one; `path` is what messages
    /// call it.
    ///
    /// # Errors
    /// Those of the kernel.
    pub(crate) fn below(&self, place: &Path, path: PathBuf) -> io::Result<Self> {
        let descriptor = open(self.as_fd(), place, OFlags::PATH | OFlags::DIRECTORY)?;
        Ok(Directory { descriptor, path })
    }

    /// Returns the path of the file `name` for messages: what is there by now may
    /// be another object's.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Tells whether `other` is the same directory. As long as both are open, no
    /// other one has their inode number.
    pub(crate) fn is_same_as(&self, other: &Directory) -> bool {
        self.inode().is_some_and(|it| other.inode() == Some(it))
    }

    /// Tells whether its path still leads here, and not to another object's
    /// directory or to none.
    pub(crate) fn is_current(&self) -> bool {
        let now = statat(CWD, &self.path, AtFlags::empty());
        now.is_ok_and(|now| self.inode() == Some(now.st_ino))
    }

    /// Returns the inode number of the directory.
    pub(crate) fn inode(&self) -> Option<u64> {
        Some(fstat(self.as_fd()).ok()?.st_ino)
    }

    /// Opens the file `name`.
    ///
    /// # Errors
    /// Those of the kernel.
    pub(crate) fn file(&self, name: &str, flags: OFlags) -> io::Result<File> {
        Ok(open(self.as_fd(), Path::new(name), flags)?.into())
    }

    /// Reads the attribute `name` by three system calls, where std takes five for
    /// any file.
    ///
    /// # Errors
    /// Those of the kernel.
    pub(crate) fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let file = open(self.as_fd(), Path::new(name), OFlags::RDONLY)?;
        let mut content = Vec::with_capacity(ATTRIBUTE_SIZE);
        retry_on_intr(|| rustix::io::read(&file, spare_capacity(&mut content)))?;
        Ok(content)
    }

    /// Reads the number that the attribute `name` holds; `None` if it is gone or
    /// holds none.
    pub(crate) fn number(&self, name: &str) -> Option<u32> {
        parse_u32(std::str::from_utf8(&self.read(name).ok()?).ok()?.trim_end())
    }

    /// Reads the last part of the text of the link `name`; `None` if it is gone or
    /// none.
    pub(crate) fn link_name(&self, name: &str) -> Option<String> {
        let target = readlinkat(self.as_fd(), name, Vec::new()).ok()?;
        let target = target.to_str().ok()?;
        Some(Path::new(target).file_name()?.to_str()?.to_owned())
    }

    /// Finds the name of one entry of the directory `name`; `None` if that has
    /// none or is gone.
    pub(crate) fn entry_of(&self, name: &str) -> Option<String> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let directory = open(self.as_fd(), Path::new(name), flags).ok()?;
        names(&directory, 1).ok()?.pop()
    }
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// Reads the names in a directory, `most` of them.
fn names(directory: &OwnedFd, most: usize) -> io::Result<Vec<String>> {
    let mut buffer = [MaybeUninit::uninit(); LISTING_SIZE];
    let mut entries = RawDir::new(directory, &mut buffer);
    let mut names = Vec::new();
    while names.len() < most {
        let Some(entry) = entries.next() else { break };
        match entry?.file_name().to_str() {
            Ok("." | "..") | Err(_) => {}
            Ok(name) => names.push(name.to_owned()),
        }
    }
    Ok(names)
}

fn open(directory: BorrowedFd<'_>, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
    let flags = flags | OFlags::CLOEXEC;
    Ok(retry_on_intr(|| {
        openat(directory, path, flags, Mode::empty())
    })?)
}
