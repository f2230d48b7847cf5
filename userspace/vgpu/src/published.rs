// SPDX-License-Identifier: MIT OR Apache-2.0

//! Reading what root has published of devices without the driver, for users who may not open
//! BAR0: a directory for each device, with one value a file.
//!
//! `/run/vgpu/0000:00:06.0` is a link to a directory beside it that is complete before
//! the link leads to it, and never changed afterwards. Whoever holds that directory open
//! reads values of one moment, or finds that they were replaced.

use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{CWD, Mode, OFlags, fstat, openat, readlinkat};
use rustix::io::Errno;

use crate::number::parse_u32;
use crate::{Error, Info, Result, Source, Vgpu};

/// Names of the files of a device that have no register.
pub(crate) const TIME: &str = "time";
pub(crate) const INODE: &str = "inode";

/// Number of times that a device is read again that is published anew meanwhile.
const MOST_ATTEMPTS: usize = 8;

/// Reads what was published of `device`.
///
/// # Errors
/// [`Error::NotPublished`] if nothing was, or only of a device that had its address
/// before; [`Error::Untrusted`] if somebody else than root may have written it;
/// [`Error::Gone`], [`Error::Malformed`], [`Error::Permission`] and [`Error::Io`].
pub(crate) fn read(device: &Vgpu) -> Result<Info> {
    let owner = device.roots.owner()?;
    let directory = device.roots.published();
    let path = directory.join(device.address.to_string());
    for _ in 0..MOST_ATTEMPTS {
        let none = || Error::NotPublished { path: path.clone() };
        let Some(all) = Place::open(CWD, &directory, owner)? else {
            return Err(none());
        };
        let target = match readlinkat(&all, device.address.to_string(), Vec::new()) {
            Ok(target) => target,
            Err(Errno::NOENT) => return Err(none()),
            Err(error) => return Err(Error::io(&path, "read", error.into())),
        };
        let target = target.to_str().unwrap_or_default();
        let mut parts = Path::new(target).components();
        let (Some(Component::Normal(_)), None) = (parts.next(), parts.next()) else {
            return Err(Error::Malformed {
                path,
                what: format!("{target:?} is not beside it"),
            });
        };
        let Some(place) = Place::open(all.as_fd(), Path::new(target), owner)? else {
            continue;
        };
        let place = Place {
            path: path.clone(),
            ..place
        };
        // What is of another function that had the address is not the device's.
        match place.number(INODE)? {
            Some(inode) if device.function.inode() == Some(inode) => {}
            Some(_) => return Err(none()),
            None => continue,
        }
        match place.info()? {
            // Nobody has taken it away yet.
            Some(_) if !device.is_present() => return Err(Error::Gone),
            Some(info) => return Ok(info),
            None => {}
        }
    }
    Err(Error::Malformed {
        path,
        what: "it is not complete".into(),
    })
}

/// A directory that nobody but its owner may have changed.
struct Place {
    descriptor: OwnedFd,
    path: PathBuf,
    owner: u32,
}

impl Place {
    /// Opens the directory at `path`, which is not to be a link; `None` if there is none.
    fn open(beside: BorrowedFd<'_>, path: &Path, owner: u32) -> Result<Option<Self>> {
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        let descriptor = open_trusted(beside, path, flags, path, owner)?;
        Ok(descriptor.map(|descriptor| Place {
            descriptor,
            path: path.into(),
            owner,
        }))
    }

    /// Reads all values; `None` if some are gone.
    fn info(&self) -> Result<Option<Info>> {
        macro_rules! known {
            ($value:expr) => {
                match $value? {
                    Some(value) => value,
                    None => return Ok(None),
                }
            };
        }
        let seconds = known!(self.number(TIME));
        let time = UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
        // A clock that was set back makes it 0.
        let age = time.and_then(|time| SystemTime::now().duration_since(time).ok());
        let info = Info {
            source: Source::Published,
            age: Some(age.unwrap_or_default()),
            pool_id: known!(self.value("pool_id", |text| text.parse().ok())),
            priority: known!(self.value("priority", |text| text.parse().ok())),
            vm_id: known!(self.value("vm_id", parse_u32)),
            command: known!(self.value("command", parse_u32)),
            status: known!(self.value("status", parse_u32)),
            features: known!(self.value("features", parse_u32)),
            config_generation: known!(self.value("config_generation", parse_u32)),
            link: self.value("link", parse_u32)?.map(|link| link != 0),
        };
        info.checked().map(Some)
    }

    fn number(&self, name: &str) -> Result<Option<u64>> {
        self.value(name, |text| text.parse().ok())
    }

    /// Reads the value in the file `name`; `None` if it is gone.
    fn value<T>(&self, name: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>> {
        const MOST: u64 = 4096;
        let path = self.path.join(name);
        // Not to wait for the other end of what is no file.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK;
        let file = open_trusted(self.as_fd(), Path::new(name), flags, &path, self.owner)?;
        let Some(file) = file else { return Ok(None) };
        let mut bytes = Vec::new();
        std::fs::File::from(file)
            .take(MOST)
            .read_to_end(&mut bytes)
            .map_err(|error| Error::io(&path, "read", error))?;
        let text = String::from_utf8_lossy(&bytes);
        match parse(text.trim_end_matches('\n')) {
            Some(value) => Ok(Some(value)),
            None => Err(Error::Malformed {
                path,
                what: format!("{text:?} is no {name}"),
            }),
        }
    }
}

impl AsFd for Place {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// Opens what nobody but `owner` may have changed; `None` if it is not there. `path` is
/// what messages call it.
pub(crate) fn open_trusted(
    beside: BorrowedFd<'_>,
    name: &Path,
    flags: OFlags,
    path: &Path,
    owner: u32,
) -> Result<Option<OwnedFd>> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = match openat(beside, name, flags, Mode::empty()) {
        Ok(opened) => opened,
        Err(Errno::NOENT) => return Ok(None),
        // What NOFOLLOW makes of a link.
        Err(Errno::LOOP | Errno::NOTDIR) => {
            return Err(Error::Untrusted {
                path: path.into(),
                what: "it is a link, or no directory".into(),
            });
        }
        Err(error) => return Err(Error::io(path, "open", error.into())),
    };
    let found = fstat(&opened).map_err(|error| Error::io(path, "look at", error.into()))?;
    match distrust(found.st_uid, found.st_mode, owner) {
        None => Ok(Some(opened)),
        Some(what) => Err(Error::Untrusted {
            path: path.into(),
            what,
        }),
    }
}

/// Tells why a file of that user and mode may have been written by somebody else than
/// `owner`; `None` if not.
fn distrust(user: u32, mode: u32, owner: u32) -> Option<String> {
    const OTHERS_WRITE: u32 = 0o022;
    if user != owner {
        return Some(format!("it belongs to the user {user}, not to {owner}"));
    }
    (mode & OTHERS_WRITE != 0).then(|| format!("others than the user {owner} may write to it"))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use crate::fixture::{Fixture, Stub};
    use crate::{Roots, publish};

    const ADDRESS: &str = "0000:00:06.0";

    /// Reads a device after `change` was made to what is published of it.
    fn read(change: impl Fn(&Path)) -> Result<Info> {
        let fixture = Fixture::new();
        fixture.add(&Stub::at(ADDRESS));
        publish(&Roots::under(fixture.root())).unwrap();
        change(&fixture.root().join("run/vgpu"));
        fixture.discover()[0].read(Source::Published)
    }

    fn kind(result: Result<Info>) -> &'static str {
        result.map_or_else(|error| error.kind(), |_| "none")
    }

    #[test]
    fn what_is_published_is_read_with_its_age() {
        let info = read(|_| {}).unwrap();
        assert_eq!(info.source, Source::Published);
        assert_eq!(info.pool_id.to_string(), "B");
        assert_eq!(info.priority.to_string(), "high");
        assert_eq!((info.vm_id, info.command, info.status), (200, 5, 1));
        assert!(info.age.unwrap() < Duration::from_secs(60), "{info:?}");

        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let at = |seconds: u64| {
            let set = |it: &Path| fs::write(it.join(ADDRESS).join(TIME), format!("{seconds}\n"));
            read(|it| set(it).unwrap()).unwrap().age.unwrap().as_secs()
        };
        let age = at(now.as_secs() - 1000);
        assert!((1000..1060).contains(&age), "{age}");
        // A clock that was set back.
        assert_eq!(at(now.as_secs() + 1000), 0);
    }

    #[test]
    fn what_somebody_else_may_have_written_is_not_believed() {
        let device = |it: &Path| it.join(ADDRESS);
        let open_up = |path: &Path, mode| {
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        };
        assert_eq!(kind(read(|it| open_up(it, 0o755))), "none");
        assert_eq!(kind(read(|it| open_up(it, 0o757))), "untrusted");
        assert_eq!(kind(read(|it| open_up(it, 0o1777))), "untrusted");
        assert_eq!(kind(read(|it| open_up(&device(it), 0o775))), "untrusted");
        let file = |it: &Path| device(it).join("vm_id");
        assert_eq!(kind(read(|it| open_up(&file(it), 0o664))), "untrusted");
        let elsewhere = read(|it| {
            fs::rename(file(it), it.join("elsewhere")).unwrap();
            symlink(it.join("elsewhere"), file(it)).unwrap();
        });
        assert_eq!(kind(elsewhere), "untrusted");
        let elsewhere = read(|it| {
            fs::rename(it, it.with_file_name("elsewhere")).unwrap();
            symlink("elsewhere", it).unwrap();
        });
        assert_eq!(kind(elsewhere), "untrusted");

        assert_eq!(distrust(0, 0o100_644, 0), None);
        let foreign = distrust(1000, 0o100_644, 0).unwrap();
        assert_eq!(foreign, "it belongs to the user 1000, not to 0");
    }

    #[test]
    fn what_makes_no_sense_is_named_and_what_is_not_there_is_not_published() {
        let refused = read(|it| fs::write(it.join(ADDRESS).join("vm_id"), "-1").unwrap());
        let text = refused.unwrap_err().to_string();
        assert!(
            text.ends_with("0000:00:06.0/vm_id: \"-1\" is no vm_id"),
            "{text}"
        );
        let incomplete = read(|it| fs::remove_file(it.join(ADDRESS).join("status")).unwrap());
        assert_eq!(kind(incomplete), "malformed");
        let aside = read(|it| {
            fs::remove_file(it.join(ADDRESS)).unwrap();
            symlink("../../etc", it.join(ADDRESS)).unwrap();
        });
        assert_eq!(kind(aside), "malformed");
        assert_eq!(
            kind(read(|it| fs::remove_dir_all(it).unwrap())),
            "not_published"
        );
        let none = read(|it| fs::remove_file(it.join(ADDRESS)).unwrap());
        assert_eq!(kind(none), "not_published");
    }

    #[test]
    fn what_was_published_of_a_device_is_not_that_of_another_one_in_its_place() {
        let fixture = Fixture::new();
        fixture.add(&Stub::at(ADDRESS));
        publish(&Roots::under(fixture.root())).unwrap();
        // Its inode number stays its own as long as this is there.
        let device = &mut fixture.discover()[0];
        fixture.unplug(ADDRESS);
        fixture.add(&Stub::at(ADDRESS));
        let other = fixture.discover()[0].read(Source::Published);
        assert_eq!(kind(other), "not_published");
        assert_eq!(kind(device.read(Source::Published)), "gone");
    }
}
