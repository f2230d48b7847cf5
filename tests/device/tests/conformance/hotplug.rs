// SPDX-License-Identifier: GPL-2.0

//! Plugging and unplugging while the machine runs.
//!
//! Unplugging asks the guest, which then ejects the slot: here the test does
//! that.

use device_tests::pci::{self, Bar0, Slot};
use device_tests::{Chipset, Hotplug, Identity, Machine, QmpError};
use serde_json::{Value, json};
use vgpu::uapi::*;

fn plug(machine: &mut Machine, bus: &str, device: u8, vm_id: u32) {
    machine.qmp.execute(
        "device_add",
        json!({
            "driver": "vgpu-stub",
            "id": "gpu",
            "bus": bus,
            "addr": device.to_string(),
            "pool_id": "B",
            "priority": "high",
            "vm_id": vm_id,
        }),
    );
}

fn assert_works(machine: &mut Machine, bar0: Bar0, vm_id: u32) {
    let identity = Identity {
        pool_id: bar0.register(machine, VGPU_REG_POOL_ID),
        priority: bar0.register(machine, VGPU_REG_PRIORITY),
        vm_id: bar0.register(machine, VGPU_REG_VM_ID),
    };
    let expected = Identity {
        pool_id: VGPU_POOL_ID_B,
        priority: VGPU_PRIORITY_HIGH,
        vm_id,
    };
    assert_eq!(identity, expected);
    assert_eq!(bar0.register(machine, VGPU_REG_COMMAND), 0);
    assert_eq!(bar0.register(machine, VGPU_REG_STATUS), 0);
    bar0.set_register(machine, VGPU_REG_COMMAND, vm_id);
    assert_eq!(bar0.register(machine, VGPU_REG_STATUS), VGPU_STATUS_DONE);
}

#[test]
fn a_slot_can_be_plugged_and_unplugged_twenty_times() {
    const SLOT: Slot = Slot::root(5);
    let mut machine = Machine::start::<&str>(Chipset::Pc, &[]);
    for vm_id in 1..=20 {
        plug(&mut machine, "pci.0", SLOT.device, vm_id);
        let bar0 = SLOT.enable(&mut machine.cpu);
        assert_works(&mut machine, bar0, vm_id);
        Hotplug::PC.unplug(&mut machine, "gpu", SLOT.device);
        assert_eq!(SLOT.read16(&mut machine.cpu, pci::VENDOR_ID), 0xffff);
        assert_ne!(
            bar0.register(&mut machine, VGPU_REG_POOL_ID),
            VGPU_POOL_ID_B
        );
    }
    machine.finish();
}

#[test]
fn it_plugs_into_a_pci_express_port_too() {
    const PORT: Slot = Slot::root(3);
    const SLOT: Slot = Slot { bus: 1, device: 0 };
    let mut machine = Machine::start(
        Chipset::Q35,
        &["-device", "pcie-root-port,id=rp,addr=3,chassis=1"],
    );
    PORT.open_bridge(&mut machine.cpu, 1);
    let hotplug = Hotplug::below(&machine, PORT);
    for vm_id in 1..=5 {
        plug(&mut machine, "rp", SLOT.device, vm_id);
        hotplug.accept(&mut machine);
        let bar0 = SLOT.enable(&mut machine.cpu);
        assert_works(&mut machine, bar0, vm_id);
        hotplug.unplug(&mut machine, "gpu", SLOT.device);
    }
    machine.finish();
}

#[test]
fn a_device_from_the_command_line_can_be_unplugged() {
    // The default values are strings that nobody gave: they are freed too.
    for properties in ["", ",pool_id=B,priority=high"] {
        let device = format!("vgpu-stub,id=gpu,addr=5{properties}");
        let mut machine = Machine::start(Chipset::Pc, &["-device", &device]);
        Hotplug::PC.unplug(&mut machine, "gpu", 5);
        machine.finish();
    }
}

#[test]
fn a_refused_device_leaves_the_machine_and_the_slot_usable() {
    const SLOT: Slot = Slot::root(5);
    let mut machine = Machine::start::<&str>(Chipset::Pc, &[]);
    let refused = [
        (
            "pool_id",
            "vgpu-stub: pool_id must be 'A' or 'B', got 'nonsense'",
        ),
        (
            "priority",
            "vgpu-stub: priority must be 'low', 'medium', or 'high', got 'nonsense'",
        ),
    ];
    for (property, text) in refused.into_iter().cycle().take(10) {
        let mut arguments = json!({ "driver": "vgpu-stub", "id": "gpu", "addr": "5" });
        arguments[property] = Value::from("nonsense");
        assert_eq!(
            machine.qmp.try_execute("device_add", arguments),
            Err(QmpError {
                class: "GenericError".into(),
                description: text.into(),
            })
        );
        assert_eq!(SLOT.read16(&mut machine.cpu, pci::VENDOR_ID), 0xffff);
    }
    plug(&mut machine, "pci.0", SLOT.device, 8);
    let bar0 = SLOT.enable(&mut machine.cpu);
    assert_works(&mut machine, bar0, 8);
    machine.finish();
}
