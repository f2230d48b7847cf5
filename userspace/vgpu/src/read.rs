// SPDX-License-Identifier: MIT OR Apache-2.0

//! Reading a device, from whichever source.

use std::thread;
use std::time::Duration;

use crate::{Error, Info, Register, Result, Source, Vgpu};
use crate::{bar, chardev, published, sysfs};

impl Vgpu {
    /// Reads the registers once, from `source`.
    ///
    /// With [`Source::Auto`] the driver may come or go meanwhile, as it does
    /// while a guest boots: the device is looked at again then, for 0.1 s at
    /// most, and [`name`](Vgpu::name) and [`driver`](Vgpu::driver) follow.
    ///
    /// # Errors
    /// [`Error::DriverNeeded`] for sysfs and chardev without the driver;
    /// [`Error::NoNode`] and [`Error::WrongNode`] for chardev;
    /// [`Error::Lockdown`], [`Error::Claimed`], [`Error::DecodingOff`] and
    /// [`Error::Unassigned`] for BAR0; [`Error::NotPublished`] and [`Error::Untrusted`]
    /// for what is published; [`Error::Permission`], [`Error::Gone`],
    /// [`Error::Malformed`] and [`Error::Io`] for all.
    pub fn read(&mut self, source: Source) -> Result<Info> {
        self.read_as(source, sysfs::read, |info| info)
    }

    /// Reads one register, and where each is a file of its own, no other one.
    ///
    /// # Errors
    /// As [`read`](Vgpu::read).
    pub fn read_register(&mut self, register: Register, source: Source) -> Result<u32> {
        self.read_as(
            source,
            |device| sysfs::read_register(device, register),
            |info| info.register(register),
        )
    }

    /// Reads by `sysfs`, or what `part` takes out of what the other sources give as
    /// a whole.
    fn read_as<T>(
        &mut self,
        source: Source,
        sysfs: impl Fn(&Vgpu) -> Result<T>,
        part: impl Fn(Info) -> T,
    ) -> Result<T> {
        let result = match source {
            Source::Sysfs => sysfs(self),
            Source::Chardev => chardev::read(self).map(part),
            Source::Bar => bar::read(self).map(part),
            Source::Published => published::read(self).map(part),
            Source::Auto => self.read_auto(sysfs, part),
        };
        // Half of a device gives all kinds of errors while it is removed.
        result.map_err(|error| match self.is_present() {
            true => error,
            false => Error::Gone,
        })
    }

    fn read_auto<T>(
        &mut self,
        sysfs: impl Fn(&Vgpu) -> Result<T>,
        part: impl Fn(Info) -> T,
    ) -> Result<T> {
        const PAUSE: Duration = Duration::from_millis(10);
        let mut pauses = 10;
        loop {
            let result = match self.name() {
                Some(_) => sysfs(self),
                None => self.read_without_driver().map(&part),
            };
            match result {
                Err(error) if pauses > 0 && error.may_be_rebinding() && self.is_present() => {
                    pauses -= 1;
                    thread::sleep(PAUSE);
                    self.refresh();
                }
                result => return result,
            }
        }
    }

    /// Reads BAR0 or, only if the caller may not open it, what was published.
    fn read_without_driver(&self) -> Result<Info> {
        match bar::read(self) {
            Err(refused @ Error::Permission { .. }) => match published::read(self) {
                Err(Error::NotPublished { .. }) => Err(refused),
                result => result,
            },
            result => result,
        }
    }

    /// Finds out whether the caller may open the device's node for reading and writing.
    ///
    /// The node is there before its owner and its mode are: udev sets them when the
    /// kernel has announced it, and announces that to nobody but its own listeners.
    ///
    /// # Errors
    /// [`Error::DriverNeeded`], [`Error::NoNode`], [`Error::WrongNode`],
    /// [`Error::Permission`], [`Error::Gone`], [`Error::Malformed`] and [`Error::Io`].
    pub fn check_node(&self) -> Result<()> {
        chardev::examine(self).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::fixture::{Fixture, Stub};

    const ADDRESS: &str = "0000:00:06.0";
    const OTHER: &str = "0000:00:07.0";
    const SOURCES: [Source; 4] = [Source::Auto, Source::Sysfs, Source::Chardev, Source::Bar];

    /// Fails unless every read from `sources` and every command is refused.
    fn refuses_all(device: &mut Vgpu, sources: &[Source], kind: &str) {
        for source in sources {
            let read = device.read(*source).unwrap_err();
            assert_eq!(read.kind(), kind, "{source}: {read:?}");
        }
        for source in &SOURCES[..3] {
            let submitted = device.submit(7, None, *source).unwrap_err();
            assert_eq!(submitted.kind(), kind, "{source}: {submitted:?}");
        }
    }

    fn last_command(class_device: &Path) -> String {
        fs::read_to_string(class_device.join("command")).unwrap()
    }

    #[test]
    fn a_name_that_has_become_another_devices_leads_to_no_other_device() {
        let fixture = Fixture::new();
        fixture.add(&Stub::at(ADDRESS).bound("vgpu0"));
        fixture.add(&Stub::at(OTHER));
        let device = &mut fixture.discover()[0];
        fixture.unbind(ADDRESS);
        fixture.bind(OTHER, "vgpu0");
        fixture.link_node("vgpu0");
        let reused = fixture.class("vgpu0");
        fs::write(reused.join("vm_id"), "7\n").unwrap();

        refuses_all(device, &[Source::Sysfs, Source::Chardev], "driver_needed");
        let own = device.read(Source::Auto).unwrap();
        assert_eq!((own.source, own.vm_id), (Source::Bar, 200));
        assert_eq!(device.name(), None);

        // The driver comes back to it, under another name.
        fixture.bind(ADDRESS, "vgpu1");
        let device = &fixture.discover()[0];
        assert_eq!(device.name(), Some("vgpu1"));
        device.submit(0x1f, None, Source::Sysfs).unwrap();
        assert_eq!(last_command(&fixture.class("vgpu1")), "0x0000001f\n");
        assert_eq!(last_command(&reused), "0x00000005\n");
    }

    #[test]
    fn a_device_that_got_another_name_meanwhile_is_read_and_called_by_that() {
        let fixture = Fixture::new();
        fixture.add(&Stub::at(ADDRESS).bound("vgpu0"));
        fixture.add(&Stub::at(OTHER));
        let device = &mut fixture.discover()[0];
        fixture.unbind(ADDRESS);
        fixture.bind(OTHER, "vgpu0");
        fixture.bind(ADDRESS, "vgpu1");
        fs::write(fixture.class("vgpu1").join("vm_id"), "1\n").unwrap();
        assert_eq!(device.read(Source::Auto).unwrap().vm_id, 1);
        assert_eq!(device.name(), Some("vgpu1"));
    }

    #[test]
    fn another_device_with_the_same_address_and_name_is_left_alone() {
        let fixture = Fixture::new();
        fixture.add(&Stub::at(ADDRESS).bound("vgpu0"));
        let device = &mut fixture.discover()[0];
        fixture.unplug(ADDRESS);
        fixture.add(&Stub::at(ADDRESS).bound("vgpu0"));
        fixture.link_node("vgpu0");
        refuses_all(device, &SOURCES, "gone");
        assert_eq!(last_command(&fixture.class("vgpu0")), "0x00000005\n");
        assert!(!device.is_same_as(&fixture.discover()[0]));
    }

    #[test]
    fn a_file_that_is_not_the_devices_node_is_neither_asked_nor_commanded() {
        let number = |fixture: &Fixture, number: &str| {
            fs::write(fixture.class("vgpu0").join("dev"), number).unwrap();
        };
        // The node of another device, and a file that is none.
        for is_device in [true, false] {
            let fixture = Fixture::new();
            fixture.add(&Stub::at(ADDRESS).bound("vgpu0"));
            match is_device {
                true => fixture.link_node("vgpu0"),
                false => fixture.write_node("vgpu0"),
            }
            number(&fixture, "1:5\n");
            let device = &mut fixture.discover()[0];
            let read = device.read(Source::Chardev).unwrap_err();
            let submitted = device.submit(7, None, Source::Chardev).unwrap_err();
            assert_eq!(
                (read.kind(), submitted.kind()),
                ("wrong_node", "wrong_node")
            );
            let completion = device.submit(7, None, Source::Auto).unwrap();
            assert_eq!(completion.source, Source::Sysfs);

            number(&fixture, "not a number\n");
            let read = device.read(Source::Chardev).unwrap_err();
            assert_eq!(read.kind(), "malformed");
        }
    }

    #[test]
    fn the_class_device_of_another_driver_is_no_name_of_a_vgpu() {
        let fixture = Fixture::new();
        fixture.add(&Stub::at(ADDRESS).bound("vgpu0").driver("mediator"));
        fixture.add(&Stub::at(OTHER).bound("vgpu1").driver("mediator"));
        fixture.edit_modalias(OTHER, "v00001AF4", "v000010DE");
        let devices = fixture.discover();
        assert_eq!(devices.len(), 1);
        assert_eq!(devices[0].name(), None);
        assert_eq!(devices[0].driver(), Some("mediator"));
        let refused = devices[0].submit(7, None, Source::Auto);
        assert_eq!(refused.unwrap_err().kind(), "driver_needed");
    }
}
