// SPDX-License-Identifier: GPL-2.0

//! Serving requests: what waits is taken from the queue, answered, and the answer given to
//! the connection that the request came by.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::fmt;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Notify, OwnedSemaphorePermit};
use tokio::task::spawn_local;
use tokio::time::{sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vgpu_protocol::{Id, Response};

use crate::answer::{self, Answer};
use crate::handler::Handler;
use crate::metrics::{Connected, Metrics, Outcome};
use crate::queue::{Limits, Next, Origin, Queue, Ticket, Waiting};

/// A request of a guest.
#[derive(Debug)]
pub(crate) struct Job {
    /// Names it to the device.
    pub(crate) id: Id,
    /// What the guest has sent.
    pub(crate) payload: Vec<u8>,
    /// Is cancelled when nobody waits for the answer any more: it was given, or the request
    /// was taken back.
    pub(crate) over: CancellationToken,
    /// Where the answer goes.
    pub(crate) reply: Reply,
}

/// The way back to a connection.
#[derive(Debug)]
pub(crate) struct Reply {
    /// Takes the answer.
    pub(crate) sender: UnboundedSender<Outgoing>,
    /// Bounds what is kept for one connection, until the answer is sent or dropped.
    pub(crate) permit: OwnedSemaphorePermit,
}

/// An answer to be sent.
#[derive(Debug)]
pub(crate) struct Outgoing {
    /// It.
    pub(crate) response: Response,
    /// Is given back when it is sent.
    pub(crate) permit: OwnedSemaphorePermit,
}

impl Job {
    fn answer(self, answer: Answer) {
        // The connection may be gone.
        let _ = self.reply.sender.send(Outgoing {
            response: Response {
                id: self.id,
                status: answer.status,
                payload: answer.payload,
            },
            permit: self.reply.permit,
        });
        self.over.cancel();
    }
}

/// All that the connections share.
pub(crate) struct Service {
    queue: RefCell<Queue<Job>>,
    handler: Handler,
    metrics: Metrics,
    /// Tells that a request came, or that a place is free.
    changed: Notify,
    stopping: Cell<bool>,
    running: TaskTracker,
    /// Is cancelled when those that are served are not waited for any longer.
    impatient: CancellationToken,
}

impl Service {
    /// Returns one that nobody is connected to.
    pub(crate) fn new(limits: Limits, handler: Handler) -> Rc<Self> {
        Rc::new(Self {
            queue: RefCell::new(Queue::new(limits)),
            handler,
            metrics: Metrics::new(),
            changed: Notify::new(),
            stopping: Cell::new(false),
            running: TaskTracker::new(),
            impatient: CancellationToken::new(),
        })
    }

    /// Takes a request. Without a ticket, it is answered already.
    pub(crate) fn submit(&self, origin: Origin, job: Job) -> Option<Ticket> {
        if self.stopping.get() {
            self.refuse(origin, job);
            return None;
        }
        let ticket = self.queue.borrow_mut().push(origin, job, Instant::now());
        self.changed.notify_one();
        Some(ticket)
    }

    /// Takes a request back: it is served no more, or ended.
    pub(crate) fn cancel(&self, ticket: Ticket, over: &CancellationToken) {
        over.cancel();
        let waiting = self.queue.borrow_mut().cancel(ticket);
        if let Some(waiting) = waiting {
            self.metrics.ended(waiting.origin, Outcome::Cancelled);
        }
    }

    /// Counts a connection as long as what it returns is kept.
    pub(crate) fn connected(&self) -> Connected {
        self.metrics.connected()
    }

    /// Counts a connection that was closed for what it sent.
    pub(crate) fn malformed(&self) {
        self.metrics.malformed();
    }

    /// Returns the numbers for Prometheus.
    ///
    /// # Errors
    /// None that a string has.
    pub(crate) fn metrics_text(&self) -> Result<String, fmt::Error> {
        let queue = self.queue.borrow();
        let load = |pool| (pool, queue.load(pool));
        let loads: Vec<_> = queue.pools().into_iter().map(load).collect();
        self.metrics.text(&loads)
    }

    /// Serves what comes.
    pub(crate) async fn dispatch(self: Rc<Self>) -> Infallible {
        loop {
            let next = self.queue.borrow_mut().next(Instant::now());
            match next {
                Next::Serve(waiting) => {
                    spawn_local(self.running.track_future(self.clone().serve(waiting)));
                }
                Next::At(time) => tokio::select! {
                    () = sleep_until(time.into()) => (),
                    () = self.changed.notified() => (),
                },
                Next::Nothing => self.changed.notified().await,
            }
        }
    }

    async fn serve(self: Rc<Self>, waiting: Waiting<Job>) {
        let Waiting {
            origin,
            since,
            item: mut job,
        } = waiting;
        let started = Instant::now();
        self.metrics.waited(origin, started - since);
        let payload = std::mem::take(&mut job.payload);
        let load = self.queue.borrow().load(origin.pool);
        let given_up = CancellationToken::new();
        let answer = {
            let answer = self.handler.answer(origin, payload, load, &given_up);
            tokio::pin!(answer);
            tokio::select! {
                biased;
                answer = &mut answer => answer,
                () = self.nobody_waits_for(&job) => {
                    given_up.cancel();
                    answer.await
                }
            }
        };
        self.metrics.served(origin, started.elapsed());
        if job.over.is_cancelled() {
            self.metrics.ended(origin, Outcome::Cancelled);
        } else {
            self.answer(origin, job, answer);
        }
        self.queue.borrow_mut().done(origin.pool);
        self.changed.notify_one();
    }

    /// Waits until the guest does not wait for `job` any more, or this program does not.
    async fn nobody_waits_for(&self, job: &Job) {
        tokio::select! {
            () = job.over.cancelled() => (),
            () = self.impatient.cancelled() => (),
        }
    }

    /// Serves nothing new, says so to those who wait, and waits for those that are served,
    /// for `patience` at most; then they are ended.
    pub(crate) async fn stop(&self, patience: Duration) {
        self.stopping.set(true);
        let waiting = self.queue.borrow_mut().drain();
        for waiting in waiting {
            self.refuse(waiting.origin, waiting.item);
        }
        self.running.close();
        if timeout(patience, self.running.wait()).await.is_err() {
            self.impatient.cancel();
            self.running.wait().await;
        }
    }

    fn refuse(&self, origin: Origin, job: Job) {
        self.answer(origin, job, Answer::failed(answer::STOPPING));
    }

    fn answer(&self, origin: Origin, job: Job, answer: Answer) {
        let outcome = match answer.status {
            answer::OK => Outcome::Ok,
            _ => Outcome::Failed,
        };
        self.metrics.ended(origin, outcome);
        job.answer(answer);
    }
}
