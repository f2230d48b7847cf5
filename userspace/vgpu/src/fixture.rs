// SPDX-License-Identifier: GPL-2.0

//! Trees that look like /sys and /dev of a guest, for the tests of this crate
//! and, by path, of the command.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A guest's /sys and /dev, empty at first.
pub(crate) struct Fixture {
    root: TempDir,
}

/// A device to add: pool B, priority high, VM 200, last command 5.
pub(crate) struct Stub {
    address: &'static str,
    name: Option<&'static str>,
    driver: Option<&'static str>,
}

impl Stub {
    /// A device without a driver.
    pub(crate) fn at(address: &'static str) -> Self {
        Stub {
            address,
            name: None,
            driver: None,
        }
    }

    /// The same with our driver.
    pub(crate) fn bound(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    /// The same with another driver.
    pub(crate) fn driver(mut self, driver: &'static str) -> Self {
        self.driver = Some(driver);
        self
    }
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Fixture {
            root: tempfile::tempdir().unwrap(),
        }
    }

    /// The directory that holds `sys` and `dev`.
    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    /// Adds a device; gives the directory of its PCI function.
    pub(crate) fn add(&self, stub: &Stub) -> PathBuf {
        let pci = self.root().join("sys/bus/pci/devices").join(stub.address);
        let mut config = [0; 64];
        config[..12].copy_from_slice(&[0xf4, 0x1a, 0x11, 0x11, 2, 0, 0, 0, 1, 0, 0, 0x12]);
        let mut bar = vec![0; 4096];
        for (index, value) in [5_u32, 1, 0x42, 2, 200].iter().enumerate() {
            bar[index * 4..][..4].copy_from_slice(&value.to_le_bytes());
        }
        write(&pci, "vendor", b"0x1af4\n");
        write(&pci, "device", b"0x1111\n");
        write(&pci, "class", b"0x120000\n");
        write(&pci, "revision", b"0x01\n");
        write(&pci, "config", &config);
        write(&pci, "resource0", &bar);
        if let Some(name) = stub.name {
            self.bind(stub.address, name);
        } else if let Some(driver) = stub.driver {
            link("../../drivers", driver, &pci.join("driver"));
        }
        pci
    }

    /// Binds our driver to a device, which becomes visible when it is complete.
    pub(crate) fn bind(&self, address: &str, name: &str) {
        let pci = self.root().join("sys/bus/pci/devices").join(address);
        link("../../drivers", "vgpu_stub", &pci.join("driver"));
        let class = self.root().join(name);
        write(&class, "pool_id", b"B\n");
        write(&class, "priority", b"high\n");
        write(&class, "vm_id", b"200\n");
        write(&class, "command", b"0x00000005\n");
        write(&class, "status", b"0x00000001\n");
        link("../../..", address, &class.join("device"));
        fs::create_dir_all(self.root().join("sys/class/vgpu")).unwrap();
        fs::rename(class, self.class(name)).unwrap();
    }

    /// The directory of a class device.
    pub(crate) fn class(&self, name: &str) -> PathBuf {
        self.root().join("sys/class/vgpu").join(name)
    }

    /// A plain file where the node of a class device would be.
    pub(crate) fn write_node(&self, name: &str) {
        write(&self.root().join("dev"), name, b"");
    }
}

fn write(directory: &Path, name: &str, content: &[u8]) {
    fs::create_dir_all(directory).unwrap();
    fs::write(directory.join(name), content).unwrap();
}

fn link(directory: &str, name: &str, place: &Path) {
    symlink(Path::new(directory).join(name), place).unwrap();
}
