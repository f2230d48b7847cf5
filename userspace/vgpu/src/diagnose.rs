// SPDX-License-Identifier: MIT OR Apache-2.0

//! Finding out why a vGPU is not there, or not as it should be.

mod class;
mod devices;
mod header;
mod image;
mod kernel;
mod modprobe;
mod module;
mod survey;

use std::fmt;

use crate::{Error, PciAddress, Result, Roots, Vgpu};

pub use survey::{Part, survey, without_host_name};

/// Result of one check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Name of the check: `device`, `kernel`, `module`, `class`, `driver`,
    /// `registers`, `memory`, `node` or `revision`. Part of the ABI of `vgpuinfo
    /// doctor`.
    pub check: &'static str,
    /// The PCI function, if it is about one.
    pub pci: Option<PciAddress>,
    /// The name of the class device, if it is about one.
    pub name: Option<String>,
    /// Verdict on it.
    pub verdict: Verdict,
    /// A short name for what is wrong, for programs; `None` if nothing is. Part
    /// of the ABI of `vgpuinfo doctor`.
    pub fault: Option<&'static str>,
    /// Description of what was found.
    pub message: String,
    /// Advice on it, in the imperative and without a full stop.
    pub hint: Option<String>,
}

/// Verdict of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Ok,
    /// It could not be found out.
    Unknown,
    /// Something does not work, but not for everybody or not for everything.
    Warning,
    /// The vGPU cannot be used as it should be.
    Problem,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Verdict::Ok => "ok",
            Verdict::Unknown => "unknown",
            Verdict::Warning => "warning",
            Verdict::Problem => "problem",
        })
    }
}

impl Finding {
    fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Finding {
            check,
            pci: None,
            name: None,
            verdict: Verdict::Ok,
            fault: None,
            message: message.into(),
            hint: None,
        }
    }

    fn unknown(check: &'static str, message: impl Into<String>, hint: &str) -> Self {
        Finding {
            verdict: Verdict::Unknown,
            hint: Some(hint.into()),
            ..Finding::ok(check, message)
        }
    }

    fn fault(
        check: &'static str,
        verdict: Verdict,
        fault: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Finding {
            verdict,
            fault: Some(fault),
            hint: Some(hint.into()),
            ..Finding::ok(check, message)
        }
    }

    fn of(self, device: &Vgpu) -> Self {
        Finding {
            pci: Some(device.pci()),
            name: device.name().map(str::to_owned),
            ..self
        }
    }
}

/// Looks at everything that a vGPU needs in a guest, and changes nothing. What
/// is only a consequence of something else that was found is left out.
///
/// # Errors
/// As [`Vgpu::discover`].
pub fn diagnose(roots: &Roots) -> Result<Vec<Finding>> {
    let mut devices = match Vgpu::discover(roots) {
        // All the rest would be a consequence.
        Err(error @ Error::NoPci { .. }) => return Ok(vec![devices::no_pci(&error)]),
        found => found?,
    };
    let mut findings = devices::presence(roots, &devices)?;
    let class = class::Class::look(roots)?;
    let loaded = module::is_loaded(roots);
    let class = class.examine(loaded);
    let needed = !devices.is_empty() && class.is_none();
    findings.extend(module::examine(roots, loaded, needed));
    findings.extend(class);
    for device in &mut devices {
        findings.extend(devices::examine(device, loaded));
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::fixture::{Fixture, Stub};

    /// The faults that are found, in order.
    pub(super) fn faults(fixture: &Fixture) -> Vec<&'static str> {
        findings(fixture).iter().filter_map(|it| it.fault).collect()
    }

    pub(super) fn findings(fixture: &Fixture) -> Vec<Finding> {
        diagnose(&Roots::under(fixture.root())).unwrap()
    }

    /// A fixture whose kernel has the driver loaded.
    pub(super) fn with_driver() -> Fixture {
        let fixture = Fixture::new();
        let driver = fixture.root().join("sys/bus/pci/drivers/vgpu_stub");
        fs::create_dir_all(driver).unwrap();
        fixture
    }

    #[test]
    fn a_device_that_is_as_it_should_be_has_no_fault() {
        let fixture = with_driver();
        fixture.add(&Stub::at("0000:00:06.0").bound("vgpu0"));
        fixture.link_node("vgpu0");
        let findings = findings(&fixture);
        assert!(
            findings.iter().all(|it| it.verdict == Verdict::Ok),
            "{findings:?}"
        );
        let checks: Vec<&str> = findings.iter().map(|it| it.check).collect();
        assert_eq!(
            checks,
            [
                "device",
                "module",
                "driver",
                "registers",
                "memory",
                "node",
                "revision"
            ]
        );
    }

    #[test]
    fn every_finding_is_one_line_and_has_a_hint_unless_it_is_fine() {
        let empty = Fixture::new();
        let broken = with_driver();
        broken.add(&Stub::at("0000:00:06.0"));
        broken.add(&Stub::at("0000:00:07.0").driver("vfio-pci"));
        for finding in findings(&empty).into_iter().chain(findings(&broken)) {
            assert_eq!(
                finding.hint.is_none(),
                finding.verdict == Verdict::Ok,
                "{finding:?}"
            );
            for text in [Some(&finding.message), finding.hint.as_ref()] {
                assert!(text.is_none_or(|it| !it.contains('\n') && !it.ends_with('.')));
            }
        }
    }
}
