// SPDX-License-Identifier: GPL-2.0

//! What has to hold of a device again after it was reset, replaced or moved: it shows
//! what it is, it completes commands, and those from revision 2 on interrupt for them and
//! for the next change.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use harness::{Guest, Running, scaled};
use vm_tests::{name_of, wait_for};

const SCRIPT: &str = include_str!("../../recovery.sh");

/// How soon a device has to show what it is.
const SOON: Duration = Duration::from_secs(2);
/// How many commands a device is given at a time.
const COMMANDS: u32 = 3;
/// How much longer all of them may take than the device does, on a busy machine. If nobody
/// was woken up by an interrupt, each would take a second.
const OVERHEAD: Duration = Duration::from_millis(1900);
/// How much longer one may take whose interrupt is lost: that second, and the same again.
const UNHEARD: Duration = Duration::from_millis(2500);
/// How long somebody waits for a command that outlives something, or is lost.
const TIMEOUT: Duration = Duration::from_secs(60);

/// What QEMU is told of a device.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Properties {
    pub(crate) id: &'static str,
    pub(crate) revision: u32,
    pub(crate) pool: &'static str,
    pub(crate) priority: &'static str,
    pub(crate) vm_id: u32,
    /// What a command takes.
    pub(crate) latency: Duration,
    /// Others, each with a comma before it.
    pub(crate) others: &'static str,
}

/// A device of revision 1.
pub(crate) const REVISION_1: Properties = Properties {
    id: "first",
    revision: 1,
    pool: "A",
    priority: "low",
    vm_id: 1,
    latency: Duration::ZERO,
    others: "",
};

/// One of revision 2, which interrupts by MSI-X.
pub(crate) const REVISION_2: Properties = Properties {
    id: "second",
    revision: 2,
    latency: Duration::from_millis(20),
    ..REVISION_1
};

/// One that interrupts by its pin.
pub(crate) const WITHOUT_MSIX: Properties = Properties {
    id: "pin",
    others: ",msix=off",
    ..REVISION_2
};

/// One that is busy for good with the first command that it is given.
pub(crate) const BUSY: Properties = Properties {
    id: "busy",
    latency: Duration::from_secs(3600),
    ..REVISION_2
};

impl Properties {
    /// Returns the device as QEMU takes it, without its place.
    pub(crate) fn argument(&self) -> String {
        let Properties {
            id,
            revision,
            pool,
            priority,
            vm_id,
            latency,
            others,
        } = self;
        let latency = latency.as_micros();
        format!(
            "id={id},revision={revision},pool_id={pool},priority={priority},vm_id={vm_id},\
             command-latency-us={latency}{others}"
        )
    }
}

/// A device of a guest, bound to the driver, and what it has to be.
pub(crate) struct Device<'a> {
    guest: &'a Guest,
    pub(crate) properties: Properties,
    /// From revision 2 on.
    pub(crate) generation: u32,
    /// Its PCI address.
    pub(crate) address: String,
}

/// Commands that were completed.
struct Completed {
    took: Duration,
    /// As often as readers of the node were told.
    told: u32,
    /// Of the device, so far.
    interrupts: u32,
}

impl<'a> Device<'a> {
    /// Takes the device with this PCI address in the guest.
    pub(crate) fn new(guest: &'a Guest, properties: Properties, address: &str) -> Result<Self> {
        guest.check(&format!("cat >/tmp/recovery.sh <<'END'\n{SCRIPT}\nEND"))?;
        Ok(Device {
            guest,
            properties,
            generation: 0,
            address: address.to_owned(),
        })
    }

    fn has_interrupts(&self) -> bool {
        self.properties.revision >= 2
    }

    /// The name that the driver gave it.
    pub(crate) fn name(&self) -> Result<String> {
        name_of(self.guest, &self.address)
    }

    /// Writes to a file, by its path from the PCI device's directory.
    pub(crate) fn write(&self, file: &str, text: &str) -> Result<()> {
        let path = format!("/sys/bus/pci/devices/{}/{file}", self.address);
        self.guest.check(&format!("echo {text} >{path}"))?;
        Ok(())
    }

    /// Writes to the configuration space, as setpci takes it.
    pub(crate) fn configure(&self, assignment: &str) -> Result<()> {
        let address = &self.address;
        self.guest
            .check(&format!("setpci -s {address} {assignment}"))?;
        Ok(())
    }

    /// Writes to a register beside the driver. The guest's kernel has to be told to allow
    /// that: `iomem=relaxed`.
    pub(crate) fn write_register(&self, register: u32, value: u32) -> Result<()> {
        self.guest.check(&format!(
            "read start _ </sys/bus/pci/devices/{}/resource
             busybox devmem $((start + {register})) 32 {value}",
            self.address
        ))?;
        Ok(())
    }

    /// Runs `recovery.sh`, and returns the numbers that it prints.
    fn script(&self, what: &str, arguments: &str) -> Result<Vec<u32>> {
        let address = &self.address;
        let said = self
            .guest
            .check(&format!("sh /tmp/recovery.sh {what} {address} {arguments}"))
            .with_context(|| format!("device '{}'", self.properties.id))?;
        let numbers = said.split_whitespace().map(str::parse);
        numbers.collect::<Result<_, _>>().context(said)
    }

    /// Fails unless it shows soon what it is, by each way there is. Returns how often it
    /// has interrupted.
    pub(crate) fn shows_its_identity(&self) -> Result<u32> {
        let Properties {
            pool,
            priority,
            vm_id,
            ..
        } = self.properties;
        let limit = scaled(SOON).as_millis() / 10;
        let mut arguments = format!("{limit} {pool} {priority} {vm_id}");
        if self.has_interrupts() {
            arguments += &format!(" {}", self.generation);
        }
        match self.script("shows", &arguments)?[..] {
            [interrupts] => Ok(interrupts),
            _ => bail!("this is no number of interrupts"),
        }
    }

    /// Fails unless `number` commands are completed.
    fn completes(&self, number: u32) -> Result<Completed> {
        let said = self.script("completes", &number.to_string())?;
        let [took, told, interrupts] = said[..] else {
            bail!("these are no three numbers: {said:?}")
        };
        Ok(Completed {
            took: Duration::from_millis(u64::from(took) * 10),
            told,
            interrupts,
        })
    }

    /// Fails unless all is as it should be: it shows what it is, it completes commands and,
    /// if it can, interrupts for each of them and for a change by the host.
    pub(crate) fn is_right(&mut self) -> Result<()> {
        let Properties { latency, id, .. } = self.properties;
        let before = self.shows_its_identity()?;
        let Completed {
            took,
            told,
            interrupts,
        } = self.completes(COMMANDS)?;
        if self.has_interrupts() {
            let more = interrupts - before;
            ensure!(
                (more, told) == (COMMANDS, COMMANDS),
                "{id}: {COMMANDS} commands took {took:?}; {more} interrupts, {told} told"
            );
        }
        let limit = scaled(latency * COMMANDS + OVERHEAD);
        ensure!(took <= limit, "{id}: {COMMANDS} commands took {took:?}");
        if self.has_interrupts() {
            self.change()?;
            let more = self.shows_its_identity()? - interrupts;
            ensure!(more == 1, "{id}: {more} interrupts for a change");
        }
        Ok(())
    }

    /// Has the host change it, and returns at once.
    pub(crate) fn change(&mut self) -> Result<()> {
        self.properties.vm_id += 1;
        self.generation += 1;
        let path = format!("/machine/peripheral/{}", self.properties.id);
        self.guest
            .qmp()
            .qom_set(&path, "vm_id", self.properties.vm_id)
    }

    /// Fails unless a command is completed that the guest is not interrupted for, and readers
    /// of the node are told of it.
    pub(crate) fn completes_unheard(&self) -> Result<()> {
        let Completed { took, told, .. } = self.completes(1)?;
        let (id, limit) = (self.properties.id, self.properties.latency + UNHEARD);
        ensure!(took <= scaled(limit), "{id}: a command took {took:?}");
        if self.has_interrupts() {
            ensure!(told == 1, "{id}: nobody is told of the command");
        }
        Ok(())
    }

    /// Submits a command, and returns when the device is busy with it.
    pub(crate) fn start_command(&self) -> Result<Running<'a>> {
        let (name, timeout) = (self.name()?, TIMEOUT.as_secs());
        let command = format!("exec vgpuinfo command 0x77 {name} --timeout {timeout}");
        let command = self.guest.spawn(&command)?;
        // BUSY, and nothing else.
        let is_busy = format!("grep -q 0x00000002 /sys/class/vgpu/{name}/status");
        wait_for(self.guest, &is_busy)?;
        Ok(command)
    }

    /// Fails unless a command is completed that the guest is not interrupted for. Calls
    /// `then` when the device is done with it.
    pub(crate) fn completes_unheard_and(&self, then: impl FnOnce() -> Result<()>) -> Result<()> {
        let name = self.name()?;
        let completed = format!("cat /sys/class/vgpu/{name}/commands_completed");
        let before = self.guest.check(&completed)?;
        let command = format!("exec vgpuinfo command 0x77 {name}");
        let mut command = self.guest.spawn(&command)?;
        wait_for(self.guest, &format!("[ $({completed}) != {before} ]"))?;
        then()?;
        let output = command.wait_timeout(UNHEARD)?;
        let output = output.context("the command still waits")?;
        ensure!(output.success(), "{}", output.errors());
        Ok(())
    }
}

/// Takes the devices of a guest that are in the slots from 6 on, where the harness puts
/// them.
pub(crate) fn in_slots<'a>(guest: &'a Guest, devices: &[Properties]) -> Result<Vec<Device<'a>>> {
    let found = devices
        .iter()
        .zip(6..)
        .map(|(device, slot)| Device::new(guest, *device, &format!("0000:00:{slot:02x}.0")));
    found.collect()
}

/// Fails unless the submitter of a command that was lost is told so at once, and not that
/// time ran out or that a signal came.
pub(crate) fn is_told_of_its_loss(mut command: Running<'_>) -> Result<()> {
    /// As vgpuinfo exits.
    const TIMED_OUT: Option<i32> = Some(7);
    let output = command.wait_timeout(SOON)?;
    let output = output.context("somebody still waits for a command that was lost")?;
    ensure!(!output.success(), "it was completed: {output:?}");
    let said = output.errors();
    ensure!(
        output.status() != TIMED_OUT && !said.contains("signal"),
        "{said}"
    );
    Ok(())
}
