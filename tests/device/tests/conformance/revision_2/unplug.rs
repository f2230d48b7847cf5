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
