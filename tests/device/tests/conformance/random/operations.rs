// SPDX-License-Identifier: GPL-2.0

//! What may happen to a device, drawn at random.

use std::time::Duration;

use device_tests::pci::{Bar0, Slot};
use device_tests::{Identity, Model, Request, Width};
use fastrand::Rng;
use serde_json::{Value, json};
use vgpu::uapi::*;

/// A number of accesses to BAR0 in a row, between which time may pass.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Accesses(usize);

impl Accesses {
    /// At most as many as fit into the buffers of a socket, as do their answers.
    pub(crate) fn random(rng: &mut Rng) -> Self {
        Self(rng.usize(1..500))
    }

    pub(crate) fn requests(self, rng: &mut Rng, bar0: Bar0) -> Vec<Request> {
        (0..self.0).map(|_| request(rng, bar0)).collect()
    }
}

/// The longest that a command takes, and that passes at once.
const LONG_US: u32 = 10;

fn request(rng: &mut Rng, bar0: Bar0) -> Request {
    if rng.u8(..48) == 0 {
        return Request::Pass(rng.u64(1..=u64::from(LONG_US) * 1000));
    }
    let width = *rng.choice(&Width::ALL).expect("there are widths");
    // Mostly where the registers are, where the interesting boundaries are too.
    let end = if rng.u8(..4) == 0 {
        u64::from(VGPU_BAR0_SIZE)
    } else {
        u64::from(VGPU_REG_RESERVED_3) + 8
    };
    let offset = match rng.u8(..16) {
        0 | 1 => VGPU_REG_COMMAND.into(),
        2 => VGPU_REG_IRQ_ENABLE.into(),
        3 => VGPU_REG_MSG_CONTROL.into(),
        _ => rng.u64(..=end - width.bytes()),
    };
    let address = bar0.address(offset);
    if rng.bool() {
        Request::Read(width, address)
    } else {
        Request::Write(width, address, rings_nobody(width, offset, rng.u64(..)))
    }
}

/// Returns a value that rings the doorbell of no slot: when the device looks at one, it
/// does so between accesses, and not at one of them.
fn rings_nobody(width: Width, offset: u64, value: u64) -> u64 {
    let doorbell = u64::from(VGPU_REG_MSG_DOORBELL);
    if (offset..offset + width.bytes()).contains(&doorbell) {
        value | (0x80 << (8 * (doorbell - offset)))
    } else {
        value
    }
}

const POOLS: [(&str, u32); 2] = [("A", VGPU_POOL_ID_A), ("B", VGPU_POOL_ID_B)];
const PRIORITIES: [(&str, u32); 3] = [
    ("low", VGPU_PRIORITY_LOW),
    ("medium", VGPU_PRIORITY_MEDIUM),
    ("high", VGPU_PRIORITY_HIGH),
];

/// The properties of a device.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Properties {
    pool_id: (&'static str, u32),
    priority: (&'static str, u32),
    vm_id: u32,
    revision: u32,
    latency_us: u32,
}

impl Properties {
    /// The id of the device, for QEMU.
    pub(crate) const ID: &'static str = "gpu";

    pub(crate) fn random(rng: &mut Rng) -> Self {
        let at_once = rng.u8(..4) == 0;
        Self {
            pool_id: rng.choice(POOLS).expect("there are pools"),
            priority: rng.choice(PRIORITIES).expect("there are priorities"),
            vm_id: rng.u32(..),
            revision: rng.u32(1..=3),
            latency_us: if at_once { 0 } else { rng.u32(..=LONG_US) },
        }
    }

    /// What the host can read, and on revision 2 change.
    pub(crate) fn live(self) -> [(&'static str, Value); 3] {
        [
            ("pool_id", self.pool_id.0.into()),
            ("priority", self.priority.0.into()),
            ("vm_id", self.vm_id.into()),
        ]
    }

    /// The device that has them.
    pub(crate) fn model(self) -> Model {
        match self.revision {
            1 => Model::new(self.identity()),
            2 => Model::revision_2(self.identity(), self.latency()),
            _ => Model::revision_3(self.identity(), self.latency()),
        }
    }

    pub(crate) fn identity(self) -> Identity {
        Identity {
            pool_id: self.pool_id.1,
            priority: self.priority.1,
            vm_id: self.vm_id,
        }
    }

    /// What a command takes, which on revision 1 is no time.
    fn latency_us(self) -> u32 {
        if self.revision == 1 {
            0
        } else {
            self.latency_us
        }
    }

    pub(crate) fn latency(self) -> Duration {
        Duration::from_micros(self.latency_us().into())
    }

    /// With one property as another device has it, by its place in [`live`](Self::live).
    pub(crate) fn changed(mut self, place: usize, other: Self) -> Self {
        match place {
            0 => self.pool_id = other.pool_id,
            1 => self.priority = other.priority,
            _ => self.vm_id = other.vm_id,
        }
        self
    }

    /// As the command line takes them, which of JSON it has done since QEMU 6.2 only.
    pub(crate) fn argument(self, slot: Slot) -> String {
        let object = self.object(slot);
        let options = object.as_object().expect("an object").iter();
        let option = |(name, value): (&String, &Value)| match value {
            Value::String(text) => format!("{name}={text}"),
            _ => format!("{name}={value}"),
        };
        options.map(option).collect::<Vec<_>>().join(",")
    }

    /// As QMP takes them.
    pub(crate) fn object(self, slot: Slot) -> Value {
        json!({
            "driver": "vgpu-stub",
            "id": Self::ID,
            "addr": slot.device.to_string(),
            "pool_id": self.pool_id.0,
            "priority": self.priority.0,
            "vm_id": self.vm_id,
            "revision": self.revision,
            "command-latency-us": self.latency_us(),
        })
    }

    /// Of the revision of another device: state of one revision is for a device of the
    /// same.
    pub(crate) fn like(self, other: Self) -> Self {
        Self {
            revision: other.revision,
            ..self
        }
    }

    /// With the identity of another device.
    pub(crate) fn named(self, other: Self) -> Self {
        Self {
            revision: self.revision,
            latency_us: self.latency_us,
            ..other
        }
    }
}

/// What happens between accesses.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    /// The machine is reset.
    Reset,
    /// BAR0 gets this page of the PCI hole.
    Move(u8),
    /// Memory decoding is off during these accesses.
    Deaf(Accesses),
    /// The device is unplugged, these accesses go to where it was, and another one is
    /// plugged in.
    Replug(Accesses, Properties),
    /// The host sets the property of this place to what the other device has.
    Change(usize, Properties),
    /// A snapshot is taken, a property changed, these accesses are made, and it is
    /// brought back.
    Restore(usize, Properties, Accesses),
    /// The machine is migrated to one whose device has these properties.
    Migrate(Properties),
}

impl Event {
    pub(crate) fn random(rng: &mut Rng) -> Self {
        match rng.u8(..100) {
            0..20 => Self::Reset,
            20..35 => Self::Move(rng.u8(..)),
            35..50 => Self::Deaf(Accesses::random(rng)),
            50..70 => Self::Replug(Accesses::random(rng), Properties::random(rng)),
            70..84 => Self::Change(rng.usize(..3), Properties::random(rng)),
            84..92 => {
                let other = Properties::random(rng);
                Self::Restore(rng.usize(..3), other, Accesses::random(rng))
            }
            _ => Self::Migrate(Properties::random(rng)),
        }
    }
}
