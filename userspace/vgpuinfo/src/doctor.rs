// SPDX-License-Identifier: GPL-2.0

//! `vgpuinfo doctor`.

use serde_json::json;
use vgpu::diagnose;
use vgpu_cli::finding::{Finding, Verdict, problems};

use crate::failure::Failure;
use crate::options::Options;
use crate::report::Report;
use crate::select::Selector;
use crate::terminal::Terminal;

/// Styles in ECMA-48.
const GREEN: u8 = 32;
const YELLOW: u8 = 33;
const RED: u8 = 31;

/// Says what is as it should be and what is not, one line each.
pub(crate) fn doctor(options: &Options, terminal: &Terminal) -> Report {
    let findings = match diagnose(&options.roots()) {
        Ok(findings) => findings,
        Err(error) => return Report::failed(Failure::Discovery(error)),
    };
    let selectors = options.selectors(None);
    let findings: Vec<vgpu::Finding> = findings
        .into_iter()
        .filter(|it| concerns(it, &selectors))
        .collect();
    let shown: Vec<Finding> = findings.iter().map(shown).collect();
    let mut report = Report {
        text: shown.iter().map(|it| line(it, terminal)).collect(),
        list: Some(("findings", findings.iter().map(object).collect())),
        ..Default::default()
    };
    match problems(&shown) {
        0 => {}
        problems => report.failures.push(Failure::Unhealthy(problems)),
    }
    report
}

/// Whether a finding is about one of the devices named, or about the machine.
fn concerns(finding: &vgpu::Finding, selectors: &[Selector]) -> bool {
    let machine = finding.pci.is_none();
    let named = |it: &Selector| it.names(finding.name.as_deref(), finding.pci);
    machine || selectors.is_empty() || selectors.iter().any(named)
}

/// Makes of what the library has found what a command prints: a message that names the device.
fn shown(finding: &vgpu::Finding) -> Finding {
    let subject = match (&finding.name, finding.pci) {
        (Some(name), _) => format!("{name}: "),
        (None, Some(address)) => format!("{address}: "),
        (None, None) => String::new(),
    };
    Finding {
        verdict: finding.verdict,
        hint: finding.hint.clone(),
        ..Finding::ok(finding.check, subject + &finding.message)
    }
}

fn line(finding: &Finding, terminal: &Terminal) -> String {
    let style = match finding.verdict {
        Verdict::Ok => GREEN,
        Verdict::Unknown | Verdict::Warning => YELLOW,
        Verdict::Problem => RED,
    };
    finding.line(&terminal.paint(style, &format!("{:7}", finding.verdict)))
}

fn object(finding: &vgpu::Finding) -> serde_json::Value {
    json!({
        "check": finding.check,
        "name": finding.name,
        "pci": finding.pci.map(|address| address.to_string()),
        "verdict": finding.verdict.to_string(),
        "fault": finding.fault,
        "message": finding.message,
        "hint": finding.hint,
    })
}
