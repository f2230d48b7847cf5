// SPDX-License-Identifier: GPL-2.0

//! Reads xenstore by the protocol of xenstored's socket.
//!
//! The program `xenstore-read` fails in one way only, whether there is no such key,
//! xenstored could not read it, or the connection broke. The protocol tells them
//! apart: a key is absent if xenstored says `ENOENT`, and at no other time.
//!
//! A message is a header of four words in the host's byte order - type, id of the
//! request, id of the transaction, length of the payload - and the payload. An
//! answer has the type and both ids of its request, or the type of an error and
//! the error's name as its payload. Values are raw bytes.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use rustix::net::{connect, socket_with};
use thiserror::Error;

use crate::below::{Last, resolve};
use crate::keys::LONGEST;
use crate::layout;
use crate::shown::Shown;

/// The type of a request for a value, and of its answer.
const READ: u32 = 2;
/// The type of a message about a watch, which is no answer.
const WATCH_EVENT: u32 = 15;
/// The type of an answer that is an error.
const ERROR: u32 = 16;
/// The payload of the error that there is no such key.
const NO_ENTRY: &[u8] = b"ENOENT\0";
/// The id of the only request of a connection.
const REQUEST: u32 = 1;
/// The id of no transaction.
const NO_TRANSACTION: u32 = 0;
/// The bytes of a header.
const HEADER: usize = 16;

/// Reads single values, each over a connection of its own.
#[derive(Clone, Debug)]
pub struct Xenstore {
    /// The socket of xenstored.
    pub socket: PathBuf,
    /// How long one value may take, from the connection on.
    pub patience: Duration,
}

/// A value that could not be read, although it may be there.
#[derive(Debug, Error)]
#[error("xenstored at {}: {reason}", socket.display())]
pub struct XenstoreError {
    /// The socket.
    pub socket: PathBuf,
    /// What went wrong.
    pub reason: Reason,
}

/// Why a value could not be read.
#[derive(Debug, Error)]
pub enum Reason {
    /// The key is none that can be sent.
    #[error("{0} is no path of a key")]
    Key(Shown),
    /// There is no connection.
    #[error("cannot connect: {0}")]
    Connect(io::Error),
    /// The whole answer was not there in time.
    #[error("no answer within {} s", .0.as_secs_f32())]
    Timeout(Duration),
    /// The connection ended before the answer did.
    #[error("the connection broke: {0}")]
    Broken(io::Error),
    /// xenstored gave an error other than that there is no such key.
    #[error("the answer is the error {0}")]
    Refused(Shown),
    /// What came is not what xenstored sends.
    #[error("the answer makes no sense: {0}")]
    Malformed(String),
}

impl Xenstore {
    /// Returns the value of a key; `None` if there is no such key.
    ///
    /// # Errors
    /// Everything else than a clear answer is an error, so that a store that
    /// cannot be reached is not taken for one without the key.
    pub fn read(&self, key: &str) -> Result<Option<Vec<u8>>, XenstoreError> {
        self.ask(key).map_err(|reason| XenstoreError {
            socket: self.socket.clone(),
            reason,
        })
    }

    fn ask(&self, key: &str) -> Result<Option<Vec<u8>>, Reason> {
        let request = request(key)?;
        let mut connection = Connection::open(&self.socket, self.patience)?;
        connection.send(&request)?;
        let answer = loop {
            let message = connection.receive()?;
            // Nothing is watched, but these may come at any time.
            if message.kind != WATCH_EVENT {
                break message;
            }
        };
        let answered = (answer.request, answer.transaction);
        if answered != (REQUEST, NO_TRANSACTION) {
            let (request, transaction) = answered;
            let what = format!("it is one to request {request} of transaction {transaction}");
            return Err(Reason::Malformed(what));
        }
        // The length was not that of the value, which may have been cut.
        if !connection.received.is_empty() {
            return Err(Reason::Malformed("it does not end where it says".into()));
        }
        match answer.kind {
            READ => Ok(Some(answer.payload)),
            ERROR if answer.payload == NO_ENTRY => Ok(None),
            ERROR => {
                let name = answer.payload.strip_suffix(b"\0");
                Err(Reason::Refused(Shown::new(name.unwrap_or(&answer.payload))))
            }
            kind => Err(Reason::Malformed(format!("it is of type {kind}"))),
        }
    }
}

/// Returns the message that asks for the value of a key.
fn request(key: &str) -> Result<Vec<u8>, Reason> {
    let payload = [key.as_bytes(), b"\0"].concat();
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    if payload.len() > LONGEST || key.contains('\0') {
        return Err(Reason::Key(Shown::new(key)));
    }
    let header = [READ, REQUEST, NO_TRANSACTION, length];
    let mut message: Vec<u8> = header.into_iter().flat_map(u32::to_ne_bytes).collect();
    message.extend(payload);
    Ok(message)
}

/// A message from xenstored.
struct Message {
    kind: u32,
    request: u32,
    transaction: u32,
    payload: Vec<u8>,
}

/// A connection to xenstored, with one deadline for all that is done on it.
struct Connection {
    stream: UnixStream,
    end: Instant,
    patience: Duration,
    /// What was received and not taken yet.
    received: Vec<u8>,
}

impl Connection {
    /// Connects to the socket. If as many clients wait there as xenstored lets wait,
    /// this does, too: hence a timeout, which std has none of for this.
    fn open(path: &Path, patience: Duration) -> Result<Self, Reason> {
        let end = Instant::now() + patience;
        let failed = |errno: Errno| Reason::Connect(errno.into());
        let address = SocketAddrUnix::new(path).map_err(failed)?;
        let (family, kind) = (AddressFamily::UNIX, SocketType::STREAM);
        let socket = socket_with(family, kind, SocketFlags::CLOEXEC, None).map_err(failed)?;
        loop {
            let left = left(end, patience)?;
            set_socket_timeout(&socket, Timeout::Send, Some(left)).map_err(failed)?;
            match connect(&socket, &address) {
                Ok(()) => break,
                // The time is over, or a signal came: the next round tells.
                Err(Errno::AGAIN | Errno::INTR) => {}
                Err(errno) => return Err(failed(errno)),
            }
        }
        Ok(Connection {
            stream: socket.into(),
            end,
            patience,
            received: Vec::new(),
        })
    }

    fn send(&mut self, mut bytes: &[u8]) -> Result<(), Reason> {
        while !bytes.is_empty() {
            let left = left(self.end, self.patience)?;
            let timeout = self.stream.set_write_timeout(Some(left));
            match timeout.and_then(|()| self.stream.write(bytes)) {
                Ok(count) => bytes = &bytes[count..],
                Err(error) if is_temporary(&error) => {}
                Err(error) => return Err(Reason::Broken(error)),
            }
        }
        Ok(())
    }

    /// Waits for the next message.
    fn receive(&mut self) -> Result<Message, Reason> {
        loop {
            if let Some(message) = self.take()? {
                return Ok(message);
            }
            let left = left(self.end, self.patience)?;
            // More than any message needs, to see what comes behind it.
            let mut bytes = [0; HEADER + LONGEST + 1];
            let timeout = self.stream.set_read_timeout(Some(left));
            match timeout.and_then(|()| self.stream.read(&mut bytes)) {
                Ok(0) => return Err(Reason::Broken(ErrorKind::UnexpectedEof.into())),
                Ok(count) => self.received.extend_from_slice(&bytes[..count]),
                Err(error) if is_temporary(&error) => {}
                Err(error) => return Err(Reason::Broken(error)),
            }
        }
    }

    /// Removes a message from what was received, if there is a whole one.
    fn take(&mut self) -> Result<Option<Message>, Reason> {
        let Some((header, rest)) = self.received.split_first_chunk::<HEADER>() else {
            return Ok(None);
        };
        let [kind, request, transaction, length] = words(header);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > LONGEST {
            let what = format!("it has {length} bytes, and at most {LONGEST} are possible");
            return Err(Reason::Malformed(what));
        }
        let Some(payload) = rest.get(..length) else {
            return Ok(None);
        };
        let message = Message {
            kind,
            request,
            transaction,
            payload: payload.to_vec(),
        };
        self.received.drain(..HEADER + length);
        Ok(Some(message))
    }
}

/// Splits a header into its words.
fn words(header: &[u8; HEADER]) -> [u32; HEADER / 4] {
    let mut words = [0; HEADER / 4];
    for (word, bytes) in words.iter_mut().zip(header.chunks_exact(4)) {
        *word = u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    }
    words
}

/// Returns the time that is left, which is not nothing.
fn left(end: Instant, patience: Duration) -> Result<Duration, Reason> {
    match end.saturating_duration_since(Instant::now()) {
        Duration::ZERO => Err(Reason::Timeout(patience)),
        left => Ok(left),
    }
}

/// Tells whether the time that was given is over or a signal came, and no more.
fn is_temporary(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}

/// Returns the path of a key of a domain's platform map.
pub fn platform(domain: u32, key: &str) -> String {
    format!("/local/domain/{domain}/platform/{key}")
}

/// Returns the socket of xenstored below a root: the first one that is there, or the
/// usual one.
pub fn socket(root: &Path) -> PathBuf {
    let lead = |path| resolve(root, path, Last::Follow).ok();
    let [usual, _] = layout::XENSTORED;
    let mut places = layout::XENSTORED.into_iter().filter_map(lead);
    places
        .find(|path| path.exists())
        .unwrap_or_else(|| root.join(usual.trim_start_matches('/')))
}
