// SPDX-License-Identifier: GPL-2.0

//! xenopsd's setting that names the wrapper of device models.

use vgpu_host::layout::{HOOK, XENOPSD, XENOPSD_DIRECTORY, XENOPSD_FILE, XENOPSD_SETTING};

use crate::failure::Failure;
use crate::tree::Tree;

/// One line that sets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) value: String,
}

impl Setting {
    pub(crate) fn is_ours(&self) -> bool {
        self.value == HOOK
    }
}

/// All lines that set it, in the order in which xenopsd reads them.
pub(crate) fn settings(tree: &Tree) -> Result<Vec<Setting>, Failure> {
    let mut paths = vec![XENOPSD.to_owned()];
    for name in tree.names(XENOPSD_DIRECTORY)? {
        let path = format!("{XENOPSD_DIRECTORY}/{name}");
        if tree.path(&path).is_file() {
            paths.push(path);
        }
    }
    let mut settings = Vec::new();
    for path in paths {
        let found = tree.read(&path)?;
        let bytes = found.map(|found| found.bytes).unwrap_or_default();
        for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            if let Some(value) = value(line) {
                settings.push(Setting {
                    path: path.clone(),
                    line: index + 1,
                    value,
                });
            }
        }
    }
    Ok(settings)
}

/// The file that install puts the setting into; `None` where there is no xenopsd.
pub(crate) fn place(tree: &Tree) -> Option<&'static str> {
    if tree.is_directory(XENOPSD_DIRECTORY) {
        return Some(XENOPSD_FILE);
    }
    tree.path(XENOPSD).is_file().then_some(XENOPSD)
}

/// A file's text with the setting behind it.
pub(crate) fn with_setting(text: Option<&[u8]>) -> Vec<u8> {
    let mut with = match text {
        Some(text) => text.to_vec(),
        None => b"# Written by vgpu-host install; vgpu-host uninstall takes it away.\n".to_vec(),
    };
    if with.last().is_some_and(|byte| *byte != b'\n') {
        with.push(b'\n');
    }
    with.extend(format!("{XENOPSD_SETTING}={HOOK}\n").bytes());
    with
}

/// A file's text without the lines that set it to the hook.
pub(crate) fn without_setting(text: &[u8]) -> Vec<u8> {
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    let others = lines.filter(|line| value(line).is_none_or(|value| value != HOOK));
    others.flatten().copied().collect()
}

/// What a line sets it to, if it does.
fn value(line: &[u8]) -> Option<String> {
    let line = String::from_utf8_lossy(line);
    let (key, value) = line.split('#').next()?.split_once('=')?;
    (key.trim() == XENOPSD_SETTING).then(|| value.trim().to_owned())
}
