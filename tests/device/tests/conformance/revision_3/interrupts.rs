// SPDX-License-Identifier: GPL-2.0

//! The interrupt of messages.

use device_tests::Msix;
use vgpu::uapi::*;

use super::{Answer, Bench, SLOT};

const EVERY: u32 = VGPU_IRQ_COMMAND_DONE | VGPU_IRQ_CONFIG_CHANGED | VGPU_IRQ_MESSAGE_DONE;

#[test]
fn three_interrupts_can_be_enabled() {
    let mut bench = Bench::start();
    bench.set(VGPU_REG_IRQ_ENABLE, u32::MAX);
    assert_eq!(bench.get(VGPU_REG_IRQ_ENABLE), EVERY);
}

#[test]
fn the_line_is_active_from_when_a_slot_comes_back_until_its_bit_is_cleared() {
    let mut bench = Bench::with("msix=off", &[]);
    let mut backend = bench.connect();
    bench.set(VGPU_REG_IRQ_ENABLE, VGPU_IRQ_MESSAGE_DONE);
    bench.send(0, b"?");
    let (id, _) = backend.request();
    assert!(!SLOT.interrupts(&mut bench.machine.cpu));
    backend.respond(id, 0, b"!");
    bench.wait(VGPU_REG_IRQ_STATUS, VGPU_IRQ_MESSAGE_DONE);
    assert!(SLOT.interrupts(&mut bench.machine.cpu));
    // What it stands for is another register's.
    bench.set(VGPU_REG_IRQ_STATUS, VGPU_IRQ_MESSAGE_DONE);
    assert!(!SLOT.interrupts(&mut bench.machine.cpu));
    assert_eq!(bench.outcome(0), Answer::of(0, b"!"));
}

#[test]
fn the_third_vector_is_sent_when_a_slot_comes_back() {
    let mut bench = Bench::start();
    let msix = Msix::enable(SLOT, &mut bench.machine.cpu, VGPU_MSIX_VECTORS_3);
    bench.set(VGPU_REG_IRQ_ENABLE, EVERY);
    for slot in 0..3 {
        bench.send(slot, b"nobody");
        bench.take(1 << slot);
        let sent = msix.messages(&mut bench.machine.cpu);
        assert_eq!(sent, [false, false, true]);
        bench.set(VGPU_REG_IRQ_STATUS, VGPU_IRQ_MESSAGE_DONE);
    }
    bench.set(VGPU_REG_COMMAND, 1);
    let sent = msix.messages(&mut bench.machine.cpu);
    assert_eq!(sent, [true, false, false]);
}
