// SPDX-License-Identifier: GPL-2.0

//! QMP: the machine as its operator sees it.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use qapi::qmp::{self, Event};
use qapi::{Any, Command, Dictionary, Stream};

use crate::devices::Parsed;
use crate::patience::scaled;

/// QEMU answers from its main loop; longer than this is a hang.
const ANSWER: Duration = Duration::from_secs(30);
/// Between two looks for an event.
const POLL: Duration = Duration::from_millis(5);

/// A QMP connection, for any number of threads.
pub struct Qmp(Mutex<Inner>);

type Connection = qapi::Qmp<Stream<BufReader<UnixStream>, UnixStream>>;

struct Inner {
    connection: Connection,
    /// Events that nobody has asked for yet, oldest first.
    events: Vec<Event>,
}

impl Qmp {
    /// Takes the connection that QEMU made, and negotiates.
    pub(crate) fn new(stream: UnixStream) -> Result<Self> {
        stream.set_read_timeout(Some(ANSWER))?;
        let mut reader = BufReader::new(stream.try_clone()?);
        // A QEMU that gives up on its command line closes the connection before it
        // greets, which the crate does not expect.
        if reader.fill_buf()?.is_empty() {
            bail!("QEMU closed its QMP connection");
        }
        let mut connection = qapi::Qmp::new(Stream::new(reader, stream));
        connection.handshake().context("QMP handshake")?;
        Ok(Self(Mutex::new(Inner {
            connection,
            events: Vec::new(),
        })))
    }

    /// Goes on with the connection of another QEMU. Events that nobody has asked for are lost.
    pub(crate) fn replace(&self, other: Self) {
        *self.lock() = other.0.into_inner().unwrap_or_else(PoisonError::into_inner);
    }

    /// Executes any command of [`qapi::qmp`].
    ///
    /// # Errors
    ///
    /// QEMU's own, word for word, or a broken connection.
    pub fn execute<C: Command>(&self, command: &C) -> Result<C::Ok> {
        self.lock()
            .connection
            .execute(command)
            .map_err(|error| match error {
                qapi::ExecuteError::Qapi(error) => anyhow!("{}: {}", C::NAME, error.desc),
                qapi::ExecuteError::Io(error) => {
                    anyhow::Error::new(error).context(format!("{}: no answer from QEMU", C::NAME))
                }
            })
    }

    /// Plugs a device in, given as for `-device`: `pool_id=B,id=vgpu9,bus=pci.0`.
    /// Returns when the device exists; the guest finds it a little later.
    ///
    /// # Errors
    ///
    /// QEMU refuses the device; the error holds its words.
    pub fn device_add(&self, device: &str) -> Result<()> {
        let parsed = Parsed::new(device)?;
        let types = self.property_types(parsed.driver)?;
        let mut arguments = Dictionary::new();
        for (name, value) in &parsed.properties {
            // A slot as in lspci; a number would be slot and function in one.
            let kind = match *name {
                "addr" => "",
                _ => types.get(*name).map_or("", String::as_str),
            };
            arguments.insert((*name).to_owned(), typed(value, kind));
        }
        let id = parsed.get("id").map(str::to_owned);
        let bus = parsed.get("bus").map(str::to_owned);
        // The rest goes into one flat object with these.
        arguments.remove("id");
        arguments.remove("bus");
        self.execute(&qmp::device_add {
            driver: parsed.driver.to_owned(),
            bus,
            id,
            arguments,
        })?;
        Ok(())
    }

    /// QMP wants JSON types where the command line has text, so ask which.
    fn property_types(&self, driver: &str) -> Result<HashMap<String, String>> {
        let properties = self.execute(&qmp::device_list_properties {
            typename: driver.to_owned(),
        })?;
        Ok(properties
            .into_iter()
            .map(|property| (property.name, property.type_))
            .collect())
    }

    /// Asks the guest to let go of a device, and returns at once.
    ///
    /// # Errors
    ///
    /// There is no such device, or it is being unplugged already.
    pub fn device_del(&self, id: &str) -> Result<()> {
        // An answer to an earlier unplug of the same id is none to this one.
        self.discard_events(|event| deleted(event, id));
        self.execute(&qmp::device_del { id: id.to_owned() })?;
        Ok(())
    }

    /// Waits until an unplugged device is gone.
    ///
    /// # Errors
    ///
    /// It is still there after `timeout`.
    pub fn wait_deleted(&self, id: &str, timeout: Duration) -> Result<()> {
        self.wait_event(timeout, |event| deleted(event, id))
            .with_context(|| format!("device '{id}' was not let go"))?;
        Ok(())
    }

    /// Waits for an event and takes it out of those that have come.
    ///
    /// # Errors
    ///
    /// None within `timeout`.
    pub fn wait_event(&self, timeout: Duration, wanted: impl Fn(&Event) -> bool) -> Result<Event> {
        let end = Instant::now() + scaled(timeout);
        loop {
            if let Some(event) = self.lock().take_event(&wanted)? {
                return Ok(event);
            }
            if Instant::now() >= end {
                bail!("no such QMP event within {:?}", scaled(timeout));
            }
            thread::sleep(POLL);
        }
    }

    fn discard_events(&self, unwanted: impl Fn(&Event) -> bool) {
        self.lock().events.retain(|event| !unwanted(event));
    }

    /// Sets a property of an object, named by a device's id or a QOM path.
    ///
    /// # Errors
    ///
    /// QEMU refuses it; the error holds its words.
    pub fn qom_set(&self, object: &str, property: &str, value: impl Into<Any>) -> Result<()> {
        self.execute(&qmp::qom_set {
            path: path(object),
            property: property.to_owned(),
            value: value.into(),
        })?;
        Ok(())
    }

    /// Reads a property of an object, named by a device's id or a QOM path.
    ///
    /// # Errors
    ///
    /// There is no such object or property.
    pub fn qom_get(&self, object: &str, property: &str) -> Result<Any> {
        self.execute(&qmp::qom_get {
            path: path(object),
            property: property.to_owned(),
        })
    }

    /// Executes a command of the monitor for people, which says nothing if it succeeds.
    ///
    /// # Errors
    ///
    /// What it says.
    pub fn monitor(&self, line: &str) -> Result<()> {
        let said = self.execute(&qmp::human_monitor_command {
            command_line: line.to_owned(),
            cpu_index: None,
        })?;
        ensure!(said.trim().is_empty(), "{line}: {said}");
        Ok(())
    }

    /// Switches trace events on or off by pattern, as in `vgpu_stub_*`. They go to
    /// the guest's QEMU log.
    ///
    /// # Errors
    ///
    /// This QEMU has no event of that name.
    pub fn trace(&self, pattern: &str, enable: bool) -> Result<()> {
        self.execute(&qmp::trace_event_set_state {
            name: pattern.to_owned(),
            enable,
            ignore_unavailable: None,
        })?;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // At worst an answer of a thread that panicked is left over; that thread's
        // test has failed anyway.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn take_event(&mut self, wanted: impl Fn(&Event) -> bool) -> Result<Option<Event>> {
        // Events are read along with the answer to something.
        self.connection.nop().context("no answer from QEMU")?;
        let new: Vec<Event> = self.connection.events().collect();
        self.events.extend(new);
        let found = self.events.iter().position(wanted);
        Ok(found.map(|index| self.events.remove(index)))
    }
}

fn deleted(event: &Event, id: &str) -> bool {
    matches!(event, Event::DEVICE_DELETED { data, .. } if data.device.as_deref() == Some(id))
}

fn path(object: &str) -> String {
    if object.starts_with('/') {
        object.to_owned()
    } else {
        format!("/machine/peripheral/{object}")
    }
}

/// A value of the command line in the type that QMP wants for it. What does not
/// fit the type stays text, so that QEMU is who complains.
fn typed(value: &str, kind: &str) -> Any {
    let number = || {
        value
            .strip_prefix("0x")
            .map_or_else(|| value.parse(), |digits| u64::from_str_radix(digits, 16))
            .ok()
            .map(Any::from)
    };
    let converted = match (kind, value) {
        ("bool", "on" | "true" | "yes") => Some(true.into()),
        ("bool", "off" | "false" | "no") => Some(false.into()),
        (kind, _) if kind.starts_with("uint") || kind.starts_with("int") => number(),
        _ => None,
    };
    converted.unwrap_or_else(|| value.into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_take_the_type_of_their_property() {
        assert_eq!(typed("7", "uint32"), json!(7));
        assert_eq!(typed("0xff", "uint32"), json!(255));
        assert_eq!(typed("on", "bool"), json!(true));
        assert_eq!(typed("7", "str"), json!("7"));
        assert_eq!(typed("A", ""), json!("A"));
    }

    #[test]
    fn values_that_do_not_fit_stay_text() {
        assert_eq!(typed("many", "uint32"), json!("many"));
        assert_eq!(typed("-1", "uint32"), json!("-1"));
        assert_eq!(typed("maybe", "bool"), json!("maybe"));
    }

    #[test]
    fn an_object_is_a_device_or_a_path() {
        assert_eq!(path("vgpu0"), "/machine/peripheral/vgpu0");
        assert_eq!(path("/machine"), "/machine");
    }
}
