// SPDX-License-Identifier: GPL-2.0

//! The driver's device node, /dev/vgpuN.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use crate::{Error, Info, PoolId, Priority, Result, Source, Vgpu, sys, uapi};

/// Takes one consistent snapshot of `device`.
pub(crate) fn read(device: &Vgpu) -> Result<Info> {
    let path = path(device)?;
    let node = open(device, &path, OpenOptions::new().read(true))?;
    let info =
        sys::get_info(node.as_fd()).map_err(|error| Error::of(device, &path, "ask", error))?;
    Info {
        source: Source::Chardev,
        pool_id: PoolId::from_raw(info.pool_id),
        priority: Priority::from_raw(info.priority),
        vm_id: info.vm_id,
        command: info.command,
        status: info.status,
        features: info.features,
        config_generation: info.config_generation,
    }
    .checked()
}

/// Submits a command and waits for it; fills in what became of it.
pub(crate) fn submit(device: &Vgpu, submit: &mut uapi::vgpu_submit) -> Result<()> {
    let path = path(device)?;
    let node = open(device, &path, OpenOptions::new().read(true).write(true))?;
    sys::submit(node.as_fd(), submit).map_err(|error| Error::submitting(device, &path, error))
}

fn path(device: &Vgpu) -> Result<PathBuf> {
    Ok(device.roots.node(device.bound_name()?))
}

fn open(device: &Vgpu, path: &Path, options: &OpenOptions) -> Result<File> {
    options.open(path).map_err(|error| {
        if error.kind() == io::ErrorKind::NotFound && device.is_present() {
            return Error::NoNode { path: path.into() };
        }
        Error::of(device, path, "open", error)
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::fixture::{Fixture, Stub};
    use crate::{Error, Source};

    #[test]
    fn a_missing_node_is_told_from_a_missing_driver_and_a_missing_device() {
        let fixture = Fixture::new();
        let directory = fixture.add(&Stub::at("0000:00:06.0").bound("vgpu0"));
        fixture.add(&Stub::at("0000:00:07.0"));
        let mut devices = fixture.discover();
        let [bound, unbound] = [0, 1].map(|index| devices[index].read(Source::Chardev));
        assert!(matches!(bound, Err(Error::NoNode { .. })), "{bound:?}");
        assert!(matches!(unbound, Err(Error::DriverNeeded { .. })));
        fs::remove_dir_all(directory).unwrap();
        let gone = devices[0].read(Source::Chardev);
        assert!(matches!(gone, Err(Error::Gone)), "{gone:?}");
    }

    #[test]
    fn a_file_that_is_no_node_is_an_error_and_no_device() {
        let fixture = Fixture::new();
        fixture.add(&Stub::at("0000:00:06.0").bound("vgpu0"));
        fixture.write_node("vgpu0");
        let result = fixture.discover()[0].read(Source::Chardev);
        assert!(matches!(result, Err(Error::Io { .. })), "{result:?}");
    }
}
