// SPDX-License-Identifier: GPL-2.0

//! The report of findings of status and verify: a line for each check, and JSON.

use serde_json::{Value, json};
use vgpu_cli::finding::problems;
use vgpu_cli::{Finding, Verdict};

use crate::exit::Exit;
use crate::report::Report;

/// Returns what the line of a finding begins with.
fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "ok",
        Verdict::Problem => "NO",
        Verdict::Unknown | Verdict::Warning => "--",
    }
}

/// Returns a verdict as programs have it: it is known, or it is not.
fn ok(verdict: Verdict) -> Option<bool> {
    match verdict {
        Verdict::Ok => Some(true),
        Verdict::Problem => Some(false),
        Verdict::Unknown | Verdict::Warning => None,
    }
}

fn object(finding: &Finding) -> Value {
    let mut object = json!({
        "name": finding.check,
        "ok": ok(finding.verdict),
        "state": finding.message,
        "hint": finding.hint,
    });
    if let Some(how) = &finding.how {
        object["how"] = how.as_str().into();
    }
    object
}

/// The report of all findings, as the member of this name. All is whole if
/// nothing was found wrong.
pub(crate) fn report(name: &'static str, findings: &[Finding]) -> Report {
    let whole = problems(findings) == 0;
    Report {
        text: findings
            .iter()
            .map(|it| it.line(mark(it.verdict)))
            .collect(),
        member: Some((
            name,
            json!({
                "whole": whole,
                "checks": findings.iter().map(object).collect::<Value>(),
            }),
        )),
        exit: if whole { Exit::Ok } else { Exit::Mismatch },
        ..Report::default()
    }
}
