// SPDX-License-Identifier: GPL-2.0

//! A device that goes while it is busy.

use device_tests::Hotplug;
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
