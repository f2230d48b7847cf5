// SPDX-License-Identifier: GPL-2.0

//! A device as QEMU has it: it listens at a socket, and whoever connects is its backend.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use vgpu_protocol::HEADER_SIZE;

use crate::daemon::PATIENCE;

const HELLO: u16 = 1;
const REQUEST: u16 = 2;
const CANCEL: u16 = 3;
const RESPONSE: u16 = 4;

/// Who a device says that it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Who {
    pub(crate) version: u32,
    pub(crate) vm_id: u32,
    pub(crate) pool: char,
    pub(crate) priority: u32,
    pub(crate) slots: u32,
}

impl Default for Who {
    fn default() -> Self {
        Self {
            version: 1,
            vm_id: 200,
            pool: 'A',
            priority: 1,
            slots: 8,
        }
    }
}

/// An answer as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) slot: u16,
    pub(crate) sequence: u32,
    pub(crate) status: u32,
    pub(crate) payload: Vec<u8>,
}

/// A socket that a device listens at.
pub(crate) struct Socket {
    path: PathBuf,
    listener: UnixListener,
}

impl Socket {
    /// Makes the file NAME.sock anew, as QEMU does.
    pub(crate) fn new(directory: &Path, name: &str) -> Self {
        let path = directory.join(format!("{name}.sock"));
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => panic!("{error}"),
            _ => (),
        }
        let listener = UnixListener::bind(&path).unwrap();
        Self { path, listener }
    }

    /// Waits for a backend.
    pub(crate) fn accept(&self) -> Device {
        self.listener.set_nonblocking(true).unwrap();
        let started = Instant::now();
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => return Device::new(stream),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    assert!(started.elapsed() < PATIENCE, "nobody connects");
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// A connection to a backend.
pub(crate) struct Device {
    pub(crate) stream: UnixStream,
    sequence: u32,
}

impl Device {
    fn new(stream: UnixStream) -> Self {
        stream.set_nonblocking(false).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self {
            stream,
            sequence: 0,
        }
    }

    /// Listens, and says who it is to the first who connects.
    pub(crate) fn start(directory: &Path, name: &str, who: Who) -> Self {
        let mut device = Socket::new(directory, name).accept();
        device.greet(who);
        device
    }

    pub(crate) fn greet(&mut self, who: Who) {
        let words = [
            who.version,
            who.vm_id,
            who.pool.into(),
            who.priority,
            who.slots,
            4032,
            4096,
        ];
        self.send(HELLO, 0, 0, &words.map(u32::to_le_bytes).concat());
    }

    /// Sends a request and returns its sequence number.
    pub(crate) fn request(&mut self, slot: u16, payload: &[u8]) -> u32 {
        self.sequence += 1;
        self.send(REQUEST, slot, self.sequence, payload);
        self.sequence
    }

    pub(crate) fn cancel(&mut self, slot: u16, sequence: u32) {
        self.send(CANCEL, slot, sequence, &[]);
    }

    fn send(&mut self, kind: u16, slot: u16, sequence: u32, payload: &[u8]) {
        let frame = frame(kind, slot, sequence, payload);
        self.stream.write_all(&frame).unwrap();
    }

    /// Waits for an answer. None when the backend has closed the connection.
    pub(crate) fn try_answer(&mut self) -> Option<Answer> {
        let mut header = [0; HEADER_SIZE];
        match self.stream.read_exact(&mut header) {
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset
                ) =>
            {
                return None;
            }
            result => result.unwrap(),
        }
        let word = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().unwrap());
        let half = |at: usize| u16::from_le_bytes(header[at..at + 2].try_into().unwrap());
        assert_eq!(half(4), RESPONSE);
        let mut payload = vec![0; word(0).try_into().unwrap()];
        self.stream.read_exact(&mut payload).unwrap();
        Some(Answer {
            slot: half(6),
            sequence: word(8),
            status: word(12),
            payload,
        })
    }

    pub(crate) fn answer(&mut self) -> Answer {
        self.try_answer().expect("the connection was closed")
    }

    /// Sends a request and waits for its answer.
    pub(crate) fn call(&mut self, payload: &[u8]) -> Answer {
        let sequence = self.request(0, payload);
        let answer = self.answer();
        assert_eq!((answer.slot, answer.sequence), (0, sequence));
        answer
    }
}

/// The bytes of a frame from a device.
pub(crate) fn frame(kind: u16, slot: u16, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(u32::try_from(payload.len()).unwrap().to_le_bytes());
    bytes.extend(kind.to_le_bytes());
    bytes.extend(slot.to_le_bytes());
    bytes.extend(sequence.to_le_bytes());
    bytes.extend(0u32.to_le_bytes());
    bytes.extend(payload);
    bytes
}
