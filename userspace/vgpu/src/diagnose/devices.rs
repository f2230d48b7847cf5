// SPDX-License-Identifier: MIT OR Apache-2.0

//! Checks of the devices: that there are some, and what each can be used for.

use super::{Finding, Verdict};
use crate::bar::is_unassigned;
use crate::config::Config;
use crate::{DRIVER, Error, Result, Roots, Source, Vgpu, chardev, discover, uapi};

/// Says that there is nothing that devices could be found in.
pub(super) fn no_pci(error: &Error) -> Finding {
    let (message, hint) = (error.to_string(), error.hint());
    Finding::fault("device", Verdict::Problem, error.kind(), message, hint)
}

/// Looks for devices, and for what only looks like one.
pub(super) fn presence(roots: &Roots, devices: &[Vgpu]) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for device in devices {
        let id = format!(
            "{:04x}:{:04x}, class {:#06x}",
            uapi::VGPU_PCI_VENDOR_ID,
            uapi::VGPU_PCI_DEVICE_ID,
            uapi::VGPU_PCI_CLASS
        );
        findings.push(Finding::ok("device", id).of(device));
    }
    for (address, class) in discover::misclassed(roots)? {
        let message = format!(
            "has a vGPU's ids and the class {class:#06x}, not {:#06x}",
            uapi::VGPU_PCI_CLASS
        );
        let hint = "the driver leaves such a device alone: have the host use the device model \
                    vgpu-stub";
        findings.push(Finding {
            pci: Some(address),
            ..Finding::fault("device", Verdict::Problem, "wrong_class", message, hint)
        });
    }
    if findings.is_empty() {
        let message = format!(
            "there is no PCI function {:04x}:{:04x}",
            uapi::VGPU_PCI_VENDOR_ID,
            uapi::VGPU_PCI_DEVICE_ID
        );
        let hint = "have the host give this VM one: -device vgpu-stub on QEMU's command line";
        findings.push(Finding::fault(
            "device",
            Verdict::Problem,
            "no_device",
            message,
            hint,
        ));
    }
    Ok(findings)
}

/// Checks one device. `loaded` tells whether the driver is.
pub(super) fn examine(device: &mut Vgpu, loaded: bool) -> Vec<Finding> {
    let findings = [
        driver(device, loaded),
        registers(device),
        memory(device),
        node(device),
        Some(revision(device)),
    ];
    let findings = findings.into_iter().flatten();
    findings.map(|finding| finding.of(device)).collect()
}

fn driver(device: &Vgpu, loaded: bool) -> Option<Finding> {
    const CHECK: &str = "driver";
    let address = device.pci();
    let preferred = device
        .function
        .read("driver_override")
        .ok()
        .map(|text| String::from_utf8_lossy(text.trim_ascii_end()).into_owned())
        // What the kernel prints where there is none.
        .filter(|text| !text.is_empty() && text != "(null)" && text != DRIVER);
    let release = match &preferred {
        Some(_) => format!("echo >/sys/bus/pci/devices/{address}/driver_override && "),
        None => String::new(),
    };
    let bind = format!("{release}echo {address} >/sys/bus/pci/drivers/{DRIVER}/bind");
    let because = match &preferred {
        Some(driver) => format!(" (driver_override is {driver})"),
        None => String::new(),
    };
    let fault = |fault, message: String, hint: String| {
        Finding::fault(CHECK, Verdict::Problem, fault, message, hint)
    };
    match (device.name(), device.driver()) {
        (Some(name), _) => Some(Finding::ok(CHECK, format!("{DRIVER} is bound, as {name}"))),
        (None, Some(DRIVER)) => Some(fault(
            "no_class_device",
            format!("{DRIVER} is bound, and there is no /sys/class/vgpu/vgpuN for it"),
            "wait a moment and try again; else the kernel log says why".into(),
        )),
        (None, Some(other)) => Some(fault(
            "bound_elsewhere",
            format!("{other} is bound, not {DRIVER}{because}"),
            format!("echo {address} >/sys/bus/pci/drivers/{other}/unbind && {bind}"),
        )),
        // Nor can one be bound.
        (None, None) if is_unassigned(&device.function) => None,
        (None, None) if loaded => Some(fault(
            "not_bound",
            format!("no driver is bound{because}"),
            format!("{bind}; if it is refused, the kernel log says why"),
        )),
        // There is none that could be.
        (None, None) => None,
    }
}

fn registers(device: &mut Vgpu) -> Option<Finding> {
    const CHECK: &str = "registers";
    match device.read(Source::Auto) {
        Ok(info) => Some(Finding::ok(
            CHECK,
            format!(
                "pool {}, priority {}, VM {}, read through {}",
                info.pool_id, info.priority, info.vm_id, info.source
            ),
        )),
        // Said elsewhere.
        Err(Error::DecodingOff | Error::Unassigned) => None,
        Err(error) => {
            // That is how it is without the driver, whose absence is the problem.
            let verdict = match error {
                Error::Permission { .. } | Error::Lockdown { .. } | Error::Claimed { .. }
                    if device.name().is_none() =>
                {
                    Verdict::Warning
                }
                _ => Verdict::Problem,
            };
            Some(Finding::fault(
                CHECK,
                verdict,
                error.kind(),
                error.to_string(),
                error.hint(),
            ))
        }
    }
}

fn memory(device: &Vgpu) -> Option<Finding> {
    const CHECK: &str = "memory";
    if is_unassigned(&device.function) {
        let error = Error::Unassigned;
        let (message, hint) = (error.to_string(), error.hint());
        let verdict = Verdict::Problem;
        return Some(Finding::fault(CHECK, verdict, error.kind(), message, hint));
    }
    let config = Config::read(&device.function)?;
    if config.is_gone() {
        return None;
    }
    if config.decodes_memory() {
        return Some(Finding::ok(CHECK, "memory decoding is on"));
    }
    let address = device.pci();
    let (verdict, hint) = match device.name() {
        Some(_) => (
            Verdict::Problem,
            format!("find out who switched it off; setpci -s {address} COMMAND=2:2 switches it on"),
        ),
        // Nobody has enabled it yet, as it should be without a driver.
        None => (Verdict::Warning, Error::DecodingOff.hint()),
    };
    Some(Finding::fault(
        CHECK,
        verdict,
        Error::DecodingOff.kind(),
        "memory decoding is off: the registers do not answer",
        hint,
    ))
}

fn node(device: &Vgpu) -> Option<Finding> {
    const CHECK: &str = "node";
    let error = match chardev::examine(device) {
        Ok(path) => {
            let message = format!("{} is open to this user", path.display());
            return Some(Finding::ok(CHECK, message));
        }
        // One that vanishes meanwhile, or has no driver, is said elsewhere.
        Err(Error::DriverNeeded { .. } | Error::Gone | Error::Malformed { .. }) => return None,
        Err(error) => error,
    };
    let (verdict, fault) = match error {
        Error::NoNode { .. } | Error::WrongNode { .. } => (Verdict::Problem, error.kind()),
        Error::Permission { .. } => (Verdict::Warning, "node_permission"),
        _ => (Verdict::Warning, error.kind()),
    };
    Some(Finding::fault(
        CHECK,
        verdict,
        fault,
        error.to_string(),
        error.hint(),
    ))
}

fn revision(device: &Vgpu) -> Finding {
    const CHECK: &str = "revision";
    match device.revision().map(u32::from) {
        Some(revision @ uapi::VGPU_PCI_REVISION_1) => Finding::ok(
            CHECK,
            format!("revision {revision}, without optional features"),
        ),
        Some(revision @ uapi::VGPU_PCI_REVISION_2) => Finding::ok(
            CHECK,
            format!("revision {revision}, whose identity the host may change at any time"),
        ),
        Some(revision) => Finding::fault(
            CHECK,
            Verdict::Warning,
            "unknown_revision",
            format!("revision {revision} is newer than this program"),
            "take a newer vgpuinfo to see what the device has beyond revision 2",
        ),
        None => Finding::unknown(
            CHECK,
            "the kernel does not tell the revision",
            "lspci shows it, if the device still answers",
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::tests::{faults, findings, with_driver};
    use super::*;
    use crate::fixture::{Fixture, Stub};

    #[test]
    fn no_device_is_told_from_one_of_the_wrong_class() {
        let fixture = Fixture::new();
        assert_eq!(faults(&fixture), ["no_device"]);
        let empty = Fixture::new();
        fs::remove_dir_all(empty.root().join("sys")).unwrap();
        assert_eq!(faults(&empty), ["no_pci"]);
        fixture.add(&Stub::at("0000:00:06.0"));
        fixture.edit_modalias("0000:00:06.0", "bc12", "bc03");
        assert_eq!(faults(&fixture), ["wrong_class"]);
        let finding = &findings(&fixture)[0];
        assert!(finding.message.contains("0x0300"), "{finding:?}");
        assert_eq!(finding.pci, Some("00:06.0".parse().unwrap()));
    }

    #[test]
    fn a_device_that_nothing_is_bound_to_is_told_from_one_that_another_driver_has() {
        let fixture = with_driver();
        let directory = fixture.add(&Stub::at("0000:00:06.0"));
        assert_eq!(faults(&fixture), ["not_bound"]);
        fixture.add(&Stub::at("0000:00:07.0").driver("vfio-pci"));
        assert_eq!(faults(&fixture), ["not_bound", "bound_elsewhere"]);
        fs::write(directory.join("driver_override"), "vfio-pci\n").unwrap();
        let findings = findings(&fixture);
        let finding = findings.iter().find(|it| it.fault == Some("not_bound"));
        let finding = finding.unwrap();
        assert!(finding.message.contains("driver_override is vfio-pci"));
        assert!(finding.hint.as_ref().unwrap().contains("driver_override"));
    }

    #[test]
    fn memory_decoding_that_is_off_is_a_problem_only_with_the_driver() {
        let fixture = with_driver();
        let bound = fixture.add(&Stub::at("0000:00:06.0").bound("vgpu0"));
        fixture.link_node("vgpu0");
        let unbound = fixture.add(&Stub::at("0000:00:07.0"));
        for directory in [bound, unbound] {
            fs::write(directory.join("config"), [0; 64]).unwrap();
        }
        let verdicts: Vec<Verdict> = findings(&fixture)
            .iter()
            .filter(|it| it.fault == Some("decoding_off"))
            .map(|it| it.verdict)
            .collect();
        assert_eq!(verdicts, [Verdict::Problem, Verdict::Warning]);
    }

    #[test]
    fn memory_that_was_not_assigned_is_the_only_fault_that_is_found() {
        let fixture = with_driver();
        let directory = fixture.add(&Stub::at("0000:00:06.0"));
        let zeroes = "0x0000000000000000 0x0000000000000000 0x0000000000000000\n";
        fs::write(directory.join("resource"), zeroes.repeat(13)).unwrap();
        fs::write(directory.join("config"), [0; 64]).unwrap();
        fs::remove_file(directory.join("resource0")).unwrap();
        assert_eq!(faults(&fixture), ["unassigned"]);
        for finding in findings(&fixture) {
            let hint = finding.hint.unwrap_or_default();
            assert!(!hint.contains("setpci") && !hint.contains("bind"), "{hint}");
        }
    }

    #[test]
    fn a_missing_node_a_silent_device_and_a_newer_revision_are_each_found() {
        let fixture = with_driver();
        let directory = fixture.add(&Stub::at("0000:00:06.0").bound("vgpu0"));
        assert_eq!(faults(&fixture), ["no_node"]);
        fixture.link_node("vgpu0");
        fs::write(directory.join("revision"), "0x02\n").unwrap();
        assert_eq!(faults(&fixture), [""; 0]);
        fs::write(directory.join("revision"), "0x03\n").unwrap();
        assert_eq!(faults(&fixture), ["unknown_revision"]);
        fs::write(fixture.class("vgpu0").join("pool_id"), "?\n").unwrap();
        assert_eq!(faults(&fixture), ["malformed", "unknown_revision"]);
    }
}
