// SPDX-License-Identifier: GPL-2.0

//! The configuration file: lines of `name = value`, and comments behind `#`.
//! A file that is not there means the defaults, one that makes no sense stops
//! every start: it may have been meant to change what is safe.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use vgpu_host::{Shown, layout, xenstore};

use crate::refusal::Refusal;

/// How long a value of xenstore may take, unless it is set.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest time that may be set, in seconds. xenopsd waits 300 s for a
/// device model.
const MOST_SECONDS: u64 = 60;

/// What is done if the devices of a domain cannot be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnError {
    /// The domain is not started.
    Stop,
    /// It is started without any.
    StartWithout,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Configuration {
    /// The stock wrapper.
    pub(crate) wrapper: PathBuf,
    /// The socket of xenstored.
    pub(crate) xenstore_socket: PathBuf,
    pub(crate) on_error: OnError,
    /// How long a value of xenstore may take.
    pub(crate) timeout: Duration,
    /// The socket of the system's log.
    pub(crate) log: PathBuf,
}

impl Configuration {
    /// Returns the defaults on a host with this root.
    fn defaults(root: &Path) -> Self {
        Configuration {
            wrapper: layout::WRAPPER.into(),
            xenstore_socket: xenstore::socket(root),
            on_error: OnError::Stop,
            timeout: PATIENCE,
            log: layout::LOG.into(),
        }
    }

    /// Reads the file below `root`, where xenstored's socket is, too. Paths in the
    /// file are what they are.
    pub(crate) fn read(root: &Path) -> Result<Self, Refusal> {
        let path = root.join(layout::HOOK_CONFIGURATION.trim_start_matches('/'));
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(source) => return Err(Refusal::NoConfiguration { path, source }),
        };
        let mut configuration = Configuration::defaults(root);
        for (number, line) in text.lines().enumerate() {
            configuration
                .take(line)
                .map_err(|what| Refusal::BadConfiguration {
                    path: path.clone(),
                    line: number + 1,
                    what,
                })?;
        }
        Ok(configuration)
    }

    fn take(&mut self, line: &str) -> Result<(), String> {
        let setting = line.split('#').next().unwrap_or_default().trim();
        if setting.is_empty() {
            return Ok(());
        }
        let (name, value) = setting
            .split_once('=')
            .ok_or_else(|| format!("{} is not of the form name = value", Shown::new(setting)))?;
        let value = value.trim();
        let path = || match Path::new(value) {
            path if path.is_absolute() => Ok(path.to_owned()),
            _ => Err(format!("{} is not an absolute path", Shown::new(value))),
        };
        match name.trim() {
            "wrapper" => self.wrapper = path()?,
            "xenstore-socket" => self.xenstore_socket = path()?,
            // It was one as long as that program was asked.
            "xenstore-read" => {
                return Err(
                    "xenstore-read is no setting any more: xenstored is asked itself, at the \
                     socket that xenstore-socket names"
                        .into(),
                );
            }
            "log" => self.log = path()?,
            "on-error" => {
                self.on_error = match value {
                    "stop" => OnError::Stop,
                    "start-without" => OnError::StartWithout,
                    _ => return Err("on-error is stop or start-without".into()),
                }
            }
            "timeout" => {
                let seconds = value.parse().ok();
                let seconds = seconds.filter(|seconds| (1..=MOST_SECONDS).contains(seconds));
                let seconds =
                    seconds.ok_or_else(|| format!("timeout is 1 to {MOST_SECONDS} seconds"))?;
                self.timeout = Duration::from_secs(seconds);
            }
            name => return Err(format!("there is no setting {}", Shown::new(name))),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_taken_and_what_is_none_is_named() {
        let mut configuration = Configuration::defaults(Path::new("/"));
        for line in [
            "",
            "# timeout = 3",
            " wrapper = /x/y # z",
            "on-error=start-without",
            "xenstore-socket = /x/socket",
            "timeout = 7",
        ] {
            configuration.take(line).unwrap();
        }
        assert_eq!(configuration.wrapper, Path::new("/x/y"));
        assert_eq!(configuration.on_error, OnError::StartWithout);
        assert_eq!(configuration.xenstore_socket, Path::new("/x/socket"));
        assert_eq!(configuration.timeout, Duration::from_secs(7));
        for (line, what) in [
            ("wrapper", "'wrapper' is not of the form name = value"),
            (
                "wrapper = qemu-wrapper",
                "'qemu-wrapper' is not an absolute path",
            ),
            ("on-error = never", "on-error is stop or start-without"),
            ("timeout = 0", "timeout is 1 to 60 seconds"),
            (
                "xenstore-read = /usr/bin/xenstore-read",
                "xenstore-read is no setting any more: xenstored is asked itself, at the socket \
                 that xenstore-socket names",
            ),
            ("colour = red", "there is no setting 'colour'"),
        ] {
            assert_eq!(configuration.take(line), Err(what.into()));
        }
    }
}
