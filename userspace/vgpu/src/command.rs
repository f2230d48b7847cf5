// SPDX-License-Identifier: MIT OR Apache-2.0

//! Submitting commands, which only the driver may do.

use std::time::Duration;

use crate::{Error, Result, Source, Vgpu};
use crate::{chardev, sysfs, uapi};

/// A command that was completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Completion {
    /// Way by which it was submitted: [`Source::Chardev`] or [`Source::Sysfs`].
    pub source: Source,
    /// The command.
    pub command: u32,
    /// The register STATUS after completion.
    pub status: u32,
    /// The device's result, 0 is success; `None` through sysfs.
    pub result: Option<u32>,
    /// The number of this command on this device since the driver bound it,
    /// from 1, wraps; `None` through sysfs.
    pub sequence: Option<u32>,
}

impl Vgpu {
    /// Submits `command` and waits for its completion, for `timeout` at most
    /// (the driver's `VGPU_TIMEOUT_DEFAULT_MS` without one).
    ///
    /// [`Source::Auto`] takes the device's node where there is one, else the
    /// attribute `command`. The attribute takes no timeout: there the driver's
    /// own counts, whatever was asked for.
    ///
    /// # Errors
    /// [`Error::DriverNeeded`] without the driver and [`Error::ReadOnlySource`]
    /// for BAR0; [`Error::TimeoutRange`]; [`Error::Busy`], [`Error::TimedOut`],
    /// [`Error::Reset`], [`Error::Ignored`] and [`Error::Interrupted`] from
    /// waiting; [`Error::Permission`], [`Error::NoNode`], [`Error::WrongNode`],
    /// [`Error::Gone`], [`Error::Malformed`] and [`Error::Io`].
    pub fn submit(
        &self,
        command: u32,
        timeout: Option<Duration>,
        source: Source,
    ) -> Result<Completion> {
        let timeout_ms = timeout.map(milliseconds).transpose()?;
        match source {
            Source::Bar | Source::Published => Err(Error::ReadOnlySource),
            Source::Chardev => self.submit_to_node(command, timeout_ms),
            Source::Sysfs => self.submit_to_sysfs(command),
            Source::Auto => match self.submit_to_node(command, timeout_ms) {
                Err(Error::NoNode { .. } | Error::WrongNode { .. }) => {
                    self.submit_to_sysfs(command)
                }
                result => result,
            },
        }
    }

    fn submit_to_node(&self, command: u32, timeout_ms: Option<u32>) -> Result<Completion> {
        let mut submit = uapi::vgpu_submit {
            command,
            // 0 is the driver's default.
            timeout_ms: timeout_ms.unwrap_or(0),
            ..Default::default()
        };
        chardev::submit(self, &mut submit)?;
        Ok(Completion {
            source: Source::Chardev,
            command,
            status: submit.status,
            result: Some(submit.result),
            sequence: Some(submit.sequence),
        })
    }

    fn submit_to_sysfs(&self, command: u32) -> Result<Completion> {
        Ok(Completion {
            source: Source::Sysfs,
            command,
            status: sysfs::submit(self, command)?,
            result: None,
            sequence: None,
        })
    }
}

/// A timeout as the contract takes it, rounded up.
pub(crate) fn milliseconds(timeout: Duration) -> Result<u32> {
    let whole = timeout.as_nanos().div_ceil(1_000_000);
    match u32::try_from(whole) {
        // 0 would stand for the default.
        Ok(whole @ 1..=uapi::VGPU_TIMEOUT_MAX_MS) => Ok(whole),
        _ => Err(Error::TimeoutRange),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::fixture::{Fixture, Stub};

    #[test]
    fn timeouts_are_rounded_up_and_bounded() {
        let ms = |timeout| milliseconds(timeout).ok();
        assert_eq!(ms(Duration::from_micros(1)), Some(1));
        assert_eq!(ms(Duration::from_micros(1001)), Some(2));
        assert_eq!(ms(Duration::from_millis(5000)), Some(5000));
        assert_eq!(ms(Duration::from_secs(600)), Some(600_000));
        assert_eq!(ms(Duration::from_nanos(600_000_000_001)), None);
        assert_eq!(ms(Duration::MAX), None);
        assert_eq!(ms(Duration::ZERO), None);
    }

    #[test]
    fn without_a_node_a_command_goes_through_the_attribute() {
        let fixture = Fixture::new();
        fixture.add(&Stub::at("0000:00:06.0").bound("vgpu0"));
        let completion = fixture.discover()[0].submit(0x1f, None, Source::Auto);
        assert_eq!(
            completion.unwrap(),
            Completion {
                source: Source::Sysfs,
                command: 0x1f,
                status: 1,
                result: None,
                sequence: None,
            }
        );
        let written = fs::read_to_string(fixture.class("vgpu0").join("command"));
        assert_eq!(written.unwrap(), "0x0000001f\n");
    }

    #[test]
    fn with_a_node_a_command_goes_through_the_node_alone() {
        let fixture = Fixture::new();
        fixture.add(&Stub::at("0000:00:06.0").bound("vgpu0"));
        fixture.link_node("vgpu0");
        let refused = fixture.discover()[0].submit(0x1f, None, Source::Auto);
        assert!(matches!(refused, Err(Error::Io { .. })), "{refused:?}");
        let command = fs::read_to_string(fixture.class("vgpu0").join("command"));
        assert_eq!(command.unwrap(), "0x00000005\n");
    }

    #[test]
    fn without_the_driver_nothing_is_written_to_bar0() {
        let fixture = Fixture::new();
        let directory = fixture.add(&Stub::at("0000:00:06.0"));
        let before = fs::read(directory.join("resource0")).unwrap();
        let device = &fixture.discover()[0];
        for source in [Source::Auto, Source::Sysfs, Source::Chardev] {
            let refused = device.submit(7, None, source);
            assert!(matches!(refused, Err(Error::DriverNeeded { .. })));
        }
        let refused = device.submit(7, None, Source::Bar);
        assert!(matches!(refused, Err(Error::ReadOnlySource)));
        assert_eq!(fs::read(directory.join("resource0")).unwrap(), before);
    }
}
