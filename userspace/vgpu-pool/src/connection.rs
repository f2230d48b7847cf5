// SPDX-License-Identifier: GPL-2.0

//! One connection to a device.

use std::collections::HashMap;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use vgpu::{PoolId, Priority};
use vgpu_cli::output::complain;
use vgpu_protocol::{Decoder, Event, Hello, Id, Malformed, VERSION};

use crate::metrics::Connected;
use crate::queue::{Origin, Ticket};
use crate::service::{Job, Outgoing, Reply, Service};

/// The most slots that a device has.
const SLOTS_MAX: u32 = 32;
/// After which time somebody is told that a device does not say who it is.
const SILENCE: Duration = Duration::from_secs(5);
/// How long answers have to go out when this program is stopped.
const FLUSH: Duration = Duration::from_secs(1);

/// Why a connection has ended.
#[derive(Debug, Error)]
pub(crate) enum End {
    /// Was the device's decision, or QEMU has ended.
    #[error("the device has closed the connection")]
    Closed,
    /// Was ours.
    #[error("{0}")]
    Malformed(#[from] Malformed),
    /// Was ours: a device has one request in a slot.
    #[error("a request in slot {0}, whose last one is not answered")]
    SlotInUse(u16),
    /// Was ours: more would be kept for it than for any other.
    #[error("a device with {0} slots")]
    Slots(u32),
    /// Was ours.
    #[error("version {0} of the protocol, and only {VERSION} is known")]
    Version(u32),
    /// Was the kernel's.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Was ours: this program is being stopped.
    #[error("vgpu-pool is being stopped")]
    Stopped,
}

impl End {
    /// Tells whether it was for what the device has sent.
    pub(crate) fn is_malformed(&self) -> bool {
        match self {
            End::Malformed(_) | End::SlotInUse(_) | End::Slots(_) | End::Version(_) => true,
            End::Closed | End::Io(_) | End::Stopped => false,
        }
    }
}

/// A request that is not answered.
struct Pending {
    sequence: u32,
    ticket: Ticket,
    over: CancellationToken,
}

/// Who a device is, from its HELLO on.
struct Known {
    origin: Origin,
    /// What bounds the requests that are kept for it.
    permits: Arc<Semaphore>,
    _counted: Connected,
}

struct Connection {
    name: String,
    service: Rc<Service>,
    known: Option<Known>,
    pending: HashMap<u16, Pending>,
    answers: UnboundedSender<Outgoing>,
}

/// Serves a device until the connection ends or `stopped` turns true. Tells whether the
/// device has said who it is, and how it ended.
pub(crate) async fn serve(
    stream: UnixStream,
    name: String,
    service: Rc<Service>,
    mut stopped: watch::Receiver<bool>,
) -> (bool, End) {
    let (mut reader, writer) = stream.into_split();
    let (sender, receiver) = unbounded_channel();
    let mut connection = Connection {
        name,
        service,
        known: None,
        pending: HashMap::new(),
        answers: sender,
    };
    let send = send(writer, receiver);
    tokio::pin!(send);
    let end = {
        let receive = connection.receive(&mut reader);
        tokio::pin!(receive);
        tokio::select! {
            end = &mut receive => end,
            Err(error) = &mut send => End::Io(error),
            // It may be gone only together with this program.
            _ = stopped.wait_for(|it| *it) => End::Stopped,
        }
    };
    let known = connection.known.is_some();
    if matches!(end, End::Stopped) {
        // All is answered: what is left is to send it.
        drop(connection);
        let _ = timeout(FLUSH, send).await;
    }
    (known, end)
}

/// Sends answers until there will be no more.
async fn send(
    mut writer: OwnedWriteHalf,
    mut answers: UnboundedReceiver<Outgoing>,
) -> io::Result<()> {
    while let Some(Outgoing { response, permit }) = answers.recv().await {
        writer.write_all(&response.encode()).await?;
        drop(permit);
    }
    Ok(())
}

impl Connection {
    async fn receive(&mut self, reader: &mut (impl AsyncReadExt + Unpin)) -> End {
        let mut decoder = Decoder::new();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = tokio::select! {
                read = reader.read(&mut buffer) => read,
                () = sleep(SILENCE), if self.known.is_none() => {
                    complain(&format!(
                        "vgpu-pool: {}: the device does not say who it is (is another backend \
                         connected to it?)",
                        self.name
                    ));
                    reader.read(&mut buffer).await
                }
            };
            let bytes = match read {
                Ok(0) => return End::Closed,
                Ok(length) => buffer.get(..length).unwrap_or_default(),
                Err(error) => return End::Io(error),
            };
            decoder.feed(bytes);
            loop {
                let ended = match decoder.next_event() {
                    Ok(Some(event)) => self.take(event).await,
                    Ok(None) => break,
                    Err(malformed) => Err(malformed.into()),
                };
                if let Err(end) = ended {
                    return end;
                }
            }
        }
    }

    async fn take(&mut self, event: Event) -> Result<(), End> {
        match event {
            Event::Hello(hello) => self.greet(&hello),
            Event::Cancel(id) => {
                // One that is answered already comes for nothing.
                let pending = self.pending.get(&id.slot);
                if let Some(pending) = pending.filter(|it| it.sequence == id.sequence && it.waits())
                {
                    self.service.cancel(pending.ticket, &pending.over);
                }
                Ok(())
            }
            Event::Request { id, payload } => self.request(id, payload).await,
        }
    }

    fn greet(&mut self, hello: &Hello) -> Result<(), End> {
        if hello.version != VERSION {
            return Err(End::Version(hello.version));
        }
        if hello.slots > SLOTS_MAX {
            return Err(End::Slots(hello.slots));
        }
        let origin = Origin {
            vm_id: hello.vm_id,
            pool: PoolId::from_raw(hello.pool_id),
            priority: Priority::from_raw(hello.priority),
        };
        complain(&format!(
            "vgpu-pool: {}: VM {}, pool {}, priority {}",
            self.name, origin.vm_id, origin.pool, origin.priority
        ));
        match &mut self.known {
            Some(known) => known.origin = origin,
            None => {
                // One for what is served, and one for what is not sent yet.
                // CAST: it was compared above.
                let permits = Semaphore::new(2 * hello.slots.max(1) as usize);
                self.known = Some(Known {
                    origin,
                    permits: Arc::new(permits),
                    _counted: self.service.connected(),
                });
            }
        }
        Ok(())
    }

    async fn request(&mut self, id: Id, payload: Vec<u8>) -> Result<(), End> {
        // The decoder has seen to it that there was a HELLO.
        let Some(known) = &self.known else {
            return Ok(());
        };
        let origin = known.origin;
        // Nobody closes it.
        let Ok(permit) = known.permits.clone().acquire_owned().await else {
            return Ok(());
        };
        if self.pending.get(&id.slot).is_some_and(Pending::waits) {
            return Err(End::SlotInUse(id.slot));
        }
        let over = CancellationToken::new();
        let job = Job {
            id,
            payload,
            over: over.clone(),
            reply: Reply {
                sender: self.answers.clone(),
                permit,
            },
        };
        if let Some(ticket) = self.service.submit(origin, job) {
            let pending = Pending {
                sequence: id.sequence,
                ticket,
                over,
            };
            self.pending.insert(id.slot, pending);
        }
        Ok(())
    }
}

impl Pending {
    fn waits(&self) -> bool {
        !self.over.is_cancelled()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // Nobody gets the answers any more.
        for pending in self.pending.values() {
            if pending.waits() {
                self.service.cancel(pending.ticket, &pending.over);
            }
        }
    }
}
