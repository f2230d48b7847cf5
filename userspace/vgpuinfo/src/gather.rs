// SPDX-License-Identifier: GPL-2.0

//! Going through the devices that a run is about.

use std::time::Duration;

use vgpu::{Error, Info, Vgpu};

use crate::failure::Failure;
use crate::options::Options;
use crate::report::{Object, Report};
use crate::select::{Selection, Selector, select};

/// A device, and what its registers say if they could be read.
pub(crate) type Row = (Vgpu, Option<Info>);

/// Reads the devices that the options name. One that cannot be read has its row
/// all the same; one that vanished meanwhile has none.
///
/// Gives the rows and a report of what there was to say about them.
///
/// # Errors
/// The report of a run that found no device.
pub(crate) fn gather(
    found: Vec<Vgpu>,
    options: &Options,
    needs_info: bool,
) -> Result<(Vec<Row>, Report), Box<Report>> {
    let selectors = options.selectors(None);
    let selection = select(found, &selectors).map_err(Report::without_devices)?;
    // Whoever asks for a device by its name wants to know that it vanished.
    let named = selectors.iter().any(|it| *it != Selector::All);
    let mut report = Report::default();
    let mut rows = Vec::new();
    for mut device in selection.devices {
        if !needs_info {
            rows.push((device, None));
            continue;
        }
        match device.read(options.source()) {
            Ok(info) => {
                let detail = format!("{}: read through {}", device.label(), info.source);
                report.details.push(detail);
                report.notes.extend(stale(&device, &info));
                rows.push((device, Some(info)));
            }
            Err(Error::Gone) if !named && !device.is_present() => {
                let note = format!("{}: {}", device.label(), Error::Gone);
                report.notes.push(note);
            }
            Err(error) => {
                let failure = Failure::Device(device.label(), error);
                report.failures.push(failure);
                rows.push((device, None));
            }
        }
    }
    if rows.is_empty() {
        return Err(Box::new(Report {
            notes: report.notes,
            ..Report::without_devices(Failure::NoDevice)
        }));
    }
    report.failures.extend(selection.missing);
    Ok((rows, report))
}

/// Does `act` with each device of a selection, one after the other. What it returns is the
/// device's object in the document; one with which it failed has none.
pub(crate) fn each(
    selection: Selection,
    mut act: impl FnMut(&mut Vgpu, &mut Report) -> vgpu::Result<Object>,
) -> Report {
    let mut report = Report::default();
    let mut objects = Vec::new();
    for mut device in selection.devices {
        match act(&mut device, &mut report) {
            Ok(object) => objects.push(object),
            Err(error) => {
                let failure = Failure::Device(device.label(), error);
                report.failures.push(failure);
            }
        }
    }
    report.devices = Some(objects);
    report.failures.extend(selection.missing);
    report
}

/// What is older than this was not published when it should have been: the timer does it
/// twice a minute.
const STALE: Duration = Duration::from_secs(90);

/// Says how old `info` is, if it is older than what is published should be.
pub(crate) fn stale(device: &Vgpu, info: &Info) -> Option<String> {
    let age = info.age.filter(|age| *age > STALE)?;
    let label = device.label();
    Some(format!(
        "{label}: published {} s ago, and not again since",
        age.as_secs()
    ))
}
