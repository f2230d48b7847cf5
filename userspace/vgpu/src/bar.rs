// SPDX-License-Identifier: MIT OR Apache-2.0

//! BAR0, mapped from the resource file that the PCI core gives every device.

use std::io;
use std::path::Path;

use rustix::fs::OFlags;

use crate::config::Config;
use crate::directory::Directory;
use crate::identity::all_ones;
use crate::sys::Mapping;
use crate::{Error, Info, PoolId, Priority, Result, Source, Vgpu, uapi};

const REGISTERS: [u32; 6] = [
    uapi::VGPU_REG_COMMAND,
    uapi::VGPU_REG_STATUS,
    uapi::VGPU_REG_POOL_ID,
    uapi::VGPU_REG_PRIORITY,
    uapi::VGPU_REG_VM_ID,
    uapi::VGPU_REG_FEATURES,
];

/// Reads the registers of `device`.
pub(crate) fn read(device: &Vgpu) -> Result<Info> {
    const FILE: &str = "resource0";
    let function = &*device.function;
    // While decoding is off the registers' addresses are nobody's, or somebody
    // else's: what is read there says nothing.
    check_decoding(function)?;

    let path = function.path(FILE);
    let file = function.file(FILE, OFlags::RDONLY);
    let file = file.map_err(|error| match error.raw_os_error() {
        Some(libc::EPERM) => Error::Lockdown { path: path.clone() },
        Some(libc::ENOENT) if device.is_present() => match is_unassigned(function) {
            true => Error::Unassigned,
            false => Error::Malformed {
                path: path.clone(),
                what: "the device has no BAR0".into(),
            },
        },
        _ => device.refused(&path, "open", error),
    })?;
    let length = file
        .metadata()
        .map_err(|error| device.refused(&path, "look at", error))?
        .len();
    if length < u64::from(uapi::VGPU_BAR0_SIZE) {
        return Err(Error::Malformed {
            path,
            what: format!("BAR0 has {length} bytes"),
        });
    }

    let mapping = Mapping::new(&file).map_err(|error| unmappable(device, &path, error))?;
    // The kernel takes the mapping away when a driver comes, and some kernels
    // when the device goes; only the second is an end.
    let taken = || match device.current_driver() {
        Some(driver) => Error::Claimed {
            path: path.clone(),
            driver,
        },
        None => Error::Gone,
    };
    // Revision 1 reads 0 there.
    let generation = || match mapping.read([uapi::VGPU_REG_FEATURES]) {
        Some([features]) if !Info::has_live_config(features) => Ok(0),
        Some(_) => {
            let generation = mapping.read([uapi::VGPU_REG_CONFIG_GENERATION]);
            generation.map(|[it]| it).ok_or_else(taken)
        }
        None => Err(taken()),
    };
    let link = |features| match Info::has_messages(features) {
        true => {
            let status = mapping.read([uapi::VGPU_REG_MSG_STATUS]);
            let link = |[status]: [u32; 1]| status & uapi::VGPU_MSG_STATUS_LINK != 0;
            status.map(link).map(Some).ok_or_else(taken)
        }
        false => Ok(None),
    };
    Info::consistent(
        &path,
        || {
            let config_generation = generation()?;
            let registers = mapping.read(REGISTERS).ok_or_else(taken)?;
            if all_ones(&registers) {
                check_decoding(function)?;
                return Err(Error::Gone);
            }
            let [command, status, pool_id, priority, vm_id, features] = registers;
            Ok(Info {
                source: Source::Bar,
                age: None,
                pool_id: PoolId::from_raw(pool_id),
                priority: Priority::from_raw(priority),
                vm_id,
                command,
                status,
                features,
                config_generation,
                link: link(features)?,
            })
        },
        generation,
    )
}

/// Refuses a device that nobody enabled or that is gone. One whose
/// configuration space cannot be read may go on.
fn check_decoding(function: &Directory) -> Result<()> {
    match Config::read(function) {
        Some(config) if config.is_gone() => Err(Error::Gone),
        Some(config) if !config.decodes_memory() => Err(match is_unassigned(function) {
            true => Error::Unassigned,
            false => Error::DecodingOff,
        }),
        _ => Ok(()),
    }
}

/// Tells whether the kernel has assigned no memory to BAR0 of `function`: the first of
/// its resources is all zeroes then.
pub(crate) fn is_unassigned(function: &Directory) -> bool {
    let resources = function.read("resource").unwrap_or_default();
    let resources = String::from_utf8_lossy(&resources);
    let bar0 = resources.lines().next().map(str::split_whitespace);
    bar0.is_some_and(|mut words| words.all(|word| parse_hex(word) == Some(0)))
}

fn parse_hex(word: &str) -> Option<u64> {
    u64::from_str_radix(word.strip_prefix("0x")?, 16).ok()
}

/// Makes an error of the kernel's refusal to map BAR0.
fn unmappable(device: &Vgpu, path: &Path, error: io::Error) -> Error {
    match (error.raw_os_error(), device.current_driver()) {
        (Some(libc::EPERM), _) => Error::Lockdown { path: path.into() },
        (Some(libc::EINVAL), Some(driver)) => Error::Claimed {
            path: path.into(),
            driver,
        },
        _ => device.refused(path, "map", error),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::fixture::{Fixture, Stub};

    fn read(change: impl Fn(&Path)) -> Result<Info> {
        let fixture = Fixture::new();
        let directory = fixture.add(&Stub::at("0000:00:06.0"));
        let device = &mut fixture.discover()[0];
        change(&directory);
        device.read(Source::Auto)
    }

    #[test]
    fn a_device_without_driver_is_read_through_bar0() {
        let info = read(|_| {}).unwrap();
        assert_eq!(info.source, Source::Bar);
        assert_eq!(info.pool_id.to_string(), "B");
        assert_eq!(info.priority.to_string(), "high");
        assert_eq!((info.vm_id, info.command, info.status), (200, 5, 1));
    }

    #[test]
    fn what_only_revision_2_has_is_read_where_the_device_says_that_it_is_there() {
        let with = |features: u8, generation: u8| {
            let info = read(|it| {
                let mut bar = fs::read(it.join("resource0")).unwrap();
                bar[0x14] = features;
                bar[0x2c] = generation;
                fs::write(it.join("resource0"), bar).unwrap();
            });
            info.map(|it| (it.features, it.config_generation)).unwrap()
        };
        assert_eq!(with(0, 0), (0, 0));
        assert_eq!(with(7, 12), (7, 12));
        assert_eq!(with(3, 12), (3, 0));
    }

    #[test]
    fn registers_that_are_all_ones_are_those_of_a_device_that_is_gone() {
        let result = read(|it| fs::write(it.join("resource0"), [0xff; 4096]).unwrap());
        assert!(matches!(result, Err(Error::Gone)), "{result:?}");
    }

    #[test]
    fn decoding_that_is_off_is_told_from_a_device_that_is_gone() {
        let result = read(|it| fs::write(it.join("config"), [0; 64]).unwrap());
        assert!(matches!(result, Err(Error::DecodingOff)), "{result:?}");
        let result = read(|it| fs::write(it.join("config"), [0xff; 64]).unwrap());
        assert!(matches!(result, Err(Error::Gone)), "{result:?}");
    }

    #[test]
    fn a_bar0_that_got_no_memory_is_told_from_one_that_is_switched_off() {
        let zeroes = "0x0000000000000000 0x0000000000000000 0x0000000000000000\n";
        let assigned = "0x00000000febf0000 0x00000000febf0fff 0x0000000000040200\n";
        for (resource, kind) in [
            (format!("{zeroes}{assigned}"), "unassigned"),
            (format!("{assigned}{zeroes}"), "decoding_off"),
            (String::new(), "decoding_off"),
        ] {
            let result = read(|it| {
                fs::write(it.join("config"), [0; 64]).unwrap();
                fs::write(it.join("resource"), &resource).unwrap();
            });
            assert_eq!(result.unwrap_err().kind(), kind, "{resource}");
        }
        // Decoding may be on for the sake of another BAR.
        let result = read(|it| {
            fs::remove_file(it.join("resource0")).unwrap();
            fs::write(it.join("resource"), zeroes).unwrap();
        });
        assert_eq!(result.unwrap_err().kind(), "unassigned");
    }

    #[test]
    fn an_unreadable_configuration_space_does_not_stand_in_the_way() {
        assert!(read(|it| fs::remove_file(it.join("config")).unwrap()).is_ok());
    }

    #[test]
    fn a_bar0_that_is_missing_or_too_short_is_nonsense() {
        for result in [
            read(|it| fs::remove_file(it.join("resource0")).unwrap()),
            read(|it| fs::write(it.join("resource0"), [0; 4095]).unwrap()),
        ] {
            assert!(matches!(result, Err(Error::Malformed { .. })), "{result:?}");
        }
    }

    #[test]
    fn any_error_of_a_device_that_vanished_meanwhile_is_that_it_is_gone() {
        let result = read(|it| {
            fs::write(it.join("resource0"), [0; 16]).unwrap();
            let copy = it.with_file_name("copy");
            fs::rename(it, &copy).unwrap();
            // What is left answers, but it is another directory.
            fs::create_dir(it).unwrap();
            fs::rename(copy.join("resource0"), it.join("resource0")).unwrap();
        });
        assert!(matches!(result, Err(Error::Gone)), "{result:?}");
    }

    #[test]
    fn a_device_that_vanished_after_its_discovery_is_gone() {
        let result = read(|it| fs::remove_dir_all(it).unwrap());
        assert!(matches!(result, Err(Error::Gone)), "{result:?}");
    }

    #[test]
    fn each_wall_before_bar0_is_its_own_error() {
        let fixture = Fixture::new();
        fixture.add(&Stub::at("0000:00:06.0").driver("vfio-pci"));
        fixture.add(&Stub::at("0000:00:07.0"));
        let devices = fixture.discover();
        let wall = |device, errno| {
            let error = io::Error::from_raw_os_error(errno);
            unmappable(device, Path::new("resource0"), error).kind()
        };
        assert_eq!(wall(&devices[0], libc::EPERM), "lockdown");
        assert_eq!(wall(&devices[0], libc::EINVAL), "claimed");
        assert_eq!(wall(&devices[0], libc::EACCES), "permission");
        assert_eq!(wall(&devices[0], libc::ENODEV), "gone");
        // Nobody has claimed it: the kernel means something else.
        assert_eq!(wall(&devices[1], libc::EINVAL), "io");
    }
}
