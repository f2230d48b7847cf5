// SPDX-License-Identifier: GPL-2.0

//! How a command says what its checks have found.

pub use vgpu::Verdict;

/// Result of one check.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Name of the check; ABI of the command.
    pub check: &'static str,
    /// Verdict on what was found.
    pub verdict: Verdict,
    /// Description of what was found.
    pub message: String,
    /// Advice on it, in the imperative and without a full stop.
    pub hint: Option<String>,
    /// How it was checked, where that does not go without saying.
    pub how: Option<String>,
}

impl Finding {
    /// Makes a finding of what is as it should be.
    pub fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Finding {
            check,
            verdict: Verdict::Ok,
            message: message.into(),
            hint: None,
            how: None,
        }
    }

    /// Makes a finding of what could not be checked.
    pub fn unknown(
        check: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Finding {
            verdict: Verdict::Unknown,
            hint: Some(hint.into()),
            ..Finding::ok(check, message)
        }
    }

    /// Makes a finding of what is not as it should be.
    pub fn problem(
        check: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Finding {
            verdict: Verdict::Problem,
            hint: Some(hint.into()),
            ..Finding::ok(check, message)
        }
    }

    /// Says how it was checked.
    pub fn by(self, how: impl Into<String>) -> Self {
        Finding {
            how: Some(how.into()),
            ..self
        }
    }

    /// Returns the line for people, which begins with the command's `mark` of the verdict.
    pub fn line(&self, mark: &str) -> String {
        let hint = self.hint.as_ref().map(|hint| format!(" ({hint})"));
        let how = self.how.as_ref().map(|how| format!("\n    by {how}"));
        format!(
            "{mark}  {:<10} {}{}{}\n",
            self.check,
            self.message,
            hint.unwrap_or_default(),
            how.unwrap_or_default(),
        )
    }
}

/// Counts the problems among findings: with none, all is well.
pub fn problems<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> usize {
    findings
        .into_iter()
        .filter(|it| it.verdict == Verdict::Problem)
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_mark_the_check_what_was_found_and_what_to_do() {
        let finding = Finding::problem("hook", "it is gone", "install it");
        assert_eq!(
            finding.line("NO"),
            "NO  hook       it is gone (install it)\n"
        );
        let finding = Finding::ok("registers", "pool B");
        assert_eq!(finding.line("ok     "), "ok       registers  pool B\n");
        assert_eq!(
            finding.by("QMP xp").line("ok"),
            "ok  registers  pool B\n    by QMP xp\n"
        );
    }

    #[test]
    fn what_is_not_known_is_no_problem() {
        let unknown = Finding::unknown("key", "not checked", "name a VM");
        let problem = Finding::problem("key", "there is none", "set it");
        assert_eq!(problems([&unknown]), 0);
        assert_eq!(problems([&unknown, &problem, &problem]), 2);
    }
}
