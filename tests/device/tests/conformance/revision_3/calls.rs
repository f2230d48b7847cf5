// SPDX-License-Identifier: GPL-2.0

//! Messages that are sent, answered, and taken back.

use vgpu::uapi::*;
use vgpu_protocol::{Event, Hello};

use super::{ALL, Answer, Bench};

/// Bytes in which each place can be told from its neighbours.
fn pattern(length: usize) -> Vec<u8> {
    (0..length)
        .map(|i| u8::try_from(i % 251).expect("a byte"))
        .collect()
}

#[test]
fn a_message_reaches_the_backend_and_its_answer_the_guest_whatever_their_length() {
    let mut bench = Bench::start();
    let mut backend = bench.connect();
    let lengths = [
        (0, 0),
        (1, 1),
        (0, 4096),
        (4032, 0),
        (63, 65),
        (4031, 4095),
        (4032, 4096),
    ];
    for (slot, (sent, answered)) in (0..).zip(lengths) {
        bench.send(slot, &pattern(sent));
        let (id, payload) = backend.request();
        assert_eq!(u32::from(id.slot), slot);
        assert_eq!(payload, pattern(sent));
        backend.respond(id, slot, &pattern(answered));
        assert_eq!(bench.outcome(slot), Answer::of(slot, &pattern(answered)));
        assert_eq!(bench.get(VGPU_REG_MSG_ACTIVE), 0);
    }
    bench.machine.finish();
}

#[test]
fn every_slot_is_in_use_at_once_and_answers_come_in_any_order() {
    let mut bench = Bench::start();
    let mut backend = bench.connect();
    let order = [3, 0, 7, 1, 6, 2, 5, 4];
    for slot in order {
        bench.send(slot, &[u8::try_from(slot).unwrap()]);
    }
    assert_eq!(bench.get(VGPU_REG_MSG_ACTIVE), ALL);
    let requests = order.map(|_| backend.request());
    // In the order of the bells.
    assert_eq!(
        requests
            .clone()
            .map(|(id, payload)| (u32::from(id.slot), u32::from(payload[0]))),
        order.map(|slot| (slot, slot))
    );
    for (id, payload) in requests.into_iter().rev() {
        backend.respond(id, 0, &payload);
        let slot = u32::from(id.slot);
        assert_eq!(bench.outcome(slot), Answer::of(0, &payload));
    }
}

#[test]
fn a_message_without_a_backend_comes_back_and_is_not_kept_for_one() {
    let mut bench = Bench::start();
    assert_eq!(bench.get(VGPU_REG_MSG_STATUS), 0);
    bench.send(1, b"anybody?");
    assert_eq!(bench.outcome(1), Answer::none(VGPU_MSG_STATE_NOT_CONNECTED));
    let mut backend = bench.connect();
    assert_eq!(bench.get(VGPU_REG_MSG_STATUS), VGPU_MSG_STATUS_LINK);
    bench.settle(&mut backend, 1);
}

#[test]
fn a_header_that_is_none_of_a_message_comes_back_and_is_not_delivered() {
    let mut bench = Bench::start();
    let mut backend = bench.connect();
    let headers = [
        (VGPU_MSG_IN_MAX + 1, 0),
        (4096, 0),
        (u32::MAX, 0),
        (0x8000_0000, 0),
        (4, 1),
        (4, 0x8000_0000),
    ];
    for (slot, (length, flags)) in (0..).zip(headers) {
        bench.put_header(slot, length, flags);
        bench.ring(slot);
        assert_eq!(bench.outcome(slot), Answer::none(VGPU_MSG_STATE_INVALID));
    }
    // What the backend hears of next is this.
    bench.settle(&mut backend, 0);
}

#[test]
fn a_message_that_is_taken_back_is_the_guests_at_once_and_the_backend_is_told() {
    let mut bench = Bench::start();
    let mut backend = bench.connect();
    bench.send(2, b"never mind");
    let (id, _) = backend.request();
    bench.set(VGPU_REG_MSG_CANCEL, 1 << 2);
    assert_eq!(bench.get(VGPU_REG_MSG_ACTIVE), 0);
    assert_eq!(backend.event(), Event::Cancel(id));
    // An answer that was on its way reaches neither memory nor the next message.
    backend.respond(id, 0, b"too late");
    bench.send(2, b"next");
    let (next, payload) = backend.request();
    assert_eq!(payload, b"next");
    assert_ne!(next, id);
    backend.respond(id, 0, b"too late");
    bench.settle(&mut backend, 3);
    assert_eq!(bench.get(VGPU_REG_MSG_ACTIVE), 1 << 2);
    assert_eq!(bench.state(2), VGPU_MSG_STATE_PENDING);
    backend.respond(next, 0, b"in time");
    assert_eq!(bench.outcome(2), Answer::of(0, b"in time"));
}

#[test]
fn taking_back_what_the_device_does_not_have_changes_nothing() {
    let mut bench = Bench::start();
    let mut backend = bench.connect();
    bench.send(0, b"stays");
    let (id, _) = backend.request();
    bench.settle(&mut backend, 1);
    bench.send(1, b"?");
    let (done, _) = backend.request();
    backend.respond(done, 0, b"!");
    bench.wait(VGPU_REG_MSG_DONE, 2);
    bench.set(VGPU_REG_MSG_CANCEL, !1);
    // What came back stays so, and nobody is told of anything.
    assert_eq!(bench.get(VGPU_REG_MSG_DONE), 2);
    assert_eq!(bench.get(VGPU_REG_MSG_ACTIVE), 1);
    bench.set(VGPU_REG_MSG_DONE, 2);
    bench.settle(&mut backend, 1);
    backend.respond(id, 0, b"stayed");
    assert_eq!(bench.outcome(0), Answer::of(0, b"stayed"));
}

#[test]
fn the_backend_is_told_who_the_device_is_and_what_changes() {
    let mut bench = Bench::with("pool_id=B,priority=high,vm_id=200", &[]);
    let mut backend = bench.connect_only();
    let mut expected = Hello {
        version: vgpu_protocol::VERSION,
        vm_id: 200,
        pool_id: VGPU_POOL_ID_B,
        priority: VGPU_PRIORITY_HIGH,
        slots: VGPU_MSG_SLOTS,
        request_max: VGPU_MSG_IN_MAX,
        response_max: VGPU_MSG_OUT_MAX,
    };
    assert_eq!(backend.hello(), expected);
    bench.change("priority", "low").unwrap();
    expected.priority = VGPU_PRIORITY_LOW;
    assert_eq!(backend.hello(), expected);
    bench.change("pool_id", "A").unwrap();
    expected.pool_id = VGPU_POOL_ID_A;
    assert_eq!(backend.hello(), expected);
    // Setting what is set is no change.
    bench.change("pool_id", "A").unwrap();
    bench.change("vm_id", 7).unwrap();
    expected.vm_id = 7;
    assert_eq!(backend.hello(), expected);
    drop(backend);
    bench.wait(VGPU_REG_MSG_STATUS, 0);
    bench.change("vm_id", 8).unwrap();
    expected.vm_id = 8;
    assert_eq!(bench.connect_only().hello(), expected);
}
