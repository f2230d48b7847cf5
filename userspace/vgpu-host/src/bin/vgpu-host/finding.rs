// SPDX-License-Identifier: GPL-2.0

//! The findings of status and verify: one for each check, as a line and in JSON.

use serde_json::{Value, json};

use crate::exit::Exit;
use crate::report::Report;

/// One thing that was looked at.
pub(crate) struct Finding {
    pub(crate) name: &'static str,
    pub(crate) verdict: Verdict,
    /// What there is.
    pub(crate) state: String,
    /// How it was looked at, where that does not go without saying.
    pub(crate) how: Option<String>,
}

/// Whether it is as it should be.
pub(crate) enum Verdict {
    Good,
    /// It is not, and what to do.
    Bad(&'static str),
    /// It could not be looked at; what to do first.
    Unknown(&'static str),
}

impl Verdict {
    fn mark(&self) -> &'static str {
        match self {
            Verdict::Good => "ok",
            Verdict::Bad(_) => "NO",
            Verdict::Unknown(_) => "--",
        }
    }

    /// As programs have it: it is known, or it is not.
    fn ok(&self) -> Option<bool> {
        match self {
            Verdict::Good => Some(true),
            Verdict::Bad(_) => Some(false),
            Verdict::Unknown(_) => None,
        }
    }

    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            Verdict::Good => None,
            Verdict::Bad(hint) | Verdict::Unknown(hint) => Some(hint),
        }
    }
}

impl Finding {
    fn line(&self) -> String {
        let hint = self.verdict.hint().map(|hint| format!(" ({hint})"));
        let how = self.how.as_ref().map(|how| format!("\n    by {how}"));
        format!(
            "{}  {:<10} {}{}{}\n",
            self.verdict.mark(),
            self.name,
            self.state,
            hint.unwrap_or_default(),
            how.unwrap_or_default(),
        )
    }

    fn json(&self) -> Value {
        let mut object = json!({
            "name": self.name,
            "ok": self.verdict.ok(),
            "state": self.state,
            "hint": self.verdict.hint(),
        });
        if let Some(how) = &self.how {
            object["how"] = how.as_str().into();
        }
        object
    }
}

/// The report of all findings, as the member of this name. All is whole if
/// nothing was found wrong.
pub(crate) fn report(name: &'static str, findings: &[Finding]) -> Report {
    let whole = findings
        .iter()
        .all(|finding| !matches!(finding.verdict, Verdict::Bad(_)));
    Report {
        text: findings.iter().map(Finding::line).collect(),
        member: Some((
            name,
            json!({
                "whole": whole,
                "checks": findings.iter().map(Finding::json).collect::<Value>(),
            }),
        )),
        exit: if whole { Exit::Ok } else { Exit::Mismatch },
        ..Report::default()
    }
}
