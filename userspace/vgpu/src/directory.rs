// SPDX-License-Identifier: GPL-2.0

//! Directories of sysfs, held open.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::buffer::spare_capacity;
use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags, fstat, openat, readlinkat, statat};
use rustix::io::retry_on_intr;

use crate::number::parse_u32;

/// As much as an attribute of sysfs holds.
const ATTRIBUTE_SIZE: usize = 4096;

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
    /// What the kernel answered.
    pub(crate) fn open(path: PathBuf) -> io::Result<Self> {
        let descriptor = open(CWD, &path, OFlags::PATH | OFlags::DIRECTORY)?;
        Ok(Directory { descriptor, path })
    }

    /// Opens the directory at `place` below this one; `path` is what messages
    /// call it.
    ///
    /// # Errors
    /// What the kernel answered.
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

    fn inode(&self) -> Option<u64> {
        Some(fstat(self.as_fd()).ok()?.st_ino)
    }

    /// Opens the file `name`.
    ///
    /// # Errors
    /// What the kernel answered.
    pub(crate) fn file(&self, name: &str, flags: OFlags) -> io::Result<File> {
        Ok(open(self.as_fd(), Path::new(name), flags)?.into())
    }

    /// Reads the attribute `name`, which takes one read.
    ///
    /// # Errors
    /// What the kernel answered.
    pub(crate) fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        read_at(self.as_fd(), Path::new(name))
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
        entries(self.as_fd(), Path::new(name)).ok()?.next()?.ok()
    }
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// Lists the names in the directory at `path`. What is no UTF-8 is neither a PCI
/// address nor a class device.
///
/// # Errors
/// What the kernel answered.
pub(crate) fn names(path: &Path) -> io::Result<Vec<String>> {
    entries(CWD, path)?.collect()
}

/// Goes through the names in a directory, by one system call less than std.
fn entries(
    directory: BorrowedFd<'_>,
    path: &Path,
) -> io::Result<impl Iterator<Item = io::Result<String>> + use<>> {
    let listed = open(directory, path, OFlags::RDONLY | OFlags::DIRECTORY)?;
    Ok(Dir::new(listed)?.filter_map(|entry| match entry {
        Ok(entry) => {
            let name = entry.file_name().to_str().ok()?;
            (name != "." && name != "..").then(|| Ok(name.to_owned()))
        }
        Err(error) => Some(Err(error.into())),
    }))
}

/// Reads the attribute at `path`.
///
/// # Errors
/// What the kernel answered.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    read_at(CWD, path)
}

/// Reads an attribute by three system calls, where std takes five for any file.
fn read_at(directory: BorrowedFd<'_>, path: &Path) -> io::Result<Vec<u8>> {
    let file = open(directory, path, OFlags::RDONLY)?;
    let mut content = Vec::with_capacity(ATTRIBUTE_SIZE);
    retry_on_intr(|| rustix::io::read(&file, spare_capacity(&mut content)))?;
    Ok(content)
}

fn open(directory: BorrowedFd<'_>, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
    let flags = flags | OFlags::CLOEXEC;
    Ok(retry_on_intr(|| {
        openat(directory, path, flags, Mode::empty())
    })?)
}
