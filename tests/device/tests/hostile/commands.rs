// SPDX-License-Identifier: GPL-2.0

//! Commands that are never done, or take their time.

use std::time::Duration;

use vgpu::uapi::*;

use super::Bench;

#[test]
fn a_command_is_kept_and_never_completes() {
    let mut bench = Bench::start("");
    bench.write(VGPU_REG_COMMAND, 5);
    assert_eq!(bench.read(VGPU_REG_COMMAND), 5);
    assert_eq!(bench.read(VGPU_REG_STATUS), 0);
}

#[test]
fn a_command_completes_at_once_or_after_its_latency_if_it_may() {
    const LATENCY: Duration = Duration::from_millis(1);
    let mut bench = Bench::start(",completes=on,result=7");
    bench.write(VGPU_REG_COMMAND, 5);
    let counts = [
        VGPU_REG_SUBMITTED,
        VGPU_REG_COMPLETED,
        VGPU_REG_IRQ_STATUS,
        VGPU_REG_RESULT,
    ];
    let counted = |bench: &mut Bench| counts.map(|register| bench.read(register));
    assert_eq!(bench.read(VGPU_REG_STATUS), VGPU_STATUS_DONE);
    assert_eq!(counted(&mut bench), [1, 1, VGPU_IRQ_COMMAND_DONE, 7]);

    bench.set("command-latency-us", 1000);
    bench.write(VGPU_REG_COMMAND, 6);
    bench.machine.cpu.pass(LATENCY - Duration::from_nanos(1));
    assert_eq!(bench.read(VGPU_REG_STATUS), VGPU_STATUS_BUSY);
    assert_eq!(counted(&mut bench), [2, 1, VGPU_IRQ_COMMAND_DONE, 7]);
    bench.machine.cpu.pass(Duration::from_nanos(1));
    assert_eq!(bench.read(VGPU_REG_STATUS), VGPU_STATUS_DONE);
    assert_eq!(bench.read(VGPU_REG_COMPLETED), 2);

    // From here on it may not.
    bench.set("completes", false);
    bench.set("status", 0);
    bench.write(VGPU_REG_COMMAND, 7);
    bench.machine.cpu.pass(LATENCY);
    assert_eq!(bench.read(VGPU_REG_STATUS), 0);
    assert_eq!(bench.read(VGPU_REG_COMMAND), 7);
}
