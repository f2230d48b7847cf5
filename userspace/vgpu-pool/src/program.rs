// SPDX-License-Identifier: GPL-2.0

//! Running the operator's program for a request.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use vgpu_cli::output::complain;
use vgpu_protocol::PAYLOAD_MAX;

use crate::answer::{self, Answer};
use crate::queue::Origin;

/// How long a program has to end by itself when it is told to.
const GRACE: Duration = Duration::from_secs(1);

/// A program, and what it may take.
#[derive(Debug)]
pub(crate) struct Program {
    /// The program and its arguments.
    pub(crate) words: Vec<OsString>,
    /// How long one run may take.
    pub(crate) time: Duration,
}

/// Why a program is not waited for any longer.
enum Ended {
    Itself(ExitStatus, Vec<u8>),
    TooLong,
    TooLate,
    Cancelled,
    Failed(io::Error),
}

impl Program {
    /// Runs it once: the request is its input, and what it prints is the answer. It is ended
    /// when `cancelled` is.
    pub(crate) async fn run(
        &self,
        origin: Origin,
        request: &[u8],
        cancelled: &CancellationToken,
    ) -> Answer {
        let mut child = match self.start(origin) {
            Ok(child) => child,
            Err(error) => {
                complain(&format!(
                    "vgpu-pool: cannot start {}: {error}",
                    self.shown()
                ));
                return Answer::failed(answer::NOT_STARTED);
            }
        };
        // A group of its own has the number of its first process.
        let group = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        let ended = tokio::select! {
            biased;
            ended = talk(&mut child, request) => ended,
            () = cancelled.cancelled() => Ended::Cancelled,
            () = sleep(self.time) => Ended::TooLate,
        };
        let status = match ended {
            Ended::Itself(status, payload) => {
                let status = match (status.code(), status.signal()) {
                    (Some(code), _) => code.unsigned_abs(),
                    (None, signal) => answer::SIGNAL + signal.unwrap_or_default().unsigned_abs(),
                };
                return Answer { status, payload };
            }
            Ended::TooLong => answer::TOO_LONG,
            Ended::TooLate => answer::TOO_LATE,
            Ended::Cancelled => answer::STOPPED,
            Ended::Failed(error) => {
                complain(&format!("vgpu-pool: {}: {error}", self.shown()));
                answer::NOT_STARTED
            }
        };
        end(&mut child, group).await;
        Answer::failed(status)
    }

    fn start(&self, origin: Origin) -> io::Result<Child> {
        let (program, arguments) = self
            .words
            .split_first()
            .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        Command::new(program)
            .args(arguments)
            .env("VGPU_VM_ID", origin.vm_id.to_string())
            .env("VGPU_POOL_ID", origin.pool.to_string())
            .env("VGPU_PRIORITY", origin.priority.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
    }

    fn shown(&self) -> String {
        let word = self.words.first().map(|word| word.to_string_lossy());
        word.unwrap_or_default().into_owned()
    }
}

/// Gives a program its input and takes its output, until it has ended.
async fn talk(child: &mut Child, request: &[u8]) -> Ended {
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let feed = async move {
        if let Some(mut stdin) = stdin {
            // One that does not want it all is free not to read it.
            let _ = stdin.write_all(request).await;
        }
    };
    let read = async move {
        let mut answer = Vec::new();
        let most = u64::try_from(PAYLOAD_MAX + 1).unwrap_or(u64::MAX);
        match stdout {
            Some(stdout) => stdout.take(most).read_to_end(&mut answer).await?,
            None => 0,
        };
        Ok::<_, io::Error>(answer)
    };
    // What it has not read when it closes its output is of no use to anybody.
    let answer = tokio::select! {
        answer = read => answer,
        never = async { feed.await; std::future::pending().await } => never,
    };
    match answer {
        Err(error) => Ended::Failed(error),
        Ok(answer) if answer.len() > PAYLOAD_MAX => Ended::TooLong,
        Ok(answer) => match child.wait().await {
            Ok(status) => Ended::Itself(status, answer),
            Err(error) => Ended::Failed(error),
        },
    }
}

/// Ends a program and all that it has started, and waits until it is gone.
async fn end(child: &mut Child, group: Option<Pid>) {
    for signal in [Signal::TERM, Signal::KILL] {
        if let Some(group) = group {
            // It may be gone already.
            let _ = kill_process_group(group, signal);
        }
        if timeout(GRACE, child.wait()).await.is_ok() {
            break;
        }
    }
    if let Some(group) = group {
        // What it has started may have outlived it.
        let _ = kill_process_group(group, Signal::KILL);
    }
}
