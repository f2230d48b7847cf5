// SPDX-License-Identifier: GPL-2.0

//! KTAP, the output of tests that run in a guest, read strictly.
//!
//! Version 1 of KTAP and TAP 13 are understood. A program that does not say all
//! that it promised has failed: no version line, no plan, fewer or more results
//! than planned, numbers out of order, a bail-out. A result with subtests (lines
//! before it that are indented further) is counted by its subtests.

use std::fmt;

use anyhow::{Result, bail};

/// What became of one test.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// `ok`, or a failure that was expected (`XFAIL`).
    Pass,
    /// `not ok`.
    Fail,
    /// `ok … # SKIP` with the reason.
    Skip(String),
}

/// One test that has no subtests.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TestResult {
    /// Its description, after those of the tests it is a part of: `outer: inner`.
    pub name: String,
    /// What became of it.
    pub outcome: Outcome,
    /// The lines before the result that belong to no other.
    pub diagnostics: Vec<String>,
}

/// What a test program said.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Report {
    /// The tests in order.
    pub results: Vec<TestResult>,
    /// What is wrong with the output itself.
    pub problems: Vec<String>,
}

/// How many tests ended which way.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Passed.
    pub passed: usize,
    /// Failed, problems of the output included.
    pub failed: usize,
    /// Skipped.
    pub skipped: usize,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        )
    }
}

impl Report {
    /// Reads a program's whole output.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut report = Self::default();
        let mut lines = text.lines().peekable();
        match lines.peek() {
            Some(line) if is_version(line.trim()) => {}
            Some(line) => report
                .problems
                .push(format!("no KTAP version line, but '{line}'")),
            None => report.problems.push("no output".to_owned()),
        }
        let lines: Vec<Line> = lines.map(Line::new).collect();
        Block::new("").read(&lines, &mut report);
        report
    }

    /// How many tests ended which way; a problem of the output is a failure.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts {
            failed: self.problems.len(),
            ..Counts::default()
        };
        for result in &self.results {
            match result.outcome {
                Outcome::Pass => counts.passed += 1,
                Outcome::Fail => counts.failed += 1,
                Outcome::Skip(_) => counts.skipped += 1,
            }
        }
        counts
    }

    /// Fails when a test failed or, unless they are allowed, was skipped, and when
    /// there is no test or something is wrong with the output.
    ///
    /// # Errors
    ///
    /// Says which, with their diagnostics.
    pub fn check(&self, allow_skips: bool) -> Result<()> {
        let mut complaints = self.problems.clone();
        for result in &self.results {
            let what = match &result.outcome {
                Outcome::Pass => continue,
                Outcome::Skip(_) if allow_skips => continue,
                Outcome::Skip(reason) => format!("skipped: {} ({reason})", result.name),
                Outcome::Fail => format!("failed: {}", result.name),
            };
            complaints.push(what);
            let diagnostics = result
                .diagnostics
                .iter()
                .map(|line| format!("    | {line}"));
            complaints.extend(diagnostics);
        }
        if !complaints.is_empty() {
            bail!("{}\n{}", self.counts(), complaints.join("\n"));
        }
        if self.results.is_empty() {
            bail!("no test ran");
        }
        Ok(())
    }
}

/// A line without its indentation.
struct Line<'a> {
    indent: usize,
    text: &'a str,
}

impl<'a> Line<'a> {
    fn new(line: &'a str) -> Self {
        let text = line.trim_start();
        Self {
            indent: line.len() - text.len(),
            text: text.trim_end(),
        }
    }

    /// Whether the line says something to a reader of KTAP.
    fn speaks(&self) -> bool {
        is_version(self.text)
            || plan(self.text).is_some()
            || result(self.text).is_some()
            || self.text.starts_with("Bail out!")
    }
}

/// The lines of one level.
struct Block<'a> {
    /// The test that they are subtests of.
    parent: &'a str,
    planned: Option<usize>,
    seen: usize,
    bailed_out: bool,
    diagnostics: Vec<String>,
}

impl<'a> Block<'a> {
    fn new(parent: &'a str) -> Self {
        Self {
            parent,
            planned: None,
            seen: 0,
            bailed_out: false,
            diagnostics: Vec::new(),
        }
    }

    fn read(mut self, lines: &[Line], report: &mut Report) {
        let Some(indent) = lines.iter().find(|line| line.speaks()).map(|l| l.indent) else {
            self.end(report);
            return;
        };
        // Where the lines that belong to the next result begin.
        let mut children = 0;
        for (index, line) in lines.iter().enumerate() {
            if line.indent > indent && line.speaks() {
                continue;
            }
            if let Some(result) = result(line.text) {
                let inner = lines.get(children..index).unwrap_or_default();
                self.result(&result, inner, report);
                children = index + 1;
            } else {
                self.other(line, report);
                if line.speaks() {
                    children = index + 1;
                }
            }
        }
        let rest = lines.get(children..).unwrap_or_default();
        if rest.iter().any(Line::speaks) {
            let parent = self.name("subtests without a result");
            self.problem(report, "ends in the middle of subtests");
            Block::new(&parent).read(rest, report);
        }
        self.end(report);
    }

    fn result(&mut self, result: &ResultLine, inner: &[Line], report: &mut Report) {
        self.seen += 1;
        if let Some(number) = result.number.filter(|number| *number != self.seen) {
            let seen = self.seen;
            self.problem(report, &format!("result {seen} has the number {number}"));
        }
        let name = self.name(result.description);
        let diagnostics = std::mem::take(&mut self.diagnostics);
        if !inner.iter().any(Line::speaks) {
            report.results.push(TestResult {
                name,
                outcome: result.outcome.clone(),
                diagnostics,
            });
            return;
        }
        let before = report.counts();
        Block::new(&name).read(inner, report);
        // Its subtests stand for it, unless it knows worse than they do.
        if result.outcome == Outcome::Fail && report.counts().failed == before.failed {
            report.results.push(TestResult {
                name,
                outcome: Outcome::Fail,
                diagnostics,
            });
        }
    }

    fn other(&mut self, line: &Line, report: &mut Report) {
        if let Some((count, reason)) = plan(line.text) {
            if self.planned.replace(count).is_some() {
                self.problem(report, "has two plans");
            }
            if let (0, Some(reason)) = (count, reason) {
                report.results.push(TestResult {
                    name: self.name("everything"),
                    outcome: Outcome::Skip(reason.to_owned()),
                    diagnostics: Vec::new(),
                });
            }
        } else if let Some(reason) = line.text.strip_prefix("Bail out!") {
            self.bailed_out = true;
            self.problem(report, &format!("bailed out: {}", reason.trim()));
        } else if !is_version(line.text) && !line.text.is_empty() {
            let text = line.text.strip_prefix("# ").unwrap_or(line.text);
            self.diagnostics.push(text.to_owned());
        }
    }

    fn end(&self, report: &mut Report) {
        match self.planned {
            // A bail-out has been reported, and leaves the rest out.
            _ if self.bailed_out => {}
            None => self.problem(report, "has no plan"),
            Some(planned) if planned != self.seen => self.problem(
                report,
                &format!("planned {planned} tests and gave {} results", self.seen),
            ),
            Some(_) => {}
        }
    }

    fn problem(&self, report: &mut Report, what: &str) {
        let who = match self.parent {
            "" => "the output",
            parent => parent,
        };
        report.problems.push(format!("{who} {what}"));
    }

    fn name(&self, description: &str) -> String {
        match self.parent {
            "" => description.to_owned(),
            parent => format!("{parent}: {description}"),
        }
    }
}

fn is_version(text: &str) -> bool {
    text.starts_with("KTAP version ") || text.starts_with("TAP version ")
}

/// `1..N`, with the reason when it is `1..0 # SKIP reason`.
fn plan(text: &str) -> Option<(usize, Option<&str>)> {
    let (count, comment) = match text.strip_prefix("1..")?.split_once('#') {
        Some((count, comment)) => (count, Some(comment.trim())),
        None => (text.strip_prefix("1..")?, None),
    };
    let reason = comment.and_then(|comment| directive(comment, "SKIP"));
    Some((count.trim().parse().ok()?, reason))
}

struct ResultLine<'a> {
    outcome: Outcome,
    number: Option<usize>,
    description: &'a str,
}

/// `ok 1 - description # DIRECTIVE text`
fn result(text: &str) -> Option<ResultLine<'_>> {
    let (passed, rest) = match text.strip_prefix("not ok") {
        Some(rest) => (false, rest),
        None => (true, text.strip_prefix("ok")?),
    };
    if !(rest.is_empty() || rest.starts_with(' ')) {
        return None;
    }
    let (rest, comment) = match rest.split_once(" # ") {
        Some((rest, comment)) => (rest.trim(), comment.trim()),
        None => (rest.trim(), ""),
    };
    let (number, description) = match rest.split_once(' ').unwrap_or((rest, "")) {
        (number, description) if number.parse::<usize>().is_ok() => {
            (number.parse().ok(), description.trim())
        }
        _ => (None, rest),
    };
    let outcome = if let Some(reason) = directive(comment, "SKIP") {
        Outcome::Skip(reason.to_owned())
    } else if passed || directive(comment, "XFAIL").is_some() {
        Outcome::Pass
    } else {
        Outcome::Fail
    };
    let description = description.strip_prefix("- ").unwrap_or(description);
    Some(ResultLine {
        outcome,
        number,
        description,
    })
}

/// The text after a directive, if `comment` is that one.
fn directive<'a>(comment: &'a str, name: &str) -> Option<&'a str> {
    let (word, rest) = comment.split_once(' ').unwrap_or((comment, ""));
    word.trim_end_matches(':')
        .eq_ignore_ascii_case(name)
        .then(|| rest.trim())
}

#[cfg(test)]
mod tests;
