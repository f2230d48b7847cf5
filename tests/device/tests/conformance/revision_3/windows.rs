// SPDX-License-Identifier: GPL-2.0

//! Windows that are not in memory, or not all of them.

use device_tests::pci;
use vgpu::uapi::*;

use super::{Answer, Bench, SLOT, SLOT_SIZE, WINDOW, WINDOW_SIZE};

/// So much memory has the machine.
const MEMORY: u64 = 128 << 20;

impl Bench {
    /// Rings a slot that is not in memory, and says what it must come to.
    fn assert_fault(&mut self, slot: u32, what: &str) {
        self.ring(slot);
        self.wait(VGPU_REG_MSG_DONE, 1 << slot);
        let status = self.get(VGPU_REG_MSG_STATUS);
        assert_eq!(
            status,
            VGPU_MSG_STATUS_LINK | VGPU_MSG_STATUS_FAULT,
            "{what}"
        );
        assert_eq!(self.get(VGPU_REG_MSG_ACTIVE), 0, "{what}");
        self.set(VGPU_REG_MSG_DONE, 1 << slot);
    }
}

#[test]
fn a_window_outside_of_memory_is_a_fault() {
    let other = "vgpu-stub,addr=5,revision=3";
    let mut bench = Bench::with("", &["-m", "128", "-device", other]);
    let mut backend = bench.connect();
    let neighbour = pci::Slot::root(5).enable(&mut bench.machine.cpu);
    let places = [
        ("its own registers", bench.bar0.address(0)),
        ("another device's registers", neighbour.address(0)),
        ("beyond memory", MEMORY),
        ("nowhere", 0x40_0000_0000),
        (
            "the end of what can be addressed",
            0u64.wrapping_sub(WINDOW_SIZE),
        ),
        ("a timer", 0xfed0_0000),
        ("the interrupt controller", 0xfec0_0000),
    ];
    for (what, window) in places {
        bench.enable(window);
        for slot in [0, 7] {
            bench.assert_fault(slot, what);
        }
        assert_eq!(neighbour.register(&mut bench.machine, VGPU_REG_COMMAND), 0);
        assert_eq!(bench.get(VGPU_REG_COMMAND), 0);
    }
    // It goes when messages are enabled where there is memory.
    bench.enable(WINDOW);
    assert_eq!(bench.get(VGPU_REG_MSG_STATUS), VGPU_MSG_STATUS_LINK);
    bench.settle(&mut backend, 0);
    bench.machine.finish();
}

#[test]
fn a_slot_that_only_begins_in_memory_is_a_fault_when_it_is_answered() {
    let mut bench = Bench::with("", &["-m", "128"]);
    let mut backend = bench.connect();
    // Of slot 2, input is in memory and output is not.
    let window = MEMORY - 2 * SLOT_SIZE - 4096;
    bench.enable(window);
    bench.machine.cpu.write_memory(
        window + 2 * SLOT_SIZE,
        &[4u32, 0, 0, 0, VGPU_MSG_STATE_PENDING]
            .map(u32::to_le_bytes)
            .concat(),
    );
    bench.ring(2);
    let (id, payload) = backend.request();
    assert_eq!(payload, [0; 4]);
    backend.respond(id, 0, &[0xaa; 4096]);
    bench.wait(VGPU_REG_MSG_DONE, 4);
    assert_eq!(
        bench.get(VGPU_REG_MSG_STATUS),
        VGPU_MSG_STATUS_LINK | VGPU_MSG_STATUS_FAULT
    );
    let state = bench
        .machine
        .cpu
        .read_memory(window + 2 * SLOT_SIZE + 16, 4);
    assert_eq!(state, VGPU_MSG_STATE_PENDING.to_le_bytes());
}

#[test]
fn a_device_that_is_no_bus_master_accesses_nothing() {
    let mut bench = Bench::start();
    let mut backend = bench.connect();
    bench.put(0, b"cannot be read");
    SLOT.write16(&mut bench.machine.cpu, pci::COMMAND, 2);
    bench.assert_fault(0, "no bus master");
    SLOT.write16(&mut bench.machine.cpu, pci::COMMAND, pci::COMMAND_ENABLE);
    assert_eq!(bench.state(0), VGPU_MSG_STATE_PENDING);
    bench.send(0, b"can be read");
    let (id, _) = backend.request();
    SLOT.write16(&mut bench.machine.cpu, pci::COMMAND, 2);
    backend.respond(id, 0, b"cannot be written");
    bench.wait(VGPU_REG_MSG_DONE, 1);
    SLOT.write16(&mut bench.machine.cpu, pci::COMMAND, pci::COMMAND_ENABLE);
    assert_eq!(bench.state(0), VGPU_MSG_STATE_PENDING);
    bench.enable(WINDOW);
    bench.settle(&mut backend, 0);
}

#[test]
fn windows_of_any_base_end_in_an_answer_or_a_fault() {
    let mut bench = Bench::start();
    let mut backend = bench.connect();
    let mut rng = fastrand::Rng::with_seed(0x7667_7075);
    for _ in 0..200 {
        let window = (rng.u64(..) >> rng.u32(..48)) & !0xfff;
        bench.enable(window);
        if bench.get(VGPU_REG_MSG_CONTROL) == 0 {
            continue;
        }
        bench.ring(rng.u32(..VGPU_MSG_SLOTS));
        while bench.get(VGPU_REG_MSG_DONE) == 0 && bench.get(VGPU_REG_MSG_ACTIVE) != 0 {
            // What happens to be there is a message or none.
            bench.set(VGPU_REG_MSG_CANCEL, u32::MAX);
        }
    }
    drop(backend);
    bench.wait(VGPU_REG_MSG_ACTIVE, 0);
    backend = bench.connect();
    bench.enable(WINDOW);
    bench.settle(&mut backend, 0);
    assert_eq!(bench.answer(0), Answer::of(0, b"settled"));
    bench.machine.finish();
}
