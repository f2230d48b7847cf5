// SPDX-License-Identifier: GPL-2.0

//! Files that change as a whole: who looks sees the old one or the new one,
//! also after the power was cut.

use std::fs::{self, File, FileTimes, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::Path;
use std::time::SystemTime;

/// Whose a file is, and when it was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attributes {
    pub(crate) mode: u32,
    /// User and group; whoever runs this if there are none.
    pub(crate) owner: Option<(u32, u32)>,
    /// Now, if there is none.
    pub(crate) modified: Option<SystemTime>,
}

impl Attributes {
    /// Those of a new file.
    pub(crate) fn new(mode: u32) -> Self {
        Attributes {
            mode,
            owner: None,
            modified: None,
        }
    }

    /// Those of a file that is there.
    pub(crate) fn of(metadata: &Metadata) -> io::Result<Self> {
        Ok(Attributes {
            mode: metadata.mode() & 0o7777,
            owner: Some((metadata.uid(), metadata.gid())),
            modified: Some(metadata.modified()?),
        })
    }

    /// Those of the same file with another content.
    pub(crate) fn changed_now(&self) -> Self {
        Attributes {
            modified: None,
            ..self.clone()
        }
    }
}

/// Replaces a file, or makes it, by writing `unfinished`, which is on the same
/// file system. It is on the disk when this returns.
pub(crate) fn replace(
    path: &Path,
    unfinished: &Path,
    bytes: &[u8],
    attributes: &Attributes,
) -> io::Result<()> {
    let written = write(unfinished, bytes, attributes);
    if let Err(error) = written.and_then(|()| fs::rename(unfinished, path)) {
        let _ = fs::remove_file(unfinished);
        return Err(error);
    }
    changed();
    sync_parent(path)?;
    sync_parent(unfinished)
}

/// Removes a file that is there.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    fs::remove_file(path)?;
    changed();
    sync_parent(path)
}

/// Writes a file that nobody looks at yet.
fn write(path: &Path, bytes: &[u8], attributes: &Attributes) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    changed();
    let (half, rest) = bytes.split_at(bytes.len() / 2);
    file.write_all(half)?;
    changed();
    file.write_all(rest)?;
    changed();
    if let Some((user, group)) = attributes.owner {
        fchown(&file, Some(user), Some(group))?;
    }
    // After the owner, whose change takes set-user-id bits away.
    file.set_permissions(Permissions::from_mode(attributes.mode))?;
    if let Some(modified) = attributes.modified {
        file.set_times(FileTimes::new().set_modified(modified))?;
    }
    changed();
    file.sync_all()
}

/// Has a change of a directory on the disk.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if parent == Path::new("") => File::open(".")?.sync_all(),
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

/// Called after each single change: a test says after how many of them the
/// program dies, as if the host did.
#[cfg(debug_assertions)]
pub(crate) fn changed() {
    use std::sync::atomic::{AtomicU32, Ordering};
    static CHANGES: AtomicU32 = AtomicU32::new(1);
    let number = CHANGES.fetch_add(1, Ordering::Relaxed);
    if std::env::var("VGPU_HOST_DIES_AFTER").is_ok_and(|it| it == number.to_string()) {
        std::process::abort();
    }
}

#[cfg(not(debug_assertions))]
pub(crate) fn changed() {}
