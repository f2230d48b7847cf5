// SPDX-License-Identifier: GPL-2.0

//! What can go wrong in a run: in its arguments, with the devices it names, or
//! with one device.

use std::io;
use std::path::PathBuf;

use vgpu::Error;
use vgpu_cli::{Problem, output};

use crate::exit::Exit;
use crate::fields::{Field, Value as Known};

/// One thing that went wrong.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The arguments make no sense.
    Usage(String),
    /// There are several devices, and one has to be named.
    Ambiguous(Vec<String>),
    /// There is no device at all.
    NoDevice,
    /// None of the named devices is there.
    NoSuchDevice(Vec<String>),
    /// Some of the named devices are not there.
    SomeMissing(Vec<String>),
    /// The devices could not be listed.
    Discovery(Error),
    /// One device, by its label, could not be read or commanded.
    Device(String, Error),
    /// One device, by its label, has an answer of the host's with that status.
    Answered(String, u32),
    /// The input could not be read.
    Input(io::Error),
    /// A value is not what was expected.
    Mismatch(Difference),
    /// What was waited for did not come; in words.
    WaitTimeout(String),
    /// The doctor found that many problems.
    Unhealthy(usize),
    /// The kernel refused to let the process sleep.
    Sleep(io::Error),
    /// The output could not be written.
    Output(io::Error),
    /// The output could not be written to that file.
    File(PathBuf, io::Error),
}

/// A field of a device that has another value than expected.
#[derive(Debug)]
pub(crate) struct Difference {
    /// The device, by its label.
    pub(crate) device: String,
    pub(crate) field: &'static Field,
    pub(crate) expected: Known,
    pub(crate) actual: Known,
}

impl Problem for Failure {
    type Exit = Exit;

    const COMMAND: &'static str = env!("CARGO_PKG_NAME");

    fn exit(&self) -> Exit {
        match self {
            Failure::Usage(_) | Failure::Ambiguous(_) => Exit::Usage,
            Failure::NoDevice | Failure::NoSuchDevice(_) => Exit::NoDevice,
            Failure::SomeMissing(_) => Exit::SomeMissing,
            Failure::Discovery(error) | Failure::Device(_, error) => Exit::from(error),
            Failure::Answered(..) => Exit::Answered,
            Failure::Mismatch(_) | Failure::Unhealthy(_) => Exit::Mismatch,
            Failure::WaitTimeout(_) => Exit::Timeout,
            Failure::Input(_) | Failure::Sleep(_) | Failure::Output(_) | Failure::File(..) => {
                Exit::Internal
            }
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Failure::Usage(_) => "usage",
            Failure::Ambiguous(_) => "ambiguous",
            Failure::NoDevice => "no_device",
            Failure::NoSuchDevice(_) => "no_such_device",
            Failure::SomeMissing(_) => "some_missing",
            Failure::Discovery(error) | Failure::Device(_, error) => error.kind(),
            Failure::Answered(..) => "answered",
            Failure::Input(_) => "input",
            Failure::Mismatch(_) => "mismatch",
            Failure::WaitTimeout(_) => "timeout",
            Failure::Unhealthy(_) => "unhealthy",
            Failure::Sleep(_) => "io",
            Failure::Output(_) | Failure::File(..) => "output",
        }
    }

    fn message(&self) -> String {
        match self {
            Failure::Usage(message) => message.clone(),
            Failure::Ambiguous(devices) => {
                format!(
                    "there are {} devices: {}",
                    devices.len(),
                    devices.join(", ")
                )
            }
            Failure::NoDevice => "no vGPU device".into(),
            Failure::NoSuchDevice(names) | Failure::SomeMissing(names) => {
                format!("no such device: {}", names.join(", "))
            }
            Failure::Discovery(error) => error.to_string(),
            Failure::Device(label, error) => format!("{label}: {error}"),
            Failure::Answered(label, status) => {
                format!("{label}: the host has answered with status {status}")
            }
            Failure::Input(error) => format!("cannot read the message: {error}"),
            Failure::Mismatch(Difference {
                device,
                field,
                expected,
                actual,
            }) => format!(
                "{device}: {} is {}, not {}",
                field.name,
                actual.text("unknown"),
                expected.text("unknown")
            ),
            Failure::WaitTimeout(what) => format!("timeout while waiting for {what}"),
            Failure::Unhealthy(1) => "one problem was found".into(),
            Failure::Unhealthy(problems) => format!("{problems} problems were found"),
            Failure::Sleep(error) => format!("cannot wait: {error}"),
            Failure::Output(error) => format!("cannot write the output: {error}"),
            Failure::File(path, error) => format!("{}: cannot write it: {error}", path.display()),
        }
    }

    fn hint(&self) -> String {
        match self {
            Failure::Usage(_) => "see vgpuinfo --help".into(),
            Failure::Ambiguous(_) => "name one, or all of them with -d all".into(),
            Failure::NoDevice => {
                "the host gives a VM its device: -device vgpu-stub on QEMU's command line".into()
            }
            Failure::NoSuchDevice(_) | Failure::SomeMissing(_) => {
                "vgpuinfo list shows the names and addresses there are".into()
            }
            Failure::Discovery(error) | Failure::Device(_, error) => error.hint(),
            Failure::Answered(..) => {
                "see what the program that answers on the host means by it".into()
            }
            Failure::Input(_) => "give the message as an argument, or open stdin".into(),
            Failure::Mismatch(_) => {
                "the host decides it: see the properties of this VM's vgpu-stub".into()
            }
            Failure::WaitTimeout(_) => "vgpuinfo doctor tells why a device is not there".into(),
            Failure::Unhealthy(_) => "do what stands in brackets, the first one first".into(),
            Failure::Sleep(_) => "see the kernel log".into(),
            Failure::Output(error) | Failure::File(_, error) => output::hint(error).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use vgpu_cli::ExitCodes;

    use super::*;

    #[test]
    fn every_failure_has_its_code_and_its_kind() {
        let names = || vec!["vgpu7".to_string()];
        for (failure, code, kind) in [
            (Failure::Usage("what?".into()), 2, "usage"),
            (Failure::Ambiguous(names()), 2, "ambiguous"),
            (Failure::NoDevice, 3, "no_device"),
            (Failure::NoSuchDevice(names()), 3, "no_such_device"),
            (Failure::SomeMissing(names()), 9, "some_missing"),
            (Failure::Discovery(Error::Gone), 6, "gone"),
            (Failure::Device("vgpu0".into(), Error::Busy), 7, "busy"),
            (Failure::WaitTimeout("gone".into()), 7, "timeout"),
            (Failure::Unhealthy(2), 8, "unhealthy"),
            (Failure::Answered("vgpu0".into(), 3), 10, "answered"),
            (Failure::Input(io::Error::other("no")), 1, "input"),
            (Failure::Sleep(io::Error::other("no")), 1, "io"),
            (Failure::Output(io::Error::other("full")), 1, "output"),
            (
                Failure::File("x".into(), io::Error::other("full")),
                1,
                "output",
            ),
        ] {
            assert_eq!(failure.exit().code(), code, "{failure:?}");
            assert_eq!(failure.json()["kind"], kind);
            assert_eq!(failure.json()["exit"], code);
        }
    }

    #[test]
    fn a_mismatch_names_device_field_and_both_values() {
        let failure = Failure::Mismatch(Difference {
            device: "vgpu0".into(),
            field: Field::named("pool_id").unwrap(),
            expected: Known::Text("B".into()),
            actual: Known::Text("A".into()),
        });
        assert_eq!(failure.exit().code(), 8);
        assert_eq!(failure.json()["kind"], "mismatch");
        assert_eq!(failure.message(), "vgpu0: pool_id is A, not B");
    }

    #[test]
    fn a_line_has_the_device_what_happened_and_what_to_do() {
        let failure = Failure::Device("vgpu0".into(), Error::Busy);
        let line = failure.line();
        assert!(line.starts_with("vgpuinfo: vgpu0: the device was busy"));
        assert!(line.ends_with("(try again, with a longer timeout)"));
    }
}
