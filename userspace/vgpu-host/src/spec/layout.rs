// SPDX-License-Identifier: GPL-2.0

//! Where things are in a stock spec, if it is one that is understood.

use super::ours::{self, ENTRY};
use super::refusal::Refusal;
use crate::Shown;

/// The QEMU that the patch is for.
const VERSION: &str = "4.2.1";
/// XCP-ng's own patches have numbers from here up.
const FIRST: u32 = 1000;
/// What begins a section; what is before the first one is the preamble.
const SECTIONS: [&str; 17] = [
    "%build",
    "%changelog",
    "%check",
    "%clean",
    "%description",
    "%files",
    "%install",
    "%package",
    "%patchlist",
    "%post",
    "%postun",
    "%pre",
    "%prep",
    "%preun",
    "%sourcelist",
    "%triggerin",
    "%triggerun",
];

/// Lines, counted from 0.
#[derive(Debug)]
pub(super) struct Layout {
    /// That of the release.
    pub(super) release: usize,
    /// After this one a patch can be put,
    pub(super) patch: usize,
    /// with this number.
    pub(super) number: u32,
    /// That which begins the changelog.
    pub(super) changelog: usize,
    /// Version and release of the newest entry there.
    pub(super) newest: Option<String>,
}

/// One line of a spec.
struct Line {
    text: String,
    section: &'static str,
    /// Between %if and %endif.
    conditional: bool,
}

impl Line {
    /// The first word.
    fn word(&self) -> &str {
        self.text.split_whitespace().next().unwrap_or_default()
    }

    /// A tag of the preamble and its value.
    fn tag(&self) -> Option<(&str, &str)> {
        let (tag, value) = self.text.split_once(':')?;
        let is_tag = self.section.is_empty() && !tag.starts_with(['#', '%']);
        is_tag.then_some((tag.trim(), value.trim()))
    }
}

impl Layout {
    pub(super) fn of(spec: &[u8]) -> Result<Layout, Refusal> {
        if spec.contains(&b'\r') {
            return Err(Refusal::CarriageReturns);
        }
        let lines = read(spec);
        let (_, name) = one(&lines, "Name")?;
        if name != "qemu" {
            return Err(Refusal::Name(Shown::new(name)));
        }
        let (_, version) = one(&lines, "Version")?;
        if version != VERSION {
            return Err(Refusal::Version(Shown::new(version)));
        }
        refuse_by_hand(&lines)?;
        let (release, _) = one(&lines, "Release")?;
        let (patch, number) = place(&lines)?;
        refuse_prep(&lines)?;

        let mut starts = (0..lines.len()).filter(|at| lines[*at].word() == "%changelog");
        let (Some(changelog), None) = (starts.next(), starts.next()) else {
            return Err(Refusal::Changelog);
        };
        // The entry is put below it, so it has to end.
        if !lines[changelog].text.ends_with('\n') {
            return Err(Refusal::Changelog);
        }
        let newest = lines[changelog..]
            .iter()
            .find(|line| line.text.starts_with("* "))
            .and_then(|line| line.text.split_whitespace().next_back())
            .filter(|word| word.starts_with(&format!("{VERSION}-")))
            .map(String::from);
        Ok(Layout {
            release,
            patch,
            number,
            changelog,
            newest,
        })
    }
}

fn read(spec: &[u8]) -> Vec<Line> {
    let (mut section, mut depth) = ("", 0u32);
    let lines = spec.split_inclusive(|byte| *byte == b'\n');
    let line = lines.map(|line| {
        let mut line = Line {
            text: String::from_utf8_lossy(line).into_owned(),
            section,
            conditional: depth > 0,
        };
        let word = line.word();
        match word {
            "%if" | "%ifarch" | "%ifnarch" | "%ifos" | "%ifnos" => depth += 1,
            "%endif" => depth = depth.saturating_sub(1),
            _ => {
                section = SECTIONS
                    .into_iter()
                    .find(|it| *it == word)
                    .unwrap_or(section)
            }
        }
        // An %endif ends it, and so is not in it.
        line.conditional &= depth > 0;
        line.section = section;
        line
    });
    line.collect()
}

/// The one line with a tag, and its value.
fn one<'a>(lines: &'a [Line], tag: &'static str) -> Result<(usize, &'a str), Refusal> {
    let found: Vec<_> = lines
        .iter()
        .enumerate()
        .filter_map(|(at, line)| Some((at, line.tag()?, line.conditional)))
        .filter(|(_, (name, _), _)| name.eq_ignore_ascii_case(tag))
        .collect();
    match found[..] {
        [(at, (_, value), false)] => Ok((at, value)),
        _ => {
            let count = found.iter().filter(|found| !found.2).count();
            Err(Refusal::Tag { tag, count })
        }
    }
}

/// Where one more patch goes, and its number: after the last one, which may
/// have to be after the %endif, or else after the last source.
fn place(lines: &[Line]) -> Result<(usize, u32), Refusal> {
    let (mut last_patch, mut last_source, mut number) = (None, None, FIRST);
    for (at, line) in lines.iter().enumerate() {
        let Some((tag, _)) = line.tag() else { continue };
        let tag = tag.to_ascii_lowercase();
        if let Some(digits) = tag.strip_prefix("patch") {
            let above = digits.parse::<u32>().ok().and_then(|it| it.checked_add(1));
            number = number.max(above.ok_or(Refusal::Number(at + 1))?);
            last_patch = Some(at);
        } else if tag.starts_with("source") {
            last_source = Some(at);
        }
    }
    let last = last_patch.or(last_source).ok_or(Refusal::NoPlace)?;
    let place = (last..lines.len())
        .find(|at| !lines[*at].conditional)
        .filter(|at| lines[*at].section.is_empty())
        .ok_or(Refusal::NoPlace)?;
    Ok((place, number))
}

/// Refuses a spec that names the device in any line but the changelog's, or that has
/// something of ours left.
fn refuse_by_hand(lines: &[Line]) -> Result<(), Refusal> {
    let is_trace = |line: &Line| {
        if line.section == "%changelog" {
            return line.text.starts_with(ENTRY);
        }
        line.text.contains("vgpu-stub") || line.text.contains(ours::RELEASE)
    };
    // It goes with a device that was put in by hand, but there are stock specs that
    // have it, too.
    let goes_along = |line: &Line| {
        let comment = line.text.trim_start().starts_with('#');
        line.section != "%changelog" && line.text.contains("--disable-werror") && !comment
    };
    if !lines.iter().any(is_trace) {
        return Ok(());
    }
    let found: Vec<String> = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| is_trace(line) || goes_along(line))
        .map(|(at, line)| format!("line {} {}", at + 1, Shown::new(line.text.trim())))
        .collect();
    Err(Refusal::ByHand(found.join(", ")))
}

/// Only %autosetup applies a patch that it was not told of.
fn refuse_prep(lines: &[Line]) -> Result<(), Refusal> {
    let refuse = |why: String| Err(Refusal::Prep(why));
    let prep = || lines.iter().filter(|line| line.section == "%prep");
    let is_patch = |line: &&Line| line.word().starts_with("%patch") || line.word() == "%autopatch";
    if let Some(line) = prep().find(is_patch) {
        return refuse(format!("there is {}", Shown::new(line.text.trim())));
    }
    let setups: Vec<&Line> = prep()
        .filter(|line| line.word() == "%autosetup" && !line.conditional)
        .collect();
    let [setup] = setups[..] else {
        return refuse(format!("there are {} of it", setups.len()));
    };
    let words: Vec<&str> = setup.text.split_whitespace().collect();
    let strips = words.contains(&"-p1") || words.windows(2).any(|pair| pair == ["-p", "1"]);
    if !strips || words.contains(&"-N") {
        return refuse(format!("there is {}", Shown::new(setup.text.trim())));
    }
    Ok(())
}
