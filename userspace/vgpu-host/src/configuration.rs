// SPDX-License-Identifier: GPL-2.0

//! The hook's configuration file: lines of `name = value`, and comments behind `#`.
//! A file that is not there means the defaults, one that makes no sense stops
//! every start: it may have been meant to change what is safe.

use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

use crate::layout;
use crate::shown::Shown;

/// How long a value of xenstore may take, unless it is set.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest time that may be set, in seconds. xenopsd waits 300 s for a
/// device model.
const MOST_SECONDS: u64 = 60;

/// What is done if the devices of a domain cannot be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    /// The domain is not started.
    Stop,
    /// It is started without any.
    StartWithout,
}

/// All settings.
#[derive(Debug, PartialEq, Eq)]
pub struct Configuration {
    /// The stock wrapper.
    pub wrapper: PathBuf,
    /// The socket of xenstored; where it usually is, if there is none.
    pub xenstore_socket: Option<PathBuf>,
    /// What is done if the devices of a domain cannot be known.
    pub on_error: OnError,
    /// How long a value of xenstore may take.
    pub timeout: Duration,
    /// The socket of the system's log.
    pub log: PathBuf,
}

/// A line that makes no sense.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{line}: {what}")]
pub struct BadLine {
    /// Its number, from 1 on.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

impl Default for Configuration {
    fn default() -> Self {
        Configuration {
            wrapper: layout::WRAPPER.into(),
            xenstore_socket: None,
            on_error: OnError::Stop,
            timeout: PATIENCE,
            log: layout::LOG.into(),
        }
    }
}

impl Configuration {
    /// Reads the text of the file. Paths in it are what they are.
    ///
    /// # Errors
    /// The first line that makes no sense.
    pub fn parse(bytes: &[u8]) -> Result<Self, BadLine> {
        let text = std::str::from_utf8(bytes).map_err(|error| BadLine {
            line: bytes[..error.valid_up_to()]
                .split(|it| *it == b'\n')
                .count(),
            what: "there are bytes that are not UTF-8".into(),
        })?;
        let mut configuration = Configuration::default();
        for (number, line) in text.lines().enumerate() {
            configuration.take(line).map_err(|what| BadLine {
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
            "xenstore-socket" => self.xenstore_socket = Some(path()?),
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
        let text = "\n# timeout = 3\n wrapper = /x/y # z\non-error=start-without\n\
                    xenstore-socket = /x/socket\ntimeout = 7";
        let configuration = Configuration::parse(text.as_bytes()).unwrap();
        assert_eq!(configuration.wrapper, Path::new("/x/y"));
        assert_eq!(configuration.on_error, OnError::StartWithout);
        assert_eq!(configuration.xenstore_socket, Some("/x/socket".into()));
        assert_eq!(configuration.timeout, Duration::from_secs(7));
        for (line, what) in [
            ("# \u{ff}", "there are bytes that are not UTF-8"),
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
            let what = what.into();
            // Latin-1, which is UTF-8 but for the one that is not.
            let text = format!("timeout = 7\n{line}\n");
            let bytes: Vec<u8> = text.chars().map(|it| u8::try_from(it).unwrap()).collect();
            assert_eq!(Configuration::parse(&bytes), Err(BadLine { line: 2, what }));
        }
    }
}
