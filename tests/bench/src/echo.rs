// SPDX-License-Identifier: GPL-2.0

//! The host's side of trips: what comes is sent back.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result};
use vgpu_protocol::{Decoder, Event, Response};

/// Sends back what comes through a socket, until it is dropped.
pub(crate) struct Echo {
    stream: UnixStream,
    thread: Option<JoinHandle<()>>,
}

impl Echo {
    /// Answers each message of a vGPU by itself.
    pub(crate) fn messages(socket: &Path) -> Result<Self> {
        let mut decoder = Decoder::new();
        Self::start(socket, move |received, answers| {
            decoder.feed(received);
            while let Some(event) = decoder.next_event()? {
                if let Event::Request { id, payload } = event {
                    let status = 0;
                    answers.extend(
                        Response {
                            id,
                            status,
                            payload,
                        }
                        .encode(),
                    );
                }
            }
            Ok(())
        })
    }

    /// Sends back frames of a length in four bytes, each when it is there as a whole.
    pub(crate) fn frames(socket: &Path) -> Result<Self> {
        let mut waiting = Vec::new();
        Self::start(socket, move |received, answers| {
            waiting.extend_from_slice(received);
            while let Some(head) = waiting.first_chunk::<4>() {
                let whole = 4 + usize::try_from(u32::from_le_bytes(*head))?;
                if waiting.len() < whole {
                    break;
                }
                answers.extend_from_slice(&waiting[..whole]);
                waiting.drain(..whole);
            }
            Ok(())
        })
    }

    /// `answer` takes what was received, and adds what there is to be sent.
    fn start(
        socket: &Path,
        mut answer: impl FnMut(&[u8], &mut Vec<u8>) -> Result<()> + Send + 'static,
    ) -> Result<Self> {
        let stream = UnixStream::connect(socket).with_context(|| socket.display().to_string())?;
        let mut own = stream.try_clone()?;
        let thread = thread::spawn(move || {
            let (mut bytes, mut answers) = ([0; 65536], Vec::new());
            while let Ok(count @ 1..) = own.read(&mut bytes) {
                answers.clear();
                // The guest waits for what does not come, and its time runs out.
                if answer(&bytes[..count], &mut answers).is_err()
                    || own.write_all(&answers).is_err()
                {
                    break;
                }
            }
        });
        Ok(Self {
            stream,
            thread: Some(thread),
        })
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        // It may have been closed by the other side.
        let _ = self.stream.shutdown(Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
