// SPDX-License-Identifier: GPL-2.0

//! The device model of a VM that runs: how it was started, and what it says
//! through QMP.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use vgpu_host::device;
use vgpu_host::layout::qmp_socket;
use vgpu_qmp::{Qmp, QmpError};

use crate::dom0::resident::Resident;
use crate::dom0::tree::Tree;
use crate::failure::Failure;

/// How long one answer may take. The toolstack uses the same socket, one command
/// at a time.
const PATIENCE: Duration = Duration::from_secs(10);

/// A VM's device model.
pub(crate) struct Running {
    socket: PathBuf,
    qmp: Qmp,
}

/// What is on the PCI bus in the place of a device.
pub(crate) struct OnBus {
    pub(crate) slot: u64,
    pub(crate) vendor: u64,
    pub(crate) device: u64,
    pub(crate) class: u64,
    /// The size of BAR0 in bytes.
    pub(crate) size: Option<u64>,
    /// Where the guest has it in its memory.
    pub(crate) address: Option<u64>,
}

impl Running {
    /// Connects to the device model of a VM.
    pub(crate) fn connect(tree: &Tree, vm: &Resident) -> Result<Self, Failure> {
        let socket = tree.path(&qmp_socket(vm.domain()))?;
        match Qmp::connect(&socket, PATIENCE) {
            Ok(qmp) => {
                // Whoever accepted the connection keeps it, whatever becomes of the
                // domain: from here on it cannot be another VM's.
                vm.check(tree)?;
                Ok(Running { socket, qmp })
            }
            Err(source) => Err(Failure::Qmp { socket, source }),
        }
    }

    /// A property of a device; `None` if the device has none of that name.
    pub(crate) fn property(&mut self, number: usize, name: &str) -> Result<Option<Value>, Failure> {
        let arguments = json!({ "path": path(number), "property": name });
        match self.qmp.execute("qom-get", arguments) {
            Ok(value) => Ok(Some(value)),
            Err(QmpError::Refused(_)) => Ok(None),
            Err(source) => Err(self.failed(source)),
        }
    }

    /// Changes a property of a device while it runs.
    pub(crate) fn change(
        &mut self,
        number: usize,
        name: &str,
        value: &Value,
    ) -> Result<(), Failure> {
        let arguments = json!({ "path": path(number), "property": name, "value": value });
        self.execute("qom-set", arguments).map(drop)
    }

    /// Whether there is a device of ours with that number.
    pub(crate) fn has(&mut self, number: usize) -> Result<bool, Failure> {
        let kind = self.property(number, "type")?;
        Ok(kind.is_some_and(|kind| kind == "vgpu-stub"))
    }

    /// What is on the PCI bus under the id of a device.
    pub(crate) fn on_bus(&mut self, number: usize) -> Result<Option<OnBus>, Failure> {
        let buses = self.execute("query-pci", json!({}))?;
        let id = device::id(number);
        let mut devices: Vec<&Value> = Vec::new();
        let mut left: Vec<&Value> = buses.as_array().into_iter().flatten().collect();
        while let Some(bus) = left.pop() {
            for device in bus["devices"].as_array().into_iter().flatten() {
                devices.push(device);
                // What is behind a bridge.
                left.push(&device["pci_bridge"]);
            }
        }
        let Some(found) = devices.into_iter().find(|it| it["qdev_id"] == id.as_str()) else {
            return Ok(None);
        };
        let number = |value: &Value| value.as_u64().unwrap_or(u64::MAX);
        let regions = found["regions"].as_array();
        let bar = regions.and_then(|all| all.iter().find(|it| it["bar"] == 0));
        Ok(Some(OnBus {
            slot: number(&found["slot"]),
            vendor: number(&found["id"]["vendor"]),
            device: number(&found["id"]["device"]),
            class: number(&found["class_info"]["class"]),
            size: bar.and_then(|bar| bar["size"].as_u64()),
            // Minus one is nowhere.
            address: bar
                .and_then(|bar| bar["address"].as_u64())
                .filter(|it| *it != u64::MAX),
        }))
    }

    /// Reads `count` words of the guest's memory from an address on, as a CPU of the
    /// guest would: a device answers by its registers.
    pub(crate) fn words(
        &mut self,
        address: u64,
        count: usize,
    ) -> Result<Option<Vec<u32>>, Failure> {
        let command = format!("xp /{count}xw {address:#x}");
        let answer = self.execute("human-monitor-command", json!({ "command-line": command }))?;
        Ok(words(answer.as_str().unwrap_or_default()).filter(|words| words.len() == count))
    }

    fn execute(&mut self, command: &str, arguments: Value) -> Result<Value, Failure> {
        let answer = self.qmp.execute(command, arguments);
        answer.map_err(|source| self.failed(source))
    }

    fn failed(&self, source: QmpError) -> Failure {
        Failure::Qmp {
            socket: self.socket.clone(),
            source,
        }
    }
}

/// The path of a device in QEMU's tree of objects.
fn path(number: usize) -> String {
    format!("/machine/peripheral/{}", device::id(number))
}

/// What the monitor prints of memory: lines of an address, a colon and words.
fn words(printed: &str) -> Option<Vec<u32>> {
    let lines = printed.lines().filter(|line| !line.trim().is_empty());
    let mut words = Vec::new();
    for line in lines {
        for word in line.split_once(':')?.1.split_whitespace() {
            words.push(u32::from_str_radix(word.strip_prefix("0x")?, 16).ok()?);
        }
    }
    Some(words)
}

/// The arguments of a VM's QEMU, by the kernel's list of processes; `None` if there
/// is no such process.
pub(crate) fn arguments(tree: &Tree, vm: &Resident) -> Result<Option<Vec<String>>, Failure> {
    let domain = vm.domain().to_string();
    for process in tree.names("/proc")? {
        if process.parse::<u32>().is_err() {
            continue;
        }
        // It may have ended since.
        let Ok(line) = fs::read(tree.path(&format!("/proc/{process}/cmdline"))?) else {
            continue;
        };
        let words: Vec<String> = line
            .split(|byte| *byte == 0)
            .map(|word| String::from_utf8_lossy(word).into_owned())
            .collect();
        let name = words[0].rsplit('/').next().unwrap_or_default();
        let named = words
            .windows(2)
            .any(|pair| pair[0] == "-xen-domid" && pair[1] == domain);
        // A wrapper has the same words, behind the name of its interpreter.
        if named && name.contains("qemu") && name != "qemu-wrapper" {
            return Ok(Some(words));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_monitors_words_are_read() {
        let printed = "00000000febf1000: 0x00000000 0x00000001 0x00000042 0x00000002\r\n\
                       00000000febf1010: 0x000000c8\r\n";
        assert_eq!(words(printed), Some(vec![0, 1, 0x42, 2, 200]));
        assert_eq!(words("Cannot access memory\r\n"), None);
        assert_eq!(words("febf1000: 12 zz"), None);
    }
}
