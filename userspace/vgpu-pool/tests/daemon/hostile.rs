// SPDX-License-Identifier: GPL-2.0

//! A QEMU that its guest has taken over: it may send anything, and harms nobody else.

use std::env;
use std::io::Write;

use fastrand::Rng;

use crate::daemon::Daemon;
use crate::device::{Device, Socket, Who, frame};

/// How many connections are tried at random, and from which seed on.
fn campaign() -> (u32, u64) {
    let number = |name: &str| -> Option<u64> { env::var(name).ok()?.parse().ok() };
    let count = number("VGPU_CONNECTIONS").and_then(|it| it.try_into().ok());
    (
        count.unwrap_or(300),
        number("VGPU_SEED").unwrap_or_else(|| fastrand::u64(..)),
    )
}

/// What a device may send first, and is not answered.
#[test]
fn what_no_device_sends_ends_the_connection() {
    let daemon = Daemon::start(&["--answer", "echo"]);
    let hello = |who: Who| {
        let words = [who.version, 200, 0x41, 1, who.slots, 4032, 4096];
        frame(1, 0, 0, &words.map(u32::to_le_bytes).concat())
    };
    let greeting = hello(Who::default());
    let slots = |slots| Who {
        slots,
        ..Who::default()
    };
    let version = Who {
        version: 2,
        ..Who::default()
    };
    for (name, bytes) in [
        ("a-request-before-hello", frame(2, 0, 1, b"?")),
        ("another-protocol", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        ("no-hello-at-all", frame(1, 0, 0, &[0; 27])),
        ("another-version", hello(version)),
        ("too-many-slots", hello(slots(33))),
        ("as-many-as-it-can", hello(slots(u32::MAX))),
        (
            "a-response",
            [greeting.clone(), frame(4, 0, 1, b"")].concat(),
        ),
        (
            "two-requests-in-a-slot",
            [
                greeting.clone(),
                frame(2, 0, 1, b"sleep"),
                frame(2, 0, 2, b""),
            ]
            .concat(),
        ),
    ] {
        let mut device = Socket::new(&daemon.sockets(), name).accept();
        device.stream.write_all(&bytes).unwrap();
        if name == "two-requests-in-a-slot" {
            // The first may be answered by then, and then the second is no harm.
            device.stream.shutdown(std::net::Shutdown::Write).unwrap();
            while device.try_answer().is_some() {}
        } else {
            assert_eq!(device.try_answer(), None, "{name}");
            daemon.wait_until_said(&format!("{name}: "));
        }
    }
    let mut device = Device::start(&daemon.sockets(), "good", Who::default());
    assert_eq!(device.call(b"?").payload, b"?");
}

#[test]
fn a_slot_has_one_request() {
    let daemon = Daemon::exec(&[], "sleep 1000");
    let mut device = Device::start(&daemon.sockets(), "200", Who::default());
    device.request(0, b"");
    device.request(0, b"");
    assert_eq!(device.try_answer(), None);
    daemon.wait_until_said("a request in slot 0, whose last one is not answered");
}

/// Frames as a device sends them, and then some that are none.
fn noise(random: &mut Rng) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..random.usize(..20) {
        let payload: Vec<u8> = (0..random.usize(..64)).map(|_| random.u8(..)).collect();
        let kind = match random.u8(..10) {
            0 => random.u16(..),
            kind => u16::from(kind % 3 + 1),
        };
        let payload = match kind {
            1 => {
                let words = [1, random.u32(..), random.u32(..), random.u32(..5)];
                let sizes = [random.u32(..40), 4032, 4096];
                [&words[..], &sizes]
                    .concat()
                    .into_iter()
                    .flat_map(u32::to_le_bytes)
                    .collect()
            }
            3 if random.bool() => Vec::new(),
            _ => payload,
        };
        bytes.extend(frame(kind, random.u16(..8), random.u32(..40), &payload));
    }
    if random.u8(..3) == 0 && !bytes.is_empty() {
        for _ in 0..random.usize(1..4) {
            let place = random.usize(..bytes.len());
            bytes[place] = random.u8(..);
        }
    }
    bytes
}

#[test]
fn connections_at_random_harm_nobody() {
    let (count, seed) = campaign();
    println!("VGPU_SEED={seed}");
    let daemon = Daemon::start(&["--answer", "echo"]);
    let mut good = Device::start(&daemon.sockets(), "good", Who::default());
    let before = daemon.resident();
    for number in 0..count {
        let mut random = Rng::with_seed(seed.wrapping_add(number.into()));
        let mut device = Socket::new(&daemon.sockets(), "bad").accept();
        // It may close the connection in the middle.
        let noise = noise(&mut random);
        let _ = device.stream.write_all(&noise);
        if random.bool() {
            let _ = device.stream.shutdown(std::net::Shutdown::Write);
            while device.try_answer().is_some() {}
        }
        if number % 16 == 0 {
            assert_eq!(good.call(b"?").payload, b"?", "connection {number}");
        }
    }
    assert_eq!(good.call(b"?").payload, b"?");
    let grown = daemon.resident().saturating_sub(before);
    assert!(grown < 8 << 20, "it has grown by {grown} bytes");
}

#[test]
fn a_device_that_takes_back_and_never_reads_does_not_fill_the_memory() {
    let daemon = Daemon::start(&["--answer", "echo"]);
    let mut device = Device::start(&daemon.sockets(), "200", Who::default());
    let before = daemon.resident();
    device
        .stream
        .set_write_timeout(Some(std::time::Duration::from_millis(500)))
        .unwrap();
    let mut sent = 0u64;
    // Until it is not read from any more, or much was.
    'sending: for sequence in 0..3000 {
        for slot in 0..8 {
            let frame = frame(2, slot, sequence, &[0; 4032]);
            match device.stream.write_all(&frame) {
                Ok(()) => sent += 4032,
                Err(_) => break 'sending,
            }
        }
        // An answer that is on its way is none that can be taken back.
        std::thread::sleep(std::time::Duration::from_micros(500));
        for slot in 0..8 {
            if device
                .stream
                .write_all(&frame(3, slot, sequence, &[]))
                .is_err()
            {
                break 'sending;
            }
        }
    }
    assert!(sent > 100_000, "{sent}");
    let grown = daemon.resident().saturating_sub(before);
    assert!(
        grown < 4 << 20,
        "it has grown by {grown} bytes after {sent}"
    );
}
