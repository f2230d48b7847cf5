// SPDX-License-Identifier: GPL-2.0

//! What install changed, and what was there before. It is on the disk before
//! the first change is.

use serde_json::{Value, json};
use vgpu_host::layout::STATE;

use crate::dom0::replace::Attributes;
use crate::dom0::tree::{Found, Tree};
use crate::failure::Failure;

/// The number of the format.
const SCHEMA: u32 = 1;
const NAME: &str = "record.json";

/// The files that install changes, by what they are, in the order of the changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Item {
    Hook,
    Program,
    Plugin,
    Wrapper,
    Setting,
    Guard,
}

impl Item {
    pub(crate) const ALL: [Item; 6] = [
        Item::Hook,
        Item::Program,
        Item::Plugin,
        Item::Wrapper,
        Item::Setting,
        Item::Guard,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Item::Hook => "hook",
            Item::Program => "program",
            Item::Plugin => "plugin",
            Item::Wrapper => "wrapper",
            Item::Setting => "setting",
            Item::Guard => "guard",
        }
    }

    /// Whether the whole file is ours: a newer one takes the place of ours, not of what
    /// was there before.
    pub(crate) fn is_ours(self) -> bool {
        match self {
            Item::Hook | Item::Program | Item::Plugin | Item::Guard => true,
            Item::Wrapper | Item::Setting => false,
        }
    }

    /// Where the file is kept that was there before.
    pub(crate) fn kept(self) -> String {
        format!("{STATE}/{}.before", self.name())
    }
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) item: Item,
    pub(crate) path: String,
    /// Whether a file was there before; it is kept with all its attributes.
    pub(crate) was_there: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    /// Directories that were not there before, the outer ones first.
    pub(crate) directories: Vec<String>,
    pub(crate) entries: Vec<Entry>,
}

impl Record {
    pub(crate) fn path() -> String {
        format!("{STATE}/{NAME}")
    }

    pub(crate) fn read(tree: &Tree) -> Result<Option<Self>, Failure> {
        let Some(found) = tree.read(&Record::path())? else {
            return Ok(None);
        };
        let parsed = serde_json::from_slice(&found.bytes).ok();
        match parsed.as_ref().and_then(Record::parse) {
            Some(record) => Ok(Some(record)),
            None => Err(Failure::Refused {
                what: format!("{} makes no sense", tree.shown(&Record::path()).display()),
                hint: "use the version of vgpu-host that wrote it; nothing was changed",
            }),
        }
    }

    pub(crate) fn write(&self, tree: &Tree) -> Result<(), Failure> {
        let entries = self.entries.iter().map(|entry| {
            json!({
                "item": entry.item.name(),
                "path": entry.path,
                "was_there": entry.was_there,
            })
        });
        let document = json!({
            "schema": SCHEMA,
            "directories": self.directories,
            "files": entries.collect::<Value>(),
        });
        let text = format!("{document:#}\n");
        let attributes = Attributes::new(0o644);
        tree.write(&Record::path(), STATE, text.as_bytes(), &attributes)
    }

    fn parse(document: &Value) -> Option<Self> {
        if document["schema"] != SCHEMA {
            return None;
        }
        let text = |value: &Value| value.as_str().map(String::from);
        let directories = document["directories"].as_array()?.iter().map(text);
        let entries = document["files"].as_array()?.iter().map(|entry| {
            let name = entry["item"].as_str()?;
            Some(Entry {
                item: Item::ALL.into_iter().find(|item| item.name() == name)?,
                path: text(&entry["path"])?,
                was_there: entry["was_there"].as_bool()?,
            })
        });
        Some(Record {
            directories: directories.collect::<Option<_>>()?,
            entries: entries.collect::<Option<_>>()?,
        })
    }

    pub(crate) fn entry(&self, item: Item) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.item == item)
    }

    pub(crate) fn forget(&mut self, item: Item) {
        self.entries.retain(|entry| entry.item != item);
    }
}

impl Entry {
    /// The file that was there before.
    pub(crate) fn before(&self, tree: &Tree) -> Result<Option<Found>, Failure> {
        if !self.was_there {
            return Ok(None);
        }
        let found = tree.read(&self.item.kept())?;
        let missing = || Failure::Refused {
            what: format!("{} is gone", tree.shown(&self.item.kept()).display()),
            hint: "reinstall the package of the file that it was kept for",
        };
        found.ok_or_else(missing).map(Some)
    }
}
