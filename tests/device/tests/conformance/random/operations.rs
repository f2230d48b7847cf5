// SPDX-License-Identifier: GPL-2.0

//! What may happen to a device, drawn at random.

use device_tests::pci::{Bar0, Slot};
use device_tests::{Identity, Request, Width};
use fastrand::Rng;
use serde_json::{Value, json};
use vgpu::uapi::*;

/// A number of accesses to BAR0 in a row.
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

fn request(rng: &mut Rng, bar0: Bar0) -> Request {
    let width = *rng.choice(&Width::ALL).expect("there are widths");
    // Mostly where the registers are, where the interesting boundaries are too.
    let end = if rng.u8(..4) == 0 {
        u64::from(VGPU_BAR0_SIZE)
    } else {
        u64::from(VGPU_REG_RESERVED) + 8
    };
    let offset = match rng.u8(..8) {
        0 => VGPU_REG_COMMAND.into(),
        _ => rng.u64(..=end - width.bytes()),
    };
    let address = bar0.address(offset);
    if rng.bool() {
        Request::Read(width, address)
    } else {
        Request::Write(width, address, rng.u64(..))
    }
}

/// The properties of a device.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Properties {
    pool_id: (&'static str, u32),
    priority: (&'static str, u32),
    vm_id: u32,
}

impl Properties {
    /// The id of the device, for QEMU.
    pub(crate) const ID: &'static str = "gpu";

    pub(crate) fn random(rng: &mut Rng) -> Self {
        let pools = [("A", VGPU_POOL_ID_A), ("B", VGPU_POOL_ID_B)];
        let priorities = [
            ("low", VGPU_PRIORITY_LOW),
            ("medium", VGPU_PRIORITY_MEDIUM),
            ("high", VGPU_PRIORITY_HIGH),
        ];
        Self {
            pool_id: *rng.choice(&pools).expect("there are pools"),
            priority: *rng.choice(&priorities).expect("there are priorities"),
            vm_id: rng.u32(..),
        }
    }

    /// Those that are names, with their values.
    pub(crate) fn names(self) -> [(&'static str, &'static str); 2] {
        [("pool_id", self.pool_id.0), ("priority", self.priority.0)]
    }

    pub(crate) fn identity(self) -> Identity {
        Identity {
            pool_id: self.pool_id.1,
            priority: self.priority.1,
            vm_id: self.vm_id,
        }
    }

    /// As the command line takes them.
    pub(crate) fn argument(self, slot: Slot) -> String {
        format!(
            "vgpu-stub,id={},addr={},pool_id={},priority={},vm_id={}",
            Self::ID,
            slot.device,
            self.pool_id.0,
            self.priority.0,
            self.vm_id
        )
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
        })
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
    /// A snapshot is taken, these accesses are made, and it is brought back.
    Restore(Accesses),
    /// The machine is migrated to one whose device has these properties.
    Migrate(Properties),
}

impl Event {
    pub(crate) fn random(rng: &mut Rng) -> Self {
        match rng.u8(..100) {
            0..30 => Self::Reset,
            30..50 => Self::Move(rng.u8(..)),
            50..70 => Self::Deaf(Accesses::random(rng)),
            70..90 => Self::Replug(Accesses::random(rng), Properties::random(rng)),
            90..96 => Self::Restore(Accesses::random(rng)),
            _ => Self::Migrate(Properties::random(rng)),
        }
    }
}
