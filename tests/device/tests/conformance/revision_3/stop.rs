// SPDX-License-Identifier: GPL-2.0

//! Messages in flight while the machine stops, is saved, migrates, or the device goes.

use device_tests::{Chipset, Hotplug};
use serde_json::json;
use vgpu::uapi::*;
use vgpu_protocol::Event;

use super::{Answer, Bench, SLOT, WINDOW, device_arguments};

#[test]
fn an_answer_that_comes_while_the_machine_is_stopped_waits() {
    let mut bench = Bench::start();
    let mut backend = bench.connect();
    bench.send(0, b"?");
    let (id, _) = backend.request();
    bench.stop();
    backend.respond(id, 3, b"!");
    // That the device has it already is seen from what it does with a live change.
    bench.change("vm_id", 9).unwrap();
    assert_eq!(backend.hello().vm_id, 9);
    assert_eq!(bench.state(0), VGPU_MSG_STATE_PENDING);
    assert_eq!(bench.get(VGPU_REG_MSG_DONE), 0);
    assert_eq!(bench.get(VGPU_REG_MSG_ACTIVE), 1);
    bench.resume();
    assert_eq!(bench.outcome(0), Answer::of(3, b"!"));
}

#[test]
fn a_backend_that_goes_while_the_machine_is_stopped_is_told_of_afterwards() {
    let mut bench = Bench::start();
    let mut backend = bench.connect();
    for slot in 0..2 {
        bench.send(slot, b"?");
    }
    let answered = backend.request().0;
    backend.request();
    bench.stop();
    backend.respond(answered, 0, b"!");
    drop(backend);
    bench.wait(VGPU_REG_MSG_STATUS, 0);
    let mut backend = bench.connect();
    bench.ring(2);
    assert_eq!(bench.get(VGPU_REG_MSG_ACTIVE), 0b111);
    assert_eq!(bench.state(0), VGPU_MSG_STATE_PENDING);
    bench.put(2, b"kept");
    bench.resume();
    let (id, payload) = backend.request();
    assert_eq!(payload, b"kept");
    backend.respond(id, 0, b"kept");
    bench.take(0b111);
    // One was answered before it went, one was not, one is another backend's.
    assert_eq!(bench.answer(0), Answer::of(0, b"!"));
    assert_eq!(bench.answer(1), Answer::none(VGPU_MSG_STATE_LOST));
    assert_eq!(bench.answer(2), Answer::of(0, b"kept"));
}

#[test]
fn a_device_that_is_unplugged_lets_its_backend_go() {
    let mut bench = Bench::start();
    for round in 0..50u32 {
        let mut backend = bench.connect();
        for slot in 0..VGPU_MSG_SLOTS {
            bench.send(slot, &round.to_le_bytes());
        }
        for _ in 0..round % 5 {
            let id = backend.request().0;
            backend.respond(id, 0, b"!");
        }
        Hotplug::PC.unplug(&mut bench.machine, "gpu", SLOT.device);
        while backend.try_event().is_some() {}
        bench.machine.qmp.execute(
            "device_add",
            json!({
                "driver": "vgpu-stub",
                "id": "gpu",
                "addr": SLOT.device.to_string(),
                "revision": 3,
                "chardev": "backend",
            }),
        );
        bench.bar0 = SLOT.enable(&mut bench.machine.cpu);
        assert_eq!(bench.get(VGPU_REG_MSG_ACTIVE), 0);
        bench.enable(WINDOW);
    }
    bench.machine.finish();
}

#[test]
fn messages_in_flight_are_lost_by_a_state_that_is_brought_back() {
    let mut bench = Bench::start();
    let mut backend = bench.connect();
    bench.send(0, b"before");
    let (before, _) = backend.request();
    bench.machine.save();
    // The machine that goes on has lost nothing.
    backend.respond(before, 0, b"!");
    assert_eq!(bench.outcome(0), Answer::of(0, b"!"));
    bench.send(1, b"after");
    let (after, _) = backend.request();
    bench.machine.load();
    assert_eq!(bench.outcome(0), Answer::none(VGPU_MSG_STATE_LOST));
    assert_eq!(bench.get(VGPU_REG_MSG_ACTIVE), 0);
    // What was asked after it is not asked in that state.
    let mut cancelled = false;
    loop {
        match backend.event() {
            Event::Cancel(id) if id == after => cancelled = true,
            Event::Hello(_) => {}
            other => panic!("{other:?}"),
        }
        if cancelled {
            break;
        }
    }
    backend.respond(before, 0, b"once more");
    backend.respond(after, 0, b"!");
    bench.send(0, b"settle");
    let id = loop {
        match backend.event() {
            Event::Request { id, .. } => break id,
            Event::Hello(_) => {}
            other => panic!("{other:?}"),
        }
    };
    backend.respond(id, 0, b"settled");
    assert_eq!(bench.outcome(0), Answer::of(0, b"settled"));
}

impl Bench {
    /// Sends the state to a machine whose device's socket is in a directory of its own.
    pub(super) fn migrate(&mut self) -> Self {
        let directory = tempfile::tempdir().expect("making a directory");
        let machine = self
            .machine
            .migrate(&device_arguments(&directory, "vm_id=1"));
        Self {
            machine,
            bar0: self.bar0,
            directory,
        }
    }
}

#[test]
fn messages_in_flight_are_lost_by_a_migration_and_the_next_one_is_not() {
    let mut bench = Bench::with("vm_id=200,pool_id=B", &[]);
    let mut backend = bench.connect();
    for slot in 0..3 {
        bench.send(slot, b"?");
    }
    let id = backend.request().0;
    backend.respond(id, 0, b"!");
    bench.wait(VGPU_REG_MSG_DONE, 1);
    bench.set(VGPU_REG_IRQ_ENABLE, VGPU_IRQ_MESSAGE_DONE);

    let mut target = bench.migrate();
    target.take(0b111);
    assert_eq!(target.answer(0), Answer::of(0, b"!"));
    for slot in 1..3 {
        assert_eq!(target.answer(slot), Answer::none(VGPU_MSG_STATE_LOST));
    }
    assert_eq!(target.get(VGPU_REG_IRQ_ENABLE), VGPU_IRQ_MESSAGE_DONE);
    assert_eq!(target.get(VGPU_REG_MSG_STATUS), 0);
    let mut backend = target.connect_only();
    // As the guest was told last.
    let hello = backend.hello();
    assert_eq!((hello.vm_id, hello.pool_id), (200, VGPU_POOL_ID_B));
    target.settle(&mut backend, 1);
    target.machine.finish();
}

#[test]
fn a_message_that_was_not_read_yet_is_delivered_where_the_machine_goes_on() {
    let mut bench = Bench::start();
    bench.stop();
    bench.send(4, b"?");
    let mut target = bench.migrate_stopped();
    let mut backend = target.connect_only();
    target.resume();
    backend.hello();
    let (id, payload) = backend.request();
    assert_eq!((id.slot, &payload[..]), (4, &b"?"[..]));
    backend.respond(id, 0, b"!");
    assert_eq!(target.outcome(4), Answer::of(0, b"!"));
}

impl Bench {
    /// The same, of a machine that is stopped, to one that stays so.
    fn migrate_stopped(&mut self) -> Self {
        let directory = tempfile::tempdir().expect("making a directory");
        let mut arguments = device_arguments(&directory, "").to_vec();
        arguments.push("-S".into());
        let machine = self.machine.migrate_to(&arguments, "paused");
        Self {
            machine,
            bar0: self.bar0,
            directory,
        }
    }
}

#[test]
fn a_device_without_messages_does_not_take_the_state_of_one_that_has_them() {
    let mut bench = Bench::start();
    let file = bench.machine.scratch("state").display().to_string();
    let uri = format!("exec:cat > {file}");
    bench.machine.qmp.execute("migrate", json!({ "uri": uri }));
    loop {
        let answer = bench.machine.qmp.execute("query-migrate", json!({}));
        if answer["status"] == "completed" {
            break;
        }
        assert_ne!(answer["status"], "failed", "{answer}");
    }
    let incoming = format!("exec:cat {file}");
    let device = "vgpu-stub,id=gpu,addr=4,revision=2";
    let refusal = device_tests::refuse(Chipset::Pc, &["-device", device, "-incoming", &incoming]);
    assert!(!refusal.status.success(), "{}", refusal.stderr);
}
