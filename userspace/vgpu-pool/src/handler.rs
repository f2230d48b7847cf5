// SPDX-License-Identifier: GPL-2.0

//! What a request is answered by.

use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::answer::Answer;
use crate::program::Program;
use crate::queue::{Load, Origin};

/// The names of the levels, from the lowest.
pub(crate) const LEVELS: [&str; 3] = ["low", "medium", "high"];

/// The answers that need no program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Own {
    /// The request itself
    Echo,
    /// Who the host says that the guest is, in JSON
    Identity,
    /// How many requests of the guest's pool wait and are served, in JSON
    Queue,
}

/// Answers requests.
#[derive(Debug)]
pub(crate) enum Handler {
    /// By itself.
    Own(Own),
    /// By a program.
    Program(Program),
}

impl Handler {
    /// Answers a request; `load` is that of its pool.
    pub(crate) async fn answer(
        &self,
        origin: Origin,
        request: Vec<u8>,
        load: Load,
        cancelled: &CancellationToken,
    ) -> Answer {
        match self {
            Handler::Program(program) => program.run(origin, &request, cancelled).await,
            Handler::Own(Own::Echo) => Answer::ok(request),
            Handler::Own(Own::Identity) => document(&json!({
                "vm_id": origin.vm_id,
                "pool_id": origin.pool.to_string(),
                "priority": origin.priority.to_string(),
            })),
            Handler::Own(Own::Queue) => document(&json!({
                "pool_id": origin.pool.to_string(),
                "limit": load.limit,
                "running": load.running,
                "waiting": LEVELS
                    .into_iter()
                    .zip(load.waiting)
                    .map(|(name, count)| (name.to_owned(), count.into()))
                    .collect::<serde_json::Map<_, _>>(),
            })),
        }
    }
}

fn document(value: &serde_json::Value) -> Answer {
    Answer::ok(format!("{value}\n").into_bytes())
}
