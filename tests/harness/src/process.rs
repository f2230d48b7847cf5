// SPDX-License-Identifier: GPL-2.0

//! The QEMU process of a guest, and whether it is still worth waiting for it.

use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use shared_child::SharedChild;

use crate::logs::{Logs, tail};

/// How often a wait looks whether it still makes sense. Also bounds how late a
/// panic is noticed.
pub(crate) const LOOK: Duration = Duration::from_millis(100);

/// A running QEMU. It is killed when this is dropped.
pub(crate) struct Qemu(Arc<SharedChild>);

impl Qemu {
    fn spawn(command: &mut Command) -> Result<Self> {
        let child = SharedChild::spawn(command)
            .with_context(|| format!("cannot start {}", command.get_program().to_string_lossy()))?;
        Ok(Self(Arc::new(child)))
    }
}

impl Drop for Qemu {
    fn drop(&mut self) {
        // Both fail only when it is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The QEMU that a guest is in, one after the other.
pub(crate) struct Process {
    qemu: Mutex<Qemu>,
    pub(crate) logs: Logs,
    limit: Option<Limit>,
    cancel: Option<Arc<AtomicUsize>>,
}

/// Wall-clock time that the guest may live.
struct Limit {
    time: Duration,
    end: Instant,
    passed: Arc<AtomicBool>,
}

impl Limit {
    /// Kills a QEMU when the time is over.
    fn watch(&self, qemu: &Qemu) {
        let child = Arc::clone(&qemu.0);
        let passed = Arc::clone(&self.passed);
        let left = self.end.saturating_duration_since(Instant::now());
        thread::spawn(move || {
            if let Ok(None) = child.wait_timeout(left) {
                passed.store(true, Ordering::SeqCst);
                // Fails only when it has ended meanwhile.
                let _ = child.kill();
            }
        });
    }
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
        let qemu = Qemu::spawn(&mut command)?;
        let limit = limit.map(|time| Limit {
            time,
            end: Instant::now() + time,
            passed: Arc::default(),
        });
        if let Some(limit) = &limit {
            limit.watch(&qemu);
        }
        Ok(Self {
            qemu: Mutex::new(qemu),
            logs,
            limit,
            cancel,
        })
    }

    /// Starts one more QEMU, with the same logs and within the same limit.
    pub(crate) fn start_another(&self, mut command: Command) -> Result<Qemu> {
        let qemu = Qemu::spawn(&mut command)?;
        if let Some(limit) = &self.limit {
            limit.watch(&qemu);
        }
        Ok(qemu)
    }

    /// Makes that one the guest's, and ends the one before.
    pub(crate) fn replace(&self, qemu: Qemu) {
        *self.qemu.lock().unwrap_or_else(PoisonError::into_inner) = qemu;
    }

    fn child(&self) -> Arc<SharedChild> {
        // It is replaced as a whole.
        let qemu = self.qemu.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&qemu.0)
    }

    /// Fails when there is nothing left to wait for, and says why.
    pub(crate) fn check(&self) -> Result<()> {
        self.check_child(&self.child())
    }

    /// The same for a QEMU that is about to become the guest's.
    pub(crate) fn check_another(&self, qemu: &Qemu) -> Result<()> {
        self.check_child(&qemu.0)
    }

    fn check_child(&self, child: &SharedChild) -> Result<()> {
        if let Some(cancel) = &self.cancel {
            match cancel.load(Ordering::SeqCst) {
                0 => {}
                signal => bail!("interrupted by signal {signal}"),
            }
        }
        let passed = |limit: &&Limit| limit.passed.load(Ordering::SeqCst);
        if let Some(limit) = self.limit.as_ref().filter(passed) {
            bail!(
                "the guest did not finish within its {} seconds and was killed.\n\
                 The end of its console, {}:\n{}",
                limit.time.as_secs(),
                self.logs.console().display(),
                tail(&self.logs.console_text())
            );
        }
        if let Some(status) = child.try_wait()? {
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
        let child = self.child();
        while Instant::now() < end {
            if let Some(status) = child.wait_timeout(LOOK)? {
                return Ok(status);
            }
            self.check()?;
        }
        bail!("QEMU still runs after {} seconds", timeout.as_secs())
    }

    /// Waits as long as it takes.
    pub(crate) fn wait_forever(&self) -> Result<ExitStatus> {
        Ok(self.child().wait()?)
    }

    /// Returns the number of QEMU's process.
    pub(crate) fn pid(&self) -> u32 {
        self.child().id()
    }

    /// Whether QEMU has ended because the guest was switched off.
    pub(crate) fn is_off(&self) -> bool {
        matches!(self.child().try_wait(), Ok(Some(status)) if status.success())
    }
}
