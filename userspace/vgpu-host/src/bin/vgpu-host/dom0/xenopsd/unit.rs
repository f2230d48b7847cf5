// SPDX-License-Identifier: GPL-2.0

//! How systemd starts xenopsd: the words of its command line.

use std::collections::BTreeMap;

use crate::dom0::tree::Tree;
use crate::failure::Failure;

const UNIT: &str = "xenopsd-xc.service";
/// Where units are, those that count most first.
const DIRECTORIES: [&str; 4] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// The command line of xenopsd, the program first; `None` if there is no unit that has
/// one.
pub(super) fn command_line(tree: &Tree) -> Result<Option<Vec<String>>, Failure> {
    let mut unit = Unit::default();
    for directory in DIRECTORIES {
        if let Some(text) = tree.text(&format!("{directory}/{UNIT}"))? {
            unit.add(tree, &text)?;
            break;
        }
    }
    // Of drop-ins with the same name, the one in the directory that counts most.
    let mut drop_ins: BTreeMap<String, String> = BTreeMap::new();
    for directory in DIRECTORIES {
        let directory = format!("{directory}/{UNIT}.d");
        for name in tree.names(&directory)? {
            let path = format!("{directory}/{name}");
            if name.ends_with(".conf") {
                drop_ins.entry(name).or_insert(path);
            }
        }
    }
    for path in drop_ins.values() {
        if let Some(text) = tree.text(path)? {
            unit.add(tree, &text)?;
        }
    }
    Ok(unit.start.map(|words| expand(&words, &unit.environment)))
}

#[derive(Default)]
struct Unit {
    start: Option<Vec<String>>,
    environment: BTreeMap<String, String>,
}

impl Unit {
    /// Takes over what the text of a unit, or of a drop-in, says.
    fn add(&mut self, tree: &Tree, text: &str) -> Result<(), Failure> {
        let mut in_service = false;
        for line in text.replace("\\\n", " ").lines().map(str::trim) {
            if line.starts_with('[') {
                in_service = line == "[Service]";
            }
            let Some((key, value)) = line.split_once('=').filter(|_| in_service) else {
                continue;
            };
            match (key.trim(), value.trim()) {
                // Forgets what there was.
                ("ExecStart", "") => self.start = None,
                ("ExecStart", value) => {
                    let value = value.trim_start_matches(['@', '-', ':', '+', '!']);
                    self.start = Some(words(value));
                }
                ("Environment", value) => {
                    let words = words(value);
                    let variables = words.iter().filter_map(|word| word.split_once('='));
                    for (name, value) in variables {
                        self.environment.insert(name.into(), value.into());
                    }
                }
                ("EnvironmentFile", value) => {
                    let path = value.trim_start_matches('-');
                    let text = tree.text(path)?.unwrap_or_default();
                    for line in text.lines().map(str::trim) {
                        if let Some((name, value)) = line.split_once('=') {
                            let value = words(value).join(" ");
                            self.environment.insert(name.into(), value);
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// The words of a text, without the quotes around them.
fn words(text: &str) -> Vec<String> {
    let words = shell_words::split(text);
    words.unwrap_or_else(|_| text.split_whitespace().map(String::from).collect())
}

/// Replaces variables by their values; one that is a word of its own can be several.
fn expand(words: &[String], environment: &BTreeMap<String, String>) -> Vec<String> {
    let mut expanded = Vec::new();
    for word in words {
        let name = word.strip_prefix('$').filter(|it| !it.starts_with('{'));
        match name {
            Some(name) => {
                let value = environment.get(name).map_or("", String::as_str);
                expanded.extend(value.split_whitespace().map(String::from));
            }
            None => {
                let replaced = environment
                    .iter()
                    .fold(word.clone(), |word, (name, value)| {
                        word.replace(&format!("${{{name}}}"), value)
                    });
                expanded.push(replaced);
            }
        }
    }
    expanded
}
