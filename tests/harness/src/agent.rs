// SPDX-License-Identifier: GPL-2.0

//! The connection to the agent in the guest.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use vgpu_agent::{Reply, Request};

use crate::piece::Piece;
use crate::process::{LOOK, Process};

/// The agent of a guest. Its reader is a thread that ends when this is dropped and the
/// connection has ended.
pub(crate) struct Agent {
    line: Mutex<UnixStream>,
    /// Takes the connections that the reader goes on with.
    next: Sender<UnixStream>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Signalled when the agent says that it is ready.
    ready: Condvar,
}

#[derive(Default)]
struct State {
    /// How often the agent has said that it is ready: once for each boot.
    boots: u32,
    /// The kernel's release, as the agent said it last.
    release: String,
    next_id: u64,
    /// Where the pieces of running commands go.
    commands: HashMap<u64, Sender<Piece>>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Whole at any point where a thread could have panicked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Agent {
    /// Takes the connection that QEMU's serial port made.
    pub(crate) fn new(line: UnixStream) -> Result<Self> {
        let (next, successors) = channel();
        let reader = BufReader::new(Joined {
            current: line.try_clone()?,
            successors,
        });
        let shared = Arc::<Shared>::default();
        let agent = Self {
            line: Mutex::new(line),
            next,
            shared: Arc::clone(&shared),
        };
        thread::spawn(move || {
            for line in reader.split(b'\n') {
                let Ok(line) = line else { break };
                if let Some(reply) = Reply::parse(&line) {
                    dispatch(&shared, reply);
                }
            }
        });
        Ok(agent)
    }

    /// Starts a command; the pieces of its output and its end come through the
    /// channel. A channel that closes without an end: the guest was reset.
    pub(crate) fn start(&self, command: &str) -> Result<(u64, Receiver<Piece>)> {
        self.start_on(&mut self.lock(), command)
    }

    fn start_on(&self, line: &mut UnixStream, command: &str) -> Result<(u64, Receiver<Piece>)> {
        let (sender, receiver) = channel();
        let id = {
            let mut state = self.shared.lock();
            state.next_id += 1;
            let id = state.next_id;
            state.commands.insert(id, sender);
            id
        };
        let command = command.to_owned();
        send(line, &Request::Exec { id, command })?;
        Ok((id, receiver))
    }

    /// Kills a command, if it still runs.
    pub(crate) fn kill(&self, id: u64) -> Result<()> {
        send(&mut self.lock(), &Request::Kill { id })
    }

    /// Goes on with the connection that `relocate` returns, which ends the other one. The
    /// agent does not know of this: the commands that run go on, too.
    ///
    /// Nobody sends anything meanwhile, and all that was sent before has arrived.
    pub(crate) fn relocate(
        &self,
        process: &Process,
        relocate: impl FnOnce() -> Result<UnixStream>,
    ) -> Result<()> {
        let mut line = self.lock();
        // The agent takes one request after the other.
        let (_, pieces) = self.start_on(&mut line, "true")?;
        while !matches!(pieces.recv_timeout(LOOK), Ok(Piece::End(_))) {
            process.check()?;
        }
        self.continue_on(&mut line, relocate()?)
    }

    /// Goes on with this connection, after the other one has ended.
    pub(crate) fn reconnect(&self, connection: UnixStream) -> Result<()> {
        self.continue_on(&mut self.lock(), connection)
    }

    fn continue_on(&self, line: &mut UnixStream, connection: UnixStream) -> Result<()> {
        self.next
            .send(connection.try_clone()?)
            .context("nobody reads what the guest's agent says")?;
        *line = connection;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, UnixStream> {
        // A thread that panicked left at worst half a line, which the agent skips.
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number that no earlier call has returned.
    pub(crate) fn next_mark(&self) -> u64 {
        let mut state = self.shared.lock();
        state.next_id += 1;
        state.next_id
    }

    /// How often the guest has booted so far.
    pub(crate) fn boots(&self) -> u32 {
        self.shared.lock().boots
    }

    /// Waits until the guest has booted more than `boots` times, and returns the
    /// release of its kernel.
    pub(crate) fn wait_ready(
        &self,
        boots: u32,
        process: &Process,
        timeout: Duration,
    ) -> Result<String> {
        let end = Instant::now() + timeout;
        let mut state = self.shared.lock();
        while state.boots <= boots {
            state = self
                .shared
                .ready
                .wait_timeout(state, LOOK)
                .map_or_else(|poison| poison.into_inner().0, |(state, _)| state);
            process.check()?;
            if Instant::now() > end {
                return Err(NotReady {
                    timeout,
                    console: process.logs.console(),
                }
                .into());
            }
        }
        Ok(state.release.clone())
    }
}

fn send(line: &mut UnixStream, request: &Request) -> Result<()> {
    line.write_all(request.to_line()?.as_bytes())
        .context("the line to the guest's agent is broken")
}

/// What the agent writes, as one stream: a connection may end in the middle of a message,
/// and the next one begins with the rest of it.
struct Joined {
    current: UnixStream,
    successors: Receiver<UnixStream>,
}

impl Read for Joined {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.current.read(buffer) {
                Ok(0) => {}
                // A QEMU that was killed before it had read all.
                Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
                other => return other,
            }
            match self.successors.recv() {
                Ok(connection) => self.current = connection,
                Err(_) => return Ok(0),
            }
        }
    }
}

/// The guest is neither dead nor ready.
#[derive(Debug)]
pub(crate) struct NotReady {
    timeout: Duration,
    console: PathBuf,
}

impl fmt::Display for NotReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the guest was not ready after {} seconds; its console: {}",
            self.timeout.as_secs(),
            self.console.display()
        )
    }
}

impl Error for NotReady {}

fn dispatch(shared: &Shared, reply: Reply) {
    let mut state = shared.lock();
    let (id, piece) = match reply {
        Reply::Ready { release } => {
            state.boots += 1;
            state.release = release;
            // What ran before a reset runs no more.
            state.commands.clear();
            shared.ready.notify_all();
            return;
        }
        Reply::Stdout { id, data } => (id, Piece::Stdout(data)),
        Reply::Stderr { id, data } => (id, Piece::Stderr(data)),
        Reply::Exit { id, end } => (id, Piece::End(end)),
    };
    let ended = matches!(piece, Piece::End(_));
    if let Some(command) = state.commands.get(&id) {
        // Nobody may be listening any more; the command runs on all the same.
        let _ = command.send(piece);
    }
    if ended {
        state.commands.remove(&id);
    }
}
