// SPDX-License-Identifier: GPL-2.0

//! Versions of vgpu-host that were released before, and what they leave on a host.
//!
//! Directories of tests/released are called by the commits of such versions and hold what
//! these left, in files that `make check-upgrade REVISION=COMMIT WRITE=1` has the real
//! programs make. Tests start from there. Without `WRITE`, they start from what the real
//! programs do, which has to be the same.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One of them.
pub(crate) struct Released {
    /// The directory of what it left.
    left: PathBuf,
    /// The program itself, if it is there.
    program: Option<PathBuf>,
}

impl Released {
    /// All whose traces are kept, or the one whose programs are in the directory that
    /// `VGPU_RELEASED` names.
    pub(crate) fn all() -> Vec<Self> {
        let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/released");
        if let Some(programs) = env::var_os("VGPU_RELEASED").map(PathBuf::from) {
            return vec![Released {
                left: all.join(programs.file_name().unwrap()),
                program: Some(programs.join("vgpu-host")),
            }];
        }
        let all: Vec<_> = fs::read_dir(all)
            .unwrap()
            .map(|entry| Released {
                left: entry.unwrap().path(),
                program: None,
            })
            .collect();
        assert!(!all.is_empty());
        all
    }

    /// A command of the program, if it is there.
    pub(crate) fn command(&self) -> Option<Command> {
        self.program.as_ref().map(Command::new)
    }

    /// What it left.
    pub(crate) fn left(&self, file: &str) -> String {
        let path = self.left.join(file);
        fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    /// Compares what the program has left now with what is kept, or keeps it.
    pub(crate) fn compare(&self, file: &str, now: &str) {
        if env::var_os("VGPU_RELEASED_WRITE").is_some() {
            fs::create_dir_all(&self.left).unwrap();
            fs::write(self.left.join(file), now).unwrap();
        }
        assert_eq!(self.left(file), now, "{file}");
    }
}
