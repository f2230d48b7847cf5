// SPDX-License-Identifier: GPL-2.0

//! A source package in a directory of its own, and specs to put there.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_vgpu-host");

/// A spec with patches of these numbers.
pub(crate) fn spec(patches: &[u32]) -> String {
    let patch = |number: &u32| format!("Patch{number}: fix-{number}.patch\n");
    let patches = patches.iter().map(patch).collect::<Vec<_>>().concat();
    format!(
        "%global xsver 4.6.4\n\
         %global xsrel %{{xsver}}%{{?xscount}}\n\
         \n\
         Summary: A device model\n\
         Name: qemu\n\
         Epoch: 2\n\
         Version: 4.2.1\n\
         Release: %{{?xsrel}}.2%{{?dist}}\n\
         License: GPL\n\
         Source0: qemu-4.2.1.tar.gz\n\
         Source1: helper.py\n\
         Source2: keycodemapdb.tar.gz\n\
         {patches}\
         \n\
         BuildRequires: gcc\n\
         %if 0%{{?asan}}\n\
         BuildRequires: libasan\n\
         %endif\n\
         \n\
         %description\n\
         A device model: it models devices.\n\
         \n\
         %prep\n\
         %autosetup -p1\n\
         tar xzf %{{SOURCE2}}\n\
         \n\
         %build\n\
         ./configure --enable-xen \\\n    --enable-werror --without-default-devices\n\
         %{{__make}} all\n\
         \n\
         %files\n\
         %{{_libdir}}/xen/bin\n\
         \n\
         %changelog\n\
         * Mon Feb 10 2025 J\u{f6}rg Muster <joerg@example.org> - 4.2.1-4.6.4.2\n\
         - Fix a thing\n\
         \n\
         * Fri Jan 03 2025 Anna Muster <anna@example.org> - 4.2.1-4.6.4.1\n\
         - First one\n"
    )
}

/// All files of a directory, with mode and content.
pub(crate) type Snapshot = BTreeMap<PathBuf, (u32, Vec<u8>)>;

pub(crate) struct Package {
    directory: TempDir,
    pub(crate) spec: PathBuf,
    pub(crate) patch: PathBuf,
}

impl Package {
    /// Laid out as rpmbuild has it.
    pub(crate) fn new(spec: impl AsRef<[u8]>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = |name| directory.path().join(name);
        fs::create_dir(path("SPECS")).unwrap();
        fs::create_dir(path("SOURCES")).unwrap();
        fs::write(path("SOURCES/helper.py"), "pass\n").unwrap();
        let package = Package {
            spec: path("SPECS/qemu.spec"),
            patch: path("SOURCES/vgpu-stub.patch"),
            directory,
        };
        fs::write(&package.spec, spec).unwrap();
        fs::set_permissions(&package.spec, PermissionsExt::from_mode(0o640)).unwrap();
        package
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn text(&self) -> String {
        fs::read_to_string(&self.spec).unwrap()
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::new();
        for directory in ["SPECS", "SOURCES"] {
            for entry in fs::read_dir(self.path().join(directory)).unwrap() {
                let path = entry.unwrap().path();
                let mode = fs::metadata(&path).unwrap().permissions().mode();
                let content = fs::read(&path).unwrap();
                snapshot.insert(path, (mode, content));
            }
        }
        snapshot
    }

    /// `vgpu-host spec VERB FILE`: exit code, and what it says.
    pub(crate) fn run(&self, verb: &str) -> (i32, String) {
        self.run_with(verb, &[])
    }

    pub(crate) fn run_with(&self, verb: &str, more: &[&str]) -> (i32, String) {
        let mut command = Command::new(PROGRAM);
        command.args(["spec", verb]).arg(&self.spec).args(more);
        let output = on_a_known_day(&mut command);
        let said = [output.stdout, output.stderr].concat();
        (
            output.status.code().unwrap(),
            String::from_utf8(said).unwrap(),
        )
    }
}

/// Runs it on Tue Feb 11 2025, whoever runs the tests.
pub(crate) fn on_a_known_day(command: &mut Command) -> Output {
    command
        .env("SOURCE_DATE_EPOCH", "1739232000")
        .env_remove("RPM_PACKAGER")
        .output()
        .unwrap()
}
