// SPDX-License-Identifier: GPL-2.0

//! Backends that do not do what they should.

use std::fs;

use device_tests::Backend;
use vgpu::uapi::*;
use vgpu_protocol::{Id, Response};

use super::{Answer, Bench};

/// A frame, whatever it is.
fn frame(length: u32, kind: u16, id: Id, payload: &[u8]) -> Vec<u8> {
    let mut bytes = length.to_le_bytes().to_vec();
    bytes.extend(kind.to_le_bytes());
    bytes.extend(id.slot.to_le_bytes());
    bytes.extend(id.sequence.to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

const RESPONSE: u16 = 4;

impl Bench {
    /// Waits until the connection is closed, and the message in slot 0 lost.
    fn assert_refused(&mut self, mut backend: Backend, what: &str) {
        assert_eq!(backend.try_event(), None, "{what}");
        assert_eq!(self.outcome(0), Answer::none(VGPU_MSG_STATE_LOST), "{what}");
        assert_eq!(self.get(VGPU_REG_MSG_STATUS), 0, "{what}");
    }
}

#[test]
fn an_answer_byte_by_byte_is_one() {
    let mut bench = Bench::start();
    let mut backend = bench.connect();
    bench.send(0, b"slowly");
    let (id, _) = backend.request();
    let response = Response {
        id,
        status: 7,
        payload: vec![0x5a; 300],
    };
    for byte in response.encode() {
        assert_eq!(bench.get(VGPU_REG_MSG_DONE), 0);
        backend.send(&[byte]);
    }
    assert_eq!(bench.outcome(0), Answer::of(7, &[0x5a; 300]));
}

#[test]
fn answers_at_once_are_as_many() {
    let mut bench = Bench::start();
    let mut backend = bench.connect();
    let mut bytes = Vec::new();
    for slot in 0..VGPU_MSG_SLOTS {
        bench.send(slot, b"?");
        let (id, _) = backend.request();
        let payload = vec![u8::try_from(slot).unwrap(); 4096];
        bytes.extend(
            Response {
                id,
                status: slot,
                payload,
            }
            .encode(),
        );
    }
    backend.send(&bytes);
    bench.take((1 << VGPU_MSG_SLOTS) - 1);
    for slot in 0..VGPU_MSG_SLOTS {
        let payload = vec![u8::try_from(slot).unwrap(); 4096];
        assert_eq!(bench.answer(slot), Answer::of(slot, &payload));
    }
}

#[test]
fn what_is_no_response_ends_the_connection() {
    let mut bench = Bench::start();
    for (what, length, kind, slot) in [
        ("a byte too long", 4097, RESPONSE, 0),
        ("far too long", u32::MAX, RESPONSE, 0),
        ("a type of the device's", 0, 2, 0),
        ("no type", 0, 0xffff, 0),
        ("a slot that is not there", 0, RESPONSE, 8),
        ("the last of slots", 0, RESPONSE, 0xffff),
    ] {
        let mut backend = bench.connect();
        bench.send(0, b"?");
        let (id, _) = backend.request();
        backend.send(&frame(length, kind, Id { slot, ..id }, b""));
        bench.assert_refused(backend, what);
    }
    // The next one finds all in order.
    let mut backend = bench.connect();
    bench.settle(&mut backend, 0);
}

#[test]
fn an_answer_that_nobody_waits_for_is_ignored() {
    let mut bench = Bench::start();
    let mut backend = bench.connect();
    for slot in 0..8 {
        backend.send(&frame(0, RESPONSE, Id { slot, sequence: 0 }, b""));
    }
    bench.send(1, b"?");
    let (id, _) = backend.request();
    let other = Id {
        sequence: id.sequence.wrapping_add(1),
        ..id
    };
    backend.respond(other, 0, b"of the future");
    backend.respond(id, 0, b"first");
    backend.respond(id, 0, b"second");
    assert_eq!(bench.outcome(1), Answer::of(0, b"first"));
    bench.settle(&mut backend, 2);
    assert_eq!(bench.answer(1), Answer::of(0, b"first"));
    assert_eq!(bench.get(VGPU_REG_MSG_DONE), 0);
}

#[test]
fn a_backend_that_goes_loses_what_it_was_asked_and_nothing_else() {
    let mut bench = Bench::start();
    let mut backend = bench.connect();
    for slot in 0..3 {
        bench.send(slot, b"?");
    }
    let requests = [(); 3].map(|()| backend.request().0);
    // One answer, and the beginning of another.
    backend.respond(requests[1], 0, b"!");
    let half = Response {
        id: requests[2],
        status: 0,
        payload: vec![1; 64],
    };
    backend.send(&half.encode()[..40]);
    drop(backend);
    bench.take(0b111);
    assert_eq!(bench.answer(0), Answer::none(VGPU_MSG_STATE_LOST));
    assert_eq!(bench.answer(1), Answer::of(0, b"!"));
    assert_eq!(bench.answer(2), Answer::none(VGPU_MSG_STATE_LOST));

    let mut backend = bench.connect();
    // The rest of it means nothing on another connection.
    backend.respond(requests[0], 0, b"once more");
    bench.settle(&mut backend, 0);
}

#[test]
fn a_backend_that_comes_and_goes_a_hundred_times_finds_all_in_order() {
    let mut bench = Bench::start();
    for round in 0..100u32 {
        let mut backend = bench.connect();
        bench.send(0, &round.to_le_bytes());
        if round % 2 == 0 {
            let (id, payload) = backend.request();
            backend.respond(id, round, &payload);
            let answer = Answer::of(round, &round.to_le_bytes());
            assert_eq!(bench.outcome(0), answer);
        } else {
            backend.request();
            drop(backend);
            assert_eq!(bench.outcome(0), Answer::none(VGPU_MSG_STATE_LOST));
        }
    }
}

/// Resident memory of a process in KiB.
fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("QEMU runs");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .expect("a process has memory");
    line.trim_end_matches("kB")
        .trim()
        .parse()
        .expect("a number")
}

#[test]
fn a_backend_that_never_reads_makes_qemu_keep_nothing() {
    let mut bench = Bench::start();
    let message = [0xa5; VGPU_MSG_IN_MAX as usize];
    for slot in 0..VGPU_MSG_SLOTS {
        bench.put(slot, &message);
    }
    let mut backend = bench.connect();
    // Until the socket is full.
    let flood = |bench: &mut Bench, rounds: u32| {
        for round in 0..rounds {
            bench.ring(round % VGPU_MSG_SLOTS);
            bench.get(VGPU_REG_MSG_ACTIVE);
            bench.set(VGPU_REG_MSG_CANCEL, u32::MAX);
            if round % 16 == 0 {
                bench.change("vm_id", round + 1).unwrap();
            }
        }
    };
    flood(&mut bench, 500);
    let before = resident(bench.machine.pid());
    flood(&mut bench, 4000);
    let grown = resident(bench.machine.pid()).saturating_sub(before);
    println!("QEMU has grown by {grown} KiB");
    // If it kept them: 16 MiB of messages.
    assert!(grown < 4096, "QEMU has grown by {grown} KiB");
    // All of what comes after that is of the protocol, and the last is as it is now.
    bench.send(7, b"the last one");
    let mut count = 0;
    let mut hello = None;
    let id = loop {
        count += 1;
        match backend.event() {
            vgpu_protocol::Event::Request { id, payload } if payload == b"the last one" => {
                break id;
            }
            vgpu_protocol::Event::Hello(last) => hello = Some(last),
            _ => {}
        }
    };
    println!("{count} frames were in the socket");
    assert!(count < 4000, "{count} frames");
    assert_eq!(hello.map(|hello| hello.vm_id), Some(3985));
    backend.respond(id, 0, b"heard");
    assert_eq!(bench.outcome(7), Answer::of(0, b"heard"));
}

#[test]
fn whatever_a_backend_sends_at_random_the_guest_is_given_its_slots_back() {
    let mut bench = Bench::start();
    let mut rng = fastrand::Rng::with_seed(0x7667_7075);
    for _ in 0..300 {
        let mut backend = bench.connect();
        bench.send(0, b"?");
        let (id, _) = backend.request();
        let mut bytes = Vec::new();
        for _ in 0..rng.usize(1..4) {
            let id = Id {
                slot: rng.u16(..10),
                sequence: id.sequence.wrapping_sub(rng.u32(..2)),
            };
            let payload = vec![rng.u8(..); rng.usize(..200)];
            bytes.extend(
                Response {
                    id,
                    status: 0,
                    payload,
                }
                .encode(),
            );
        }
        for _ in 0..rng.usize(..3) {
            let at = rng.usize(..bytes.len());
            bytes[at] = rng.u8(..);
        }
        backend.send(&bytes);
        drop(backend);
        bench.take(1);
        let state = bench.state(0);
        assert!(
            [VGPU_MSG_STATE_ANSWERED, VGPU_MSG_STATE_LOST].contains(&state),
            "{state}"
        );
        bench.wait(VGPU_REG_MSG_STATUS, 0);
    }
    bench.machine.finish();
}
