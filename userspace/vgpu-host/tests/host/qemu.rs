// SPDX-License-Identifier: GPL-2.0

//! A device model's QMP: devices with properties, and memory.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

use crate::host::Host;

/// What the VM's device model knows; tests change it as they like.
pub(crate) struct Qemu {
    /// The properties of objects, by their path and name.
    pub(crate) properties: BTreeMap<(String, String), Value>,
    /// What query-pci returns.
    pub(crate) pci: Value,
    /// What xp prints.
    pub(crate) memory: String,
    /// A property that cannot be set.
    pub(crate) fixed: &'static str,
    /// The qom-set that were executed, as name and value.
    pub(crate) sets: Vec<(String, Value)>,
    /// Everything else that was asked for with a text.
    pub(crate) monitor: Vec<String>,
    /// Run when somebody connects, before the greeting.
    pub(crate) connected: Option<Box<dyn FnMut() + Send>>,
}

pub(crate) const DEVICE: &str = "/machine/peripheral/vgpu-stub0";

impl Qemu {
    /// A device model with one device of pool B, high priority and VM 200.
    pub(crate) fn start(host: &Host) -> Arc<Mutex<Qemu>> {
        let properties = [
            ("type", json!("vgpu-stub")),
            ("pool_id", json!("B")),
            ("priority", json!("high")),
            ("vm_id", json!(200)),
        ];
        let properties = properties.map(|(name, value)| ((DEVICE.into(), name.into()), value));
        let qemu = Arc::new(Mutex::new(Qemu {
            properties: properties.into(),
            pci: pci(),
            memory: "00000000f1001000: 0x00000000 0x00000000 0x00000042 0x00000002\r\n\
                     00000000f1001010: 0x000000c8\r\n"
                .into(),
            fixed: "",
            sets: Vec::new(),
            monitor: Vec::new(),
            connected: None,
        }));
        let listener = UnixListener::bind(host.socket()).unwrap();
        let shared = Arc::clone(&qemu);
        // It ends with the tests.
        thread::spawn(move || {
            for stream in listener.incoming() {
                if let Some(connected) = &mut shared.lock().unwrap().connected {
                    connected();
                }
                serve(&stream.unwrap(), &shared);
            }
        });
        qemu
    }

    /// Makes the device one of revision 2.
    pub(crate) fn make_live(&mut self) {
        self.properties
            .insert((DEVICE.into(), "revision".into()), json!(2));
    }

    fn execute(&mut self, command: &str, arguments: &Value) -> Result<Value, String> {
        let text = |name: &str| arguments[name].as_str().unwrap_or_default().to_owned();
        match command {
            "qmp_capabilities" => Ok(json!({})),
            "qom-get" => {
                let value = self.properties.get(&(text("path"), text("property")));
                value.cloned().ok_or_else(|| "Property not found".into())
            }
            "qom-set" if text("property") == self.fixed => Err("it does not change".into()),
            "qom-set" => {
                let value = arguments["value"].clone();
                self.sets.push((text("property"), value.clone()));
                self.properties
                    .insert((text("path"), text("property")), value);
                Ok(json!({}))
            }
            "query-pci" => Ok(self.pci.clone()),
            "human-monitor-command" => {
                self.monitor.push(text("command-line"));
                Ok(self.memory.clone().into())
            }
            other => Err(format!("The command {other} has not been found")),
        }
    }
}

/// A bus as QEMU 4.2 shows it, the device behind a bridge.
fn pci() -> Value {
    json!([{ "bus": 0, "devices": [
        { "bus": 0, "slot": 1, "function": 0, "qdev_id": "",
          "class_info": { "class": 1537 }, "id": { "vendor": 32902, "device": 4663 }, "regions": [] },
        { "bus": 0, "slot": 2, "function": 0, "qdev_id": "", "class_info": { "class": 1540 },
          "id": { "vendor": 6966, "device": 1 }, "regions": [],
          "pci_bridge": { "bus": {}, "devices": [
            { "bus": 1, "slot": 30, "function": 0, "qdev_id": "vgpu-stub0",
              "class_info": { "class": 4608 }, "id": { "vendor": 6900, "device": 4369 },
              "regions": [{ "bar": 0, "type": "memory", "size": 4096, "address": 4043313152_u64,
                            "prefetch": false, "mem_type_64": false }] } ] } }
    ] }])
}

fn serve(stream: &UnixStream, qemu: &Mutex<Qemu>) {
    let mut writer = stream;
    let mut say = |value: &Value| writer.write_all(format!("{value}\r\n").as_bytes());
    let version = json!({ "qemu": { "major": 4, "minor": 2, "micro": 1 } });
    let greeting = json!({ "QMP": { "version": version, "capabilities": [] } });
    if say(&greeting).is_err() {
        return;
    }
    for line in BufReader::new(stream).lines() {
        let Ok(line) = line else { return };
        let request: Value = serde_json::from_str(&line).unwrap();
        let command = request["execute"].as_str().unwrap();
        let answer = match qemu.lock().unwrap().execute(command, &request["arguments"]) {
            Ok(value) => json!({ "return": value }),
            Err(desc) => json!({ "error": { "class": "GenericError", "desc": desc } }),
        };
        if say(&answer).is_err() {
            return;
        }
    }
}
