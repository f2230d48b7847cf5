// SPDX-License-Identifier: GPL-2.0

//! The links of one VM: its key, its domain, the arguments of its device model, and
//! its devices as the PCI bus and the guest's memory have them.

use std::ops::ControlFlow;

use serde_json::json;
use vgpu::{PoolId, uapi};
use vgpu_cli::Finding;
use vgpu_host::{Device, Messages, device, keys};

use crate::dom0::resident::Resident;
use crate::dom0::running::{self, OnBus, Running};
use crate::dom0::tree::Tree;
use crate::dom0::vm::devices;
use crate::dom0::xe::Xe;
use crate::failure::Failure;

/// The lines, in order, and how each is checked.
const LINES: [(&str, &str); 7] = [
    ("key", "xe vm-param-get param-name=platform"),
    (
        "domain",
        "xe vm-param-get of resident-on and dom-id; xenstore-read /local/domain/ID/vm",
    ),
    ("arguments", "the device model's command line in /proc"),
    ("bus", "QMP query-pci; in the guest: lspci -d 1af4:1111"),
    ("bar", "QMP query-pci; in the guest: lspci -v -d 1af4:1111"),
    (
        "registers",
        "QMP xp at the address of BAR0; in the guest: vgpuinfo doctor",
    ),
    (
        "properties",
        "QMP qom-get, the registers and the key; in the guest: vgpuinfo",
    ),
];

const START: &str = "start the VM";
const RESTART: &str = "reboot the VM";
const ATTACH: &str = "vgpu-host attach gives it one";

/// The findings of a VM; what comes after a link that is broken is not known.
pub(super) fn findings(
    xe: &Xe,
    tree: &Tree,
    vm: Option<&(String, Option<Resident>)>,
) -> Result<Vec<Finding>, Failure> {
    let mut chain = Chain {
        findings: Vec::new(),
    };
    let hint = match vm {
        None => "name a VM",
        Some((uuid, resident)) => match chain.follow(xe, tree, uuid, resident.as_ref())? {
            ControlFlow::Continue(()) => "",
            ControlFlow::Break(hint) => hint,
        },
    };
    for (name, how) in LINES.iter().skip(chain.findings.len()) {
        let unknown = Finding::unknown(name, "not checked", hint);
        chain.findings.push(unknown.by(*how));
    }
    Ok(chain.findings)
}

struct Chain {
    findings: Vec<Finding>,
}

/// The hint for the lines that cannot be checked any more.
type Step<T = ()> = Result<ControlFlow<&'static str, T>, Failure>;

/// Goes on with what a step gives, if it gives something.
macro_rules! step {
    ($step:expr) => {
        match $step? {
            ControlFlow::Continue(value) => value,
            ControlFlow::Break(hint) => return Ok(ControlFlow::Break(hint)),
        }
    };
}

impl Chain {
    fn follow(&mut self, xe: &Xe, tree: &Tree, uuid: &str, resident: Option<&Resident>) -> Step {
        let expected = step!(self.key(xe, uuid));
        let resident = step!(self.domain(xe, uuid, resident));
        step!(self.arguments(tree, resident, &expected));
        let mut running = match Running::connect(tree, resident) {
            Ok(running) => running,
            Err(failure) => {
                return Ok(self.broken(failure.to_string(), "see that QEMU runs, and try again"));
            }
        };
        let found = step!(self.bus(&mut running, expected.len()));
        step!(self.bar(&found));
        let registers = step!(self.registers(&mut running, &found));
        self.properties(&mut running, &expected, &registers)
    }

    fn key(&mut self, xe: &Xe, uuid: &str) -> Step<Vec<Device>> {
        Ok(match devices(xe, uuid) {
            Ok(found) if found.is_empty() => self.broken("the VM has no device", ATTACH),
            Ok(found) => {
                self.good(keys::format_typed(&found));
                ControlFlow::Continue(found)
            }
            Err(failure @ Failure::BadKey { .. }) => {
                self.broken(failure.to_string(), "vgpu-host attach sets what is right")
            }
            Err(failure) => return Err(failure),
        })
    }

    fn domain<'a>(
        &mut self,
        xe: &Xe,
        uuid: &str,
        resident: Option<&'a Resident>,
    ) -> Step<&'a Resident> {
        let state = xe.get(uuid, "power-state")?;
        Ok(match resident {
            Some(resident) => {
                let domain = resident.domain();
                self.good(format!("the VM is {state}, domain {domain} of this host"));
                ControlFlow::Continue(resident)
            }
            None => self.broken(format!("the VM is {state}, in no domain"), START),
        })
    }

    fn arguments(&mut self, tree: &Tree, vm: &Resident, expected: &[Device]) -> Step {
        let Some(words) = running::arguments(tree, vm)? else {
            return Ok(self.broken(format!("domain {} has no QEMU", vm.domain()), RESTART));
        };
        let given: Vec<&str> = words
            .windows(2)
            .filter(|pair| pair[0] == "-device" && is_ours(&pair[1]))
            .map(|pair| pair[1].as_str())
            .collect();
        let as_given = |(number, it): (usize, &Device)| {
            let begin = format!("{},", it.argument(number));
            given
                .get(number)
                .is_some_and(|words| words.starts_with(&begin))
        };
        let all = given.len() == expected.len() && expected.iter().enumerate().all(as_given);
        // Live changes do not show there: they are for the last line.
        Ok(match (given.len(), all) {
            (0, _) => self.broken("QEMU was started without devices", RESTART),
            (count, _) if count != expected.len() => self.broken(
                format!(
                    "QEMU was started with {count} devices, and the key has {}",
                    expected.len()
                ),
                RESTART,
            ),
            (_, all) => {
                let since = if all {
                    ""
                } else {
                    ", and the key was changed since"
                };
                self.good(format!("-device {}{since}", given.join(" -device ")));
                ControlFlow::Continue(())
            }
        })
    }

    fn bus(&mut self, running: &mut Running, count: usize) -> Step<Vec<OnBus>> {
        let mut found = Vec::new();
        for number in 0..count {
            let id = device::id(number);
            let Some(it) = running.on_bus(number)? else {
                return Ok(self.broken(format!("{id} is not on the PCI bus"), RESTART));
            };
            let expected = [
                uapi::VGPU_PCI_VENDOR_ID,
                uapi::VGPU_PCI_DEVICE_ID,
                uapi::VGPU_PCI_CLASS,
            ];
            if [it.vendor, it.device, it.class] != expected.map(u64::from) {
                let what = format!(
                    "{id} is {:04x}:{:04x}, class {:04x}, and no processing accelerator 1af4:1111",
                    it.vendor, it.device, it.class
                );
                return Ok(self.broken(what, "see who started this QEMU"));
            }
            found.push(it);
        }
        let slots: Vec<String> = found
            .iter()
            .map(|it| format!("00:{:02x}.0", it.slot))
            .collect();
        self.good(format!(
            "processing accelerator 1af4:1111 at {}",
            slots.join(" and ")
        ));
        Ok(ControlFlow::Continue(found))
    }

    fn bar(&mut self, found: &[OnBus]) -> Step {
        for (number, it) in found.iter().enumerate() {
            if it.size != Some(uapi::VGPU_BAR0_SIZE.into()) {
                let size = it
                    .size
                    .map_or("none".into(), |size| format!("{size} bytes"));
                let what = format!(
                    "BAR0 of {} is not of 4096 bytes: {size}",
                    device::id(number)
                );
                return Ok(self.broken(what, "build the package of this vgpu-host"));
            }
        }
        self.good("BAR0 has 4096 bytes");
        Ok(ControlFlow::Continue(()))
    }

    fn registers(&mut self, running: &mut Running, found: &[OnBus]) -> Step<Vec<Vec<u32>>> {
        // From the first register to the identity's last one.
        let count = uapi::VGPU_REG_VM_ID as usize / 4 + 1;
        let mut all = Vec::new();
        let mut shown = Vec::new();
        for (number, it) in found.iter().enumerate() {
            let id = device::id(number);
            let Some(address) = it.address else {
                let hint = "wait until the guest has set up its PCI bus, then try again";
                return Ok(self.broken(format!("the guest has {id} nowhere in its memory"), hint));
            };
            let Some(words) = running.words(address, count)? else {
                let what = format!("{id} does not answer at {address:#x}");
                return Ok(self.broken(what, "see the log of QEMU"));
            };
            let hex: Vec<String> = words.iter().map(|word| format!("{word:#x}")).collect();
            shown.push(format!("{} at {address:#x}", hex.join(" ")));
            all.push(words);
        }
        self.good(shown.join(", "));
        Ok(ControlFlow::Continue(all))
    }

    fn properties(
        &mut self,
        running: &mut Running,
        expected: &[Device],
        registers: &[Vec<u32>],
    ) -> Step {
        for (number, (it, words)) in expected.iter().zip(registers).enumerate() {
            let id = device::id(number);
            // What has no such property is what there was before.
            let found = running.property(number, "revision")?.unwrap_or(1.into());
            let wanted = it.revision.number();
            if found != wanted {
                let what = format!("{id}: its revision is {found}, and {wanted} in the key");
                return Ok(self.broken(what, RESTART));
            }
            for (name, value) in [
                ("msix", json!(it.msix.name())),
                ("command-latency-us", json!(it.command_latency_us)),
                (
                    "chardev",
                    match it.messages {
                        Messages::On => json!(device::chardev(number)),
                        Messages::Off => json!(""),
                    },
                ),
            ] {
                let found = running.property(number, name)?;
                if found.as_ref().is_some_and(|found| *found != value) {
                    let found = found.unwrap_or_default();
                    let what = format!("{id}: {name} is {found}, and {value} in the key");
                    return Ok(self.broken(what, RESTART));
                }
            }
            for (name, register, raw, value) in fields(it) {
                let found = running.property(number, name)?.unwrap_or_default();
                if found != value {
                    let what = format!("{id}: {name} is {found}, and {value} in the key");
                    return Ok(self.broken(what, RESTART));
                }
                let word = words[register as usize / 4];
                if word != raw {
                    let what = format!("{id}: the register of {name} is {word:#x}, not {raw:#x}");
                    return Ok(self.broken(what, "reset the VM; if that does not help, report it"));
                }
            }
        }
        self.good("the properties are those of the key");
        Ok(ControlFlow::Continue(()))
    }

    /// The next line is as it should be.
    fn good(&mut self, state: impl Into<String>) {
        let (name, how) = LINES[self.findings.len()];
        self.findings.push(Finding::ok(name, state).by(how));
    }

    /// The next line is not, and those after it cannot be checked.
    fn broken<T>(
        &mut self,
        state: impl Into<String>,
        hint: &'static str,
    ) -> ControlFlow<&'static str, T> {
        let (name, how) = LINES[self.findings.len()];
        self.findings
            .push(Finding::problem(name, state, hint).by(how));
        ControlFlow::Break(hint)
    }
}

fn is_ours(argument: &str) -> bool {
    argument == "vgpu-stub" || argument.starts_with("vgpu-stub,")
}

/// The fields of a device: the name, the register, what is in it, and the value of
/// the property.
fn fields(it: &Device) -> [(&'static str, u32, u32, serde_json::Value); 3] {
    let pool: PoolId = it.pool.name().parse().unwrap_or(PoolId::from_raw(0));
    [
        (
            "pool_id",
            uapi::VGPU_REG_POOL_ID,
            pool.raw(),
            it.pool.name().into(),
        ),
        (
            "priority",
            uapi::VGPU_REG_PRIORITY,
            it.priority as u32,
            it.priority.name().into(),
        ),
        ("vm_id", uapi::VGPU_REG_VM_ID, it.vm_id, it.vm_id.into()),
    ]
}
