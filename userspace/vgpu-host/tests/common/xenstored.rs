// SPDX-License-Identifier: GPL-2.0

//! A xenstored behind a socket: one that serves values as the real one does, or one
//! that breaks its protocol as a test has it.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// The types of messages.
pub(crate) const READ: u32 = 2;
pub(crate) const WATCH_EVENT: u32 = 15;
pub(crate) const ERROR: u32 = 16;
/// The longest payload.
pub(crate) const LONGEST: usize = 4096;

/// A request, or an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) kind: u32,
    pub(crate) request: u32,
    pub(crate) transaction: u32,
    pub(crate) payload: Vec<u8>,
}

/// What a xenstored that breaks the protocol does next. After the last step it closes
/// the connection.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// It sends bytes, all at once.
    Send(Vec<u8>),
    /// It sends bytes one by one, so much time apart.
    Trickle(Vec<u8>, Duration),
    /// It sends bytes again and again until nobody listens any more.
    Flood(Vec<u8>),
    /// It does nothing for a time.
    Wait(Duration),
    /// It does nothing until the client has gone.
    Hang,
}

/// Values by their paths, and errors of reading them.
type Values = BTreeMap<String, Result<Vec<u8>, String>>;
/// Makes the steps that answer a request.
type Answer = dyn Fn(&Message) -> Vec<Step> + Send + Sync;

/// Ends when it is dropped.
pub(crate) struct Xenstored {
    listener: UnixListener,
    values: Arc<Mutex<Values>>,
    server: Option<JoinHandle<()>>,
}

impl Message {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let length = self.payload.len().try_into().unwrap();
        self.bytes_with_length(length)
    }

    /// The bytes, with a header that says another length.
    pub(crate) fn bytes_with_length(&self, length: u32) -> Vec<u8> {
        let words = [self.kind, self.request, self.transaction, length];
        let mut bytes: Vec<u8> = words.into_iter().flat_map(u32::to_ne_bytes).collect();
        bytes.extend(&self.payload);
        bytes
    }

    /// The answer to this request that has a payload.
    pub(crate) fn answer(&self, payload: impl AsRef<[u8]>) -> Message {
        Message {
            payload: payload.as_ref().to_vec(),
            ..self.clone()
        }
    }

    /// The answer to this request that is an error.
    pub(crate) fn error(&self, name: &str) -> Message {
        Message {
            kind: ERROR,
            ..self.answer(format!("{name}\0"))
        }
    }

    /// Receives a message; `None` if the client has gone.
    fn receive(mut stream: &UnixStream) -> Option<Message> {
        let mut words = [0; 4];
        for word in &mut words {
            let mut bytes = [0; 4];
            stream.read_exact(&mut bytes).ok()?;
            *word = u32::from_ne_bytes(bytes);
        }
        let [kind, request, transaction, length] = words;
        let mut payload = vec![0; length.try_into().unwrap()];
        assert!(payload.len() <= LONGEST, "a request of {length} bytes");
        stream.read_exact(&mut payload).ok()?;
        Some(Message {
            kind,
            request,
            transaction,
            payload,
        })
    }
}

impl Xenstored {
    /// Serves values at a socket, in the place of what is there.
    pub(crate) fn serve(socket: &Path) -> Self {
        let values = Arc::<Mutex<Values>>::default();
        let served = Arc::clone(&values);
        Self::start(socket, values, move |stream| {
            while let Some(request) = Message::receive(&stream) {
                let answer = answer(&served.lock().unwrap(), &request);
                if (&stream).write_all(&answer.bytes()).is_err() {
                    break;
                }
            }
        })
    }

    /// Answers the first request of each connection at a socket by the steps that
    /// `answer` makes of it.
    pub(crate) fn broken(
        socket: &Path,
        answer: impl Fn(&Message) -> Vec<Step> + Send + Sync + 'static,
    ) -> Self {
        let answer: Box<Answer> = Box::new(answer);
        Self::start(socket, Arc::default(), move |stream| {
            if let Some(request) = Message::receive(&stream) {
                take_steps(&stream, answer(&request));
            }
        })
    }

    /// Closes each connection at a socket at once.
    pub(crate) fn closing(socket: &Path) -> Self {
        Self::start(socket, Arc::default(), drop)
    }

    fn start(
        socket: &Path,
        values: Arc<Mutex<Values>>,
        serve: impl Fn(UnixStream) + Send + Sync + 'static,
    ) -> Self {
        fs::create_dir_all(socket.parent().unwrap()).unwrap();
        // Another one's, which has ended or will not be asked any more.
        let _ = fs::remove_file(socket);
        let listener = UnixListener::bind(socket).unwrap();
        let clients = listener.try_clone().unwrap();
        let serve = Arc::new(serve);
        let server = thread::spawn(move || {
            for client in clients.incoming().map_while(Result::ok) {
                let serve = Arc::clone(&serve);
                thread::spawn(move || serve(client));
            }
        });
        Xenstored {
            listener,
            values,
            server: Some(server),
        }
    }

    /// Sets a value.
    pub(crate) fn set(&self, path: impl Into<String>, value: impl AsRef<[u8]>) {
        let value = value.as_ref().to_vec();
        assert!(value.len() <= LONGEST, "xenstore has no such long values");
        self.values.lock().unwrap().insert(path.into(), Ok(value));
    }

    /// Has reading a value fail with an error, such as `EIO`.
    pub(crate) fn fail(&self, path: impl Into<String>, error: &str) {
        let error = Err(error.to_owned());
        self.values.lock().unwrap().insert(path.into(), error);
    }

    /// Removes a value or an error.
    pub(crate) fn remove(&self, path: &str) {
        self.values.lock().unwrap().remove(path);
    }
}

impl Drop for Xenstored {
    fn drop(&mut self) {
        // Nobody is accepted any more, and the server ends.
        let _ = rustix::net::shutdown(&self.listener, rustix::net::Shutdown::Both);
        if let Some(server) = self.server.take() {
            let _ = server.join();
        }
    }
}

/// Answers a request as xenstored does.
fn answer(values: &Values, request: &Message) -> Message {
    let path = request.payload.strip_suffix(b"\0").unwrap_or_default();
    let path = String::from_utf8_lossy(path);
    if !path.starts_with('/') {
        return request.error("EINVAL");
    }
    if request.kind != READ {
        return request.error("ENOSYS");
    }
    match values.get(path.as_ref()) {
        Some(Ok(value)) => request.answer(value),
        Some(Err(name)) => request.error(name),
        None => request.error("ENOENT"),
    }
}

/// Takes steps until there are none left or the client has gone.
fn take_steps(mut stream: &UnixStream, steps: Vec<Step>) {
    for step in steps {
        let sent = match step {
            Step::Send(bytes) => stream.write_all(&bytes),
            Step::Trickle(bytes, apart) => bytes.iter().try_for_each(|byte| {
                thread::sleep(apart);
                stream.write_all(&[*byte])
            }),
            Step::Flood(bytes) => loop {
                if let Err(error) = stream.write_all(&bytes) {
                    break Err(error);
                }
            },
            Step::Wait(time) => {
                thread::sleep(time);
                Ok(())
            }
            Step::Hang => stream.read(&mut [0]).map(drop),
        };
        if sent.is_err() {
            return;
        }
    }
}
