// SPDX-License-Identifier: GPL-2.0

//! The QEMU process of a guest, and whether it is still worth waiting for it.

use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use shared_child::SharedChild;

use crate::logs::{Logs, tail};

/// How often a wait looks whether it still makes sense. Also bounds how late a
/// panic is noticed.
pub(crate) const LOOK: Duration = Duration::from_millis(100);

/// A running QEMU.
pub(crate) struct Process {
    child: Arc<SharedChild>,
    pub(crate) logs: Logs,
    /// Wall-clock time that the guest may live.
    limit: Option<Duration>,
    limit_passed: Arc<AtomicBool>,
    cancel: Option<Arc<AtomicUsize>>,
}

impl Process {
    /// Starts QEMU. It is killed when the limit passes, whoever waits for what,
    /// and when this is dropped.
    pub(crate) fn start(
        mut command: Command,
        logs: Logs,
        limit: Option<Duration>,
        cancel: Option<Arc<AtomicUsize>>,
    ) -> Result<Self> {
        let child = SharedChild::spawn(&mut command)
            .with_context(|| format!("cannot start {}", command.get_program().to_string_lossy()))?;
        let process = Self {
            child: Arc::new(child),
            logs,
            limit,
            limit_passed: Arc::default(),
            cancel,
        };
        if let Some(limit) = limit {
            process.watch(limit);
        }
        Ok(process)
    }

    fn watch(&self, limit: Duration) {
        let child = Arc::clone(&self.child);
        let passed = Arc::clone(&self.limit_passed);
        thread::spawn(move || {
            if let Ok(None) = child.wait_timeout(limit) {
                passed.store(true, Ordering::SeqCst);
                // Fails only when it has ended meanwhile.
                let _ = child.kill();
            }
        });
    }

    /// Fails when there is nothing left to wait for, and says why.
    pub(crate) fn check(&self) -> Result<()> {
        if let Some(cancel) = &self.cancel {
            match cancel.load(Ordering::SeqCst) {
                0 => {}
                signal => bail!("interrupted by signal {signal}"),
            }
        }
        if let (true, Some(limit)) = (self.limit_passed.load(Ordering::SeqCst), self.limit) {
            bail!(
                "the guest did not finish within its {} seconds and was killed.\n\
                 The end of its console, {}:\n{}",
                limit.as_secs(),
                self.logs.console().display(),
                tail(&self.logs.console_text())
            );
        }
        if let Some(status) = self.child.try_wait()? {
            bail!("{}", self.obituary(status));
        }
        if let Some(panic) = self.logs.panic() {
            // The trace comes after the first line; let it reach the log.
            thread::sleep(LOOK);
            bail!(
                "the guest's kernel panicked: {panic}\nThe whole log: {}",
                self.logs.console().display()
            );
        }
        Ok(())
    }

    fn obituary(&self, status: ExitStatus) -> String {
        let said = self.logs.qemu_text();
        let said = said.trim_end();
        if said.is_empty() {
            let console = self.logs.console();
            format!(
                "QEMU ended ({status}). The guest's console: {}",
                console.display()
            )
        } else {
            format!("QEMU ended ({status}) and said:\n{}", tail(said))
        }
    }

    /// Waits until QEMU ends by itself.
    pub(crate) fn wait(&self, timeout: Duration) -> Result<ExitStatus> {
        let end = Instant::now() + timeout;
        while Instant::now() < end {
            if let Some(status) = self.child.wait_timeout(LOOK)? {
                return Ok(status);
            }
            self.check()?;
        }
        bail!("QEMU still runs after {} seconds", timeout.as_secs())
    }

    /// Waits as long as it takes.
    pub(crate) fn wait_forever(&self) -> Result<ExitStatus> {
        Ok(self.child.wait()?)
    }

    /// Whether QEMU has ended because the guest was switched off.
    pub(crate) fn is_off(&self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(status)) if status.success())
    }

    /// Kills QEMU and waits until it is gone.
    pub(crate) fn kill(&self) {
        // Both fail only when it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
