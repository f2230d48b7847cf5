// SPDX-License-Identifier: GPL-2.0

//! What a device sends is decoded, and nothing else is.

use vgpu_protocol::{Decoder, Event, HEADER_SIZE, Hello, Id, Malformed, PAYLOAD_MAX, Response};

const HELLO: u16 = 1;
const REQUEST: u16 = 2;
const CANCEL: u16 = 3;
const RESPONSE: u16 = 4;

fn frame(kind: u16, slot: u16, sequence: u32, status: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(u32::try_from(payload.len()).unwrap().to_le_bytes());
    bytes.extend(kind.to_le_bytes());
    bytes.extend(slot.to_le_bytes());
    bytes.extend(sequence.to_le_bytes());
    bytes.extend(status.to_le_bytes());
    bytes.extend(payload);
    bytes
}

fn hello() -> Vec<u8> {
    let words = [1u32, 200, 0x42, 2, 8, 4032, 4096];
    frame(HELLO, 0, 0, 0, &words.map(u32::to_le_bytes).concat())
}

const GREETING: Event = Event::Hello(Hello {
    version: 1,
    vm_id: 200,
    pool_id: 0x42,
    priority: 2,
    slots: 8,
    request_max: 4032,
    response_max: 4096,
});

/// Decodes pieces of a stream, up to the first error.
fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Event>, Option<Malformed>) {
    let mut decoder = Decoder::new();
    let mut events = Vec::new();
    for piece in pieces {
        decoder.feed(piece);
        loop {
            match decoder.next_event() {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(e) => return (events, Some(e)),
            }
        }
    }
    (events, None)
}

fn refusal(stream: &[u8]) -> Option<Malformed> {
    decode([stream]).1
}

#[test]
fn what_a_device_sends_is_decoded() {
    let stream = [
        hello(),
        frame(REQUEST, 3, 7, 0, b"quota?"),
        frame(REQUEST, 0, 8, 0, b""),
        frame(CANCEL, 3, 7, 0, b""),
        frame(REQUEST, 7, u32::MAX, 0, &[0xa5; PAYLOAD_MAX]),
    ]
    .concat();
    let id = |slot, sequence| Id { slot, sequence };
    let request = |id, payload: &[u8]| Event::Request {
        id,
        payload: payload.to_vec(),
    };
    let expected = [
        GREETING,
        request(id(3, 7), b"quota?"),
        request(id(0, 8), b""),
        Event::Cancel(id(3, 7)),
        request(id(7, u32::MAX), &[0xa5; PAYLOAD_MAX]),
    ];
    assert_eq!(decode([&stream[..]]), (expected.to_vec(), None));
    assert_eq!(decode(stream.chunks(1)), (expected.to_vec(), None));
}

#[test]
fn a_response_is_encoded_as_the_device_reads_it() {
    let response = Response {
        id: Id {
            slot: 3,
            sequence: 0x0102_0304,
        },
        status: 9,
        payload: b"four".to_vec(),
    };
    assert_eq!(
        response.encode(),
        frame(RESPONSE, 3, 0x0102_0304, 9, b"four")
    );
}

#[test]
fn a_frame_that_no_device_sends_is_refused() {
    for kind in [0, RESPONSE, 5, u16::MAX] {
        let stream = [hello(), frame(kind, 0, 0, 0, b"")].concat();
        assert_eq!(refusal(&stream), Some(Malformed::Type(kind)));
    }
}

#[test]
fn a_length_that_no_device_sends_is_refused_before_its_payload_comes() {
    let lengths = [
        (HELLO, 0),
        (HELLO, 27),
        (HELLO, 4097),
        (REQUEST, 4097),
        (REQUEST, u32::MAX),
        (CANCEL, 1),
    ];
    for (kind, length) in lengths {
        let mut header = frame(kind, 0, 0, 0, b"");
        header[..4].copy_from_slice(&length.to_le_bytes());
        let stream = [hello(), header].concat();
        assert_eq!(refusal(&stream), Some(Malformed::Length { kind, length }));
    }
}

#[test]
fn a_connection_that_does_not_begin_with_who_it_is_from_is_refused() {
    for kind in [REQUEST, CANCEL] {
        assert_eq!(
            refusal(&frame(kind, 0, 0, 0, b"")),
            Some(Malformed::NoHello(kind))
        );
    }
}

#[test]
fn a_longer_hello_is_one() {
    let mut stream = hello();
    stream[0] = 32;
    stream.extend([0xff; 4]);
    assert_eq!(decode([&stream[..]]), (vec![GREETING], None));
}

#[test]
fn whatever_comes_is_decoded_the_same_in_any_pieces_and_kept_within_bounds() {
    let mut rng = fastrand::Rng::with_seed(0x7667_7075);
    for round in 0..20_000 {
        let mut stream = if rng.u8(..8) > 0 { hello() } else { Vec::new() };
        for _ in 0..rng.usize(..6) {
            let payload: Vec<u8> = (0..rng.usize(..64)).map(|_| rng.u8(..)).collect();
            stream.extend(frame(
                rng.u16(1..=4),
                rng.u16(..40),
                rng.u32(..),
                0,
                &payload,
            ));
        }
        for _ in 0..rng.usize(..4) {
            if !stream.is_empty() {
                let at = rng.usize(..stream.len());
                stream[at] = rng.u8(..);
            }
        }
        let whole = decode([&stream[..]]);
        let size = rng.usize(1..=HEADER_SIZE + 4);
        assert_eq!(decode(stream.chunks(size)), whole, "round {round}");
    }
}
