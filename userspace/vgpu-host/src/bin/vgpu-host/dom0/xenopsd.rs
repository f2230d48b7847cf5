// SPDX-License-Identifier: GPL-2.0

//! xenopsd's setting that names the wrapper of device models.

mod unit;

use std::path::Path;

use vgpu_host::layout::{HOOK, XENOPSD, XENOPSD_DIRECTORY, XENOPSD_FILE, XENOPSD_SETTING};

use crate::dom0::tree::Tree;
use crate::failure::Failure;

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

/// Where xenopsd reads its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Configuration {
    /// The file that it reads first.
    pub(crate) file: String,
    /// All files in it are read after that, if there is such a directory.
    pub(crate) directory: String,
}

impl Configuration {
    /// Finds out by how systemd starts xenopsd. A host without a unit has the places of
    /// those releases that have both.
    pub(crate) fn of(tree: &Tree) -> Result<Self, Failure> {
        let Some(words) = unit::command_line(tree)? else {
            return Ok(Configuration {
                file: XENOPSD.into(),
                directory: XENOPSD_DIRECTORY.into(),
            });
        };
        let program = words.first().map(Path::new).and_then(Path::file_name);
        let program = program.unwrap_or_default().to_string_lossy();
        let file = option(&words, "--config");
        let file = file.unwrap_or_else(|| format!("/etc/{program}.conf"));
        // A line of the file has the last word.
        let text = tree.text(&file)?.unwrap_or_default();
        let directory = text
            .lines()
            .filter_map(|line| value(line.as_bytes(), "config-dir"))
            .next_back()
            .or_else(|| option(&words, "--config-dir"))
            .unwrap_or_else(|| format!("/etc/{program}.conf.d"));
        Ok(Configuration { file, directory })
    }

    /// The files that are there, in the order in which xenopsd reads them.
    fn files(&self, tree: &Tree) -> Result<Vec<String>, Failure> {
        let mut paths = vec![self.file.clone()];
        for name in tree.names(&self.directory)? {
            let path = format!("{}/{name}", self.directory);
            if tree.is_file(&path)? {
                paths.push(path);
            }
        }
        Ok(paths)
    }

    /// Whether xenopsd reads a file, if it is there.
    pub(crate) fn reads(&self, path: &str) -> bool {
        let parent = Path::new(path).parent();
        path == self.file || parent == Some(Path::new(&self.directory))
    }

    /// All lines that set the wrapper, in the order in which xenopsd reads them.
    pub(crate) fn settings(&self, tree: &Tree) -> Result<Vec<Setting>, Failure> {
        let mut settings = Vec::new();
        for path in self.files(tree)? {
            let found = tree.read(&path)?;
            let bytes = found.map(|found| found.bytes).unwrap_or_default();
            for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
                if let Some(value) = value(line, XENOPSD_SETTING) {
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
    pub(crate) fn place(&self, tree: &Tree) -> Result<Option<String>, Failure> {
        if tree.is_directory(&self.directory)? {
            return Ok(Some(format!("{}/{XENOPSD_FILE}", self.directory)));
        }
        Ok(tree.is_file(&self.file)?.then(|| self.file.clone()))
    }
}

/// The value of an option of a command line, the last one.
fn option(words: &[String], name: &str) -> Option<String> {
    let joined = format!("{name}=");
    let values = words.iter().enumerate().filter_map(|(at, word)| {
        let value = word.strip_prefix(&joined).map(String::from);
        value.or_else(|| words.get(at + 1).filter(|_| word == name).cloned())
    });
    values.last()
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
    let is_ours = |line: &&[u8]| value(line, XENOPSD_SETTING).is_some_and(|value| value == HOOK);
    let others = lines.filter(|line| !is_ours(line));
    others.flatten().copied().collect()
}

/// What a line sets a setting to, if it does, as xenopsd reads it: without a comment and
/// without the quotes around it.
fn value(line: &[u8], setting: &str) -> Option<String> {
    let line = String::from_utf8_lossy(line);
    let (key, value) = line.split('#').next()?.split_once('=')?;
    let value = value.trim();
    let unquoted = ['"', '\'']
        .into_iter()
        .find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote));
    (key.trim() == setting).then(|| unquoted.unwrap_or(value).to_owned())
}
