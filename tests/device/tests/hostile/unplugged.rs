// SPDX-License-Identifier: GPL-2.0

//! Once it is unplugged it has no effect, whatever still reaches it: it is drivers that it
//! is to harm, and not QEMU.

use std::time::Duration;

use device_tests::{Chipset, Hotplug, Late, Machine, Msix};
use serde_json::json;
use vgpu::uapi::*;

use super::{SLOT, device};

/// Longer than anything takes that could be pending.
const LONG: Duration = Duration::from_millis(10);

/// Each way to raise an interrupt, and to signal it.
const DEVICES: [&str; 3] = [
    ",irq-at-reads=any,irq-obeys-enable=off",
    ",completes=on,command-latency-us=10,irq-times=4294967295",
    ",completes=on,msix=on,irq-at-reads=any,irq-obeys-enable=off",
];

#[test]
fn nothing_happens_to_it_once_it_is_unplugged() {
    for properties in DEVICES {
        let device = device(properties);
        let mut arguments = vec!["-device", &device];
        arguments.extend(Late::ARGUMENTS);
        let mut machine = Machine::start(Chipset::Pc, &arguments);
        let bar0 = SLOT.enable(&mut machine.cpu);
        if properties.contains("msix") {
            Msix::enable(SLOT, &mut machine.cpu, VGPU_MSIX_VECTORS);
        }
        Late.hold(&mut machine, "gpu");
        // In the middle of a command, and with an interrupt that is active.
        bar0.set_register(&mut machine, VGPU_REG_IRQ_ENABLE, u32::MAX);
        bar0.set_register(&mut machine, VGPU_REG_COMMAND, 1);
        machine.qmp.execute("device_del", json!({ "id": "gpu" }));
        Hotplug::PC.eject(&mut machine, SLOT.device);

        for register in [VGPU_REG_COMMAND, VGPU_REG_IRQ_STATUS, VGPU_REG_IRQ_ENABLE] {
            let answer = Late::BAR0.register(&mut machine, register);
            assert_eq!(answer, 0, "{properties}: {register:#x}");
            Late::BAR0.set_register(&mut machine, register, 3);
        }
        Late.configure(&mut machine, "irq-times", "3")
            .expect("it is set");
        machine.cpu.pass(LONG);
        Late.release(&mut machine, "gpu");
        machine.cpu.pass(LONG);
        machine.finish();
    }
}
