// SPDX-License-Identifier: GPL-2.0

//! Finding the devices.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use crate::config::Config;
use crate::device::{inode, link_name};
use crate::number::parse_u32;
use crate::{Error, PciAddress, Result, Roots, Vgpu, uapi};

impl Vgpu {
    /// All devices, with and without the driver, each once, in order of their
    /// PCI addresses.
    ///
    /// Sources: /sys/class/vgpu for those that the driver has bound, and
    /// /sys/bus/pci/devices for those with the contract's ids and class. A
    /// device that vanishes meanwhile is not among them. A machine without PCI
    /// has none.
    ///
    /// # Errors
    /// [`Error::Permission`] and [`Error::Io`] if one of those two directories
    /// is there but cannot be read.
    pub fn discover(roots: &Roots) -> Result<Vec<Vgpu>> {
        let mut names = names(roots)?;
        let mut addresses: Vec<PciAddress> = entries(&roots.pci())?
            .iter()
            .filter_map(|entry| entry.parse().ok())
            .filter(|address| names.contains_key(address) || is_stub(&roots.pci_device(*address)))
            .collect();
        addresses.sort();
        Ok(addresses
            .into_iter()
            .filter_map(|address| {
                let directory = roots.pci_device(address);
                Some(Vgpu {
                    roots: roots.clone(),
                    address,
                    inode: inode(&directory)?,
                    name: names.remove(&address),
                    driver: link_name(&directory.join("driver")),
                    revision: revision(&directory),
                })
            })
            .collect())
    }
}

/// The class devices that the driver has made, by the address of their device.
pub(crate) fn names(roots: &Roots) -> Result<BTreeMap<PciAddress, String>> {
    let mut names = BTreeMap::new();
    for name in entries(&roots.class())? {
        // The last part of the link's text: following the link would lead out
        // of a copied tree.
        let parent = link_name(&roots.class_device(&name).join("device"));
        if let Some(address) = parent.and_then(|parent| parent.parse().ok()) {
            names.insert(address, name);
        }
    }
    Ok(names)
}

/// The names in a directory; none if it does not exist.
fn entries(directory: &Path) -> Result<Vec<String>> {
    let failed = |source| Error::Io {
        path: directory.into(),
        doing: "list",
        source,
    };
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Err(Error::Permission {
                path: directory.into(),
            });
        }
        Err(error) => return Err(failed(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        // What is no UTF-8 is neither a PCI address nor a class device.
        if let Ok(name) = entry.map_err(failed)?.file_name().into_string() {
            names.push(name);
        }
    }
    Ok(names)
}

/// The PCI functions that have the contract's ids and another class, which they
/// have here, too: those that are no stubs for that reason.
pub(crate) fn misclassed(roots: &Roots) -> Result<Vec<(PciAddress, u32)>> {
    let addresses = entries(&roots.pci())?;
    let addresses = addresses.iter().filter_map(|entry| entry.parse().ok());
    let mut found: Vec<(PciAddress, u32)> = addresses
        .filter_map(|address| Some((address, class_of_ids(&roots.pci_device(address))?)))
        .filter(|(_, class)| *class != uapi::VGPU_PCI_CLASS)
        .collect();
    found.sort();
    Ok(found)
}

/// Whether the PCI function in `directory` is a stub. One that cannot be asked
/// has gone.
fn is_stub(directory: &Path) -> bool {
    class_of_ids(directory) == Some(uapi::VGPU_PCI_CLASS)
}

/// The class of the PCI function in `directory`, without the programming
/// interface, if the function has the contract's ids.
fn class_of_ids(directory: &Path) -> Option<u32> {
    let is = |attribute, wanted| pci_number(directory, attribute) == Some(wanted);
    if !is("vendor", uapi::VGPU_PCI_VENDOR_ID) || !is("device", uapi::VGPU_PCI_DEVICE_ID) {
        return None;
    }
    Some(pci_number(directory, "class")? >> 8)
}

fn pci_number(directory: &Path, attribute: &str) -> Option<u32> {
    let text = fs::read_to_string(directory.join(attribute)).ok()?;
    parse_u32(text.trim_end())
}

/// The PCI revision. Kernels before 4.10 have no attribute for it.
fn revision(directory: &Path) -> Option<u8> {
    match pci_number(directory, "revision") {
        Some(revision) => u8::try_from(revision).ok(),
        None => Config::read(directory).map(|config| config.revision()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::fixture::{Fixture, Stub};
    use crate::{Roots, Vgpu};

    impl Fixture {
        pub(crate) fn discover(&self) -> Vec<Vgpu> {
            Vgpu::discover(&Roots::under(self.root())).unwrap()
        }
    }

    #[test]
    fn a_machine_without_sysfs_has_no_devices() {
        assert!(Fixture::new().discover().is_empty());
    }

    #[test]
    fn devices_with_and_without_the_driver_come_once_each_by_address() {
        let fixture = Fixture::new();
        fixture.add(&Stub::at("0000:0a:00.0").bound("vgpu0"));
        fixture.add(&Stub::at("0000:00:07.0"));
        fixture.add(&Stub::at("0000:00:06.0").bound("vgpu1"));
        let labels: Vec<String> = fixture.discover().iter().map(|it| it.label()).collect();
        assert_eq!(labels, ["vgpu1", "0000:00:07.0", "vgpu0"]);
    }

    #[test]
    fn another_driver_is_named_and_gives_no_class_device() {
        let fixture = Fixture::new();
        fixture.add(&Stub::at("0000:00:06.0").driver("vfio-pci"));
        let device = &fixture.discover()[0];
        assert_eq!((device.name(), device.driver()), (None, Some("vfio-pci")));
    }

    #[test]
    fn another_vendor_device_or_class_is_not_ours() {
        for (attribute, value) in [
            ("vendor", "0x8086"),
            ("device", "0x1110"),
            ("class", "0x050000"),
            ("class", "0x120100"),
        ] {
            let fixture = Fixture::new();
            let directory = fixture.add(&Stub::at("0000:00:06.0"));
            assert_eq!(fixture.discover().len(), 1);
            fs::write(directory.join(attribute), value).unwrap();
            assert!(fixture.discover().is_empty(), "{attribute} {value}");
        }
    }

    #[test]
    fn the_programming_interface_is_no_part_of_the_class() {
        let fixture = Fixture::new();
        let directory = fixture.add(&Stub::at("0000:00:06.0"));
        fs::write(directory.join("class"), "0x120007\n").unwrap();
        assert_eq!(fixture.discover().len(), 1);
    }

    #[test]
    fn a_device_that_vanishes_while_it_is_looked_at_is_left_out() {
        let fixture = Fixture::new();
        fixture.add(&Stub::at("0000:00:06.0"));
        let directory = fixture.add(&Stub::at("0000:00:07.0").bound("vgpu0"));
        fs::remove_dir_all(directory).unwrap();
        assert_eq!(fixture.discover().len(), 1);
    }

    #[test]
    fn another_device_at_the_same_address_is_not_the_one_that_was_there() {
        let fixture = Fixture::new();
        let directory = fixture.add(&Stub::at("0000:00:06.0"));
        let device = &fixture.discover()[0];
        assert!(device.is_present());
        // Moved, not removed: its inode number may not be given again.
        fs::rename(&directory, fixture.root().join("old")).unwrap();
        fixture.add(&Stub::at("0000:00:06.0"));
        assert!(!device.is_present());
        assert!(fixture.discover()[0].is_present());
    }

    #[test]
    fn the_revision_of_an_old_kernel_comes_from_configuration_space() {
        let fixture = Fixture::new();
        let directory = fixture.add(&Stub::at("0000:00:06.0"));
        assert_eq!(fixture.discover()[0].revision(), Some(1));
        fs::write(directory.join("revision"), "0x02\n").unwrap();
        assert_eq!(fixture.discover()[0].revision(), Some(2));
        fs::remove_file(directory.join("revision")).unwrap();
        assert_eq!(fixture.discover()[0].revision(), Some(1));
        fs::remove_file(directory.join("config")).unwrap();
        assert_eq!(fixture.discover()[0].revision(), None);
    }
}
