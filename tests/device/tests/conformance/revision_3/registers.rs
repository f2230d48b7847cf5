// SPDX-License-Identifier: GPL-2.0

//! The registers of messages.

use device_tests::pci;
use device_tests::{Chipset, Machine};
use vgpu::uapi::*;

use super::{ALL, Bench, SLOT, WINDOW, WINDOW_SIZE};

const STATE: [u32; 6] = [
    VGPU_REG_MSG_BASE_LOW,
    VGPU_REG_MSG_BASE_HIGH,
    VGPU_REG_MSG_CONTROL,
    VGPU_REG_MSG_ACTIVE,
    VGPU_REG_MSG_DONE,
    VGPU_REG_MSG_STATUS,
];

impl Bench {
    fn state_of_messages(&mut self) -> [u32; 6] {
        STATE.map(|register| self.get(register))
    }
}

#[test]
fn a_new_device_has_eight_slots_and_messages_that_are_off() {
    let mut machine = Machine::start(
        Chipset::Pc,
        &["-device", "vgpu-stub,id=gpu,addr=4,revision=3"],
    );
    let bar0 = SLOT.enable(&mut machine.cpu);
    assert_eq!(SLOT.read8(&mut machine.cpu, pci::REVISION_ID), 3);
    let features =
        VGPU_FEATURE_IRQ | VGPU_FEATURE_ASYNC | VGPU_FEATURE_LIVE_CONFIG | VGPU_FEATURE_MESSAGES;
    assert_eq!(bar0.register(&mut machine, VGPU_REG_FEATURES), features);
    assert_eq!(bar0.register(&mut machine, VGPU_REG_MSG_LAYOUT), 0x0d08);
    for register in STATE {
        assert_eq!(bar0.register(&mut machine, register), 0, "{register:#x}");
    }
    for register in (VGPU_REG_RESERVED_3..VGPU_BAR0_SIZE).step_by(4) {
        bar0.set_register(&mut machine, register, u32::MAX);
        assert_eq!(bar0.register(&mut machine, register), 0, "{register:#x}");
    }
}

#[test]
fn what_is_written_only_reads_0_and_what_is_read_only_stays() {
    let mut bench = Bench::start();
    for register in [VGPU_REG_MSG_DOORBELL, VGPU_REG_MSG_CANCEL] {
        assert_eq!(bench.get(register), 0, "{register:#x}");
    }
    let before = bench.state_of_messages();
    for register in [
        VGPU_REG_MSG_LAYOUT,
        VGPU_REG_MSG_ACTIVE,
        VGPU_REG_MSG_STATUS,
    ] {
        bench.set(register, u32::MAX);
    }
    assert_eq!(bench.state_of_messages(), before);
    assert_eq!(bench.get(VGPU_REG_MSG_LAYOUT), 0x0d08);
}

#[test]
fn the_window_stays_where_it_is_while_messages_are_enabled() {
    let mut bench = Bench::start();
    let low = u32::try_from(WINDOW).unwrap();
    bench.set(VGPU_REG_MSG_BASE_LOW, 0x40_0000);
    bench.set(VGPU_REG_MSG_BASE_HIGH, 1);
    assert_eq!(bench.get(VGPU_REG_MSG_BASE_LOW), low);
    assert_eq!(bench.get(VGPU_REG_MSG_BASE_HIGH), 0);
    bench.set(VGPU_REG_MSG_CONTROL, 0);
    bench.set(VGPU_REG_MSG_BASE_LOW, 0x1234_5678);
    bench.set(VGPU_REG_MSG_BASE_HIGH, 0x9abc_def0);
    assert_eq!(bench.get(VGPU_REG_MSG_BASE_LOW), 0x1234_5678);
    assert_eq!(bench.get(VGPU_REG_MSG_BASE_HIGH), 0x9abc_def0);
}

#[test]
fn a_window_that_is_not_aligned_or_passes_the_end_of_memory_is_refused() {
    let mut bench = Bench::start();
    let unaligned = (0..12).map(|bit| WINDOW | (1 << bit));
    let past_the_end = (1..WINDOW_SIZE / 4096).map(|pages| 0u64.wrapping_sub(pages * 4096));
    for window in unaligned.chain(past_the_end) {
        bench.enable(window);
        assert_eq!(bench.get(VGPU_REG_MSG_CONTROL), 0, "{window:#x}");
        assert_eq!(
            bench.get(VGPU_REG_MSG_STATUS),
            VGPU_MSG_STATUS_FAULT,
            "{window:#x}"
        );
        // Nothing is accepted, then.
        bench.ring(0);
        assert_eq!(bench.get(VGPU_REG_MSG_ACTIVE), 0);
    }
    for window in [0, 0u64.wrapping_sub(WINDOW_SIZE), WINDOW + 4096] {
        bench.enable(window);
        assert_eq!(
            bench.get(VGPU_REG_MSG_CONTROL),
            VGPU_MSG_CONTROL_ENABLE,
            "{window:#x}"
        );
        assert_eq!(bench.get(VGPU_REG_MSG_STATUS), 0, "{window:#x}");
    }
}

#[test]
fn only_the_bit_that_there_is_enables() {
    let mut bench = Bench::start();
    bench.set(VGPU_REG_MSG_CONTROL, !VGPU_MSG_CONTROL_ENABLE);
    assert_eq!(bench.get(VGPU_REG_MSG_CONTROL), 0);
    bench.set(VGPU_REG_MSG_CONTROL, u32::MAX);
    assert_eq!(bench.get(VGPU_REG_MSG_CONTROL), VGPU_MSG_CONTROL_ENABLE);
}

#[test]
fn disabling_gives_up_every_slot() {
    let mut bench = Bench::start();
    let mut backend = bench.connect();
    for slot in 0..3 {
        bench.send(slot, b"?");
    }
    let (id, _) = backend.request();
    backend.respond(id, 0, b"");
    bench.wait(VGPU_REG_MSG_DONE, 1);
    assert_eq!(bench.get(VGPU_REG_MSG_ACTIVE), 6);
    bench.set(VGPU_REG_MSG_CONTROL, 0);
    let link = VGPU_MSG_STATUS_LINK;
    let low = u32::try_from(WINDOW).unwrap();
    assert_eq!(bench.state_of_messages(), [low, 0, 0, 0, 0, link]);
}

#[test]
fn a_reset_turns_messages_off_and_keeps_the_connection() {
    let mut bench = Bench::start();
    let mut backend = bench.connect();
    bench.send(5, b"before");
    let (before, _) = backend.request();
    bench.machine.reset();
    bench.bar0 = SLOT.enable(&mut bench.machine.cpu);
    let link = VGPU_MSG_STATUS_LINK;
    assert_eq!(bench.state_of_messages(), [0, 0, 0, 0, 0, link]);
    assert_eq!(backend.event(), vgpu_protocol::Event::Cancel(before));
    backend.respond(before, 0, b"late");
    bench.enable(WINDOW);
    bench.settle(&mut backend, 5);
}

#[test]
fn a_bell_that_nothing_can_be_rung_by_is_an_error_of_the_guest() {
    let mut bench = Bench::start();
    let mut backend = bench.connect();
    for slot in [VGPU_MSG_SLOTS, 31, 32, u32::MAX] {
        bench.ring(slot);
    }
    bench.send(2, b"once");
    backend.request();
    bench.ring(2);
    bench.set(VGPU_REG_MSG_CONTROL, 0);
    bench.ring(3);
    let ignored = |slot: u32| format!("vgpu-stub: doorbell of slot {slot} ignored");
    assert_eq!(
        bench.machine.guest_errors(),
        [8, 31, 32, u32::MAX, 2, 3].map(ignored)
    );
    assert_eq!(bench.get(VGPU_REG_MSG_ACTIVE), 0);
}

#[test]
fn a_bit_of_done_goes_when_it_is_written_or_its_bell_is_rung() {
    let mut bench = Bench::start();
    for slot in 0..VGPU_MSG_SLOTS {
        bench.send(slot, b"?");
    }
    bench.wait(VGPU_REG_MSG_DONE, ALL);
    bench.set(VGPU_REG_MSG_DONE, 0);
    assert_eq!(bench.get(VGPU_REG_MSG_DONE), ALL);
    bench.set(VGPU_REG_MSG_DONE, !0xf0);
    assert_eq!(bench.get(VGPU_REG_MSG_DONE), 0xf0);
    bench.stop();
    bench.ring(4);
    assert_eq!(bench.get(VGPU_REG_MSG_DONE), 0xe0);
    assert_eq!(bench.get(VGPU_REG_MSG_ACTIVE), 0x10);
}
