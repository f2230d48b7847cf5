// SPDX-License-Identifier: MIT OR Apache-2.0

//! Trees that look like /sys and /dev of a guest, for the tests of this crate
//! and, by path, of the command.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A guest's /sys and /dev, with a host bridge at first. Directories and links are where the
/// kernel has them.
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
        self.driver("vgpu_stub")
    }

    /// The same with another driver. It has our class, too, if the device has a
    /// name already.
    pub(crate) fn driver(mut self, driver: &'static str) -> Self {
        self.driver = Some(driver);
        self
    }
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let bridge = root.path().join("sys/bus/pci/devices/0000:00:00.0");
        write(&bridge, "modalias", BRIDGE);
        Fixture { root }
    }

    /// The directory that holds `sys` and `dev`.
    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    /// Adds a device; gives the directory of its PCI function.
    pub(crate) fn add(&self, stub: &Stub) -> PathBuf {
        let pci = self.function(stub.address);
        let mut config = [0; 64];
        config[..12].copy_from_slice(&[0xf4, 0x1a, 0x11, 0x11, 2, 0, 0, 0, 1, 0, 0, 0x12]);
        let mut bar = vec![0; 4096];
        for (index, value) in [5_u32, 1, 0x42, 2, 200].iter().enumerate() {
            bar[index * 4..][..4].copy_from_slice(&value.to_le_bytes());
        }
        write(&pci, "modalias", MODALIAS);
        write(&pci, "revision", b"0x01\n");
        write(&pci, "config", &config);
        write(&pci, "resource0", &bar);
        match (stub.name, stub.driver) {
            (Some(name), Some(driver)) => self.bind_to(stub.address, name, driver),
            (None, Some(driver)) => link(DRIVERS, driver, &pci.join("driver")),
            (_, None) => {}
        }
        link(
            "../../../devices/pci0000:00",
            stub.address,
            &self.bus_link(stub.address),
        );
        pci
    }

    /// Binds our driver to a device, which becomes visible when it is complete.
    pub(crate) fn bind(&self, address: &str, name: &str) {
        self.bind_to(address, name, "vgpu_stub");
    }

    fn bind_to(&self, address: &str, name: &str, driver: &str) {
        let pci = self.function(address);
        link(DRIVERS, driver, &pci.join("driver"));
        let incomplete = self.root().join(format!("{address}-{name}"));
        let class = incomplete.join(name);
        write(&class, "pool_id", b"B\n");
        write(&class, "priority", b"high\n");
        write(&class, "vm_id", b"200\n");
        write(&class, "command", b"0x00000005\n");
        write(&class, "status", b"0x00000001\n");
        // That of /dev/null.
        write(&class, "dev", b"1:3\n");
        link("../../..", address, &class.join("device"));
        fs::rename(incomplete, pci.join("vgpu")).unwrap();
        let place = format!("../../devices/pci0000:00/{address}/vgpu");
        link(&place, name, &self.class(name));
    }

    /// Unbinds whichever driver is bound to a device.
    pub(crate) fn unbind(&self, address: &str) {
        let pci = self.function(address);
        fs::remove_file(pci.join("driver")).unwrap();
        for entry in fs::read_dir(pci.join("vgpu")).into_iter().flatten() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            fs::remove_file(self.class(&name)).unwrap();
            fs::remove_dir_all(pci.join("vgpu")).unwrap();
        }
    }

    /// Removes a device, with its driver if it has one.
    pub(crate) fn unplug(&self, address: &str) {
        let pci = self.function(address);
        if pci.join("driver").is_symlink() {
            self.unbind(address);
        }
        fs::remove_file(self.bus_link(address)).unwrap();
        fs::remove_dir_all(pci).unwrap();
    }

    fn function(&self, address: &str) -> PathBuf {
        self.root().join("sys/devices/pci0000:00").join(address)
    }

    fn bus_link(&self, address: &str) -> PathBuf {
        self.root().join("sys/bus/pci/devices").join(address)
    }

    /// The directory of a class device.
    pub(crate) fn class(&self, name: &str) -> PathBuf {
        self.root().join("sys/class/vgpu").join(name)
    }

    /// A plain file where the node of a class device would be.
    pub(crate) fn write_node(&self, name: &str) {
        write(&self.root().join("dev"), name, b"");
    }

    /// Makes `other` of `ours` in what the kernel tells modprobe about a PCI
    /// function.
    pub(crate) fn edit_modalias(&self, address: &str, ours: &str, other: &str) {
        let path = self.function(address).join("modalias");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(ours), "{text}");
        fs::write(path, text.replace(ours, other)).unwrap();
    }

    /// A node with the number of a class device, which is really /dev/null: it
    /// refuses all ioctls.
    pub(crate) fn link_node(&self, name: &str) {
        link("/dev", "null", &self.root().join("dev").join(name));
    }
}

/// Alias of a device, as the kernel tells it modprobe.
const MODALIAS: &[u8] = b"pci:v00001AF4d00001111sv00001AF4sd00001100bc12sc00i00\n";

/// The same of QEMU's host bridge.
const BRIDGE: &[u8] = b"pci:v00008086d00001237sv00001AF4sd00001100bc06sc00i00\n";

/// Directory of the drivers, from that of a PCI function.
const DRIVERS: &str = "../../../bus/pci/drivers";

fn write(directory: &Path, name: &str, content: &[u8]) {
    fs::create_dir_all(directory).unwrap();
    fs::write(directory.join(name), content).unwrap();
}

fn link(directory: &str, name: &str, place: &Path) {
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    symlink(Path::new(directory).join(name), place).unwrap();
}
