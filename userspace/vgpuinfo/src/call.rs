// SPDX-License-Identifier: GPL-2.0

//! `vgpuinfo call`.

use std::ffi::OsStr;
use std::io::{self, IsTerminal, Read};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use vgpu::{Answer, MESSAGE_MAX, Source, Vgpu};
use vgpu_cli::output::complain;

use crate::failure::Failure;
use crate::gather::each;
use crate::options::Options;
use crate::output::Verbosity;
use crate::report::{Object, Report};
use crate::select::select_one;

/// Sends `message`, or what is on stdin, to the host by each device that is named.
pub(crate) fn call(
    found: Vec<Vgpu>,
    message: Option<&OsStr>,
    timeout: Option<Duration>,
    options: &Options,
) -> Report {
    if !matches!(options.source(), Source::Auto | Source::Chardev) {
        let text = "messages go through the driver's node: leave --source out";
        return Report::failed(Failure::Usage(text.into()));
    }
    let selection = match select_one(found, &options.selectors(None)) {
        Ok(selection) => selection,
        Err(failure) => return Report::without_devices(failure),
    };
    let message = match message {
        Some(message) => Ok(message.as_bytes().to_vec()),
        None => read(options.verbosity()),
    };
    let message = match message {
        Ok(message) => message,
        Err(error) => return Report::failed(Failure::Input(error)),
    };
    each(selection, |device, report| {
        let answer = device.call(&message, timeout)?;
        let object = object(device, &answer);
        if answer.status != 0 {
            let failure = Failure::Answered(device.label(), answer.status);
            report.failures.push(failure);
        }
        report.answer.extend(answer.payload);
        Ok(object)
    })
}

/// Reads a message from stdin, or the beginning of what is too long for one.
fn read(verbosity: Verbosity) -> io::Result<Vec<u8>> {
    let stdin = io::stdin();
    if stdin.is_terminal() && verbosity != Verbosity::Quiet {
        complain("vgpuinfo: reading the message from the terminal; Ctrl-D ends it");
    }
    let mut message = Vec::new();
    let most = u64::try_from(MESSAGE_MAX + 1).unwrap_or(u64::MAX);
    stdin.lock().take(most).read_to_end(&mut message)?;
    Ok(message)
}

fn object(device: &Vgpu, answer: &Answer) -> Object {
    Object::from_iter([
        ("name", json!(device.name())),
        ("pci", json!(device.pci().to_string())),
        ("answer_status", json!(answer.status)),
        ("answer", json!(std::str::from_utf8(&answer.payload).ok())),
        ("answer_base64", json!(STANDARD.encode(&answer.payload))),
    ])
}
