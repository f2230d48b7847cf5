// SPDX-License-Identifier: MIT OR Apache-2.0

//! The driver's attributes in /sys/class/vgpu/vgpuN.

use std::io::Write;

use rustix::fs::OFlags;

use crate::class::ClassDevice;
use crate::number::parse_u32;
use crate::{Error, Info, PoolId, Priority, Register, Result, Source, Vgpu};

/// Reads the attributes of `device`, one after the other.
pub(crate) fn read(device: &Vgpu) -> Result<Info> {
    let class_device = ClassDevice::open(device)?;
    // Devices of revision 1 do not have it.
    let features = class_device.read_optional("features", parse_u32)?;
    let features = features.unwrap_or(0);
    let generation = || match Info::has_live_config(features) {
        true => class_device.read("config_generation", parse_u32),
        false => Ok(0),
    };
    Info::consistent(
        &class_device.directory().path("config_generation"),
        || {
            Ok(Info {
                source: Source::Sysfs,
                age: None,
                config_generation: generation()?,
                pool_id: pool_id(&class_device)?,
                priority: priority(&class_device)?,
                vm_id: class_device.read("vm_id", parse_u32)?,
                command: class_device.read("command", parse_u32)?,
                status: class_device.read("status", parse_u32)?,
                features,
                link: link(&class_device, features)?,
            })
        },
        generation,
    )?
    .checked()
}

/// Reads the one attribute of `device` that has the value of `register`.
pub(crate) fn read_register(device: &Vgpu, register: Register) -> Result<u32> {
    let class_device = ClassDevice::open(device)?;
    match register {
        Register::PoolId => pool_id(&class_device).map(PoolId::raw),
        Register::Priority => priority(&class_device).map(Priority::raw),
        Register::VmId => class_device.read("vm_id", parse_u32),
        Register::Command => class_device.read("command", parse_u32),
        Register::Status => class_device.read("status", parse_u32),
        // Where the attribute is missing, the others have to tell why.
        Register::Features | Register::ConfigGeneration => {
            read(device).map(|info| info.register(register))
        }
    }
}

fn pool_id(class_device: &ClassDevice<'_>) -> Result<PoolId> {
    class_device.read("pool_id", |text| text.parse().ok())
}

fn priority(class_device: &ClassDevice<'_>) -> Result<Priority> {
    class_device.read("priority", |text| text.parse().ok())
}

/// Reads whether somebody answers messages, if there are any. A driver that knows none has
/// no attribute for it.
pub(crate) fn link(class_device: &ClassDevice<'_>, features: u32) -> Result<Option<bool>> {
    if !Info::has_messages(features) {
        return Ok(None);
    }
    class_device.read_optional("link", |text| match text {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    })
}

/// Writes a command; returns STATUS when the driver says that it is done.
pub(crate) fn submit(device: &Vgpu, command: u32) -> Result<u32> {
    let class_device = ClassDevice::open(device)?;
    let path = class_device.directory().path("command");
    let mut file = class_device
        .directory()
        .file("command", OFlags::WRONLY)
        .map_err(|error| class_device.refused("command", "open", error))?;
    let text = format!("{command:#010x}\n");
    // One write, whatever comes of it: a second one would be a second command.
    match file.write(text.as_bytes()) {
        Ok(written) if written == text.len() => class_device.read("status", parse_u32),
        Ok(written) => Err(Error::Malformed {
            path,
            what: format!("took {written} of {} bytes", text.len()),
        }),
        Err(error) => Err(device.refused_command(&path, error)),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::fixture::{Fixture, Stub};
    use crate::{Error, PoolId, Priority, Source};

    #[test]
    fn attributes_are_read_as_the_driver_writes_them() {
        let fixture = Fixture::new();
        fixture.add(&Stub::at("0000:00:06.0").bound("vgpu0"));
        let info = fixture.discover()[0].read(Source::Sysfs).unwrap();
        assert_eq!(info.source, Source::Sysfs);
        assert_eq!(info.pool_id, PoolId::from_raw(0x42));
        assert_eq!(info.priority, Priority::from_raw(2));
        assert_eq!((info.vm_id, info.command, info.status), (200, 5, 1));
    }

    #[test]
    fn attributes_of_a_live_device_are_read_and_those_of_revision_1_are_0() {
        let fixture = Fixture::new();
        fixture.add(&Stub::at("0000:00:06.0").bound("vgpu0"));
        let device = &mut fixture.discover()[0];
        let info = device.read(Source::Sysfs).unwrap();
        assert_eq!((info.features, info.config_generation), (0, 0));
        let class = fixture.class("vgpu0");
        fs::write(class.join("features"), "0x00000007\n").unwrap();
        fs::write(class.join("config_generation"), "12\n").unwrap();
        let info = device.read(Source::Sysfs).unwrap();
        assert_eq!((info.features, info.config_generation), (7, 12));
        fs::write(class.join("features"), "many\n").unwrap();
        let error = device.read(Source::Sysfs).unwrap_err();
        assert!(error.to_string().ends_with("is no features"));
    }

    #[test]
    fn whether_somebody_answers_is_known_of_a_device_with_messages() {
        let fixture = Fixture::new();
        fixture.add(&Stub::at("0000:00:06.0").bound("vgpu0"));
        let device = &mut fixture.discover()[0];
        let class = fixture.class("vgpu0");
        fs::write(class.join("config_generation"), "0\n").unwrap();
        fs::write(class.join("link"), "1\n").unwrap();
        for (features, link) in [("0x00000007", None), ("0x0000000f", Some(true))] {
            fs::write(class.join("features"), features).unwrap();
            assert_eq!(device.read(Source::Sysfs).unwrap().link, link);
        }
        fs::write(class.join("link"), "up\n").unwrap();
        assert!(device.read(Source::Sysfs).is_err());
        // The driver is older than the device.
        fs::remove_file(class.join("link")).unwrap();
        assert_eq!(device.read(Source::Sysfs).unwrap().link, None);
    }

    #[test]
    fn an_attribute_that_makes_no_sense_is_named_with_its_escaped_text() {
        for (name, text) in [
            ("pool_id", &b"pool B\n"[..]),
            ("priority", b"urgent\n"),
            ("vm_id", b"-1\n"),
            ("command", b"\n"),
            ("status", b"\x1b[31m\xff\n"),
        ] {
            let fixture = Fixture::new();
            fixture.add(&Stub::at("0000:00:06.0").bound("vgpu0"));
            let device = &mut fixture.discover()[0];
            fs::write(fixture.class("vgpu0").join(name), text).unwrap();
            let error = device.read(Source::Auto).unwrap_err();
            assert!(matches!(error, Error::Malformed { .. }), "{error:?}");
            assert!(error.to_string().ends_with(&format!("is no {name}")));
            assert!(!error.to_string().contains('\x1b'));
        }
    }

    #[test]
    fn a_device_that_vanished_after_its_discovery_is_gone() {
        let fixture = Fixture::new();
        fixture.add(&Stub::at("0000:00:06.0").bound("vgpu0"));
        let device = &mut fixture.discover()[0];
        fixture.unplug("0000:00:06.0");
        for source in [Source::Auto, Source::Sysfs] {
            assert!(matches!(device.read(source), Err(Error::Gone)));
        }
        assert!(!device.is_present());
    }

    #[test]
    fn a_driver_that_went_leaves_the_device_to_bar0() {
        let fixture = Fixture::new();
        fixture.add(&Stub::at("0000:00:06.0").bound("vgpu0"));
        let device = &mut fixture.discover()[0];
        fixture.unbind("0000:00:06.0");
        let refused = device.read(Source::Sysfs);
        assert!(matches!(refused, Err(Error::DriverNeeded { .. })));
        assert_eq!(device.read(Source::Auto).unwrap().source, Source::Bar);
        assert_eq!((device.name(), device.driver()), (None, None));
    }

    #[test]
    fn a_driver_that_comes_is_waited_for_and_read() {
        let fixture = Fixture::new();
        let directory = fixture.add(&Stub::at("0000:00:06.0"));
        let device = &mut fixture.discover()[0];
        // BAR0 is closed already, the class device is not there yet.
        fs::write(directory.join("resource0"), [0xff; 4096]).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(std::time::Duration::from_millis(20));
                fixture.bind("0000:00:06.0", "vgpu3");
            });
            assert_eq!(device.read(Source::Auto).unwrap().source, Source::Sysfs);
        });
        assert_eq!(device.name(), Some("vgpu3"));
        assert_eq!(device.driver(), Some("vgpu_stub"));
    }

    #[test]
    fn registers_that_are_all_ones_are_those_of_a_device_that_is_gone() {
        let fixture = Fixture::new();
        fixture.add(&Stub::at("0000:00:06.0").bound("vgpu0"));
        for (name, text) in [
            ("pool_id", "0xffffffff"),
            ("priority", "4294967295"),
            ("vm_id", "4294967295"),
            ("command", "0xffffffff"),
            ("status", "0xffffffff"),
        ] {
            let device = &mut fixture.discover()[0];
            assert!(device.read(Source::Sysfs).is_ok(), "before {name}");
            fs::write(fixture.class("vgpu0").join(name), text).unwrap();
        }
        let result = fixture.discover()[0].read(Source::Sysfs);
        assert!(matches!(result, Err(Error::Gone)));
    }
}
