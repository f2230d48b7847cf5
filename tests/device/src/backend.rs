// SPDX-License-Identifier: GPL-2.0

//! The host's side of messages: the test answers them itself.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use vgpu_protocol::{Decoder, Event, Hello, Id, Response};

/// Longer than QEMU takes for anything on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection to the device's chardev.
#[derive(Debug)]
pub struct Backend {
    stream: UnixStream,
    decoder: Decoder,
}

impl Backend {
    /// Connects to the socket that QEMU listens at.
    pub fn connect(path: &Path) -> Self {
        let stream = UnixStream::connect(path)
            .unwrap_or_else(|e| panic!("connecting to {}: {e}", path.display()));
        stream
            .set_read_timeout(Some(PATIENCE))
            .and_then(|()| stream.set_write_timeout(Some(PATIENCE)))
            .expect("preparing a socket");
        Self {
            stream,
            decoder: Decoder::new(),
        }
    }

    /// Waits for the next event. None when the device has closed the connection.
    ///
    /// # Panics
    ///
    /// When what comes is not of the protocol, or nothing does.
    pub fn try_event(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.decoder.next_event().expect("a frame of a device") {
                return Some(event);
            }
            let mut bytes = [0; 4096];
            match self.stream.read(&mut bytes) {
                Ok(0) => return None,
                Ok(count) => self.decoder.feed(&bytes[..count]),
                Err(e) if e.kind() == ErrorKind::ConnectionReset => return None,
                Err(e) => panic!("waiting for the device: {e}"),
            }
        }
    }

    /// Waits for the next event.
    pub fn event(&mut self) -> Event {
        self.try_event()
            .expect("the device has closed the connection")
    }

    /// Waits for who the device is, which must come next.
    pub fn hello(&mut self) -> Hello {
        match self.event() {
            Event::Hello(hello) => hello,
            other => panic!("{other:?} instead of HELLO"),
        }
    }

    /// Waits for a request, which must come next, and returns its name and payload.
    pub fn request(&mut self) -> (Id, Vec<u8>) {
        match self.event() {
            Event::Request { id, payload } => (id, payload),
            other => panic!("{other:?} instead of REQUEST"),
        }
    }

    /// Answers a request.
    pub fn respond(&mut self, id: Id, status: u32, payload: &[u8]) {
        let response = Response {
            id,
            status,
            payload: payload.to_vec(),
        };
        self.send(&response.encode());
    }

    /// Sends bytes, whatever they are.
    pub fn send(&mut self, bytes: &[u8]) {
        self.stream
            .write_all(bytes)
            .expect("the device has closed the connection");
    }
}
