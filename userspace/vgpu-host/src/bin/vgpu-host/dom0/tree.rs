// SPDX-License-Identifier: GPL-2.0

//! The host's files, below a root: all that this program reads and changes there.
//!
//! A file is replaced as a whole and a change is on the disk before the next
//! one begins, so that a run that is killed leaves a prefix of its changes.

use std::cell::RefCell;
use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use vgpu_host::below::{Last, resolve};

use crate::dom0::replace::{self, Attributes, changed, sync_parent};
use crate::failure::Failure;

/// The name that a file has while it is written. It is always the same one: the
/// next run finds what a killed one left.
const UNFINISHED: &str = ".vgpu-stub.unfinished";

/// A file that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) bytes: Vec<u8>,
    pub(crate) attributes: Attributes,
}

pub(crate) struct Tree {
    root: PathBuf,
    dry_run: bool,
    changes: RefCell<Vec<String>>,
    /// Held as long as the tree is.
    _lock: Option<File>,
}

impl Tree {
    /// The tree for somebody who only looks.
    pub(crate) fn to_read(root: &Path) -> Self {
        Tree {
            root: root.into(),
            dry_run: true,
            changes: RefCell::default(),
            _lock: None,
        }
    }

    /// The tree for one who changes it, and the only one who does. With
    /// `dry_run`, changes are noted and not made.
    pub(crate) fn to_change(root: &Path, dry_run: bool) -> Result<Self, Failure> {
        let mut tree = Tree::to_read(root);
        tree.dry_run = dry_run;
        if !dry_run {
            // The directory itself: a file for it would have to be made.
            let lock = File::open(root).map_err(|source| failed(root, source))?;
            flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|error| match error
                .kind()
            {
                ErrorKind::WouldBlock => Failure::Refused {
                    what: format!("another vgpu-host is at work on {}", root.display()),
                    hint: "run this again when it is done",
                },
                _ => failed(root, error.into()),
            })?;
            tree._lock = Some(lock);
        }
        Ok(tree)
    }

    /// What was changed, one line for each file and directory.
    pub(crate) fn changes(&self) -> Vec<String> {
        self.changes.borrow().clone()
    }

    /// The root of the host's files.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where a path of the host is, for messages.
    pub(crate) fn shown(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// Where a path of the host leads to.
    pub(crate) fn path(&self, path: &str) -> Result<PathBuf, Failure> {
        self.resolve(path, Last::Follow)
    }

    /// Where a file is that is to be replaced as what it is, be it a link.
    fn place(&self, path: &str) -> Result<PathBuf, Failure> {
        self.resolve(path, Last::Keep)
    }

    fn resolve(&self, path: &str, last: Last) -> Result<PathBuf, Failure> {
        resolve(&self.root, path, last).map_err(|source| failed(&self.shown(path), source))
    }

    /// Reads a file, if it is there. Only a regular one can be put back as it was.
    pub(crate) fn read(&self, path: &str) -> Result<Option<Found>, Failure> {
        let full = self.place(path)?;
        let metadata = match fs::symlink_metadata(&full) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(failed(&full, source)),
        };
        if !metadata.is_file() {
            return Err(Failure::Refused {
                what: format!("{} is no regular file", full.display()),
                hint: "see who put it there; nothing was changed",
            });
        }
        let bytes = fs::read(&full).map_err(|source| failed(&full, source))?;
        let attributes = Attributes::of(&metadata).map_err(|source| failed(&full, source))?;
        Ok(Some(Found { bytes, attributes }))
    }

    /// The text of a file, if it is there, whatever it is that leads to it.
    pub(crate) fn text(&self, path: &str) -> Result<Option<String>, Failure> {
        let bytes = self.bytes(path)?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// The same, as the bytes that are there.
    pub(crate) fn bytes(&self, path: &str) -> Result<Option<Vec<u8>>, Failure> {
        let full = self.path(path)?;
        match fs::read(&full) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(failed(&full, source)),
        }
    }

    pub(crate) fn is_directory(&self, path: &str) -> Result<bool, Failure> {
        Ok(self.path(path)?.is_dir())
    }

    pub(crate) fn is_file(&self, path: &str) -> Result<bool, Failure> {
        Ok(self.path(path)?.is_file())
    }

    /// The names in a directory, in order; none if it is not there.
    pub(crate) fn names(&self, directory: &str) -> Result<Vec<String>, Failure> {
        let full = self.path(directory)?;
        let entries = match fs::read_dir(&full) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(failed(&full, source)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|source| failed(&full, source))?;
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }

    /// Replaces a file, or makes it: it has its old content or all of the new
    /// one. It is written in the directory `at`, of the same file system.
    pub(crate) fn write(
        &self,
        path: &str,
        at: &str,
        bytes: &[u8],
        attributes: &Attributes,
    ) -> Result<(), Failure> {
        let unfinished = self.path(at)?.join(UNFINISHED);
        let full = self.place(path)?;
        self.change(format!("write {path}"), &full, || {
            replace::replace(&full, &unfinished, bytes, attributes)
        })
    }

    /// Removes a file, if it is there.
    pub(crate) fn remove(&self, path: &str) -> Result<(), Failure> {
        let full = self.place(path)?;
        if fs::symlink_metadata(&full).is_err() {
            return Ok(());
        }
        self.change(format!("remove {path}"), &full, || replace::remove(&full))
    }

    /// Makes a directory, if it is not there.
    pub(crate) fn make_directory(&self, path: &str) -> Result<(), Failure> {
        let full = self.path(path)?;
        if full.is_dir() {
            return Ok(());
        }
        self.change(format!("make {path}"), &full, || {
            fs::create_dir(&full)?;
            changed();
            fs::set_permissions(&full, Permissions::from_mode(0o755))?;
            changed();
            sync_parent(&full)
        })
    }

    /// Removes a directory, if it is there and empty.
    pub(crate) fn remove_directory(&self, path: &str) -> Result<(), Failure> {
        let full = self.place(path)?;
        if !full.is_dir() {
            return Ok(());
        }
        self.change(
            format!("remove {path} if it is empty"),
            &full,
            || match fs::remove_dir(&full) {
                Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => Ok(()),
                Err(error) => Err(error),
                Ok(()) => {
                    changed();
                    sync_parent(&full)
                }
            },
        )
    }

    /// Removes what a killed run was writing in these directories.
    pub(crate) fn tidy(&self, directories: &[&str]) -> Result<(), Failure> {
        directories
            .iter()
            .try_for_each(|directory| self.remove(&format!("{directory}/{UNFINISHED}")))
    }

    fn change(
        &self,
        what: String,
        path: &Path,
        make: impl FnOnce() -> io::Result<()>,
    ) -> Result<(), Failure> {
        self.changes.borrow_mut().push(what);
        match self.dry_run {
            true => Ok(()),
            false => make().map_err(|source| failed(path, source)),
        }
    }
}

fn failed(path: &Path, source: io::Error) -> Failure {
    Failure::File {
        path: path.into(),
        source,
    }
}
