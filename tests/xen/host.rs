// SPDX-License-Identifier: GPL-2.0

//! The host.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use harness::{Artifacts, Guest, Output};

/// What the host may take for all that is done on it.
const LIMIT: Duration = Duration::from_secs(30 * 60);
/// What the host may take to boot. It takes 10 seconds on a machine with nothing
/// else to do.
const BOOT: Duration = Duration::from_secs(180);
/// What a command in dom0 may take: more than any of them gives itself.
const COMMAND: Duration = Duration::from_secs(500);
/// How often the machine is woken up while it is waited for. Where the machine outside
/// is very busy, this one can lose the interrupt of its timer while it has nothing to
/// do, and then sleeps until the next one of anything else (seen with QEMU 10.0: six
/// minutes, and all was well after that).
const WAKE: Duration = Duration::from_secs(3);
/// What a command that was killed may take to end.
const END: Duration = Duration::from_secs(60);
/// What xl may take to start a VM, in seconds. It takes 6 on a machine with
/// nothing else to do.
const START: u32 = 120;

/// Xen's command line. The first serial line is its console, and through it dom0's.
const XEN: &str = "com1=115200,8n1 console=com1 dom0_mem=768M,max:768M dom0_max_vcpus=1 \
                   loglvl=info guest_loglvl=warning noreboot";
/// What HVM guests need of the processor. Debian's Xen has no shadow paging, hence
/// the second.
const FEATURES: &str = "+svm,+npt,+nx";
const MEMORY_MIB: u32 = 2048;

/// A running Xen host.
pub struct Host {
    guest: Guest,
    /// Set when a command in dom0 could not even be killed: the next one would not
    /// end, either.
    stuck: AtomicBool,
}

impl Host {
    /// Boots the host that the environment names, and has vgpu-host set it up. Its logs
    /// go to build/logs/NAME.
    ///
    /// # Errors
    ///
    /// As for any guest of the harness, and a toolstack that does not work.
    pub fn boot(name: &str) -> Result<Self> {
        let xen = Artifacts::from_env()?.kernel.with_file_name("xen");
        let guest = Guest::builder(name)
            .hypervisor(&xen, XEN)
            .features(FEATURES)
            .memory(MEMORY_MIB)
            // With two, which are emulated in turns, all of it takes several times as
            // long: they wait for each other.
            .processors(1)
            .time_limit(LIMIT)
            .boot_limit(BOOT)
            .boot()
            .context("the Xen host does not boot")?;
        let host = Self {
            guest,
            stuck: AtomicBool::new(false),
        };
        host.check("timeout 60 xl list && mkdir -p /run/vgpu-xen")?;
        host.check("/opt/vgpu-host/vgpu-host install")?;
        Ok(host)
    }

    /// Runs a command in dom0.
    ///
    /// # Errors
    ///
    /// The host died, or the command does not end. One that fails is no error.
    pub fn run(&self, command: &str) -> Result<Output> {
        if self.stuck.load(Ordering::SeqCst) {
            bail!("dom0 does not answer; logs: {}", self.logs().display());
        }
        let mut running = self.guest.spawn(command)?;
        let end = Instant::now() + COMMAND;
        while Instant::now() < end {
            if let Some(output) = running.wait_timeout(WAKE)? {
                return Ok(output);
            }
            self.guest.spawn(":")?;
        }
        running.kill()?;
        if running.wait_timeout(END)?.is_none() {
            self.stuck.store(true, Ordering::SeqCst);
        }
        bail!(
            "'{command}' in dom0 has not ended after {} seconds; logs: {}",
            COMMAND.as_secs(),
            self.logs().display()
        );
    }

    /// Runs a command in dom0 that has to succeed, and returns what it wrote.
    ///
    /// # Errors
    ///
    /// As [`Self::run`], and a command that fails.
    pub fn check(&self, command: &str) -> Result<String> {
        let output = self.run(command)?;
        ensure!(
            output.success(),
            "'{command}' failed in dom0: {:?}\n{}\n{}",
            output.end,
            output.text(),
            output.errors()
        );
        Ok(output.text())
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
        // The agent's line is a console of virtio: each byte through an emulated serial
        // port takes more than a millisecond here, and now and then the frontend of one
        // of Xen's own consoles does not find its backend again, which it lets go while
        // it starts (seen with 7.3).
        script += &format!(
            "timeout {START} xl create /etc/xen/vm.cfg 'name=\"{name}\"' \
             'serial=\"file:{console}\"' 'device_model_args_hvm=[ \
             \"-chardev\", \"socket,id=agent,path={agent},server=on,wait=off\", \
             \"-device\", \"virtio-serial-pci,addr=0x8\", \
             \"-device\", \"virtconsole,chardev=agent\"]'"
        );
        self.run(&script)
    }

    /// As [`Self::create`], with a script that runs when the keys are in xenstore and
    /// the device model is not started yet.
    ///
    /// # Errors
    ///
    /// As [`Self::run`].
    pub fn create_meanwhile(
        &self,
        name: &str,
        keys: &[(&str, &str)],
        script: &str,
    ) -> Result<Output> {
        let script = shell_words::quote(script);
        self.check(&format!(
            "printf %s {script} >/run/vgpu-xen/{name}.meanwhile"
        ))?;
        self.create(name, keys)
    }

    /// Fails when Xen or the kernel of dom0 has complained.
    ///
    /// # Errors
    ///
    /// The complaint.
    pub fn check_kernel_log(&self) -> Result<()> {
        self.guest.check_kernel_log()
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
        self.guest.console_path().with_file_name("")
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
