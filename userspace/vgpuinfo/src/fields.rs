// SPDX-License-Identifier: GPL-2.0

//! The table of everything there is to know about a device. It drives the list,
//! the JSON document, what `get` takes, and the help.

use serde_json::Value as Json;
use vgpu::{Info, Vgpu};

/// One thing to know about a device.
#[derive(Debug)]
pub(crate) struct Field {
    /// What `get` and JSON call it; ABI.
    pub(crate) name: &'static str,
    /// What the list calls it.
    pub(crate) heading: &'static str,
    /// What the help says about it.
    pub(crate) help: &'static str,
    from: Origin,
}

/// Where a value comes from.
#[derive(Debug)]
enum Origin {
    /// From the discovery: known even where the registers cannot be read.
    Device(fn(&Vgpu) -> Value),
    /// From the registers.
    Info(fn(&Info) -> Value),
}

/// A value, which knows how people and programs write it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Unknown,
    Text(String),
    /// A number that people read in decimal.
    Decimal(u32),
    /// A register that people read bit by bit.
    Register(u32),
}

/// All fields, in the order of the JSON document.
pub(crate) const FIELDS: &[Field] = &[
    Field {
        name: "name",
        heading: "NAME",
        help: "Name of the class device, vgpu0; unknown without the driver",
        from: Origin::Device(|device| device.name().into()),
    },
    Field {
        name: "pci",
        heading: "PCI",
        help: "PCI address",
        from: Origin::Device(|device| Value::Text(device.pci().to_string())),
    },
    Field {
        name: "driver",
        heading: "DRIVER",
        help: "Bound driver",
        from: Origin::Device(|device| device.driver().into()),
    },
    Field {
        name: "pool_id",
        heading: "POOL",
        help: "Pool: a letter or digit, else 0x and hexadecimal",
        from: Origin::Info(|info| Value::Text(info.pool_id.to_string())),
    },
    Field {
        name: "priority",
        heading: "PRIORITY",
        help: "Priority: low, medium, high, else a number",
        from: Origin::Info(|info| Value::Text(info.priority.to_string())),
    },
    Field {
        name: "priority_raw",
        heading: "PRIORITY_RAW",
        help: "Priority as a number: 0 low, 1 medium, 2 high",
        from: Origin::Info(|info| Value::Decimal(info.priority.raw())),
    },
    Field {
        name: "vm_id",
        heading: "VM_ID",
        help: "Number of the virtual machine",
        from: Origin::Info(|info| Value::Decimal(info.vm_id)),
    },
    Field {
        name: "command",
        heading: "COMMAND",
        help: "Last command",
        from: Origin::Info(|info| Value::Register(info.command)),
    },
    Field {
        name: "status",
        heading: "STATUS",
        help: "Register STATUS: bit 0, a command is done",
        from: Origin::Info(|info| Value::Register(info.status)),
    },
    Field {
        name: "revision",
        heading: "REVISION",
        help: "Revision of the device",
        from: Origin::Device(|device| match device.revision() {
            Some(revision) => Value::Decimal(revision.into()),
            None => Value::Unknown,
        }),
    },
    Field {
        name: "source",
        heading: "SOURCE",
        help: "Where the registers were read: sysfs, chardev or bar",
        from: Origin::Info(|info| Value::Text(info.source.to_string())),
    },
    Field {
        name: "vendor_name",
        heading: "VENDOR",
        help: "Name of the vendor in the PCI id database",
        from: Origin::Device(|device| device.vendor_name().into()),
    },
    Field {
        name: "device_name",
        heading: "DEVICE",
        help: "Name of the device in the PCI id database",
        from: Origin::Device(|device| device.device_name().into()),
    },
    Field {
        name: "class_name",
        heading: "CLASS",
        help: "Name of the class in the PCI id database",
        from: Origin::Device(|device| device.class_name().into()),
    },
];

impl Field {
    /// The field of that name.
    pub(crate) fn named(name: &str) -> Option<&'static Field> {
        FIELDS.iter().find(|field| field.name == name)
    }

    /// Whether the registers have to be read for it.
    pub(crate) fn needs_info(&self) -> bool {
        matches!(self.from, Origin::Info(_))
    }

    /// Its value; unknown if it needs the registers and they could not be read.
    pub(crate) fn value(&self, device: &Vgpu, info: Option<&Info>) -> Value {
        match (&self.from, info) {
            (Origin::Device(get), _) => get(device),
            (Origin::Info(get), Some(info)) => get(info),
            (Origin::Info(_), None) => Value::Unknown,
        }
    }
}

impl From<Option<&str>> for Value {
    fn from(text: Option<&str>) -> Self {
        text.map_or(Value::Unknown, |text| Value::Text(text.into()))
    }
}

impl Value {
    /// As people and scripts read it; `unknown` if it is that.
    pub(crate) fn text(&self, unknown: &str) -> String {
        match self {
            Value::Unknown => unknown.into(),
            Value::Text(text) => text.clone(),
            Value::Decimal(number) => number.to_string(),
            // As the driver's attributes write it.
            Value::Register(number) => format!("{number:#010x}"),
        }
    }

    /// As JSON has it.
    pub(crate) fn json(&self) -> Json {
        match self {
            Value::Unknown => Json::Null,
            Value::Text(text) => text.as_str().into(),
            Value::Decimal(number) | Value::Register(number) => (*number).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_and_heading_is_there_once() {
        for field in FIELDS {
            let same = |other: &&Field| other.name == field.name || other.heading == field.heading;
            assert_eq!(FIELDS.iter().filter(same).count(), 1, "{}", field.name);
        }
    }

    #[test]
    fn the_names_that_were_promised_are_there() {
        for name in [
            "name",
            "pci",
            "driver",
            "pool_id",
            "priority",
            "priority_raw",
            "vm_id",
            "command",
            "status",
            "revision",
        ] {
            assert!(Field::named(name).is_some(), "{name}");
        }
    }

    #[test]
    fn a_value_is_written_for_people_and_for_programs() {
        for (value, text, json) in [
            (Value::Unknown, "-", Json::Null),
            (Value::Text("B".into()), "B", "B".into()),
            (Value::Decimal(200), "200", 200.into()),
            (Value::Register(5), "0x00000005", 5.into()),
        ] {
            assert_eq!(value.text("-"), text);
            assert_eq!(value.json(), json);
        }
    }
}
