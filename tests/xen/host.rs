// SPDX-License-Identifier: GPL-2.0

//! The host.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use harness::{Artifacts, Guest, Output};

/// What the host may take for all that is done on it.
const LIMIT: Duration = Duration::from_secs(30 * 60);
/// What xl may take to start a VM, in seconds. It takes 3 on a machine with
/// nothing else to do.
const START: u32 = 120;

/// Xen's command line. The first serial line is its console, and through it dom0's.
const XEN: &str = "com1=115200,8n1 console=com1 dom0_mem=1G,max:1G dom0_max_vcpus=1 \
                   loglvl=info guest_loglvl=warning noreboot";
/// What HVM guests need of the processor. Debian's Xen has no shadow paging, hence
/// the second.
const FEATURES: &str = "+svm,+npt,+nx";
const MEMORY_MIB: u32 = 3072;

/// A running Xen host.
pub struct Host(Guest);

impl Host {
    /// Boots the host that the environment names.
    ///
    /// # Errors
    ///
    /// As for any guest of the harness, and a toolstack that does not work.
    pub fn boot() -> Result<Self> {
        let xen = Artifacts::from_env()?.kernel.with_file_name("xen");
        let guest = Guest::builder("xen-host")
            .hypervisor(&xen, XEN)
            .features(FEATURES)
            .memory(MEMORY_MIB)
            // Half of what is done with two is to wait for each other: it takes several
            // times as long.
            .processors(1)
            .time_limit(LIMIT)
            .boot()
            .context("the Xen host does not boot")?;
        let host = Self(guest);
        host.check("timeout 60 xl list && mkdir -p /run/vgpu-xen")?;
        Ok(host)
    }

    /// Runs a command in dom0.
    ///
    /// # Errors
    ///
    /// The host died or used up its time. A command that fails is no error.
    pub fn run(&self, command: &str) -> Result<Output> {
        self.0.run(command)
    }

    /// Runs a command in dom0 that has to succeed, and returns what it wrote.
    ///
    /// # Errors
    ///
    /// As [`Self::run`], and a command that fails.
    pub fn check(&self, command: &str) -> Result<String> {
        self.0.check(command)
    }

    /// What is in the log where operators look, from any program that matches.
    ///
    /// # Errors
    ///
    /// As [`Self::run`].
    pub fn log(&self, pattern: &str) -> Result<String> {
        let pattern = shell_words::quote(pattern);
        let command = format!("grep -e {pattern} /var/log/daemon.log");
        Ok(self.run(&command)?.text())
    }

    /// Has xl start a VM with keys in its platform map, and says how that ended.
    ///
    /// # Errors
    ///
    /// As [`Self::run`].
    pub fn create(&self, name: &str, keys: &[(&str, &str)]) -> Result<Output> {
        let map = format!("/etc/xen/platform/{name}");
        let mut script = format!("set -e; rm -rf {map}; mkdir -p {map}\n");
        for (key, value) in keys {
            let value = shell_words::quote(value);
            script += &format!("printf %s {value} >{map}/{key}\n");
        }
        let console = console(name);
        let agent = agent(name);
        script += &format!(
            "timeout {START} xl create /etc/xen/vm.cfg 'name=\"{name}\"' \
             'serial=[\"file:{console}\",\"unix:{agent},server=on,wait=off\"]'"
        );
        self.run(&script)
    }

    /// Keeps a file of dom0 with the logs of the host.
    pub(crate) fn keep(&self, file: &str, name: &str) {
        // What cannot be had any more is not what a test fails of.
        if let Ok(text) = self.check(&format!("cat {file}")) {
            let _ = fs::write(self.logs().join(name), text);
        }
    }

    /// Where the logs are.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.0.console_path().with_file_name("")
    }

    /// Fails when the kernel of dom0 has complained.
    ///
    /// # Errors
    ///
    /// The complaint.
    pub fn check_kernel_log(&self) -> Result<()> {
        self.0.check_kernel_log()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.keep("/var/log/daemon.log", "daemon.log");
    }
}

/// Where a VM's console goes in dom0.
pub(crate) fn console(name: &str) -> String {
    format!("/var/log/xen/{name}.console")
}

/// Where in dom0 the agent of a VM can be asked.
pub(crate) fn agent(name: &str) -> String {
    format!("/run/vgpu-xen/{name}.agent")
}
