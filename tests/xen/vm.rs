// SPDX-License-Identifier: GPL-2.0

//! A VM on the host.

use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use harness::{COMPLAINTS, Output};

use crate::host::{Host, agent, console};

/// What a VM may take to boot, in seconds. It takes 10 on a machine with nothing
/// else to do.
const BOOT: u32 = 300;
/// What a command in a VM may take, in seconds.
const COMMAND: u32 = 120;
/// The status of vgpu-ask that is none of the command's.
const NO_ANSWER: i32 = 125;

/// A VM. It is destroyed when this is dropped, and its logs are kept.
pub struct Vm {
    host: Arc<Host>,
    name: String,
}

impl Vm {
    /// Starts a VM with keys in its platform map. Returns when its device model
    /// runs; see [`Self::wait_up`].
    ///
    /// # Errors
    ///
    /// xl does not start it.
    pub fn start(host: &Arc<Host>, name: &str, keys: &[(&str, &str)]) -> Result<Self> {
        let vm = Self {
            host: Arc::clone(host),
            name: name.to_owned(),
        };
        let output = host.create(name, keys)?;
        ensure!(
            output.success(),
            "xl does not start '{name}': {}\nlogs: {}",
            output.errors(),
            host.logs().display()
        );
        Ok(vm)
    }

    /// The number of its domain, which changes when it reboots.
    ///
    /// # Errors
    ///
    /// There is no such domain.
    pub fn domid(&self) -> Result<u32> {
        let text = self.host.check(&format!("xl domid {}", self.name))?;
        text.parse().context(text)
    }

    /// Waits until commands can run in the VM.
    ///
    /// # Errors
    ///
    /// It does not boot.
    pub fn wait_up(&self) -> Result<()> {
        let agent = agent(&self.name);
        // The question waits in the line until there is an agent. It is asked again if
        // there is no line yet, or if it went with the domain before a reboot.
        let ask = format!("until vgpu-ask {agent} {COMMAND} true; do sleep 0.2; done");
        let up = self.host.run(&format!("timeout {BOOT} sh -c '{ask}'"))?;
        if !up.success() {
            bail!(
                "'{}' did not boot within {BOOT} seconds: {}\nIts console:\n{}\nlogs: {}",
                self.name,
                up.errors().lines().last().unwrap_or_default(),
                self.console()?,
                self.host.logs().display()
            );
        }
        Ok(())
    }

    /// Runs a command in the VM, as root.
    ///
    /// # Errors
    ///
    /// There is no answer. A command that fails is no error.
    pub fn run(&self, command: &str) -> Result<Output> {
        let agent = agent(&self.name);
        let quoted = shell_words::quote(command);
        let output = self
            .host
            .run(&format!("vgpu-ask {agent} {COMMAND} {quoted}"))?;
        ensure!(
            output.status() != Some(NO_ANSWER),
            "'{command}' in '{}': {}\nlogs: {}",
            self.name,
            output.errors(),
            self.host.logs().display()
        );
        Ok(output)
    }

    /// Runs a command in the VM that has to succeed, and returns what it wrote.
    ///
    /// # Errors
    ///
    /// As [`Self::run`], and a command that fails.
    pub fn check(&self, command: &str) -> Result<String> {
        let output = self.run(command)?;
        ensure!(
            output.success(),
            "'{command}' failed in '{}': {:?}\n{}\n{}",
            self.name,
            output.end,
            output.text(),
            output.errors()
        );
        Ok(output.text())
    }

    /// Waits until a shell condition holds in the VM.
    ///
    /// # Errors
    ///
    /// It does not within a minute.
    pub fn wait_for(&self, condition: &str) -> Result<()> {
        let wait = format!("for i in $(seq 300); do {condition} && exit; sleep 0.2; done; exit 1");
        self.check(&wait)
            .with_context(|| format!("this never came true: {condition}"))?;
        Ok(())
    }

    /// Gives a command to the monitor of the VM's device model.
    ///
    /// # Errors
    ///
    /// xl cannot.
    pub fn monitor(&self, command: &str) -> Result<String> {
        let command = shell_words::quote(command);
        self.host.check(&format!(
            "timeout {COMMAND} xl qemu-monitor-command {} {command}",
            self.name
        ))
    }

    /// Has the guest reboot, and waits until it is up again, in another domain.
    ///
    /// # Errors
    ///
    /// It does not come up.
    pub fn reboot(&self) -> Result<()> {
        let before = self.domid()?;
        // The answer may or may not make it.
        let agent = agent(&self.name);
        self.host
            .run(&format!("vgpu-ask {agent} {COMMAND} reboot"))?;
        let name = &self.name;
        let gone =
            format!("until id=$(xl domid {name}) && [ $id != {before} ]; do sleep 0.2; done");
        self.host
            .check(&format!("timeout {BOOT} sh -c '{gone}' 2>/dev/null"))
            .with_context(|| format!("'{name}' is not started again"))?;
        self.wait_up()
    }

    /// Fails when the kernel of the guest has complained.
    ///
    /// # Errors
    ///
    /// The complaint.
    pub fn check_kernel_log(&self) -> Result<()> {
        // Sought there: an emulated serial line is slow.
        let patterns = COMPLAINTS.join("\n");
        let patterns = shell_words::quote(&patterns);
        let found = self.check(&format!("dmesg | grep -F {patterns} | head -n 20"))?;
        ensure!(found.is_empty(), "the guest's kernel complains:\n{found}");
        Ok(())
    }

    /// The end of what the guest has written to its console.
    fn console(&self) -> Result<String> {
        self.host
            .check(&format!("tail -n 20 {}", console(&self.name)))
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        let name = &self.name;
        self.host
            .keep(&console(name), &format!("{name}.console.log"));
        let xl = format!("/var/log/xen/xl-{name}.log");
        self.host.keep(&xl, &format!("{name}.xl.log"));
        let dm = format!("/var/log/xen/qemu-dm-{name}.log");
        self.host.keep(&dm, &format!("{name}.qemu-dm.log"));
        // Fails if it was never started.
        let _ = self
            .host
            .run(&format!("timeout {COMMAND} xl destroy {name}"));
    }
}
