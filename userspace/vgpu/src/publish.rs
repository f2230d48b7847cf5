// SPDX-License-Identifier: MIT OR Apache-2.0

//! Publishing what BAR0 says, for users who may not open it. How it is laid out is in
//! [`published`](crate::published).

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{CWD, FlockOperation, Mode, OFlags, fchmod, flock};
use rustix::process::geteuid;

use crate::published::{INODE, TIME, open_trusted};
use crate::{DRIVER, Error, Info, PciAddress, Refusal, Result, Roots, Source, Vgpu};

/// Result of [`publish`].
#[derive(Debug, Default)]
pub struct Publication {
    /// The devices that are published now.
    pub published: Vec<(Vgpu, Info)>,
    /// The addresses of those that were taken away: gone, or with the driver.
    pub removed: Vec<PciAddress>,
    /// The devices that could not be read; what was published of them stays, with its
    /// time.
    pub unreadable: Vec<(Vgpu, Error)>,
}

/// Publishes what BAR0 says of each device without the driver in /run/vgpu, for all users
/// to read, and takes away what was published of any other one.
///
/// A reader finds a device's values of before or those of now, and never both or only
/// some. Runs at the same time wait for each other.
///
/// # Errors
/// [`Error::Permission`] for anybody but root; as [`Vgpu::discover`]; [`Error::Io`] if
/// it cannot be written.
pub fn publish(roots: &Roots) -> Result<Publication> {
    let directory = roots.published();
    let owner = roots.owner()?;
    // Nobody would believe it.
    if geteuid().as_raw() != owner {
        return Err(Error::Permission {
            path: directory,
            refusal: Refusal::Mode,
        });
    }
    let _lock = lock(&directory, owner)?;
    let mut publication = Publication::default();
    for mut device in Vgpu::discover(roots)? {
        if has_driver(&device) {
            continue;
        }
        match device.read(Source::Bar) {
            Ok(info) => {
                write(&directory, &device, &info)
                    .map_err(|error| Error::io(&directory, "write to", error))?;
                publication.published.push((device, info));
            }
            Err(Error::Gone) if !device.is_present() => {}
            Err(Error::Claimed { driver, .. }) if driver == DRIVER => {}
            Err(error) => publication.unreadable.push((device, error)),
        }
    }
    let done = publication.published.iter().map(|(device, _)| device);
    let failed = publication.unreadable.iter().map(|(device, _)| device);
    let kept: Vec<PciAddress> = done.chain(failed).map(Vgpu::pci).collect();
    publication.removed =
        clean(&directory, &kept).map_err(|error| Error::io(&directory, "clean up", error))?;
    Ok(publication)
}

fn has_driver(device: &Vgpu) -> bool {
    device.driver() == Some(DRIVER)
}

/// Opens the directory for the one who may change it now, and makes it if it is missing.
fn lock(directory: &Path, owner: u32) -> Result<OwnedFd> {
    let failed = |doing| move |error| Error::io(directory, doing, error);
    fs::create_dir_all(directory).map_err(failed("make"))?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let Some(opened) = open_trusted(CWD, directory, flags, directory, owner)? else {
        return Err(failed("open")(ErrorKind::NotFound.into()));
    };
    flock(&opened, FlockOperation::LockExclusive).map_err(|it| failed("lock")(it.into()))?;
    // Whatever the umask was.
    fchmod(&opened, Mode::from_raw_mode(0o755)).map_err(|it| failed("open up")(it.into()))?;
    Ok(opened)
}

/// Replaces what is published of `device`.
///
/// A directory cannot take the place of one that is not empty but by an exchange, which
/// kernels before 3.15 do not have. A link can, by rename(2).
fn write(directory: &Path, device: &Vgpu, info: &Info) -> io::Result<()> {
    let address = device.pci().to_string();
    let link = directory.join(&address);
    let current = fs::read_link(&link).unwrap_or_default();
    let names = [0, 1].map(|number| PathBuf::from(format!(".{address}.{number}")));
    let [first, second] = names;
    let name = if current == first { second } else { first };
    let (target, new) = (directory.join(&name), directory.join(NEW));
    // Left behind by a run that was killed.
    remove(&new)?;
    remove(&target)?;

    DirBuilder::new().mode(0o755).create(&new)?;
    fs::set_permissions(&new, Permissions::from_mode(0o755))?;
    for (name, value) in values(device, info)? {
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o644)
            .open(new.join(name))?;
        file.set_permissions(Permissions::from_mode(0o644))?;
        writeln!(file, "{value}")?;
    }
    // Complete before it has a name that a link may have had before.
    fs::rename(&new, &target)?;
    symlink(&name, &new)?;
    if link.is_dir() && !link.is_symlink() {
        remove(&link)?;
    }
    fs::rename(&new, &link)?;
    if current.as_os_str().is_empty() {
        return Ok(());
    }
    remove(&directory.join(current))
}

/// Name of a directory that is not yet complete.
const NEW: &str = ".new";

/// The files of a device and what is in them, registers as the driver's attributes have
/// them.
fn values(device: &Vgpu, info: &Info) -> io::Result<Vec<(&'static str, String)>> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let inode = device.function.inode().ok_or(ErrorKind::NotFound)?;
    let mut values = vec![
        ("pool_id", info.pool_id.to_string()),
        ("priority", info.priority.to_string()),
        ("vm_id", info.vm_id.to_string()),
        ("command", format!("{:#010x}", info.command)),
        ("status", format!("{:#010x}", info.status)),
        ("features", format!("{:#010x}", info.features)),
        ("config_generation", info.config_generation.to_string()),
        (TIME, now.unwrap_or_default().as_secs().to_string()),
        (INODE, inode.to_string()),
    ];
    values.extend(info.link.map(|link| ("link", u32::from(link).to_string())));
    Ok(values)
}

/// Removes what is of none of the devices in `kept`; gives the addresses.
fn clean(directory: &Path, kept: &[PciAddress]) -> io::Result<Vec<PciAddress>> {
    let mut removed = Vec::new();
    let mut targets = Vec::new();
    let mut others = Vec::new();
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name();
        let address: Option<PciAddress> = name.to_str().and_then(|name| name.parse().ok());
        match address {
            Some(address) if kept.contains(&address) => {
                targets.extend(fs::read_link(directory.join(name)));
            }
            Some(address) => {
                remove(&directory.join(name))?;
                removed.push(address);
            }
            None => others.push(PathBuf::from(name)),
        }
    }
    for name in others.iter().filter(|name| !targets.contains(name)) {
        remove(&directory.join(name))?;
    }
    removed.sort();
    Ok(removed)
}

/// Removes a file, a link or a directory with all that is in it, if it is there.
fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;
    use crate::fixture::{Fixture, Stub};

    const FIRST: &str = "0000:00:06.0";
    const SECOND: &str = "0000:00:07.0";

    impl Fixture {
        fn publish(&self) -> Publication {
            publish(&Roots::under(self.root())).unwrap()
        }

        fn published(&self) -> PathBuf {
            self.root().join("run/vgpu")
        }

        /// The names of what is published, and of all that is beside it.
        fn names(&self) -> (Vec<String>, usize) {
            let entries = fs::read_dir(self.published()).unwrap();
            let names = entries.map(|it| it.unwrap().file_name().into_string().unwrap());
            let (hidden, shown): (BTreeSet<_>, BTreeSet<_>) =
                names.partition(|name| name.starts_with('.'));
            (shown.into_iter().collect(), hidden.len())
        }
    }

    #[test]
    fn each_value_is_in_a_file_that_all_users_may_read() {
        let fixture = Fixture::new();
        fixture.add(&Stub::at(FIRST));
        let publication = fixture.publish();
        assert_eq!(publication.published.len(), 1);
        let device = fixture.published().join(FIRST);
        for (name, text) in [
            ("pool_id", "B\n"),
            ("priority", "high\n"),
            ("vm_id", "200\n"),
            ("command", "0x00000005\n"),
            ("status", "0x00000001\n"),
            ("features", "0x00000000\n"),
            ("config_generation", "0\n"),
        ] {
            assert_eq!(fs::read_to_string(device.join(name)).unwrap(), text);
        }
        let time = fs::read_to_string(device.join("time")).unwrap();
        assert!(time.trim_end().parse::<u64>().is_ok(), "{time}");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        for entry in fs::read_dir(&device).unwrap() {
            assert_eq!(mode(&entry.unwrap().path()), 0o644);
        }
        assert_eq!((mode(&device), mode(&fixture.published())), (0o755, 0o755));
    }

    #[test]
    fn devices_that_are_gone_or_have_the_driver_are_taken_away() {
        let fixture = Fixture::new();
        fixture.add(&Stub::at(FIRST));
        fixture.add(&Stub::at(SECOND));
        fixture.add(&Stub::at("0000:00:08.0").bound("vgpu7"));
        fixture.publish();
        assert_eq!(fixture.names(), (vec![FIRST.into(), SECOND.into()], 2));
        fixture.bind(FIRST, "vgpu0");
        let removed = fixture.publish().removed;
        assert_eq!(removed, [FIRST.parse().unwrap()]);
        assert_eq!(fixture.names(), (vec![SECOND.into()], 1));
        fixture.unplug(SECOND);
        fixture.publish();
        assert_eq!(fixture.names(), (vec![], 0));
        fixture.unbind(FIRST);
        fixture.publish();
        assert_eq!(fixture.names(), (vec![FIRST.into()], 1));
    }

    #[test]
    fn a_device_that_cannot_be_read_keeps_what_was_published_of_it() {
        let fixture = Fixture::new();
        let directory = fixture.add(&Stub::at(FIRST));
        fixture.publish();
        fs::write(directory.join("config"), [0; 64]).unwrap();
        let publication = fixture.publish();
        let (_, error) = &publication.unreadable[0];
        assert_eq!(error.kind(), "decoding_off");
        assert!(publication.removed.is_empty());
        assert_eq!(fixture.names(), (vec![FIRST.into()], 1));
    }

    #[test]
    fn what_a_run_that_was_killed_has_left_behind_is_in_nobodys_way() {
        let fixture = Fixture::new();
        fixture.add(&Stub::at(FIRST));
        let published = fixture.published();
        for name in [NEW, ".0000:00:06.0.0", ".0000:00:06.0.1", ".0000:00:1f.0.0"] {
            fs::create_dir_all(published.join(name)).unwrap();
            fs::write(published.join(name).join("vm_id"), "half").unwrap();
        }
        for _ in 0..3 {
            fixture.publish();
            assert_eq!(fixture.names(), (vec![FIRST.into()], 1));
            let info = fixture.discover()[0].read(Source::Published).unwrap();
            assert_eq!(info.vm_id, 200);
        }
    }

    #[test]
    fn a_directory_that_others_may_write_to_is_not_published_in() {
        let fixture = Fixture::new();
        fixture.add(&Stub::at(FIRST));
        fs::create_dir_all(fixture.published()).unwrap();
        fs::set_permissions(fixture.published(), Permissions::from_mode(0o777)).unwrap();
        let refused = publish(&Roots::under(fixture.root())).unwrap_err();
        assert_eq!(refused.kind(), "untrusted");
    }

    #[test]
    fn a_reader_sees_a_device_of_before_or_of_now_and_never_half_of_one() {
        let fixture = Fixture::new();
        let directory = fixture.add(&Stub::at(FIRST));
        let bar = fs::read(directory.join("resource0")).unwrap();
        let publish_with = |number: u8| {
            let mut bar = bar.clone();
            // The last command and the number of the VM.
            (bar[0], bar[0x10]) = (number, number);
            fs::write(directory.join("resource0"), bar).unwrap();
            fixture.publish();
        };
        publish_with(1);
        let reads = AtomicUsize::new(0);
        thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let device = &mut fixture.discover()[0];
                let mut seen = BTreeSet::new();
                while reads.fetch_add(1, Ordering::Relaxed) < 3000 {
                    let info = device.read(Source::Published).map_err(|it| it.to_string());
                    seen.insert(info.map(|info| (info.command, info.vm_id)));
                }
                seen
            });
            for number in (2..=150).cycle() {
                if reads.load(Ordering::Relaxed) >= 3000 {
                    break;
                }
                publish_with(number);
            }
            let seen = reader.join().unwrap();
            assert!(seen.len() > 2, "{seen:?}");
            for read in seen {
                let (command, vm_id) = read.unwrap();
                assert_eq!(command, vm_id);
            }
        });
    }

    #[test]
    fn a_directory_that_is_held_open_never_gets_the_values_of_another_moment() {
        let fixture = Fixture::new();
        let directory = fixture.add(&Stub::at(FIRST));
        fixture.publish();
        let link = fixture.published().join(FIRST);
        let held = fs::canonicalize(&link).unwrap();
        let file = fs::File::open(held.join("vm_id")).unwrap();
        let mut bar = fs::read(directory.join("resource0")).unwrap();
        bar[0x10] = 7;
        fs::write(directory.join("resource0"), bar).unwrap();
        fixture.publish();
        assert_eq!(fs::read_to_string(link.join("vm_id")).unwrap(), "7\n");
        assert_eq!(io::read_to_string(file).unwrap(), "200\n");
        assert!(!held.exists());
    }
}
