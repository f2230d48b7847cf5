// SPDX-License-Identifier: GPL-2.0

//! `vgpuinfo publish`.

use vgpu::Source;

use crate::failure::Failure;
use crate::fields::{FIELDS, Field};
use crate::format::Records;
use crate::gather::Row;
use crate::options::Options;
use crate::report::Report;

/// Publishes the devices without the driver. That there is none is as good: nothing is
/// published of one then.
pub(crate) fn publish(options: &Options) -> Report {
    let whole = options.selectors(None).is_empty();
    let source = options.source();
    if !whole || !matches!(source, Source::Auto | Source::Bar) {
        let message = "publish is about all devices, and what their BAR0 says";
        return Report::failed(Failure::Usage(message.into()));
    }
    let publication = match vgpu::publish(&options.roots()) {
        Ok(publication) => publication,
        Err(error) => return Report::failed(Failure::Discovery(error)),
    };
    let rows: Vec<Row> = publication
        .published
        .into_iter()
        .map(|(device, info)| (device, Some(info)))
        .collect();
    let fields: Vec<&Field> = FIELDS.iter().collect();
    let removed: Vec<String> = publication
        .removed
        .iter()
        .map(ToString::to_string)
        .collect();
    let done = rows
        .iter()
        .map(|(device, _)| device.label() + ": published");
    let undone = removed.iter().map(|it| format!("{it}: published no more"));
    Report {
        details: done.chain(undone).collect(),
        devices: Some(Records::new(&fields, &rows).objects()),
        list: Some(("removed", removed.into_iter().map(Into::into).collect())),
        failures: publication
            .unreadable
            .into_iter()
            .map(|(device, error)| Failure::Device(device.label(), error))
            .collect(),
        ..Default::default()
    }
}
