// SPDX-License-Identifier: GPL-2.0

//! What a reset clears, and what it does not.

use std::thread;
use std::time::Duration;

use device_tests::pci::{self, Bar0, Slot};
use device_tests::{Chipset, Machine};
use serde_json::json;
use vgpu::uapi::*;

const DEVICE: &str = "vgpu-stub,id=gpu,addr=4,pool_id=B,priority=low,vm_id=77";

fn assert_as_new(machine: &mut Machine, bar0: Bar0) {
    let registers = [
        VGPU_REG_COMMAND,
        VGPU_REG_STATUS,
        VGPU_REG_POOL_ID,
        VGPU_REG_PRIORITY,
        VGPU_REG_VM_ID,
    ];
    assert_eq!(
        registers.map(|offset| bar0.register(machine, offset)),
        [0, 0, VGPU_POOL_ID_B, VGPU_PRIORITY_LOW, 77]
    );
}

#[test]
fn a_machine_reset_clears_command_and_status_and_keeps_identity() {
    for chipset in [Chipset::Pc, Chipset::Q35] {
        let mut machine = Machine::start(chipset, &["-device", DEVICE]);
        for round in 1..=3 {
            let bar0 = Slot::root(4).enable(&mut machine.cpu);
            assert_as_new(&mut machine, bar0);
            bar0.set_register(&mut machine, VGPU_REG_COMMAND, round);
            machine.reset();
        }
    }
}

#[test]
fn a_machine_reset_takes_the_bar_away_until_it_is_set_up_again() {
    let mut machine = Machine::start(Chipset::Pc, &["-device", DEVICE]);
    let slot = Slot::root(4);
    slot.enable(&mut machine.cpu);
    machine.reset();
    assert_eq!(slot.read(&mut machine.cpu, pci::BAR0), 0);
    assert_eq!(slot.read16(&mut machine.cpu, pci::COMMAND), 0);
}

#[test]
fn a_reset_of_the_bus_behind_a_bridge_resets_the_device() {
    const BRIDGE: Slot = Slot::root(3);
    const SLOT: Slot = Slot { bus: 1, device: 4 };
    let mut machine = Machine::start(
        Chipset::Pc,
        &[
            "-device",
            "pci-bridge,id=bridge,addr=3,chassis_nr=1,shpc=off",
            "-device",
            &format!("{DEVICE},bus=bridge"),
        ],
    );
    BRIDGE.open_bridge(&mut machine.cpu, 1);
    let bar0 = SLOT.enable(&mut machine.cpu);
    bar0.set_register(&mut machine, VGPU_REG_COMMAND, 5);
    assert_eq!(bar0.register(&mut machine, VGPU_REG_STATUS), 1);

    let cpu = &mut machine.cpu;
    BRIDGE.write16(cpu, pci::BRIDGE_CONTROL, pci::BRIDGE_CONTROL_RESET);
    BRIDGE.write16(cpu, pci::BRIDGE_CONTROL, 0);
    let bar0 = SLOT.enable(cpu);
    assert_as_new(&mut machine, bar0);
}

#[test]
fn pausing_and_resuming_the_machine_is_no_reset() {
    let mut machine = Machine::start(Chipset::Pc, &["-device", DEVICE]);
    let bar0 = Slot::root(4).enable(&mut machine.cpu);
    bar0.set_register(&mut machine, VGPU_REG_COMMAND, 5);
    machine.qmp.execute("stop", json!({}));
    thread::sleep(Duration::from_millis(10));
    machine.qmp.execute("cont", json!({}));
    assert_eq!(bar0.register(&mut machine, VGPU_REG_COMMAND), 5);
    assert_eq!(bar0.register(&mut machine, VGPU_REG_STATUS), 1);
}
