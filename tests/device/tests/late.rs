// SPDX-License-Identifier: GPL-2.0

//! That a device has no effect once it is unplugged, whatever still reaches it: a vCPU
//! that waited for QEMU's lock meanwhile, or something that holds the object.
//!
//! What an effect does is the end of QEMU, now or when the memory is used again.

use std::time::Duration;

use device_tests::pci::{self, Bar0, Slot};
use device_tests::{Chipset, Hotplug, Late, Machine, Width};
use fastrand::Rng;
use serde_json::json;
use vgpu::uapi::*;

const SLOT: Slot = Slot::root(4);

/// A command that takes this long.
const SLOW: &str = "command-latency-us=1000";
const LATENCY: Duration = Duration::from_millis(1);

/// The MSI-X capability, and what turns it on.
const MSIX: u8 = 0x11;
const MSIX_ENABLE: u32 = 0x8000;
/// Of the configuration space of the device: where its BARs and MSI-X are.
const BAR1: u8 = pci::BAR0 + 4;

/// Longer than any command takes that could be pending.
const LONG: Duration = Duration::from_millis(10);

/// A machine with one device, which is held.
struct Bench {
    machine: Machine,
    bar0: Bar0,
}

impl Bench {
    fn start(properties: &str) -> Self {
        let device = format!("vgpu-stub,id=gpu,addr=4,{properties}");
        let mut arguments = vec!["-device", &device];
        arguments.extend(Late::ARGUMENTS);
        let mut machine = Machine::start(Chipset::Pc, &arguments);
        let bar0 = SLOT.enable(&mut machine.cpu);
        Late.hold(&mut machine, "gpu");
        Self { machine, bar0 }
    }

    /// Takes the device away. Nothing but the hold keeps it.
    fn unplug(&mut self) {
        self.machine
            .qmp
            .execute("device_del", json!({ "id": "gpu" }));
        Hotplug::PC.eject(&mut self.machine, SLOT.device);
        let vendor = SLOT.read16(&mut self.machine.cpu, pci::VENDOR_ID);
        assert_eq!(vendor, 0xffff);
    }

    fn set(&mut self, register: u32, value: u32) {
        self.bar0.set_register(&mut self.machine, register, value);
    }

    fn get_late(&mut self, register: u32) -> u32 {
        Late::BAR0.register(&mut self.machine, register)
    }

    fn set_late(&mut self, register: u32, value: u32) {
        Late::BAR0.set_register(&mut self.machine, register, value);
    }

    /// Lets time pass, the device go, and time pass again, and ends QEMU in good order.
    fn finish(mut self) {
        self.machine.cpu.pass(LONG);
        Late.release(&mut self.machine, "gpu");
        self.machine.cpu.pass(LONG);
        assert_eq!(SLOT.read16(&mut self.machine.cpu, pci::VENDOR_ID), 0xffff);
        self.machine.finish();
    }
}

/// Every device that differs in what it could do.
const DEVICES: [&str; 5] = [
    "revision=1",
    "revision=2,msix=off",
    "revision=2,msix=off,command-latency-us=1000",
    "revision=2,msix=on,command-latency-us=1000",
    "revision=3,msix=on,command-latency-us=1000",
];

#[test]
fn a_device_that_is_held_answers_as_long_as_it_is_plugged_in() {
    for properties in DEVICES {
        let mut bench = Bench::start(properties);
        bench.set(VGPU_REG_COMMAND, 5);
        assert_eq!(bench.get_late(VGPU_REG_COMMAND), 5);
        bench.machine.cpu.pass(LATENCY);
        bench.set_late(VGPU_REG_COMMAND, 6);
        assert_eq!(bench.bar0.register(&mut bench.machine, VGPU_REG_COMMAND), 6);
        bench.unplug();
        bench.finish();
    }
}

#[test]
fn a_late_command_is_none() {
    for properties in DEVICES {
        let mut bench = Bench::start(properties);
        bench.set(VGPU_REG_IRQ_ENABLE, u32::MAX);
        bench.unplug();
        for command in 0..3 {
            bench.set_late(VGPU_REG_COMMAND, command);
            bench.machine.cpu.pass(LATENCY);
        }
        assert!(
            bench.machine.guest_errors().contains(
                &"vgpu-stub: write of 0x2 to offset 0x000 of an unplugged device ignored".into()
            ),
            "{properties}: {:#?}",
            bench.machine.guest_errors()
        );
        bench.finish();
    }
}

#[test]
fn an_interrupt_that_was_active_is_not_raised_again() {
    for properties in DEVICES {
        let mut bench = Bench::start(properties);
        bench.set(VGPU_REG_IRQ_ENABLE, u32::MAX);
        bench.set(VGPU_REG_COMMAND, 1);
        bench.machine.cpu.pass(LATENCY);
        bench.unplug();
        bench.set_late(VGPU_REG_IRQ_STATUS, 0);
        bench.set_late(VGPU_REG_IRQ_ENABLE, VGPU_IRQ_COMMAND_DONE);
        bench.finish();
    }
}

#[test]
fn late_reads_give_all_ones() {
    for properties in DEVICES {
        let mut bench = Bench::start(properties);
        bench.unplug();
        for offset in (0..VGPU_BAR0_SIZE).step_by(4) {
            assert_eq!(
                bench.get_late(offset),
                VGPU_REG_GONE,
                "{properties}: {offset:#x}"
            );
        }
        bench.finish();
    }
}

#[test]
fn late_accesses_to_vectors_find_nothing() {
    let mut bench = Bench::start("revision=2,msix=on");
    // One that is pending, and would be sent when it is unmasked.
    let capability = SLOT.capability(&mut bench.machine.cpu, MSIX);
    SLOT.write16(&mut bench.machine.cpu, capability + 2, MSIX_ENABLE);
    bench.set(VGPU_REG_IRQ_ENABLE, u32::MAX);
    bench.set(VGPU_REG_COMMAND, 1);
    bench.unplug();
    for width in [Width::Long, Width::Quad] {
        for at in Late.vectors(width) {
            let ones = u64::MAX >> (64 - 8 * width.bytes());
            assert_eq!(
                bench.machine.cpu.read(width, at),
                ones,
                "{width:?} at {at:#x}"
            );
            bench.machine.cpu.write(width, at, 0);
        }
    }
    bench.finish();
}

#[test]
fn late_writes_to_configuration_space_change_nothing() {
    for properties in DEVICES {
        let mut bench = Bench::start(properties);
        bench.set(VGPU_REG_IRQ_ENABLE, u32::MAX);
        bench.set(VGPU_REG_COMMAND, 1);
        bench.machine.cpu.pass(LATENCY);
        bench.unplug();
        for value in [0, u32::MAX, 0xe000_5000, 0x8000_0000, 0x6] {
            for offset in (0..=252).step_by(4) {
                Late.write_config(&mut bench.machine, offset, value);
            }
        }
        bench.finish();
    }
}

#[test]
fn a_property_that_is_set_late_tells_nobody() {
    for properties in DEVICES {
        let mut bench = Bench::start(properties);
        bench.set(VGPU_REG_IRQ_ENABLE, u32::MAX);
        bench.unplug();
        for (property, value) in [("pool_id", "B"), ("priority", "low"), ("vm_id", "7")] {
            Late.configure(&mut bench.machine, property, value).unwrap();
        }
        let refusal = Late.configure(&mut bench.machine, "pool_id", "C");
        assert!(refusal.unwrap_err().description.contains("pool_id must be"));
        bench.finish();
    }
}

#[test]
fn a_late_reset_does_no_harm() {
    for properties in DEVICES {
        let mut bench = Bench::start(properties);
        bench.set(VGPU_REG_COMMAND, 1);
        bench.unplug();
        Late.reset(&mut bench.machine);
        bench.set_late(VGPU_REG_COMMAND, 1);
        Late.reset(&mut bench.machine);
        bench.finish();
    }
}

#[test]
fn a_state_that_is_loaded_late_is_refused_and_has_no_command_complete() {
    let mut bench = Bench::start(&format!("revision=2,{SLOW}"));
    bench.set(VGPU_REG_IRQ_ENABLE, u32::MAX);
    bench.set(VGPU_REG_COMMAND, 1);
    // In it, the command is pending.
    bench.machine.save();
    Late.load(&mut bench.machine).unwrap();
    bench.unplug();
    let refusal = Late.load(&mut bench.machine).unwrap_err();
    assert!(
        refusal.description.contains("the state is refused"),
        "{refusal:?}"
    );
    bench.finish();
}

#[test]
fn the_device_that_is_plugged_in_next_does_not_notice() {
    for properties in DEVICES {
        let mut bench = Bench::start(properties);
        bench.unplug();
        bench.machine.qmp.execute(
            "device_add",
            json!({ "driver": "vgpu-stub", "id": "next", "addr": "4", "revision": 2 }),
        );
        bench.bar0 = SLOT.enable(&mut bench.machine.cpu);
        for offset in (0..VGPU_BAR0_SIZE).step_by(4) {
            bench.set_late(offset, u32::MAX);
        }
        Late.write_config(&mut bench.machine, BAR1, 0xe000_5000);
        Late.write_config(&mut bench.machine, pci::COMMAND, 0);
        bench.machine.cpu.pass(LATENCY);
        for (register, value) in [
            (VGPU_REG_COMMAND, 0),
            (VGPU_REG_STATUS, 0),
            (VGPU_REG_POOL_ID, VGPU_POOL_ID_A),
            (VGPU_REG_IRQ_STATUS, 0),
            (VGPU_REG_IRQ_ENABLE, 0),
            (VGPU_REG_SUBMITTED, 0),
            (VGPU_REG_CONFIG_GENERATION, 0),
        ] {
            let next = bench.bar0.register(&mut bench.machine, register);
            assert_eq!(next, value, "{properties}: {register:#x}");
        }
        Late.release(&mut bench.machine, "gpu");
        bench.machine.finish();
    }
}

#[test]
fn whatever_is_done_to_it_late_at_random_does_no_harm() {
    let mut rng = Rng::with_seed(0x7667_7075);
    for properties in DEVICES {
        let mut bench = Bench::start(properties);
        bench.set(VGPU_REG_IRQ_ENABLE, rng.u32(..));
        bench.set(VGPU_REG_COMMAND, rng.u32(..));
        bench.unplug();
        for _ in 0..500 {
            late_access(&mut bench, &mut rng);
        }
        bench.finish();
    }
}

fn late_access(bench: &mut Bench, rng: &mut Rng) {
    let machine = &mut bench.machine;
    let width = *rng.choice(&Width::ALL).expect("there are widths");
    let offset = rng.u64(..=u64::from(VGPU_REG_RESERVED_3) + 8);
    match rng.u8(..16) {
        0 => Late.write_config(machine, rng.u8(..64) * 4, rng.u32(..)),
        1 => Late.reset(machine),
        2 => machine.cpu.pass(LATENCY),
        3..6 => {
            let all: Vec<_> = Late.vectors(Width::Long).collect();
            let at = *rng.choice(&all).expect("there are vectors");
            machine.cpu.write(Width::Long, at, rng.u64(..));
        }
        6..11 => {
            Late::BAR0.read(&mut machine.cpu, width, offset);
        }
        _ => Late::BAR0.write(&mut machine.cpu, width, offset, rng.u64(..)),
    }
}
