// SPDX-License-Identifier: GPL-2.0

//! Paths of a host's tree, seen from outside of it.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};

/// So many symbolic links one path may lead through, as for the kernel.
const MOST_LINKS: usize = 40;

/// What to do about a symbolic link at the end of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Last {
    /// It leads on.
    Follow,
    /// It is what the path is of.
    Keep,
}

/// Resolves a path as if `root` were the root: a symbolic link leads to where it does on
/// the host whose tree it is, and never out of the tree.
///
/// # Errors
/// The path leads through more links than the kernel follows.
pub fn resolve(root: &Path, path: &str, last: Last) -> io::Result<PathBuf> {
    if root == Path::new("/") {
        return Ok(root.join(path));
    }
    let mut left: VecDeque<OsString> = VecDeque::new();
    prepend(&mut left, Path::new(path));
    let mut resolved = root.to_path_buf();
    let (mut depth, mut links) = (0_usize, 0);
    while let Some(name) = left.pop_front() {
        if name == ".." {
            if depth > 0 {
                resolved.pop();
                depth -= 1;
            }
            continue;
        }
        let here = resolved.join(&name);
        let follow = last == Last::Follow || !left.is_empty();
        // What is not there, or is no link, is taken as it is.
        let Some(target) = fs::read_link(&here).ok().filter(|_| follow) else {
            resolved = here;
            depth += 1;
            continue;
        };
        links += 1;
        if links > MOST_LINKS {
            return Err(io::Error::new(
                ErrorKind::InvalidInput,
                "too many symbolic links",
            ));
        }
        if target.is_absolute() {
            resolved = root.to_path_buf();
            depth = 0;
        }
        prepend(&mut left, &target);
    }
    Ok(resolved)
}

/// Puts the names of a path before what is left to resolve.
fn prepend(left: &mut VecDeque<OsString>, path: &Path) {
    for component in path.components().rev() {
        match component {
            Component::Normal(name) => left.push_front(name.into()),
            Component::ParentDir => left.push_front("..".into()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_lead_to_where_they_do_on_the_host_and_not_out_of_its_tree() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::create_dir_all(root.join("usr/lib")).unwrap();
        for (link, target) in [
            ("var", "/usr"),
            ("lib", "usr/lib"),
            ("out", "../../../../../etc"),
            ("absolute", "/etc/passwd"),
            ("usr/up", "../lib/x"),
            ("loop", "/loop"),
        ] {
            symlink(target, root.join(link)).unwrap();
        }
        for (path, followed, kept) in [
            ("/usr/lib/a", "usr/lib/a", "usr/lib/a"),
            ("/var/lib/a", "usr/lib/a", "usr/lib/a"),
            ("lib/a", "usr/lib/a", "usr/lib/a"),
            ("/out", "etc", "out"),
            ("/out/passwd", "etc/passwd", "etc/passwd"),
            ("/absolute", "etc/passwd", "absolute"),
            ("/var/up/y", "usr/lib/x/y", "usr/lib/x/y"),
            ("/../../etc/passwd", "etc/passwd", "etc/passwd"),
            ("/not/there", "not/there", "not/there"),
        ] {
            let resolved = |last| resolve(root, path, last).unwrap();
            assert_eq!(resolved(Last::Follow), root.join(followed), "{path}");
            assert_eq!(resolved(Last::Keep), root.join(kept), "{path}");
        }
        assert!(resolve(root, "/loop", Last::Follow).is_err());
        assert!(resolve(root, "/loop/a", Last::Keep).is_err());
    }
}
