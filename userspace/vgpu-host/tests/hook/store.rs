// SPDX-License-Identifier: GPL-2.0

//! A xenstored that fails, lies, or is not there: only a clear answer that there is
//! no such key starts a VM without devices.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use rustix::net::{bind, connect, listen, socket_with};
use tempfile::TempDir;
use vgpu_host::xenstore::{self, Reason, Xenstore, XenstoreError};

use crate::dom0::{Dom0, OLDER, SOCKET, TYPED, platform};
use crate::values::{DEVICE, are_devices, value};
use crate::xenstored::{ERROR, LONGEST, Message, READ, Step, WATCH_EVENT, Xenstored};

/// Longer than anything takes that does not wait.
const PATIENCE: Duration = Duration::from_secs(60);

/// A watch event that nobody has asked for.
fn event() -> Message {
    Message {
        kind: WATCH_EVENT,
        request: 0,
        transaction: 0,
        payload: b"@releaseDomain\0token\0".to_vec(),
    }
}

/// Reads a key from a xenstored that answers by these steps.
fn read(
    answer: impl Fn(&Message) -> Vec<Step> + Send + Sync + 'static,
) -> Result<Option<Vec<u8>>, XenstoreError> {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("socket");
    let _store = Xenstored::broken(&socket, answer);
    let store = Xenstore {
        socket,
        patience: PATIENCE,
    };
    store.read("/key")
}

/// Starts the hook with a xenstored that answers by these steps, and gives why the
/// start was stopped.
fn refused(answer: impl Fn(&Message) -> Vec<Step> + Send + Sync + 'static) -> String {
    let dom0 = Dom0::new().with_store(|socket| Some(Xenstored::broken(socket, answer)));
    let run = dom0.start();
    let text = run.refused();
    let place = format!(
        "domain 5 not started: {}: xenstored at {}: ",
        platform(TYPED),
        dom0.path(SOCKET).display()
    );
    let what = text.strip_prefix(&place);
    let what = what.unwrap_or_else(|| panic!("it does not say where: {text}"));
    what.into()
}

#[test]
fn only_enoent_is_no_key() {
    assert!(matches!(
        read(|it| vec![Step::Send(it.error("ENOENT").bytes())]),
        Ok(None)
    ));
    for payload in [
        &b"EIO\0"[..],
        b"EACCES\0",
        b"EINVAL\0",
        b"EAGAIN\0",
        b"enoent\0",
        b"ENOENT",
        b"ENOENT\0\0",
        b" ENOENT\0",
        b"ENOENTRY\0",
        b"",
        b"\0",
        b"couldn't read path /local/domain/5/platform/vgpu-stub\n",
        b"\x1b[2J\n<30>\xff\0",
    ] {
        let answer = move |it: &Message| {
            let error = Message {
                kind: ERROR,
                ..it.answer(payload)
            };
            vec![Step::Send(error.bytes())]
        };
        let what = refused(answer);
        assert!(what.starts_with("the answer is the error '"), "{what}");
    }
}

#[test]
fn an_error_of_either_key_stops_the_start_and_names_the_key() {
    for (key, error) in [(TYPED, "EIO"), (OLDER, "EACCES")] {
        let dom0 = Dom0::new();
        if key != TYPED {
            dom0.set(TYPED, DEVICE);
        }
        dom0.store().fail(platform(key), error);
        let run = dom0.start();
        let text = run.refused();
        let what = format!("the answer is the error '{error}' (see that xenstored runs");
        assert!(text.contains(&platform(key)), "{text}");
        assert!(text.contains(&what), "{text}");
    }
}

#[test]
fn a_setting_starts_without_devices_if_xenstored_fails() {
    let dom0 = Dom0::new().setting("on-error = start-without");
    dom0.store().fail(platform(TYPED), "EIO");
    let run = dom0.start();
    assert_eq!(run.added(), [""; 0]);
    assert!(
        run.log[0].contains("started without vGPU stubs: "),
        "{run:?}"
    );
}

#[test]
fn values_are_raw_bytes() {
    let bytes: Vec<u8> = (0..=255).collect();
    for value in [b"".to_vec(), bytes, b"\\x41\n".to_vec(), vec![0; LONGEST]] {
        let sent = value.clone();
        let found = read(move |it| vec![Step::Send(it.answer(&sent).bytes())]).unwrap();
        assert_eq!(found, Some(value));
    }
}

#[test]
fn an_answer_that_makes_no_sense_stops_the_start() {
    type Spoil = fn(&Message) -> Vec<u8>;
    let cases: [(&str, Spoil); 9] = [
        ("it is of type 1", |it| {
            let answer = it.answer("pool_id=A");
            Message { kind: 1, ..answer }.bytes()
        }),
        // As little an absence as a value.
        ("it is one to request 7 of transaction 0", |it| {
            let answer = it.error("ENOENT");
            let request = 7;
            Message { request, ..answer }.bytes()
        }),
        ("it is one to request 1 of transaction 3", |it| {
            let answer = it.answer("pool_id=A");
            let transaction = 3;
            Message {
                transaction,
                ..answer
            }
            .bytes()
        }),
        ("it has 4097 bytes, and at most 4096 are possible", |it| {
            it.answer([b'x'; 4097]).bytes()
        }),
        ("it has 65536 bytes", |it| it.answer([b'x'; 65536]).bytes()),
        ("it has 4294967295 bytes", |it| {
            it.answer("pool_id=A").bytes_with_length(u32::MAX)
        }),
        // A whole device, and more that does not count.
        ("it does not end where it says", |it| {
            it.answer("pool_id=A,vm_id=1").bytes_with_length(9)
        }),
        ("it does not end where it says", |it| {
            it.answer([b'x'; 4081]).bytes_with_length(4080)
        }),
        ("it has", |_| b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
    ];
    for (what, spoil) in cases {
        let said = refused(move |it| vec![Step::Send(spoil(it))]);
        let what = format!("the answer makes no sense: {what}");
        assert!(said.starts_with(&what), "not '{what}': {said}");
    }
}

#[test]
fn a_connection_that_breaks_stops_the_start() {
    let cases: [fn(&Message) -> Vec<Step>; 5] = [
        |_| vec![],
        |it| vec![Step::Send(it.answer(DEVICE).bytes()[..1].to_vec())],
        |it| vec![Step::Send(it.error("ENOENT").bytes()[..16].to_vec())],
        |it| vec![Step::Send(it.answer("pool_id=A").bytes_with_length(10))],
        |_| vec![Step::Send(event().bytes())],
    ];
    for answer in cases {
        let said = refused(answer);
        assert!(said.starts_with("the connection broke: "), "{said}");
    }
    let dom0 = Dom0::new().with_store(|socket| Some(Xenstored::closing(socket)));
    let run = dom0.start();
    assert!(run.refused().contains("the connection broke: "), "{run:?}");
}

#[test]
fn a_connection_that_cannot_be_made_stops_the_start() {
    let file = |socket: &Path| {
        fs::write(socket, "").unwrap();
        None
    };
    let deserted = |socket: &Path| {
        drop(UnixListener::bind(socket).unwrap());
        None
    };
    type Make = fn(&Path) -> Option<Xenstored>;
    let cases: [(&str, Make); 3] = [
        ("cannot connect: No such file", |_| None),
        ("cannot connect: Connection refused", file),
        ("cannot connect: Connection refused", deserted),
    ];
    for (what, make) in cases {
        let run = Dom0::new().with_store(make).start();
        assert!(run.refused().contains(what), "{run:?}");
    }
    let long = format!("xenstore-socket = /{}", "x".repeat(108));
    let run = Dom0::new().setting(&long).start();
    assert!(run.refused().contains("cannot connect: "), "{run:?}");
}

/// A listener that accepts nobody, and as many clients as the kernel lets wait.
fn deaf(path: &Path) -> (OwnedFd, UnixStream) {
    let address = SocketAddrUnix::new(path).unwrap();
    let new = |flags| socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None).unwrap();
    let listener = new(SocketFlags::empty());
    bind(&listener, &address).unwrap();
    listen(&listener, 0).unwrap();
    let client = UnixStream::connect(path).unwrap();
    // The next one would have to wait.
    let next = connect(new(SocketFlags::NONBLOCK), &address);
    assert_eq!(next, Err(Errno::AGAIN));
    (listener, client)
}

#[test]
fn a_xenstored_that_gives_no_whole_answer_in_time_stops_the_start() {
    const APART: Duration = Duration::from_millis(100);
    let cases: [fn(&Message) -> Vec<Step>; 7] = [
        |_| vec![Step::Hang],
        |it| {
            vec![
                Step::Send(it.error("ENOENT").bytes()[..15].to_vec()),
                Step::Hang,
            ]
        },
        |it| {
            vec![
                Step::Send(it.answer(DEVICE).bytes()[..20].to_vec()),
                Step::Hang,
            ]
        },
        // Bytes that come one by one do not begin the time anew.
        |it| vec![Step::Trickle(it.answer(DEVICE).bytes(), APART)],
        |_| vec![Step::Send(event().bytes()), Step::Hang],
        |_| vec![Step::Flood(event().bytes())],
        |it| {
            let late = it.error("ENOENT").bytes();
            vec![Step::Wait(Duration::from_millis(1500)), Step::Send(late)]
        },
    ];
    let timed = |dom0: Dom0| {
        let started = Instant::now();
        let run = dom0.start();
        let took = started.elapsed();
        assert!(run.refused().contains(": no answer within 1 s"), "{run:?}");
        assert!(took >= Duration::from_secs(1), "{took:?}");
        assert!(took < Duration::from_secs(10), "{took:?}");
    };
    thread::scope(|scope| {
        for answer in cases {
            scope.spawn(move || {
                let dom0 = Dom0::new().setting("timeout = 1");
                timed(dom0.with_store(|socket| Some(Xenstored::broken(socket, answer))));
            });
        }
        scope.spawn(|| {
            let mut waiting = None;
            let dom0 = Dom0::new().setting("timeout = 1").with_store(|socket| {
                waiting = Some(deaf(socket));
                None
            });
            timed(dom0);
        });
    });
}

#[test]
fn an_answer_may_come_in_parts_and_behind_watch_events() {
    let answer = |it: &Message| {
        let (event, answer) = (event().bytes(), it.answer(DEVICE).bytes());
        let bytes = [&event[..], &event, &answer].concat();
        vec![Step::Trickle(bytes, Duration::from_millis(1))]
    };
    assert_eq!(read(answer).unwrap(), Some(DEVICE.into()));
    let answer = |it: &Message| {
        let bytes = [event().bytes(), it.error("ENOENT").bytes()].concat();
        vec![Step::Send(bytes)]
    };
    assert_eq!(read(answer).unwrap(), None);
}

#[test]
fn a_key_that_is_no_path_is_not_sent() {
    let store = Xenstore {
        socket: "/nowhere".into(),
        patience: PATIENCE,
    };
    for key in ["/key\0/other".into(), "/".repeat(LONGEST)] {
        let error = store.read(&key).unwrap_err();
        assert!(matches!(error.reason, Reason::Key(_)), "{error}");
    }
}

#[test]
fn a_setting_names_another_socket() {
    let dom0 = Dom0::new().key(TYPED, "pool_id=C");
    let socket = dom0.path("other");
    let store = Xenstored::serve(&socket);
    store.set(platform(TYPED), DEVICE);
    let dom0 = dom0.setting(&format!("xenstore-socket = {}", socket.display()));
    assert_eq!(dom0.start().added().len(), 2);
}

#[test]
fn the_socket_is_where_it_is_below_the_root() {
    let root: TempDir = tempfile::tempdir().unwrap();
    let usual = root.path().join("run/xenstored/socket");
    let other = root.path().join("var/run/xenstored/socket");
    assert_eq!(xenstore::socket(root.path()), usual);
    let in_other = Xenstored::serve(&other);
    assert_eq!(xenstore::socket(root.path()), other);
    let _in_usual = Xenstored::serve(&usual);
    assert_eq!(xenstore::socket(root.path()), usual);

    // A link in the tree that leads out of it leads to another host's.
    drop(in_other);
    let tree = tempfile::tempdir().unwrap();
    fs::create_dir(tree.path().join("var")).unwrap();
    std::os::unix::fs::symlink(root.path().join("run"), tree.path().join("var/run")).unwrap();
    let usual = tree.path().join("run/xenstored/socket");
    assert_eq!(xenstore::socket(tree.path()), usual);
}

/// A message that may be as it should be, and how much longer its header says it is.
#[derive(Clone, Debug)]
struct Sent {
    kind: u32,
    request_off: u32,
    transaction: u32,
    payload: Vec<u8>,
    length_off: i32,
}

impl Sent {
    fn bytes(&self, request: &Message) -> Vec<u8> {
        let message = Message {
            kind: self.kind,
            request: request.request.wrapping_add(self.request_off),
            transaction: self.transaction,
            payload: self.payload.clone(),
        };
        let length = u32::try_from(self.payload.len()).unwrap();
        message.bytes_with_length(length.wrapping_add_signed(self.length_off))
    }
}

/// Messages as they should be more often than others.
fn sent() -> impl Strategy<Value = Sent> {
    let kind = prop_oneof![
        6 => Just(READ), 4 => Just(ERROR), 2 => Just(WATCH_EVENT), 1 => 0..23_u32, 1 => any::<u32>()
    ];
    let payload = prop_oneof![
        4 => value(),
        4 => Just(b"ENOENT\0".to_vec()),
        1 => Just(b"EIO\0".to_vec()),
        1 => Just(b"ENOENT".to_vec()),
    ];
    let request = prop_oneof![9 => Just(0), 1 => any::<u32>()];
    let transaction = prop_oneof![9 => Just(0), 1 => any::<u32>()];
    let length = prop_oneof![9 => Just(0), 1 => -8..8, 1 => any::<i32>()];
    (kind, request, transaction, payload, length).prop_map(
        |(kind, request_off, transaction, payload, length_off)| Sent {
            kind,
            request_off,
            transaction,
            payload,
            length_off,
        },
    )
}

/// What some messages are as bytes, perhaps without their end.
fn bytes(sent: &[Sent], lost: usize, request: &Message) -> Vec<u8> {
    let mut bytes: Vec<u8> = sent.iter().flat_map(|it| it.bytes(request)).collect();
    bytes.truncate(bytes.len().saturating_sub(lost));
    bytes
}

/// What bytes mean as an answer: `None` if they are none. Written by hand, from the
/// protocol.
fn meaning(mut bytes: &[u8], request: &Message) -> Option<Option<Vec<u8>>> {
    loop {
        let (header, rest) = bytes.split_at_checked(16)?;
        let word = |at: usize| u32::from_ne_bytes(header[at..at + 4].try_into().unwrap());
        let length: usize = word(12).try_into().unwrap();
        let (payload, behind) = rest.split_at_checked(length)?;
        if length > LONGEST {
            return None;
        }
        if word(0) == WATCH_EVENT {
            bytes = behind;
            continue;
        }
        if !behind.is_empty() || word(4) != request.request || word(8) != 0 {
            return None;
        }
        return match word(0) {
            READ => Some(Some(payload.to_vec())),
            ERROR if payload == b"ENOENT\0" => Some(None),
            _ => None,
        };
    }
}

/// The request of all reads, as far as it matters to answers.
fn the_request() -> Message {
    Message {
        kind: READ,
        request: 1,
        transaction: 0,
        payload: Vec::new(),
    }
}

fn messages() -> impl Strategy<Value = (Vec<Sent>, usize)> {
    let lost = prop_oneof![4 => Just(0), 1 => 0..40_usize];
    (prop::collection::vec(sent(), 0..4), lost)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn whatever_comes_is_a_value_or_no_key_only_if_it_says_so((sent, lost) in messages()) {
        let expected = meaning(&bytes(&sent, lost, &the_request()), &the_request());
        let found = read(move |it| vec![Step::Send(bytes(&sent, lost, it))]);
        match (found, expected) {
            (Ok(found), Some(expected)) => prop_assert_eq!(found, expected),
            (Err(_), None) => (),
            (found, expected) => prop_assert!(false, "not {expected:?}: {found:?}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..Default::default() })]

    #[test]
    fn whatever_comes_starts_the_wrapper_with_devices_or_not_at_all(
        (sent, lost) in messages(),
        key in prop::sample::select(&[TYPED, OLDER][..]),
    ) {
        let expected = meaning(&bytes(&sent, lost, &the_request()), &the_request());
        let path = platform(key);
        let answer = move |it: &Message| {
            let spoilt = it.payload.starts_with(path.as_bytes());
            let no_key = || it.error("ENOENT").bytes();
            vec![Step::Send(if spoilt { bytes(&sent, lost, it) } else { no_key() })]
        };
        let dom0 = Dom0::new().with_store(|socket| Some(Xenstored::broken(socket, answer)));
        let run = dom0.start();
        match (&run.words, expected) {
            (Some(_), Some(Some(_))) => prop_assert!(are_devices(&run.added(), 5), "{run:?}"),
            (Some(_), Some(None)) => prop_assert_eq!(run.added(), [""; 0]),
            (Some(_), None) => prop_assert!(false, "it was started: {run:?}"),
            (None, Some(None)) => prop_assert!(false, "it was not started: {run:?}"),
            (None, _) => prop_assert!(run.refused().contains(&platform(key)), "{run:?}"),
        }
    }
}
