// SPDX-License-Identifier: GPL-2.0

//! A device that goes while it is busy.

use device_tests::pci::{self, Slot};
use device_tests::{Chipset, Hotplug, Machine, Width};
use serde_json::json;
use vgpu::uapi::*;

use super::{Bench, LATENCY, SLOT, SLOW};

#[test]
fn a_device_is_unplugged_while_a_command_is_pending_two_hundred_times() {
    let mut bench = Bench::start(SLOW);
    for round in 0..200 {
        bench.set(VGPU_REG_IRQ_ENABLE, u32::MAX);
        bench.set(VGPU_REG_COMMAND, round);
        assert_eq!(bench.get(VGPU_REG_STATUS), VGPU_STATUS_BUSY);
        Hotplug::PC.unplug(&mut bench.machine, "gpu", SLOT.device);
        // The time of the completion comes without the device.
        bench.pass(LATENCY * 2);
        bench.machine.qmp.execute(
            "device_add",
            json!({
                "driver": "vgpu-stub",
                "id": "gpu",
                "addr": SLOT.device.to_string(),
                "revision": 2,
                "command-latency-us": 1000,
            }),
        );
        bench.bar0 = SLOT.enable(&mut bench.machine.cpu);
        assert_eq!(bench.get(VGPU_REG_SUBMITTED), 0);
    }
    bench.machine.finish();
}

#[test]
fn a_device_that_the_host_unrealizes_takes_properties_and_tells_nobody() {
    let mut bench = Bench::start(&format!("{SLOW},msix=off"));
    bench.set(VGPU_REG_IRQ_ENABLE, u32::MAX);
    bench.set(VGPU_REG_COMMAND, 1);
    bench.change("realized", false).unwrap();
    for (property, value) in [("pool_id", "B"), ("priority", "low")] {
        bench.change(property, value).unwrap();
        assert_eq!(bench.property(property), value);
    }
    bench.change("pool_id", "C").unwrap_err();
    bench.pass(LATENCY * 2);
    bench.machine.finish();
}

/// A port of a q35 and the device in it, whose messages reach the port's configuration
/// space as memory.
struct Below {
    machine: Machine,
    port: Slot,
    slot: Slot,
    bar0: pci::Bar0,
}

/// Where configuration space is in memory, and the host bridge's register that says so.
const EXPRESS_BASE: u32 = 0xb000_0000;
const EXPRESS_BASE_REGISTER: u8 = 0x60;

const MSIX: u8 = 0x11;
const MSIX_ENABLE: u32 = 0x8000;
const MSIX_MASK_ALL: u32 = 0x4000;
const BAR1: u32 = 0xe010_8000;
const PENDING: u32 = BAR1 + 0x800;

/// When the first message is sent.
#[derive(Clone, Copy, Debug)]
enum Sent {
    /// When both interrupts become active at once.
    Interrupt,
    /// When its vector is unmasked, by a write of 8 bytes.
    VectorUnmask,
    /// When all vectors are unmasked.
    FunctionUnmask,
}

impl Below {
    fn start() -> Self {
        let port = Slot::root(3);
        let slot = Slot { bus: 1, device: 0 };
        let mut arguments = vec![
            "-device",
            "pcie-root-port,id=rp,addr=3,chassis=1",
            "-device",
            "vgpu-stub,id=gpu,bus=rp,revision=2",
        ];
        arguments.extend(Hotplug::native_arguments());
        let mut machine = Machine::start(Chipset::Q35, &arguments);
        let bridge = Slot::root(0);
        bridge.write(&mut machine.cpu, EXPRESS_BASE_REGISTER, EXPRESS_BASE | 1);
        port.open_bridge(&mut machine.cpu, 1);
        let bar0 = slot.enable(&mut machine.cpu);
        Self {
            machine,
            port,
            slot,
            bar0,
        }
    }

    /// Has both interrupts become active. The first one's message is a write of `value`
    /// at `offset` of the port's configuration space, the other one's of 0 somewhere.
    fn interrupt(&mut self, offset: u8, value: u32, sent: Sent) {
        let port = EXPRESS_BASE + (u32::from(self.port.device) << 15);
        let cpu = &mut self.machine.cpu;
        self.slot.write(cpu, pci::BAR0 + 4, BAR1);
        let table = u64::from(BAR1);
        for (entry, (address, data)) in [(port + u32::from(offset), value), (0, 0)]
            .into_iter()
            .enumerate()
        {
            let entry = table + 16 * entry as u64;
            cpu.write(Width::Quad, entry, address.into());
            cpu.write(Width::Quad, entry + 8, data.into());
        }
        let control = self.slot.capability(cpu, MSIX) + 2;
        let masks = match sent {
            Sent::FunctionUnmask => MSIX_MASK_ALL,
            _ => 0,
        };
        self.slot.write16(cpu, control, MSIX_ENABLE | masks);
        if let Sent::VectorUnmask = sent {
            cpu.write(Width::Long, table + 12, 1);
        }
        self.bar0
            .set_register(&mut self.machine, VGPU_REG_COMMAND, 1);
        self.machine.qmp.set("gpu", "vm_id", 7).unwrap();
        self.bar0
            .set_register(&mut self.machine, VGPU_REG_IRQ_ENABLE, u32::MAX);
        let cpu = &mut self.machine.cpu;
        match sent {
            Sent::Interrupt => {}
            Sent::VectorUnmask => cpu.write(Width::Quad, table + 8, value.into()),
            Sent::FunctionUnmask => self.slot.write16(cpu, control, MSIX_ENABLE),
        }
    }
}

#[test]
fn a_device_can_be_unplugged_by_its_own_message() {
    for sent in [Sent::Interrupt, Sent::VectorUnmask] {
        let mut below = Below::start();
        let control = Hotplug::slot_control(&mut below.machine, below.port);
        below.interrupt(control, Hotplug::UNPOWERED, sent);
        while below.machine.qmp.wait_event("DEVICE_DELETED")["device"] != "gpu" {}
        below.machine.finish();
    }
}

/// QEMU has let messages reach the configuration space that is being written to, until it
/// blocked such accesses, in 8.1 and some older ones that are still maintained.
#[test]
fn a_device_that_was_unplugged_by_a_write_to_its_own_configuration_space_is_left_alone() {
    let mut below = Below::start();
    let control = Hotplug::slot_control(&mut below.machine, below.port);
    below.interrupt(control, Hotplug::UNPOWERED, Sent::FunctionUnmask);
    let vendor = below.slot.read16(&mut below.machine.cpu, pci::VENDOR_ID);
    let blocked = below.machine.messages().contains("Blocked re-entrant IO");
    assert_eq!(vendor != 0xffff, blocked, "{vendor:#x}");
    below.machine.finish();
}

#[test]
fn a_device_can_be_reset_by_its_own_message() {
    for sent in [Sent::Interrupt, Sent::VectorUnmask] {
        let mut below = Below::start();
        let control = pci::BRIDGE_CONTROL & !3;
        below.interrupt(control, pci::BRIDGE_CONTROL_RESET << 16, sent);
        below
            .port
            .write16(&mut below.machine.cpu, pci::BRIDGE_CONTROL, 0);
        let bar0 = below.slot.enable(&mut below.machine.cpu);
        for register in [VGPU_REG_COMMAND, VGPU_REG_IRQ_STATUS, VGPU_REG_IRQ_ENABLE] {
            let value = bar0.register(&mut below.machine, register);
            assert_eq!(value, 0, "{sent:?}: {register:#x}");
        }
        below
            .slot
            .write(&mut below.machine.cpu, pci::BAR0 + 4, BAR1);
        let pending = below.machine.cpu.read(Width::Quad, PENDING.into());
        assert_eq!(pending, 0, "{sent:?}: a message waits");
        below.machine.finish();
    }
}
