// SPDX-License-Identifier: GPL-2.0

//! The table of everything there is to know about a device. It drives the list,
//! all formats of `query`, the JSON document and its schema, what `get`, `-o` and
//! `wait` take, and the help.

use serde_json::Value as Json;
use vgpu::{Info, PoolId, Priority, Register, Source, Vgpu};

use crate::values;

/// One thing to know about a device.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    /// What `get` and JSON call it; ABI.
    pub(crate) name: &'static str,
    /// What the list calls it.
    pub(crate) heading: &'static str,
    /// What the help says about it.
    pub(crate) help: &'static str,
    pub(crate) kind: Kind,
    from: Origin,
    values: Values,
}

/// How a value is read that people type.
#[derive(Clone, Copy, Debug)]
enum Values {
    /// Text, which is written as devices show it.
    Text(fn(&str) -> Result<String, String>),
    Number(fn(&str) -> Result<u32, String>),
}

/// What the values of a field are, where they are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Decimal,
    Register,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug)]
enum Origin {
    /// From the discovery: known even where the registers cannot be read.
    Device(fn(&Vgpu) -> Value),
    /// From a register that says who the device is.
    Identity(Register, fn(u32) -> Value),
    /// From a register that says what the device does. It changes again and again,
    /// and most of it without an announcement.
    Live(Register, fn(u32) -> Value),
    /// Whether somebody answers messages, which nobody announces.
    Link,
    /// The way by which the registers were read.
    Source,
    /// How long ago they were read, if that was not now.
    Age,
}

/// A value, which knows how people and programs write it.
#[derive(Clone, Debug, PartialEq, Eq)]
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
        kind: Kind::Text,
        from: Origin::Device(|device| device.name().into()),
        values: Values::Text(values::name),
    },
    Field {
        name: "pci",
        heading: "PCI",
        help: "PCI address",
        kind: Kind::Text,
        from: Origin::Device(|device| Value::Text(device.pci().to_string())),
        values: Values::Text(values::address),
    },
    Field {
        name: "driver",
        heading: "DRIVER",
        help: "Bound driver",
        kind: Kind::Text,
        from: Origin::Device(|device| device.driver().into()),
        values: Values::Text(values::driver),
    },
    Field {
        name: "pool_id",
        heading: "POOL",
        help: "Pool: a letter or digit, else 0x and hexadecimal",
        kind: Kind::Text,
        from: Origin::Identity(Register::PoolId, |raw| {
            Value::Text(PoolId::from_raw(raw).to_string())
        }),
        values: Values::Text(values::pool),
    },
    Field {
        name: "priority",
        heading: "PRIORITY",
        help: "Priority: low, medium, high, else a number",
        kind: Kind::Text,
        from: Origin::Identity(Register::Priority, |raw| {
            Value::Text(Priority::from_raw(raw).to_string())
        }),
        values: Values::Text(values::priority),
    },
    Field {
        name: "priority_raw",
        heading: "PRIORITY_RAW",
        help: "Priority as a number: 0 low, 1 medium, 2 high",
        kind: Kind::Decimal,
        from: Origin::Identity(Register::Priority, Value::Decimal),
        values: Values::Number(values::number),
    },
    Field {
        name: "vm_id",
        heading: "VM_ID",
        help: "Number of the virtual machine",
        kind: Kind::Decimal,
        from: Origin::Identity(Register::VmId, Value::Decimal),
        values: Values::Number(values::number),
    },
    Field {
        name: "command",
        heading: "COMMAND",
        help: "Last command",
        kind: Kind::Register,
        from: Origin::Live(Register::Command, Value::Register),
        values: Values::Number(values::number),
    },
    Field {
        name: "status",
        heading: "STATUS",
        help: "Register STATUS: bit 0, a command is done; bit 1, one is not; bit 2, one was dropped",
        kind: Kind::Register,
        from: Origin::Live(Register::Status, Value::Register),
        values: Values::Number(values::number),
    },
    Field {
        name: "revision",
        heading: "REVISION",
        help: "Revision of the device",
        kind: Kind::Decimal,
        from: Origin::Device(|device| match device.revision() {
            Some(revision) => Value::Decimal(revision.into()),
            None => Value::Unknown,
        }),
        values: Values::Number(values::revision),
    },
    Field {
        name: "source",
        heading: "SOURCE",
        help: "Where the registers were read: sysfs, chardev, bar or published",
        kind: Kind::Text,
        from: Origin::Source,
        values: Values::Text(values::source),
    },
    Field {
        name: "vendor_name",
        heading: "VENDOR",
        help: "Name of the vendor in the PCI id database",
        kind: Kind::Text,
        from: Origin::Device(|device| device.vendor_name().into()),
        values: Values::Text(|text| Ok(text.into())),
    },
    Field {
        name: "device_name",
        heading: "DEVICE",
        help: "Name of the device in the PCI id database",
        kind: Kind::Text,
        from: Origin::Device(|device| device.device_name().into()),
        values: Values::Text(|text| Ok(text.into())),
    },
    Field {
        name: "class_name",
        heading: "CLASS",
        help: "Name of the class in the PCI id database",
        kind: Kind::Text,
        from: Origin::Device(|device| device.class_name().into()),
        values: Values::Text(|text| Ok(text.into())),
    },
    Field {
        name: "features",
        heading: "FEATURES",
        help: "Register FEATURES: bit 0 interrupts, bit 1 commands that take time, \
               bit 2 the host may change pool, priority and VM; 0 on revision 1",
        kind: Kind::Register,
        from: Origin::Identity(Register::Features, Value::Register),
        values: Values::Number(values::number),
    },
    Field {
        name: "config_generation",
        heading: "GENERATION",
        help: "How often the host has changed pool, priority or VM of the running device",
        kind: Kind::Decimal,
        from: Origin::Live(Register::ConfigGeneration, Value::Decimal),
        values: Values::Number(values::number),
    },
    Field {
        name: "age",
        heading: "AGE",
        help: "Seconds since what is published was read; unknown for other sources",
        kind: Kind::Decimal,
        from: Origin::Age,
        values: Values::Number(values::number),
    },
    Field {
        name: "link",
        heading: "LINK",
        help: "1 if somebody on the host answers messages, 0 if nobody does; unknown before \
               revision 3",
        kind: Kind::Decimal,
        from: Origin::Link,
        values: Values::Number(values::number),
    },
];

impl Field {
    /// One that is in no table.
    #[cfg(test)]
    pub(crate) fn test_only(name: &'static str, live: bool) -> Field {
        Field {
            name,
            heading: "TEST",
            help: "A column that only a test has",
            kind: Kind::Decimal,
            from: if live {
                Origin::Live(Register::VmId, Value::Decimal)
            } else {
                Origin::Identity(Register::VmId, Value::Decimal)
            },
            values: Values::Number(values::number),
        }
    }

    /// The field of that name.
    pub(crate) fn named(name: &str) -> Option<&'static Field> {
        FIELDS.iter().find(|field| field.name == name)
    }

    /// Whether the registers have to be read for it.
    pub(crate) fn needs_info(&self) -> bool {
        !matches!(self.from, Origin::Device(_))
    }

    /// Whether its value changes while the device works.
    pub(crate) fn is_live(&self) -> bool {
        matches!(self.from, Origin::Live(..) | Origin::Link | Origin::Age)
    }

    /// Whether its value changes though nothing happens.
    pub(crate) fn is_clock(&self) -> bool {
        matches!(self.from, Origin::Age)
    }

    /// Reads the value that `text` writes: numbers in decimal or, after 0x, in
    /// hexadecimal; nothing for unknown.
    ///
    /// # Errors
    /// Why no device can have it.
    pub(crate) fn parse(&self, text: &str) -> Result<Value, String> {
        if text.is_empty() {
            let may_be_unknown = matches!(self.from, Origin::Link | Origin::Age);
            return match self.needs_info() && !may_be_unknown {
                // Whoever can read the device knows it.
                true => Err(format!("{} is never unknown", self.name)),
                false => Ok(Value::Unknown),
            };
        }
        match (self.values, self.kind) {
            (Values::Text(read), _) => read(text).map(Value::Text),
            (Values::Number(read), Kind::Register) => read(text).map(Value::Register),
            (Values::Number(read), _) => read(text).map(Value::Decimal),
        }
    }

    /// Its value; unknown if it needs the registers and they could not be read.
    pub(crate) fn value(&self, device: &Vgpu, info: Option<&Info>) -> Value {
        match (&self.from, info) {
            (Origin::Device(get), _) => get(device),
            (Origin::Identity(register, value) | Origin::Live(register, value), Some(info)) => {
                value(info.register(*register))
            }
            (Origin::Source, Some(info)) => Value::Text(info.source.to_string()),
            (Origin::Link, Some(info)) => info
                .link
                .map_or(Value::Unknown, |link| Value::Decimal(link.into())),
            (Origin::Age, Some(info)) => info.age.map_or(Value::Unknown, |age| {
                Value::Decimal(age.as_secs().try_into().unwrap_or(u32::MAX))
            }),
            (_, None) => Value::Unknown,
        }
    }

    /// Reads its value, and no more of the device than that.
    pub(crate) fn read(&self, device: &mut Vgpu, source: Source) -> vgpu::Result<Value> {
        match self.from {
            // Known even to whoever may not read the registers.
            Origin::Device(get) => Ok(get(device)),
            Origin::Identity(register, value) | Origin::Live(register, value) => {
                device.read_register(register, source).map(value)
            }
            Origin::Source | Origin::Link | Origin::Age => {
                let info = device.read(source)?;
                Ok(self.value(device, Some(&info)))
            }
        }
    }
}

impl Kind {
    /// What JSON calls such values.
    pub(crate) fn json_type(self) -> &'static str {
        match self {
            Kind::Text => "string",
            Kind::Decimal | Kind::Register => "integer",
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

    /// Whether it is not known.
    pub(crate) fn is_unknown(&self) -> bool {
        *self == Value::Unknown
    }

    /// The number, if it is one.
    pub(crate) fn number(&self) -> Option<u32> {
        match self {
            Value::Decimal(number) | Value::Register(number) => Some(*number),
            Value::Unknown | Value::Text(_) => None,
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
    fn a_value_is_read_as_its_field_has_it() {
        let parse = |name, text| Field::named(name).unwrap().parse(text);
        assert_eq!(parse("pool_id", "B"), Ok(Value::Text("B".into())));
        assert_eq!(parse("vm_id", "0xc8"), Ok(Value::Decimal(200)));
        assert_eq!(parse("status", "1"), Ok(Value::Register(1)));
        assert_eq!(parse("driver", ""), Ok(Value::Unknown));
        assert!(parse("vm_id", "many").is_err());
    }

    #[test]
    fn what_no_device_can_ever_have_is_refused() {
        for (name, text) in [
            ("name", "card0"),
            ("pci", "00:06"),
            ("driver", "vgpu-stub"),
            ("pool_id", "b"),
            ("pool_id", "BB"),
            ("pool_id", ""),
            ("priority", "urgent"),
            ("vm_id", "010"),
            ("vm_id", ""),
            ("status", "done"),
            ("revision", "256"),
            ("source", "pci"),
        ] {
            let field = Field::named(name).unwrap();
            assert!(field.parse(text).is_err(), "{name}={text}");
        }
    }

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
            "features",
            "config_generation",
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
