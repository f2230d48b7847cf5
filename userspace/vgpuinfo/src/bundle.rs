// SPDX-License-Identifier: GPL-2.0

//! `vgpuinfo doctor --bundle`: one text with all that support needs.

use vgpu::{Part, Vgpu, survey, without_host_name};
use vgpu_cli::Problem;

use crate::doctor::doctor;
use crate::failure::Failure;
use crate::format::Format;
use crate::options::Options;
use crate::query::query;
use crate::report::Report;
use crate::terminal::Terminal;

/// Says what the text has, to whoever is asked to send it.
const CONTENT: &str = "\
This is what support for vgpu-stub needs. Read it before you send it. It has:
- the versions of vgpuinfo, the kernel, the distribution and the module, the module's parameters,
  and the name of the key that has signed it
- what the doctor found
- the devices, with pool, priority and vm_id, by which the host tells this VM from others
- their PCI headers, their interrupts and the kernel's messages about them
- whether the kernel is tainted, locked down and booted by secure boot
It has no names of hosts and users, no network addresses, no environment, and no command
lines of the kernel or of programs.
";

/// Puts all into the report's text. What went wrong is what doctor says, and the exit code with
/// it.
pub(crate) fn bundle(options: &Options) -> Report {
    if options.json {
        let text = "--bundle is a text for people: leave -J out";
        return Report::failed(Failure::Usage(text.into()));
    }
    let roots = options.roots();
    let doctor = doctor(options, &Terminal::default());
    let found = Vgpu::discover(&roots);
    let devices: Vec<Vgpu> = found.as_deref().unwrap_or_default().to_vec();
    let selectors = options.selectors(None);
    let devices: Vec<Vgpu> = devices
        .into_iter()
        .filter(|it| selectors.is_empty() || selectors.iter().any(|selector| selector.selects(it)))
        .collect();
    let mut text = CONTENT.to_owned();
    let mut add = |part: &Part| {
        text += &format!("\n== {} ==\n", part.title);
        text += &match &part.text {
            Ok(text) => text.clone(),
            Err(reason) => format!("nothing: {reason}\n"),
        };
    };
    add(&Part {
        title: "Program".into(),
        text: Ok(format!("vgpuinfo {}\n", env!("CARGO_PKG_VERSION"))),
    });
    let findings = match doctor.failures.first() {
        Some(failure) if doctor.list.is_none() => Err(failure.message()),
        _ => Ok(without_host_name(&roots, &doctor.text)),
    };
    add(&Part {
        title: "Doctor".into(),
        text: findings,
    });
    add(&Part {
        title: "Devices".into(),
        text: document(found, options),
    });
    survey(&roots, &devices).iter().for_each(add);
    Report {
        text: options.without_sysroot(&text),
        failures: doctor.failures,
        ..Default::default()
    }
}

/// Returns the devices as `vgpuinfo -J` prints them.
fn document(found: vgpu::Result<Vec<Vgpu>>, options: &Options) -> Result<String, String> {
    let report = match found {
        Ok(found) => query(found, &[], Format::Json, false, options),
        Err(error) => Report::failed(Failure::Discovery(error)),
    };
    let json = serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?;
    Ok(json + "\n")
}
