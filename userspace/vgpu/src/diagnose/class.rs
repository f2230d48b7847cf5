// SPDX-License-Identifier: MIT OR Apache-2.0

//! Check that /sys/class/vgpu is the driver's own. A class has no owner in sysfs, and
//! a second one of the same name cannot be registered.

use std::collections::BTreeMap;

use super::{Finding, Verdict};
use crate::directory::Directory;
use crate::{DRIVER, Result, Roots, discover};

const CHECK: &str = "class";

/// The class as it is at one time.
pub(super) struct Class {
    exists: bool,
    /// The drivers, other than ours, of the devices behind the class devices: one
    /// of its class devices and the module, for each.
    others: BTreeMap<String, (String, Option<String>)>,
}

impl Class {
    /// Looks at the class and at what is behind its devices.
    ///
    /// # Errors
    /// As [`Vgpu::discover`](crate::Vgpu::discover).
    pub(super) fn look(roots: &Roots) -> Result<Self> {
        let mut others = BTreeMap::new();
        let listed = discover::list(roots.class())?;
        let exists = listed.is_some();
        for name in listed.map(|(_, names)| names).unwrap_or_default() {
            let parent = Directory::open(roots.class_device(&name).join("device"));
            // A device without a driver is one that is being unbound, or virtual.
            let Ok(parent) = parent else { continue };
            if let Some(driver) = parent.link_name("driver").filter(|it| it != DRIVER) {
                let module = parent.link_name("driver/module");
                others.entry(driver).or_insert((name, module));
            }
        }
        Ok(Class { exists, others })
    }

    /// Says whose the class is if it is not ours. `loaded` is whether our driver
    /// is, which was found out after the look at the class: the class comes later
    /// and goes earlier than the module.
    pub(super) fn examine(&self, loaded: bool) -> Option<Finding> {
        let fault = |message: String, hint: String| {
            Finding::fault(CHECK, Verdict::Problem, "foreign_class", message, hint)
        };
        if self.others.is_empty() {
            return (self.exists && !loaded).then(|| {
                fault(
                    format!(
                        "there is a class vgpu, which is not of {DRIVER}, and no device in it \
                         whose driver tells whose it is"
                    ),
                    format!(
                        "find the module that has made it, among those of lsmod, and unload it: \
                         {DRIVER} cannot be loaded beside it"
                    ),
                )
            });
        }
        let owners = self.others.iter().map(|(driver, (name, _))| {
            format!("the device of /sys/class/vgpu/{name} has the driver {driver}")
        });
        let modules: Option<Vec<&str>> = self
            .others
            .values()
            .map(|(_, module)| module.as_deref())
            .collect();
        let hint = match modules {
            Some(modules) => format!("modprobe -r {} && modprobe {DRIVER}", modules.join(" ")),
            None => "boot a kernel without that driver; as root, vgpuinfo does without ours".into(),
        };
        let owners: Vec<String> = owners.collect();
        Some(fault(
            format!(
                "the class vgpu is another driver's, beside which {DRIVER} cannot be loaded: {}",
                owners.join(", ")
            ),
            hint,
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::tests::{faults, findings, with_driver};
    use crate::fixture::{Fixture, Stub};

    /// Returns doctor's line about the class.
    fn said(fixture: &Fixture) -> Option<(String, String)> {
        let findings = findings(fixture);
        let finding = findings.into_iter().find(|it| it.check == "class")?;
        assert_eq!(finding.fault, Some("foreign_class"));
        Some((finding.message, finding.hint.unwrap()))
    }

    #[test]
    fn the_driver_behind_a_class_of_the_same_name_is_named() {
        let fixture = Fixture::new();
        fixture.add(&Stub::at("0000:00:06.0"));
        fixture.add(&Stub::at("0000:00:07.0").bound("vgpu0").driver("mediator"));
        fixture.edit_modalias("0000:00:07.0", "d00001111", "d00001DB4");
        let (message, hint) = said(&fixture).unwrap();
        assert!(message.contains("/sys/class/vgpu/vgpu0"), "{message}");
        assert!(message.contains("the driver mediator"), "{message}");
        assert!(hint.starts_with("boot a kernel without"), "{hint}");
        // That our driver is not loaded is a consequence.
        assert_eq!(faults(&fixture), ["foreign_class"]);
    }

    #[test]
    fn the_module_of_that_driver_is_the_one_to_unload() {
        let fixture = Fixture::new();
        fixture.add(&Stub::at("0000:00:07.0").bound("vgpu0").driver("mediator"));
        let driver = fixture.root().join("sys/bus/pci/drivers/mediator");
        fs::create_dir_all(&driver).unwrap();
        std::os::unix::fs::symlink("../../../../module/mdv", driver.join("module")).unwrap();
        let (_, hint) = said(&fixture).unwrap();
        assert_eq!(hint, "modprobe -r mdv && modprobe vgpu_stub");
    }

    #[test]
    fn a_class_that_nobody_can_be_asked_about_is_not_ours_without_our_driver() {
        let fixture = Fixture::new();
        let class = fixture.root().join("sys/class/vgpu");
        fs::create_dir_all(&class).unwrap();
        assert!(said(&fixture).unwrap().0.contains("no device in it"));
        // A virtual device has no driver.
        fs::create_dir(class.join("vgpu0")).unwrap();
        assert!(said(&fixture).unwrap().0.contains("no device in it"));
    }

    #[test]
    fn our_own_class_is_not_worth_a_word() {
        let fixture = with_driver();
        fs::create_dir_all(fixture.root().join("sys/class/vgpu")).unwrap();
        assert_eq!(said(&fixture), None);
        fixture.add(&Stub::at("0000:00:06.0").bound("vgpu0"));
        assert_eq!(said(&fixture), None);
        // It is being unbound: the class device goes last.
        fs::remove_file(
            fixture
                .root()
                .join("sys/bus/pci/devices/0000:00:06.0/driver"),
        )
        .unwrap();
        assert_eq!(said(&fixture), None);
    }
}
