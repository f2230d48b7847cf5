// SPDX-License-Identifier: GPL-2.0

//! Listing the VMs of a pool.
//!
//! xe prints the fields of a VM in lines `name ( RO): value` and two empty lines after
//! each VM, and leaves values as they are: one that has line ends in it can look like
//! more fields, or like another VM. `--minimal` escapes values and prints no more than
//! one field. So the uuids come from there, and what else is printed is taken if it has
//! exactly these VMs, each with exactly the fields that were asked for. If not, each
//! field of each VM is asked for by itself.
//!
//! A platform map is printed as `key: value; key: value`, which no reader can take
//! apart. It is only good for saying which VMs do not have a key.

use std::collections::{BTreeMap, BTreeSet};

use vgpu_host::keys;

use super::Xe;
use crate::failure::Failure;

const FIELDS: [&str; 5] = [
    "uuid",
    "name-label",
    "power-state",
    "resident-on",
    "platform",
];

/// The kinds of VMs, each of which xe lists by a command of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Vm,
    Template,
    Snapshot,
}

impl Kind {
    pub(crate) const ALL: [Kind; 3] = [Kind::Vm, Kind::Template, Kind::Snapshot];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Vm => "vm",
            Kind::Template => "template",
            Kind::Snapshot => "snapshot",
        }
    }
}

/// A VM of the pool, as it was listed.
pub(crate) struct Listed {
    pub(crate) kind: Kind,
    pub(crate) uuid: String,
    pub(crate) name: String,
    pub(crate) state: String,
    /// The uuid of the host that it runs on.
    pub(crate) resident_on: Option<String>,
    /// Whether its platform map may have one of our keys.
    pub(crate) may_have_devices: bool,
}

/// A VM of which something could not be read.
pub(crate) struct Unreadable {
    pub(crate) kind: Kind,
    pub(crate) uuid: String,
    pub(crate) failure: Failure,
}

/// The values of one VM by the names of their fields.
type Record = BTreeMap<&'static str, String>;

/// Lists all VMs of a kind, in the order in which xe does.
pub(super) fn list(xe: &Xe, kind: Kind) -> Result<Vec<Result<Listed, Unreadable>>, Failure> {
    let verb = format!("{}-list", kind.name());
    let params = format!("params={}", FIELDS.join(","));
    let words = [verb.as_str(), "is-control-domain=false"];
    let printed = xe.call(&[words[0], words[1], &params])?;
    let uuids = xe.call(&[words[0], words[1], "params=uuid", "--minimal"])?;
    let uuids = super::uuids(&uuids);
    if let Some(records) = parse(&printed).filter(|records| are_of(records, &uuids)) {
        let listed = records.into_iter().map(|record| Ok(listed(kind, record)));
        return Ok(listed.collect());
    }
    let one_by_one = uuids.into_iter().map(|uuid| {
        let mut record = Record::new();
        for field in FIELDS {
            match xe.get(uuid, field) {
                Ok(value) => record.insert(field, value),
                // No VM is to blame for a toolstack that does not answer.
                Err(failure @ Failure::Program(_)) => return Err(failure),
                Err(failure) => {
                    return Ok(Err(Unreadable {
                        kind,
                        uuid: uuid.into(),
                        failure,
                    }));
                }
            };
        }
        Ok(Ok(listed(kind, record)))
    });
    one_by_one.collect()
}

fn listed(kind: Kind, mut record: Record) -> Listed {
    let mut take = |field| record.remove(field).unwrap_or_default();
    let platform = take("platform");
    Listed {
        kind,
        uuid: take("uuid"),
        name: take("name-label"),
        state: take("power-state"),
        resident_on: super::member(take("resident-on")),
        may_have_devices: [keys::TYPED, keys::ARGUMENTS]
            .iter()
            .any(|key| super::may_have(&platform, key)),
    }
}

/// Reads what xe prints of VMs; nothing if there is anything in it that is not the one
/// line of a field.
fn parse(printed: &str) -> Option<Vec<Record>> {
    let mut records: Vec<Record> = Vec::new();
    if printed.is_empty() {
        return Some(records);
    }
    // The last line's end was taken off.
    for block in format!("{printed}\n").split_terminator("\n\n\n") {
        let mut record = Record::new();
        for line in block.split('\n') {
            let (label, value) = line.split_once(": ")?;
            let (name, access) = label.trim().split_once(" (")?;
            let field = *FIELDS.iter().find(|field| **field == name)?;
            let is_new = record.insert(field, value.into()).is_none();
            if !is_new || !access.contains(')') {
                return None;
            }
        }
        if record.len() != FIELDS.len() {
            return None;
        }
        records.push(record);
    }
    Some(records)
}

/// Whether these are the records of these VMs, one each.
fn are_of(records: &[Record], uuids: &[&str]) -> bool {
    let found: BTreeSet<&str> = records.iter().map(|it| it["uuid"].as_str()).collect();
    records.len() == uuids.len() && found == uuids.iter().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(uuid: &str, name: &str, platform: &str) -> String {
        format!(
            "uuid ( RO)           : {uuid}\n\
             \x20    name-label ( RW): {name}\n\
             \x20   power-state ( RO): halted\n\
             \x20         platform (MRW): {platform}\n\
             \x20   resident-on ( RO): <not in database>\n\n\n"
        )
    }

    #[test]
    fn what_xe_prints_is_read_field_by_field() {
        let text = printed("a", "web: 1; (2)", "") + &printed("b", "", "x: 1; y: 2");
        let records = parse(text.strip_suffix('\n').unwrap()).unwrap();
        assert_eq!(records.len(), 2);
        assert_eq!(records[0]["name-label"], "web: 1; (2)");
        assert_eq!(records[0]["platform"], "");
        assert_eq!(records[1]["platform"], "x: 1; y: 2");
        assert!(are_of(&records, &["b", "a"]));
        assert_eq!(parse("").map(|it| it.len()), Some(0));
    }

    #[test]
    fn a_value_with_line_ends_is_no_field() {
        for name in [
            "two\nlines",
            "end\n",
            "end\n\n\n",
            "a\n\n\nuuid ( RO)           : b",
            "a\n    power-state ( RO): running",
        ] {
            let text = printed("a", name, "vgpu-stub: vm_id=1");
            assert!(parse(text.strip_suffix('\n').unwrap()).is_none(), "{name}");
        }
    }

    #[test]
    fn a_value_that_is_printed_like_another_vm_is_noticed() {
        let two = printed("a", "x", "") + &printed("b", "fake", "y: 1");
        let whole = printed("a", "NAME", "y: 1");
        let (before, after) = whole.split_once("NAME").unwrap();
        let name = two.strip_prefix(before).unwrap();
        let name = name.strip_suffix(after).unwrap();
        let text = printed("a", name, "y: 1");
        assert_eq!(text, two);
        let records = parse(text.strip_suffix('\n').unwrap()).unwrap();
        assert!(!are_of(&records, &["a"]));

        // The same where there is such a VM.
        let text = text + &printed("b", "true", "");
        let records = parse(text.strip_suffix('\n').unwrap()).unwrap();
        assert!(!are_of(&records, &["a", "b"]));
    }
}
