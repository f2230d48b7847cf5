// SPDX-License-Identifier: MIT OR Apache-2.0

//! Errors, and advice on them.

use std::io;
use std::path::{Path, PathBuf};

use rustix::process::geteuid;
use thiserror::Error;

use crate::driver::DRIVER;
use crate::message::CallError;
use crate::uapi;

/// The result of everything here that may fail.
pub type Result<T> = std::result::Result<T, Error>;

/// Reason for which a device could not be found, read or commanded. The text says what
/// happened, [`hint`](Error::hint) what to do about it.
#[derive(Debug, Error)]
pub enum Error {
    /// The caller may not open or change a file.
    #[error("{}: {refusal}", path.display())]
    Permission {
        /// The file.
        path: PathBuf,
        /// Obstacle to it.
        refusal: Refusal,
    },
    /// There is no PCI function at all: no sysfs, or none of this machine's.
    #[error("{}: there is no PCI function", path.display())]
    NoPci {
        /// The directory where all of them would be.
        path: PathBuf,
    },
    /// Only the driver can do this, and it is not bound.
    #[error("the driver {DRIVER} is not bound{}", bound_instead(driver.as_deref()))]
    DriverNeeded {
        /// The driver that is bound instead.
        driver: Option<String>,
    },
    /// The driver is bound, but there is no device node.
    #[error("{}: there is no such device node", path.display())]
    NoNode {
        /// The node.
        path: PathBuf,
    },
    /// There is a file in the place of the device node, and it is not that of this
    /// device.
    #[error("{}: this is not the node of the device", path.display())]
    WrongNode {
        /// The file.
        path: PathBuf,
    },
    /// BAR0 is closed by lockdown (`EPERM`): nobody may map device memory.
    #[error("{}: the kernel is locked down and lets nobody map it", path.display())]
    Lockdown {
        /// The resource file.
        path: PathBuf,
    },
    /// BAR0 is closed because a driver has claimed it (`EINVAL`, kernels with
    /// `CONFIG_IO_STRICT_DEVMEM`).
    #[error("{}: the driver {driver} has claimed it and the kernel lets nobody else map it", path.display())]
    Claimed {
        /// The resource file.
        path: PathBuf,
        /// The driver.
        driver: String,
    },
    /// BAR0 is closed because the device's memory decoding is off.
    #[error("the device's memory decoding is off: nothing has enabled it")]
    DecodingOff,
    /// The kernel has found no addresses for BAR0: nobody can reach the registers,
    /// and no driver can be bound.
    #[error("the kernel has assigned no memory to BAR0")]
    Unassigned,
    /// Root has published nothing of the device.
    #[error("{}: nothing is published of the device", path.display())]
    NotPublished {
        /// Place where it would be.
        path: PathBuf,
    },
    /// Files that are published may be somebody else's than root's.
    #[error("{}: not to be believed: {what}", path.display())]
    Untrusted {
        /// The file or directory.
        path: PathBuf,
        /// Description of the fault.
        what: String,
    },
    /// A command would have to be written through BAR0, or to what is published.
    #[error("a command is written through the driver only, never through BAR0")]
    ReadOnlySource,
    /// The device was removed, or answers no more.
    #[error("the device is gone")]
    Gone,
    /// The device or the kernel answered something that means nothing.
    #[error("{}: {what}", path.display())]
    Malformed {
        /// File that was read.
        path: PathBuf,
        /// Description of the fault.
        what: String,
    },
    /// Other commands took the whole timeout (`EBUSY`): this one was not
    /// submitted.
    #[error("the device was busy with other commands all the time; this one was not submitted")]
    Busy,
    /// The command was submitted, but not completed in time (`ETIMEDOUT`).
    #[error("the command was submitted, but the device did not complete it in time")]
    TimedOut,
    /// The command was submitted, but the device was reset before it completed it
    /// (`ECANCELED`).
    #[error("the device was reset before it completed the command")]
    Reset,
    /// The device has ignored a command, this one or another one (`EIO`).
    #[error("the device has ignored a command: somebody uses it past the driver")]
    Ignored,
    /// A signal came while waiting (`EINTR`).
    #[error("a signal came before the command was done; it may have been submitted")]
    Interrupted,
    /// A message was not answered.
    #[error(transparent)]
    Call(#[from] CallError),
    /// A timeout beyond `VGPU_TIMEOUT_MAX_MS`.
    #[error("a timeout is at least a millisecond and at most {} s", uapi::VGPU_TIMEOUT_MAX_MS / 1000)]
    TimeoutRange,
    /// Anything else the kernel refused.
    #[error("{}: cannot {doing}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Verb for what was tried, as in "cannot open".
        doing: &'static str,
        /// The kernel's answer.
        source: io::Error,
    },
}

/// Obstacle between a caller and a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The owner and the mode of the file, or a mount that admits no device nodes
    /// (`EACCES`).
    #[error("permission denied")]
    Mode,
    /// The rules of a container: its device cgroup, or a security module (`EPERM`).
    #[error("the container or a security module does not permit it")]
    Rule,
    /// A mount that is read-only (`EROFS`).
    #[error("it is mounted read-only")]
    ReadOnlyMount,
}

impl Refusal {
    /// Tells what an errno says of it; `None` if that is about something else.
    fn of(error: &io::Error) -> Option<Self> {
        match error.raw_os_error()? {
            libc::EACCES => Some(Refusal::Mode),
            libc::EPERM => Some(Refusal::Rule),
            libc::EROFS => Some(Refusal::ReadOnlyMount),
            _ => None,
        }
    }
}

fn bound_instead(driver: Option<&str>) -> String {
    match driver {
        Some(driver) => format!("; {driver} is"),
        None => String::new(),
    }
}

impl Error {
    /// Makes the error of what needs [`DRIVER`]; `driver` is what is bound, if
    /// anything. That is [`DRIVER`] itself if it has just been bound.
    pub(crate) fn driver_needed(driver: Option<String>) -> Self {
        Error::DriverNeeded {
            driver: driver.filter(|it| it != DRIVER),
        }
    }

    /// Makes an error of what was tried on `path`, where the errno says more than that
    /// something failed.
    pub(crate) fn io(path: &Path, doing: &'static str, source: io::Error) -> Self {
        if let Some(refusal) = Refusal::of(&source) {
            let path = path.into();
            return Error::Permission { path, refusal };
        }
        match source.raw_os_error() {
            Some(libc::ENODEV | libc::ENXIO) => Error::Gone,
            _ => Error::Io {
                path: path.into(),
                doing,
                source,
            },
        }
    }

    /// Tells whether the cause may be that the driver is being bound or unbound just
    /// now: one source is closed already and the other one not yet open.
    pub(crate) fn may_be_rebinding(&self) -> bool {
        match self {
            Error::Gone | Error::DriverNeeded { .. } => true,
            Error::Claimed { driver, .. } => driver == DRIVER,
            // BAR0 is claimed, or a class device has no attributes yet.
            Error::Io { source, .. } => {
                matches!(source.raw_os_error(), Some(libc::EINVAL | libc::ENOENT))
            }
            _ => false,
        }
    }

    /// A short name for the kind of error, for programs. Part of the ABI of
    /// `vgpuinfo --json`.
    pub fn kind(&self) -> &'static str {
        match self {
            Error::Permission { .. } => "permission",
            Error::NoPci { .. } => "no_pci",
            Error::DriverNeeded { .. } => "driver_needed",
            Error::NoNode { .. } => "no_node",
            Error::WrongNode { .. } => "wrong_node",
            Error::Lockdown { .. } => "lockdown",
            Error::Claimed { .. } => "claimed",
            Error::DecodingOff => "decoding_off",
            Error::Unassigned => "unassigned",
            Error::NotPublished { .. } => "not_published",
            Error::Untrusted { .. } => "untrusted",
            Error::ReadOnlySource => "read_only_source",
            Error::Gone => "gone",
            Error::Malformed { .. } => "malformed",
            Error::Busy => "busy",
            Error::TimedOut => "timeout",
            Error::Reset => "reset",
            Error::Ignored => "ignored",
            Error::Interrupted => "interrupted",
            Error::Call(error) => error.kind(),
            Error::TimeoutRange => "timeout_range",
            Error::Io { .. } => "io",
        }
    }

    /// Returns what to do next, in the imperative and without a full stop.
    pub fn hint(&self) -> String {
        match self {
            Error::Permission { path, refusal } => refusal.hint(path, geteuid().is_root()),
            Error::NoPci { .. } => "mount a sysfs on /sys, in a container, too; name the right \
                 directory with --sysroot; or boot without pci=off"
                .into(),
            Error::DriverNeeded { driver: None } => {
                format!("load it with modprobe {DRIVER}, or bind it to the device")
            }
            Error::DriverNeeded {
                driver: Some(driver),
            } => format!("unbind {driver} from the device, then bind {DRIVER}"),
            Error::NoNode { path } => format!(
                "in a container, start it with --device {}; else mount a devtmpfs on /dev or \
                 start udev; sysfs can be read without it",
                path.display()
            ),
            Error::WrongNode { .. } => {
                "remove it and have devtmpfs or udev make the device's, or read through sysfs"
                    .into()
            }
            Error::Lockdown { .. } => {
                format!("bind {DRIVER}: with it nothing needs to map device memory")
            }
            Error::Claimed { driver, .. } if driver == DRIVER => {
                "read through sysfs or the device node instead".into()
            }
            Error::Claimed { driver, .. } => {
                format!("unbind {driver} from the device, or bind {DRIVER} instead")
            }
            Error::DecodingOff => format!(
                "bind {DRIVER}, which enables the device, or enable it yourself: \
                 setpci -s ADDRESS COMMAND=2:2"
            ),
            Error::Unassigned => "see the kernel log for why there was no room; boot with \
                                  pci=realloc, or have the host put the device on another bus"
                .into(),
            Error::NotPublished { .. } => format!(
                "run vgpuinfo publish as root, or its timer, vgpuinfo-publish.timer; with \
                 {DRIVER} read through sysfs"
            ),
            Error::Untrusted { path, .. } => format!(
                "remove it as root and run vgpuinfo publish; find out who has made {}",
                path.display()
            ),
            Error::ReadOnlySource => {
                "submit it through the driver: leave the source to be chosen".into()
            }
            Error::Gone => {
                "list the devices again; lspci and the kernel log say what became of it".into()
            }
            Error::Malformed { .. } => {
                "compare the versions of the device, the driver and this program".into()
            }
            Error::Busy => "try again, with a longer timeout".into(),
            Error::TimedOut => "read the status later, or try again with a longer timeout".into(),
            Error::Reset => "submit it again".into(),
            Error::Ignored => {
                "find out who writes to its BAR0; read command and status before submitting again"
                    .into()
            }
            Error::Interrupted => "read command and status before submitting it again".into(),
            Error::Call(error) => error.hint().into(),
            Error::TimeoutRange => "choose a timeout in that range".into(),
            Error::Io { .. } => "see the kernel log".into(),
        }
    }
}

impl Refusal {
    /// Says what opens `path` to a caller, who `is_root` or is not.
    fn hint(self, path: &Path, is_root: bool) -> String {
        let node = path.display();
        match self {
            Refusal::Mode if is_resource(path) && is_root => {
                format!("bind {DRIVER} outside of the container: all users may read its attributes")
            }
            Refusal::Mode if is_resource(path) => format!(
                "run as root, or have root run vgpuinfo publish, or bind {DRIVER}: its \
                 attributes are readable by all users"
            ),
            Refusal::Mode if is_published(path) => "run as root of the machine".into(),
            Refusal::Mode if is_root => format!(
                "root of a container is not that of the machine: start the container with \
                 --device {node}, by a member of the group vgpu who keeps it \
                 (podman: --group-add keep-groups)"
            ),
            Refusal::Mode => {
                "run as root, or as a member of the group vgpu for the device node".into()
            }
            Refusal::Rule => format!("start the container with --device {node}"),
            Refusal::ReadOnlyMount => "submit through the device node, with --device for a \
                                       container, or mount /sys writable"
                .into(),
        }
    }
}

fn is_resource(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "resource0")
}

fn is_published(path: &Path) -> bool {
    path.ends_with("run/vgpu")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(path: &Path, refusal: Refusal) -> Error {
        let path = path.into();
        Error::Permission { path, refusal }
    }

    fn all() -> Vec<Error> {
        let path = || PathBuf::from("/sys/bus/pci/devices/0000:00:06.0/resource0");
        let vfio = || "vfio-pci".to_string();
        vec![
            refused(&path(), Refusal::Mode),
            refused(Path::new("/dev/vgpu0"), Refusal::Mode),
            refused(Path::new("/dev/vgpu0"), Refusal::Rule),
            refused(&path(), Refusal::ReadOnlyMount),
            Error::NoPci { path: path() },
            Error::DriverNeeded { driver: None },
            Error::DriverNeeded {
                driver: Some(vfio()),
            },
            Error::NoNode { path: path() },
            Error::WrongNode { path: path() },
            Error::Lockdown { path: path() },
            Error::Claimed {
                path: path(),
                driver: vfio(),
            },
            Error::Claimed {
                path: path(),
                driver: DRIVER.into(),
            },
            Error::DecodingOff,
            Error::Unassigned,
            Error::NotPublished { path: path() },
            Error::Untrusted {
                path: path(),
                what: "it belongs to the user 1, not to 0".into(),
            },
            Error::ReadOnlySource,
            Error::Gone,
            Error::Malformed {
                path: path(),
                what: "it is empty".into(),
            },
            Error::Busy,
            Error::TimedOut,
            Error::Reset,
            Error::Ignored,
            Error::Interrupted,
            CallError::NoMessages.into(),
            CallError::TooLong.into(),
            CallError::Busy.into(),
            CallError::NotConnected.into(),
            CallError::TimedOut.into(),
            CallError::Lost.into(),
            CallError::Interrupted.into(),
            CallError::Device.into(),
            Error::TimeoutRange,
            Error::Io {
                path: path(),
                doing: "map",
                source: io::Error::from_raw_os_error(libc::EIO),
            },
        ]
    }

    #[test]
    fn every_error_says_in_one_line_what_happened_and_what_to_do() {
        for error in all() {
            for text in [error.to_string(), error.hint()] {
                assert!(text.len() > 10, "{error:?}: {text}");
                assert!(!text.contains('\n') && !text.contains("  "), "{text:?}");
                assert!(!text.ends_with('.'), "{text:?}");
            }
        }
    }

    #[test]
    fn the_three_walls_before_bar0_each_have_their_own_way_out() {
        let hint_of = |kind| {
            let error = all().into_iter().find(|error| error.kind() == kind);
            error.unwrap().hint()
        };
        assert!(hint_of("lockdown").contains("bind vgpu_stub"));
        assert!(hint_of("claimed").contains("unbind vfio-pci"));
        assert!(hint_of("decoding_off").contains("enable it yourself"));
    }

    #[test]
    fn a_resource_file_is_not_promised_to_a_group() {
        let hint = |path: &str| Refusal::Mode.hint(Path::new(path), false);
        let [resource, node] = ["/sys/bus/pci/devices/0/resource0", "/dev/vgpu0"].map(hint);
        assert!(!resource.contains("group") && resource.contains("root"));
        assert!(node.contains("group vgpu"));
    }

    #[test]
    fn root_is_not_told_to_be_root() {
        for refusal in [Refusal::Mode, Refusal::Rule, Refusal::ReadOnlyMount] {
            for path in ["/sys/bus/pci/devices/0/resource0", "/dev/vgpu0"] {
                let hint = refusal.hint(Path::new(path), true);
                assert!(!hint.contains("as root"), "{hint}");
            }
        }
    }

    #[test]
    fn whatever_the_kernel_calls_a_lack_of_permission_is_one() {
        for (errno, refusal) in [
            (libc::EACCES, Refusal::Mode),
            (libc::EPERM, Refusal::Rule),
            (libc::EROFS, Refusal::ReadOnlyMount),
        ] {
            let source = io::Error::from_raw_os_error(errno);
            let error = Error::io(Path::new("/dev/vgpu0"), "open", source);
            assert_eq!(error.kind(), "permission");
            assert!(error.to_string().ends_with(&refusal.to_string()));
        }
    }

    #[test]
    fn the_driver_in_the_way_is_named() {
        let error = Error::DriverNeeded {
            driver: Some("vfio-pci".into()),
        };
        assert_eq!(
            error.to_string(),
            "the driver vgpu_stub is not bound; vfio-pci is"
        );
        assert!(error.hint().contains("unbind vfio-pci"));
    }
}
