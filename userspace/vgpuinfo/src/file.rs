// SPDX-License-Identifier: GPL-2.0

//! Writing a file that others read at any time: it is either the old one or the new
//! one, and never missing.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::process;

/// The mode of a file that was not there, before the umask.
const MODE: u32 = 0o666;

/// Writes `text` to the file at `path`, in one step for whoever reads it. One that is
/// there keeps its owner and its mode; a link leads to the file that is replaced. What is
/// no file, as a pipe or /dev/stdout, is written to.
///
/// # Errors
/// What the kernel answered; the old file is as it was then.
pub(crate) fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let old = match fs::metadata(path) {
        Ok(old) if !old.is_file() => {
            return OpenOptions::new().write(true).open(path)?.write_all(text);
        }
        Ok(old) => Some(old),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let target = match old {
        Some(_) => fs::canonicalize(path)?,
        None => path.to_owned(),
    };
    let (new, file) = beside(&target)?;
    let written = fill(file, old.as_ref(), text).and_then(|()| fs::rename(&new, &target));
    if written.is_err() {
        // The error is what counts.
        let _ = fs::remove_file(&new);
    }
    written
}

/// Makes an empty file in the directory of `target`, so that it can take its place. Its
/// name begins with a dot and ends in nothing that a collector looks for.
fn beside(target: &Path) -> io::Result<(PathBuf, File)> {
    let name = target.file_name().ok_or(ErrorKind::IsADirectory)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(MODE);
    let mut number = 0_u32;
    loop {
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}-{number}", process::id()));
        let path = target.with_file_name(hidden);
        match options.open(&path) {
            Ok(file) => return Ok((path, file)),
            // Left behind by a process of the same number.
            Err(error) if error.kind() == ErrorKind::AlreadyExists && number < 100 => number += 1,
            Err(error) => return Err(error),
        }
    }
}

fn fill(mut file: File, old: Option<&fs::Metadata>, text: &[u8]) -> io::Result<()> {
    if let Some(old) = old {
        let new = file.metadata()?;
        if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
            fchown(&file, Some(old.uid()), Some(old.gid()))?;
        }
        file.set_permissions(Permissions::from_mode(old.mode() & 0o7777))?;
    }
    file.write_all(text)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_file_that_is_replaced_keeps_its_mode_and_a_link_stays_one() {
        let directory = tempfile::tempdir().unwrap();
        let place = |name: &str| directory.path().join(name);
        fs::write(place("real"), "old").unwrap();
        fs::set_permissions(place("real"), Permissions::from_mode(0o640)).unwrap();
        symlink("real", place("link")).unwrap();
        let before = fs::metadata(place("real")).unwrap();
        replace(&place("link"), b"new").unwrap();
        let after = fs::metadata(place("real")).unwrap();
        assert_eq!(fs::read_to_string(place("real")).unwrap(), "new");
        assert_eq!(after.mode(), before.mode());
        assert_eq!((after.uid(), after.gid()), (before.uid(), before.gid()));
        // Another one: whoever reads the old one reads it to its end.
        assert_ne!(after.ino(), before.ino());
        assert!(place("link").is_symlink());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_is_no_file_is_written_to_and_not_replaced() {
        replace(Path::new("/dev/null"), b"text").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        let full = replace(Path::new("/dev/full"), b"text").unwrap_err();
        assert_eq!(full.kind(), ErrorKind::StorageFull);
        assert!(replace(Path::new("/"), b"text").is_err());
    }

    #[test]
    fn nothing_is_left_behind_where_a_file_cannot_take_its_place() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("missing/file");
        assert_eq!(
            replace(&path, b"text").unwrap_err().kind(),
            ErrorKind::NotFound
        );
        // Left behind by somebody else.
        let stale = format!(".file.{}-0", process::id());
        fs::write(directory.path().join(stale), "").unwrap();
        replace(&directory.path().join("file"), b"text").unwrap();
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
    }
}
