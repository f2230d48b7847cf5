// SPDX-License-Identifier: MIT OR Apache-2.0

//! Finding the devices.

use std::io;
use std::path::{Path, PathBuf};

use crate::directory::Directory;
use crate::modalias::{self, Modalias};
use crate::{Error, PciAddress, Result, Roots, Vgpu, uapi};

impl Vgpu {
    /// All devices, with and without the driver, each once, in order of their
    /// PCI addresses: the PCI functions with the contract's ids and class.
    ///
    /// A device that vanishes meanwhile is not among them.
    ///
    /// # Errors
    /// [`Error::NoPci`] where there is no PCI function at all, as without a sysfs;
    /// [`Error::Permission`] and [`Error::Io`] if /sys/bus/pci/devices is there but
    /// cannot be read.
    pub fn discover(roots: &Roots) -> Result<Vec<Vgpu>> {
        Ok(candidates(roots)?
            .into_iter()
            .filter(|it| it.class == uapi::VGPU_PCI_CLASS)
            .map(|it| Vgpu::new(roots, it.address, it.directory))
            .collect())
    }
}

/// Finds the PCI functions that have the contract's ids and another class, and
/// says which: those that are no stubs for that reason.
pub(crate) fn misclassed(roots: &Roots) -> Result<Vec<(PciAddress, u32)>> {
    Ok(candidates(roots)?
        .into_iter()
        .filter(|it| it.class != uapi::VGPU_PCI_CLASS)
        .map(|it| (it.address, it.class))
        .collect())
}

/// A PCI function with the contract's ids.
struct Candidate {
    address: PciAddress,
    directory: Directory,
    /// Without the programming interface.
    class: u32,
}

/// Finds the PCI functions that have the contract's ids, in order of their
/// addresses. One that cannot be asked has gone.
fn candidates(roots: &Roots) -> Result<Vec<Candidate>> {
    // A machine that may have a vGPU has a bridge that it is behind.
    let listed = list(roots.pci())?.filter(|(_, names)| !names.is_empty());
    let Some((bus, names)) = listed else {
        return Err(Error::NoPci { path: roots.pci() });
    };
    let functions = names
        .iter()
        .filter_map(|name| Some((name.parse().ok()?, name)));
    let mut functions: Vec<(PciAddress, &String)> = functions.collect();
    functions.sort();
    let candidates = functions.into_iter().filter_map(|(address, name)| {
        // Rules out most of them at the least cost; what counts is asked below,
        // when it is certain whom.
        class_of_stub(bus.read(&format!("{name}/{}", modalias::ATTRIBUTE)))?;
        let path = roots.pci_device(address);
        let directory = bus.below(Path::new(name), path).ok()?;
        let class = class_of_stub(directory.read(modalias::ATTRIBUTE))?;
        Some(Candidate {
            address,
            directory,
            class,
        })
    });
    Ok(candidates.collect())
}

/// Opens a directory and lists the names in it; `None` if it does not exist.
pub(crate) fn list(path: PathBuf) -> Result<Option<(Directory, Vec<String>)>> {
    match Directory::list(path.clone()) {
        Ok(listed) => Ok(Some(listed)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io(&path, "list", error)),
    }
}

/// Gives the class of a PCI function, without the programming interface, if its
/// modalias has the contract's ids.
fn class_of_stub(modalias: io::Result<Vec<u8>>) -> Option<u32> {
    let modalias = Modalias::parse(&modalias.ok()?)?;
    modalias.has_ids_of_stub().then_some(modalias.class)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::fixture::{Fixture, Stub};
    use crate::{Error, Roots, Vgpu};

    impl Fixture {
        pub(crate) fn discover(&self) -> Vec<Vgpu> {
            Vgpu::discover(&Roots::under(self.root())).unwrap()
        }
    }

    #[test]
    fn a_machine_without_vgpus_is_told_from_one_without_sysfs_or_pci() {
        let fixture = Fixture::new();
        assert!(fixture.discover().is_empty());
        let bus = fixture.root().join("sys/bus/pci/devices");
        let is_refused = || {
            let refused = Vgpu::discover(&Roots::under(fixture.root()));
            assert!(matches!(refused, Err(Error::NoPci { .. })), "{refused:?}");
        };
        fs::remove_dir_all(&bus).unwrap();
        is_refused();
        fs::create_dir(&bus).unwrap();
        is_refused();
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
        for (ours, other) in [
            ("v00001AF4", "v00008086"),
            ("d00001111", "d00001110"),
            ("bc12", "bc05"),
            ("sc00", "sc01"),
        ] {
            let fixture = Fixture::new();
            fixture.add(&Stub::at("0000:00:06.0"));
            assert_eq!(fixture.discover().len(), 1);
            fixture.edit_modalias("0000:00:06.0", ours, other);
            assert!(fixture.discover().is_empty(), "{other}");
        }
    }

    #[test]
    fn the_programming_interface_is_no_part_of_the_class() {
        let fixture = Fixture::new();
        fixture.add(&Stub::at("0000:00:06.0"));
        fixture.edit_modalias("0000:00:06.0", "i00", "i07");
        assert_eq!(fixture.discover().len(), 1);
    }

    #[test]
    fn a_device_that_vanishes_while_it_is_looked_at_is_left_out() {
        let fixture = Fixture::new();
        fixture.add(&Stub::at("0000:00:06.0"));
        // Its link is still there.
        let directory = fixture.add(&Stub::at("0000:00:07.0").bound("vgpu0"));
        fs::remove_dir_all(directory).unwrap();
        assert_eq!(fixture.discover().len(), 1);
    }

    #[test]
    fn another_device_at_the_same_address_is_not_the_one_that_was_there() {
        let fixture = Fixture::new();
        fixture.add(&Stub::at("0000:00:06.0"));
        let device = &fixture.discover()[0];
        assert!(device.is_present());
        fixture.unplug("0000:00:06.0");
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
