// SPDX-License-Identifier: GPL-2.0

//! A guest to be, and the command line that makes it.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use anyhow::Result;
use rustix::termios::tcgetwinsize;

use crate::artifacts::Artifacts;
use crate::devices;
use crate::logs::Logs;
use crate::machine::Machine;
use crate::patience::scaled;
use crate::process::Process;
use crate::sockets::Sockets;

/// What a boot takes at most. The guest's own limit may be shorter.
pub(crate) const BOOT: Duration = Duration::from_secs(60);

/// What a guest may take, unless its builder says otherwise: many times what a
/// boot needs on a busy machine.
const LIMIT: Duration = Duration::from_secs(120);

/// The processor. Not `max`: with XSAVE, TCG now and then loses registers of a
/// process or a whole boot.
const CPU: &str = "qemu64,+ssse3,+sse4.1,+sse4.2,+popcnt,+x2apic";

/// The emulation. The two processors of a guest take turns in one thread: with a
/// thread for each, on a machine that is busy, one of them now and then sleeps
/// through its timer for good (seen with QEMU 10.0). It is not slower either,
/// where as many guests run as there are cores.
const ACCEL: &str = "tcg,thread=single";
/// One thread for each processor.
const ACCEL_PARALLEL: &str = "tcg,thread=multi";

/// The kernel's command line.
///
/// Only warnings go to the console while it boots; the guest's rc turns the rest
/// on. Two things an emulated machine pays for and has no use for: the tests that
/// the crypto API runs on itself, and mitigations. Two more are about the
/// clocks of a machine whose host is busy: a test of the timer's interrupt, which the
/// kernel panics over when ticks come late, and a watch over the TSC, which it warns of.
const KERNEL_ARGUMENTS: &str = "loglevel=5 mitigations=off cryptomgr.notests no_timer_check \
                                tsc=nowatchdog";

/// The kernel's console, and the one that a hypervisor has for its first domain.
const CONSOLE: &str = "console=ttyS0";
const CONSOLE_OF_HYPERVISOR: &str = "console=hvc0";

/// The only disk of a guest, in the guest. Debian's kernel for clouds has its driver built in.
pub(crate) const SWAP: &str = "/dev/nvme0n1";

/// What a guest has, unless its builder says otherwise.
const MEMORY_MIB: u32 = 512;
const PROCESSORS: u32 = 2;

/// Everything that makes a guest different from the next. Made by
/// [`Guest::builder`](crate::Guest::builder).
#[derive(Clone, Debug)]
pub struct GuestBuilder {
    pub(crate) name: String,
    pub(crate) machine: Machine,
    devices: Vec<String>,
    qemu_arguments: Vec<OsString>,
    kernel_arguments: Vec<String>,
    hypervisor: Option<(PathBuf, String)>,
    features: String,
    memory: u32,
    processors: u32,
    accel: &'static str,
    limit: Duration,
    boot_limit: Duration,
    cancel: Option<Arc<AtomicUsize>>,
    artifacts: Option<Artifacts>,
}

impl GuestBuilder {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            machine: Machine::default(),
            devices: Vec::new(),
            qemu_arguments: Vec::new(),
            kernel_arguments: Vec::new(),
            hypervisor: None,
            features: String::new(),
            memory: MEMORY_MIB,
            processors: PROCESSORS,
            accel: ACCEL,
            limit: LIMIT,
            boot_limit: BOOT,
            cancel: None,
            artifacts: None,
        }
    }

    /// The machine type; pc when not called.
    #[must_use]
    pub fn machine(mut self, machine: Machine) -> Self {
        self.machine = machine;
        self
    }

    /// Adds a device, by the properties that follow `-device vgpu-stub,`; another
    /// driver's name may stand before them. Without `id=` and `bus=` the first one
    /// is `vgpu0` at 00:06.0, the second `vgpu1` at 00:07.0, and so on.
    #[must_use]
    pub fn device(mut self, device: &str) -> Self {
        self.devices.push(device.to_owned());
        self
    }

    /// Adds devices.
    #[must_use]
    pub fn devices<I>(mut self, devices: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.devices.extend(devices.into_iter().map(Into::into));
        self
    }

    /// Adds arguments to QEMU's command line, after all others.
    #[must_use]
    pub fn qemu_arguments<I>(mut self, arguments: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<OsString>,
    {
        self.qemu_arguments
            .extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Adds to the kernel's command line.
    #[must_use]
    pub fn kernel_arguments(mut self, arguments: &str) -> Self {
        self.kernel_arguments.push(arguments.to_owned());
        self
    }

    /// Boots a hypervisor, a multiboot image with its own command line, which
    /// starts the kernel as its first domain. What both write to their console is
    /// the guest's console.
    #[must_use]
    pub fn hypervisor(mut self, image: &Path, arguments: &str) -> Self {
        self.hypervisor = Some((image.to_owned(), arguments.to_owned()));
        self
    }

    /// Gives the guest a file of the host as its disk, for [`Guest::hibernate`](crate::Guest::hibernate).
    #[must_use]
    pub fn swap(self, file: &Path) -> Self {
        let drive = format!("if=none,id=swap,format=raw,file={}", quoted(file));
        self.qemu_arguments(["-drive", &drive])
            .qemu_arguments(["-device", "nvme,drive=swap,serial=swap"])
            // Compressing takes an emulated processor longer than writing more.
            .kernel_arguments(&format!("vgpu.resume={SWAP} hibernate=nocompress"))
    }

    /// Adds features to the processor, as in `+svm,+npt`.
    #[must_use]
    pub fn features(mut self, features: &str) -> Self {
        self.features = format!("{},{features}", self.features);
        self
    }

    /// How much memory the guest has; 512 MiB when not called.
    #[must_use]
    pub fn memory(mut self, mib: u32) -> Self {
        self.memory = mib;
        self
    }

    /// How many processors the guest has; two when not called.
    #[must_use]
    pub fn processors(mut self, number: u32) -> Self {
        self.processors = number;
        self
    }

    /// Runs the processors at the same time, each in a thread of its own; they take
    /// turns when not called.
    #[must_use]
    pub fn parallel(mut self) -> Self {
        self.accel = ACCEL_PARALLEL;
        self
    }

    /// How long the guest may live on the wall clock; two minutes when not called.
    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// How long the guest may take to boot; a minute when not called.
    #[must_use]
    pub fn boot_limit(mut self, limit: Duration) -> Self {
        self.boot_limit = limit;
        self
    }

    /// Ends every wait for the guest once `signal` is not 0, as
    /// `signal_hook::flag::register_usize` makes it.
    #[must_use]
    pub fn cancelled_by(mut self, signal: Arc<AtomicUsize>) -> Self {
        self.cancel = Some(signal);
        self
    }

    /// Makes the guest of `artifacts`; of those of the environment when not called.
    #[must_use]
    pub fn artifacts(mut self, artifacts: Artifacts) -> Self {
        self.artifacts = Some(artifacts);
        self
    }

    /// The same guest with other devices.
    pub(crate) fn replace_devices<I>(mut self, devices: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.devices.clear();
        self.devices(devices)
    }

    /// QEMU, with the harness at the other end of the guest's serial lines and of QMP.
    pub(crate) fn headless(&self, logs: &Logs, sockets: &Sockets) -> Result<Command> {
        let artifacts = self.chosen_artifacts()?;
        let mut command = self.command(&artifacts)?;
        command.args(self.kernel(&artifacts, ""));
        command.args(["-display", "none"]);
        // A guest may be in one QEMU after the other.
        let console = format!("file,id=console,append=on,path={}", quoted(&logs.console()));
        command.args(["-chardev", &console, "-serial", "chardev:console"]);
        for name in Sockets::NAMES {
            let socket = format!("socket,id={name},path={}", quoted(&sockets.path(name)));
            command.args(["-chardev", &socket]);
        }
        command.args(["-serial", "chardev:agent"]);
        command.args(["-mon", "chardev=qmp,mode=control"]);
        command.args(&self.qemu_arguments);
        let log = File::options().append(true).open(logs.qemu())?;
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            // Ctrl-C is for the harness, which ends the guest in its own way.
            .process_group(0);
        Ok(command)
    }

    /// Starts it.
    pub(crate) fn process(&self, command: Command, logs: Logs) -> Result<Process> {
        let limit = Some(scaled(self.limit));
        Process::start(command, logs, limit, self.cancel.clone())
    }

    /// How long the guest may take to boot.
    pub(crate) fn longest_boot(&self) -> Duration {
        scaled(self.boot_limit)
    }

    /// Runs the guest with its console on this process's terminal until it is
    /// switched off or QEMU is told to quit. The console's log is kept as well.
    ///
    /// # Errors
    ///
    /// Something of [`Artifacts`] is missing, or QEMU cannot be started. What QEMU
    /// says itself goes to stderr.
    pub fn interact(self) -> Result<ExitStatus> {
        let artifacts = self.chosen_artifacts()?;
        let logs = Logs::new(&self.name)?;
        let mut command = self.command(&artifacts)?;
        command.args(self.kernel(&artifacts, &shell_argument()));
        command.args(["-display", "none"]);
        let console = format!(
            "stdio,id=console,mux=on,signal=off,logfile={}",
            quoted(&logs.console())
        );
        command.args(["-chardev", &console, "-serial", "chardev:console"]);
        command.args(["-mon", "chardev=console", "-serial", "null"]);
        command.args(&self.qemu_arguments);
        Process::start(command, logs, None, None)?.wait_forever()
    }

    fn chosen_artifacts(&self) -> Result<Artifacts> {
        self.artifacts.clone().map_or_else(Artifacts::from_env, Ok)
    }

    /// QEMU and the machine, without its serial lines.
    fn command(&self, artifacts: &Artifacts) -> Result<Command> {
        let mut command = Command::new(&artifacts.qemu);
        command.args(["-nodefaults", "-no-user-config"]);
        command.args(["-machine", self.machine.name()]);
        command.args(["-accel", self.accel, "-smp", &self.processors.to_string()]);
        command.args(["-cpu", &format!("{CPU}{}", self.features)]);
        command.args(["-m", &self.memory.to_string()]);
        for plugin in &artifacts.plugins {
            command.arg("-plugin").arg(plugin);
        }
        command.args(self.machine.bridges());
        command.args(["-global", &devices::defaults()?]);
        for (index, device) in self.devices.iter().enumerate() {
            let device = devices::argument(device, index, self.machine)?;
            command.args(["-device", &device]);
        }
        Ok(command)
    }

    fn kernel(&self, artifacts: &Artifacts, more: &str) -> [OsString; 6] {
        let console = match self.hypervisor {
            Some(_) => CONSOLE_OF_HYPERVISOR,
            None => CONSOLE,
        };
        let mut arguments = vec![console, KERNEL_ARGUMENTS];
        arguments.extend(self.kernel_arguments.iter().map(String::as_str));
        arguments.extend([more].into_iter().filter(|more| !more.is_empty()));
        let arguments = arguments.join(" ");

        let (image, modules, arguments) = match &self.hypervisor {
            None => (
                artifacts.kernel.clone(),
                artifacts.initramfs.clone().into(),
                arguments,
            ),
            Some((image, own)) => {
                let kernel = quoted(&artifacts.kernel);
                let initramfs = quoted(&artifacts.initramfs);
                let arguments = arguments.replace(',', ",,");
                let modules = format!("{kernel} {arguments},{initramfs}");
                (image.clone(), modules.into(), own.clone())
            }
        };
        [
            "-kernel".into(),
            image.into(),
            "-initrd".into(),
            modules,
            "-append".into(),
            arguments.into(),
        ]
    }
}

/// Asks for a shell on the console, of the size of the terminal: a serial line has
/// no way to tell.
fn shell_argument() -> String {
    match tcgetwinsize(io::stdin()) {
        Ok(size) if size.ws_row > 0 && size.ws_col > 0 => {
            format!("vgpu.shell={}x{}", size.ws_row, size.ws_col)
        }
        _ => "vgpu.shell=24x80".to_owned(),
    }
}

/// A path within an option of QEMU, where a comma separates and two are one.
fn quoted(path: &Path) -> String {
    path.display().to_string().replace(',', ",,")
}

#[cfg(test)]
mod tests;
