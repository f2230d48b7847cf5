// SPDX-License-Identifier: GPL-2.0

//! A guest that runs.

use std::path::PathBuf;
use std::process::ExitStatus;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::agent::{Agent, NotReady};
use crate::builder::{BOOT, GuestBuilder};
use crate::command::{Output, Running};
use crate::devices::Parsed;
use crate::logs::{Logs, tail};
use crate::machine::Machine;
use crate::patience::scaled;
use crate::process::Process;
use crate::qmp::Qmp;
use crate::sockets::{Sockets, why};

/// What the console takes at most to catch up with the kernel.
const CATCH_UP: Duration = Duration::from_secs(10);

/// What a kernel with kmemleak has lost. It suspects nothing that is younger than
/// five seconds or was changed since it looked last, so it has to look twice.
const LEAKS: &str = "leaks=/sys/kernel/debug/kmemleak
    [ -e $leaks ] || exit 0
    sleep 6 && echo scan >$leaks && echo scan >$leaks && cat $leaks";

/// What a command that has to succeed wrote to its standard output.
fn printed(command: &str, output: Output) -> Result<String> {
    if !output.success() {
        bail!(
            "'{command}' failed in the guest: {:?}\n{}\n{}",
            output.end,
            tail(&output.text()),
            tail(&output.errors())
        );
    }
    Ok(output.text())
}

/// A running guest. It dies when this is dropped. Any number of threads may use it.
pub struct Guest {
    // Before the agent, so that QEMU ends first.
    pub(crate) process: Process,
    pub(crate) agent: Agent,
    pub(crate) qmp: Qmp,
    pub(crate) builder: GuestBuilder,
    release: String,
}

impl GuestBuilder {
    /// Boots the guest and returns when its agent is ready.
    ///
    /// On a busy machine a guest now and then gets stuck early in its kernel, while
    /// that times its clocks against QEMU's. Nothing of ours runs by then, so such a
    /// guest is started once more, as NAME-again; the logs of the first one stay.
    ///
    /// # Errors
    ///
    /// Something of [`Artifacts`](crate::Artifacts) is missing, QEMU refuses its command line, the
    /// kernel panics, or the guest does not come up within its time.
    pub fn boot(self) -> Result<Guest> {
        let mut again = self.clone();
        again.name += "-again";
        match self.boot_once() {
            Err(error) if error.is::<NotReady>() => {
                eprintln!("{error}; starting it once more");
                again.boot_once()
            }
            booted => booted,
        }
    }

    fn boot_once(self) -> Result<Guest> {
        let logs = Logs::new(&self.name)?;
        Guest::start(self, logs)
    }
}

impl Guest {
    /// A guest to be. The name says where its logs go, build/logs/NAME; letters,
    /// digits and `-`.
    #[must_use]
    pub fn builder(name: &str) -> GuestBuilder {
        GuestBuilder::new(name)
    }

    /// Starts QEMU and takes it to the point where commands can run.
    pub(crate) fn start(builder: GuestBuilder, logs: Logs) -> Result<Self> {
        let sockets = Sockets::new()?;
        let command = builder.headless(&logs, &sockets)?;
        let process = builder.process(command, logs)?;
        let check = || process.check();
        let connections = sockets.accept(check)?;
        let agent = Agent::new(connections.agent)?;
        // Why QEMU closed the connection is better known from QEMU.
        let qmp = Qmp::new(connections.qmp).map_err(|error| why(error, check))?;
        let release = agent.wait_ready(0, &process, builder.longest_boot())?;
        Ok(Self {
            process,
            agent,
            qmp,
            builder,
            release,
        })
    }

    /// Runs a command as root, by `/bin/sh -c`, and waits for its end.
    ///
    /// # Errors
    ///
    /// The guest died, was reset, or used up its time. A command that fails is no
    /// error.
    pub fn run(&self, command: &str) -> Result<Output> {
        self.spawn(command)?.wait()
    }

    /// Runs a command that has to succeed, and returns what it wrote to its
    /// standard output, as text without the newline at the end.
    ///
    /// # Errors
    ///
    /// As [`Self::run`], and a command that fails; its output is in the error.
    pub fn check(&self, command: &str) -> Result<String> {
        printed(command, self.run(command)?)
    }

    /// As [`Self::check`], and the command has to end in time: a guest that stands
    /// still is noticed before all of its time is used up.
    ///
    /// # Errors
    ///
    /// As [`Self::check`], and a command that takes longer than `timeout`.
    pub fn check_within(&self, command: &str, timeout: Duration) -> Result<String> {
        let output = self.spawn(command)?.wait_timeout(timeout)?;
        let output = output.with_context(|| format!("'{command}' runs after {timeout:?}"))?;
        printed(command, output)
    }

    /// Starts a command and returns at once.
    ///
    /// # Errors
    ///
    /// The guest has died or used up its time.
    pub fn spawn(&self, command: &str) -> Result<Running<'_>> {
        Running::start(command, &self.agent, &self.process)
    }

    /// The machine from outside.
    #[must_use]
    pub fn qmp(&self) -> &Qmp {
        &self.qmp
    }

    /// The number of QEMU's process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The machine type.
    #[must_use]
    pub fn machine(&self) -> Machine {
        self.builder.machine
    }

    /// The release of the kernel that runs, as `uname -r` prints it.
    #[must_use]
    pub fn release(&self) -> &str {
        &self.release
    }

    /// Plugs a device into the running guest, on [`Machine::hotplug_bus`] unless
    /// the string names one. It needs an `id=`. Returns before the guest has found it.
    ///
    /// # Errors
    ///
    /// QEMU refuses the device; the error holds its words.
    pub fn plug(&self, device: &str) -> Result<()> {
        let bus = match Parsed::new(device)?.get("bus") {
            Some(_) => String::new(),
            None => format!("bus={}", self.machine().hotplug_bus()),
        };
        let parts = [device, &bus];
        let device = parts
            .map(str::trim)
            .into_iter()
            .filter(|part| !part.is_empty());
        self.qmp.device_add(&device.collect::<Vec<_>>().join(","))
    }

    /// Unplugs a device and waits until the guest has let it go.
    ///
    /// # Errors
    ///
    /// There is no such device, or it is still there after `timeout`.
    pub fn unplug(&self, id: &str, timeout: Duration) -> Result<()> {
        self.qmp.device_del(id)?;
        self.qmp.wait_deleted(id, timeout)?;
        self.process.check()
    }

    /// Resets the machine, as the button on its front does, and waits until the
    /// guest has booted again.
    ///
    /// # Errors
    ///
    /// It does not come up again.
    pub fn reset(&self) -> Result<()> {
        let boots = self.agent.boots();
        self.qmp.execute(&qapi::qmp::system_reset {})?;
        self.wait_boot(boots)
    }

    /// How often the guest has booted so far.
    #[must_use]
    pub fn boots(&self) -> u32 {
        self.agent.boots()
    }

    /// Waits until the guest has booted more than `boots` times, after something
    /// that made it reboot.
    ///
    /// # Errors
    ///
    /// It does not.
    pub fn wait_boot(&self, boots: u32) -> Result<()> {
        self.agent.wait_ready(boots, &self.process, scaled(BOOT))?;
        Ok(())
    }

    /// Waits until QEMU ends by itself, after something that switches the guest off.
    ///
    /// # Errors
    ///
    /// It does not within `timeout`.
    pub fn wait_off(&self, timeout: Duration) -> Result<ExitStatus> {
        self.process.wait(scaled(timeout))
    }

    /// What the kernel has written to its console so far.
    #[must_use]
    pub fn console_log(&self) -> String {
        self.process.logs.console_text()
    }

    /// Where that is kept.
    #[must_use]
    pub fn console_path(&self) -> PathBuf {
        self.process.logs.console()
    }

    /// What QEMU has written so far: errors, guest errors, trace events.
    #[must_use]
    pub fn qemu_log(&self) -> String {
        self.process.logs.qemu_text()
    }

    /// Fails when the kernel has complained so far, by one of
    /// [`crate::COMPLAINTS`]. The guest goes on.
    ///
    /// # Errors
    ///
    /// The complaint, with the lines after it and where the log is. A guest that
    /// died otherwise than by being switched off is one too.
    pub fn check_kernel_log(&self) -> Result<()> {
        if !self.process.is_off() {
            self.process.check()?;
            self.catch_up()?;
        }
        self.process.logs.check()
    }

    /// Fails when the kernel has lost memory, if it is one that can tell.
    ///
    /// # Errors
    ///
    /// What was lost, and who allocated it. The guest has died.
    pub fn check_leaks(&self) -> Result<()> {
        let leaks = self.check(LEAKS).context("kmemleak cannot be asked")?;
        if !leaks.is_empty() {
            bail!("the guest's kernel has lost memory:\n{leaks}");
        }
        Ok(())
    }

    /// Ends the guest. Fails when its kernel has complained at any time, or has lost
    /// memory.
    ///
    /// # Errors
    ///
    /// As [`Self::check_kernel_log`] and [`Self::check_leaks`].
    pub fn finish(self) -> Result<()> {
        self.check_kernel_log()?;
        if !self.process.is_off() {
            self.check_leaks()?;
        }
        self.check_kernel_log()
    }

    /// The kernel writes to its console from a thread of its own. When a line that
    /// is written now has come out, so has everything before it.
    fn catch_up(&self) -> Result<()> {
        let marker = format!("vgpu-harness: mark {}", self.agent.next_mark());
        self.check(&format!("echo '{marker}' >/dev/kmsg"))?;
        let end = Instant::now() + scaled(CATCH_UP);
        while !self.console_log().contains(&marker) {
            self.process.check()?;
            if Instant::now() > end {
                bail!(
                    "the guest's console is silent; its log: {}",
                    self.console_path().display()
                );
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}
