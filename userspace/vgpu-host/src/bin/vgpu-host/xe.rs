// SPDX-License-Identifier: GPL-2.0

//! The toolstack, by its own command.

use std::path::PathBuf;
use std::time::Duration;

use vgpu_host::Shown;
use vgpu_host::program::Program;

use crate::failure::Failure;

/// How long one call may take: xapi may be busy.
const PATIENCE: Duration = Duration::from_secs(60);
/// What is read of an answer at most.
const MOST_OUTPUT: usize = 16 << 20;

pub(crate) struct Xe(Program);

impl Xe {
    pub(crate) fn new(program: PathBuf) -> Self {
        Xe(Program {
            path: program,
            patience: PATIENCE,
            longest: MOST_OUTPUT,
        })
    }

    /// What a call prints, without the end of its last line.
    pub(crate) fn call(&self, words: &[&str]) -> Result<String, Failure> {
        let said = self.0.run(words)?;
        let text = |bytes: &[u8]| {
            String::from_utf8_lossy(bytes)
                .trim_end_matches('\n')
                .to_owned()
        };
        match said.succeeded() {
            true => Ok(text(&said.stdout)),
            false => Err(Failure::Xe {
                verb: words.first().copied().unwrap_or_default().into(),
                message: Shown::new(text(&said.stderr)),
            }),
        }
    }

    /// The uuid of the VM with this uuid or name.
    pub(crate) fn resolve(&self, vm: &str) -> Result<String, Failure> {
        for field in ["uuid", "name-label"] {
            let filter = format!("{field}={vm}");
            let found = self.call(&["vm-list", &filter, "is-control-domain=false", "--minimal"])?;
            match found
                .split(',')
                .filter(|uuid| !uuid.is_empty())
                .collect::<Vec<_>>()[..]
            {
                [] => {}
                [uuid] => return Ok(uuid.into()),
                ref several => {
                    return Err(Failure::Ambiguous {
                        name: Shown::new(vm),
                        count: several.len(),
                    });
                }
            }
        }
        Err(Failure::NoVm(Shown::new(vm)))
    }

    /// All VMs, by uuid.
    pub(crate) fn vms(&self) -> Result<Vec<String>, Failure> {
        let found = self.call(&["vm-list", "is-control-domain=false", "--minimal"])?;
        let uuids = found.split(',').filter(|uuid| !uuid.is_empty());
        Ok(uuids.map(String::from).collect())
    }

    pub(crate) fn get(&self, uuid: &str, field: &str) -> Result<String, Failure> {
        let (uuid, field) = (format!("uuid={uuid}"), format!("param-name={field}"));
        self.call(&["vm-param-get", &uuid, &field])
    }

    /// The uuid of the host that a VM runs on, if it does.
    pub(crate) fn resident_on(&self, uuid: &str) -> Result<Option<String>, Failure> {
        let host = self.get(uuid, "resident-on")?;
        // Of a VM that runs nowhere, xe prints a text in angle brackets.
        let digit = |it: char| it.is_ascii_hexdigit() || it == '-';
        Ok((!host.is_empty() && host.chars().all(digit)).then_some(host))
    }

    /// The name of a member of the pool.
    pub(crate) fn host_name(&self, uuid: &str) -> Result<String, Failure> {
        let uuid = format!("uuid={uuid}");
        self.call(&["host-param-get", &uuid, "param-name=name-label"])
    }

    /// The number of the domain that a VM runs in, if it does, on whichever host.
    pub(crate) fn domain(&self, uuid: &str) -> Result<Option<u32>, Failure> {
        Ok(self.get(uuid, "dom-id")?.parse().ok())
    }

    /// A key of the VM's platform map; `None` if it has none of that name. The
    /// whole map says which keys there are, and only the key itself what it is.
    pub(crate) fn platform(&self, uuid: &str, key: &str) -> Result<Option<String>, Failure> {
        let map = self.get(uuid, "platform")?;
        let start = format!("{key}: ");
        if !map.split("; ").any(|entry| entry.starts_with(&start)) {
            return Ok(None);
        }
        let (uuid, key) = (format!("uuid={uuid}"), format!("param-key={key}"));
        let value = self.call(&["vm-param-get", &uuid, "param-name=platform", &key])?;
        Ok(Some(value))
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
