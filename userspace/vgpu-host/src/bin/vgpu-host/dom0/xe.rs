// SPDX-License-Identifier: GPL-2.0

//! The toolstack, by its own command.

mod records;

use std::path::PathBuf;
use std::time::Duration;

use vgpu_host::Shown;
use vgpu_host::program::Program;

pub(crate) use self::records::{Kind, Listed, Unreadable};
use crate::failure::Failure;
use crate::member::Member;

/// How long one call may take in seconds, unless it is said: xapi may be busy.
const PATIENCE: u32 = 60;
/// What is read of an answer at most.
const MOST_OUTPUT: usize = 16 << 20;

pub(crate) struct Xe(Program);

impl Xe {
    pub(crate) fn new(program: PathBuf, seconds: Option<u32>) -> Self {
        Xe(Program {
            path: program,
            patience: Duration::from_secs(seconds.unwrap_or(PATIENCE).into()),
            longest: MOST_OUTPUT,
        })
    }

    /// What a call prints, without the end of its last line.
    pub(crate) fn call(&self, words: &[&str]) -> Result<String, Failure> {
        let said = self.0.run(words)?;
        if !said.succeeded() {
            return Err(Failure::Xe {
                verb: words.first().copied().unwrap_or_default().into(),
                message: String::from_utf8_lossy(said.stderr.trim_ascii_end()).into(),
            });
        }
        let mut text = String::from_utf8_lossy(&said.stdout).into_owned();
        // The one that xe adds; others are the value's.
        if text.ends_with('\n') {
            text.pop();
        }
        Ok(text)
    }

    /// The uuid of the VM with this uuid or name.
    pub(crate) fn resolve(&self, vm: &str) -> Result<String, Failure> {
        for field in ["uuid", "name-label"] {
            let filter = format!("{field}={vm}");
            let found = self.call(&["vm-list", &filter, "is-control-domain=false", "--minimal"])?;
            match &uuids(&found)[..] {
                [] => {}
                [uuid] => return Ok((*uuid).into()),
                several => {
                    return Err(Failure::Ambiguous {
                        name: Shown::new(vm),
                        count: several.len(),
                    });
                }
            }
        }
        Err(Failure::NoVm(Shown::new(vm)))
    }

    /// All VMs of a kind.
    pub(crate) fn list(&self, kind: Kind) -> Result<Vec<Result<Listed, Unreadable>>, Failure> {
        records::list(self, kind)
    }

    pub(crate) fn get(&self, uuid: &str, field: &str) -> Result<String, Failure> {
        let (uuid, field) = (format!("uuid={uuid}"), format!("param-name={field}"));
        self.call(&["vm-param-get", &uuid, &field])
    }

    /// The uuid of the host that a VM runs on, if it does.
    pub(crate) fn resident_on(&self, uuid: &str) -> Result<Option<String>, Failure> {
        self.get(uuid, "resident-on").map(member)
    }

    /// The uuids of all members of the pool.
    pub(crate) fn members(&self) -> Result<Vec<String>, Failure> {
        self.hosts(&["host-list", "params=uuid", "--minimal"])
    }

    /// The uuids of the members that VMs may be started on or migrated to.
    pub(crate) fn enabled_members(&self) -> Result<Vec<String>, Failure> {
        self.hosts(&["host-list", "enabled=true", "params=uuid", "--minimal"])
    }

    fn hosts(&self, words: &[&str]) -> Result<Vec<String>, Failure> {
        let printed = self.call(words)?;
        Ok(uuids(&printed).into_iter().map(String::from).collect())
    }

    /// A member of the pool, by its uuid.
    pub(crate) fn member(&self, uuid: &str) -> Result<Member, Failure> {
        let filter = format!("uuid={uuid}");
        Ok(Member {
            uuid: uuid.into(),
            name: self.call(&["host-param-get", &filter, "param-name=name-label"])?,
        })
    }

    /// What a function of a plugin says on a member.
    pub(crate) fn call_plugin(
        &self,
        member: &Member,
        plugin: &str,
        function: &str,
        arguments: &[(&str, &str)],
    ) -> Result<String, Failure> {
        let mut words = vec![
            "host-call-plugin".into(),
            format!("host-uuid={}", member.uuid),
            format!("plugin={plugin}"),
            format!("fn={function}"),
        ];
        words.extend(
            arguments
                .iter()
                .map(|(name, it)| format!("args:{name}={it}")),
        );
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.call(&words)
    }

    /// The number of the domain that a VM runs in, if it does, on whichever host.
    pub(crate) fn domain(&self, uuid: &str) -> Result<Option<u32>, Failure> {
        Ok(self.get(uuid, "dom-id")?.parse().ok())
    }

    /// A key of the VM's platform map; `None` if it has none of that name.
    ///
    /// For a key that is not there xe fails, with a text that need not be the same in
    /// every version. It is believed if it is the known one, or if the map has nothing
    /// that could be the key.
    pub(crate) fn platform(&self, uuid: &str, key: &str) -> Result<Option<String>, Failure> {
        let words = [format!("uuid={uuid}"), format!("param-key={key}")];
        match self.call(&["vm-param-get", &words[0], "param-name=platform", &words[1]]) {
            Ok(value) => Ok(Some(value)),
            Err(Failure::Xe { message, .. }) if message.contains("not found in map") => Ok(None),
            Err(failure @ Failure::Xe { .. }) => {
                match may_have(&self.get(uuid, "platform")?, key) {
                    true => Err(failure),
                    false => Ok(None),
                }
            }
            Err(failure) => Err(failure),
        }
    }

    pub(crate) fn set(&self, uuid: &str, key: &str, value: &str) -> Result<(), Failure> {
        let (uuid, setting) = (format!("uuid={uuid}"), format!("platform:{key}={value}"));
        self.call(&["vm-param-set", &uuid, &setting]).map(drop)
    }

    pub(crate) fn remove(&self, uuid: &str, key: &str) -> Result<(), Failure> {
        let (uuid, key) = (format!("uuid={uuid}"), format!("param-key={key}"));
        self.call(&["vm-param-remove", &uuid, "param-name=platform", &key])
            .map(drop)
    }
}

/// The uuids of a list that was printed with --minimal.
fn uuids(printed: &str) -> Vec<&str> {
    printed.split(',').filter(|uuid| !uuid.is_empty()).collect()
}

/// The uuid of the host that a VM is resident on; for none, xe prints a text in angle
/// brackets.
fn member(printed: String) -> Option<String> {
    let digit = |it: char| it.is_ascii_hexdigit() || it == '-';
    (!printed.is_empty() && printed.chars().all(digit)).then_some(printed)
}

/// Whether a platform map that is printed so may have a key. If it says so, the text may
/// still be that of another key.
fn may_have(platform: &str, key: &str) -> bool {
    platform.contains(&format!("{key}: "))
}
