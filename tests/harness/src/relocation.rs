// SPDX-License-Identifier: GPL-2.0

//! A guest that goes on in another QEMU.

use std::ffi::OsString;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use qapi::qmp::{self, MigrationStatus, RunState};

use crate::builder::SWAP;
use crate::command::Running;
use crate::guest::Guest;
use crate::patience::scaled;
use crate::process::Qemu;
use crate::qmp::Qmp;
use crate::sockets::{Connections, Sockets, why};

/// What it takes to copy the memory of a guest.
const MIGRATION: Duration = Duration::from_secs(60);
/// What it takes to write it to disk.
const HIBERNATION: Duration = Duration::from_secs(60);
/// Between two looks at how far it is.
const POLL: Duration = Duration::from_millis(10);

impl Guest {
    /// Migrates the guest to a QEMU with the same machine, whose devices are these. They
    /// differ from the guest's in their properties only. Commands that run go on, and so
    /// does the wall-clock limit.
    ///
    /// The guest's time stands still meanwhile: with TCG, memory that changes while it is
    /// copied now and then does so unseen (seen with QEMU 10.0).
    ///
    /// # Errors
    ///
    /// QEMU refuses a device or the migration, or that takes too long.
    pub fn migrate<I>(&self, devices: I) -> Result<()>
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let sockets = Sockets::new()?;
        let uri = format!("unix:{}", sockets.path("migration").display());
        let incoming = ["-incoming".into(), OsString::from(&uri)];
        let (qemu, agent, qmp) = self.start_another(&sockets, devices, incoming)?;
        self.agent.relocate(&self.process, || {
            self.qmp.execute(&qmp::stop {})?;
            if let Err(error) = self.send_memory(uri) {
                self.qmp.execute(&qmp::cont {})?;
                return Err(error);
            }
            self.qmp.replace(qmp);
            self.wait_complete(&qemu)?;
            self.qmp.execute(&qmp::cont {})?;
            self.process.replace(qemu);
            Ok(agent)
        })
    }

    /// Has the guest write itself to the disk that [`GuestBuilder::swap`] gave it, and switch
    /// the machine off. The command ends when the guest is back, after [`Guest::switch_on`].
    ///
    /// [`GuestBuilder::swap`]: crate::GuestBuilder::swap
    ///
    /// # Errors
    ///
    /// It stays on; why is in its console.
    pub fn hibernate(&self) -> Result<Running<'_>> {
        self.check(&format!("mkswap {SWAP} && swapon {SWAP}"))?;
        let mut hibernating = self.spawn("echo disk >/sys/power/state")?;
        let end = Instant::now() + scaled(HIBERNATION);
        loop {
            match hibernating.wait_timeout(POLL) {
                Err(_) if self.process.is_off() => return Ok(hibernating),
                Err(error) => return Err(error),
                Ok(Some(output)) => bail!("it does not hibernate: {}", output.errors()),
                Ok(None) => ensure!(Instant::now() < end, "it takes too long to hibernate"),
            }
        }
    }

    /// Switches the machine on again that the guest has switched off, with these devices. It
    /// boots, unless the kernel finds itself on a disk.
    ///
    /// # Errors
    ///
    /// It still runs, or QEMU refuses a device.
    pub fn switch_on<I>(&self, devices: I) -> Result<()>
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        ensure!(self.process.is_off(), "the guest is not switched off");
        let sockets = Sockets::new()?;
        let (qemu, agent, qmp) = self.start_another(&sockets, devices, [])?;
        self.agent.reconnect(agent)?;
        self.qmp.replace(qmp);
        self.process.replace(qemu);
        Ok(())
    }

    fn start_another<I, const N: usize>(
        &self,
        sockets: &Sockets,
        devices: I,
        arguments: [OsString; N],
    ) -> Result<(Qemu, UnixStream, Qmp)>
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let builder = self.builder.clone().replace_devices(devices);
        let mut command = builder.headless(&self.process.logs, sockets)?;
        command.args(arguments);
        let qemu = self.process.start_another(command)?;
        let check = || self.process.check_another(&qemu);
        let Connections { agent, qmp } = sockets.accept(check)?;
        let qmp = Qmp::new(qmp).map_err(|error| why(error, check))?;
        Ok((qemu, agent, qmp))
    }

    /// Has the guest's QEMU send all that the guest is.
    fn send_memory(&self, uri: String) -> Result<()> {
        self.qmp.execute(&qmp::migrate {
            uri: Some(uri),
            channels: None,
            detach: None,
            resume: None,
        })?;
        let end = Instant::now() + scaled(MIGRATION);
        loop {
            let migration = self.qmp.execute(&qmp::query_migrate {})?;
            match migration.status {
                Some(MigrationStatus::completed) => return Ok(()),
                Some(MigrationStatus::failed) => bail!(
                    "the migration failed: {}",
                    migration.error_desc.unwrap_or_default()
                ),
                _ => {}
            }
            ensure!(Instant::now() < end, "the migration does not end");
            thread::sleep(POLL);
        }
    }

    /// Waits until all of the guest is in that QEMU, which `qmp` is connected to.
    fn wait_complete(&self, qemu: &Qemu) -> Result<()> {
        let end = Instant::now() + scaled(MIGRATION);
        let check = || self.process.check_another(qemu);
        loop {
            let status = self.qmp.execute(&qmp::query_status {});
            if status.map_err(|error| why(error, check))?.status != RunState::inmigrate {
                return Ok(());
            }
            ensure!(Instant::now() < end, "the migration does not end");
            thread::sleep(POLL);
        }
    }
}
