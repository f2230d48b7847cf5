// SPDX-License-Identifier: GPL-2.0

//! What is put into a spec, and how it is found again.

use super::patch;
use super::refusal::Refusal;

/// The line above the patch's; it ends in the patch's digest.
const MARK: &str = "# Added by vgpu-host spec apply: ";
/// What a release gets before a number,
const NEWER: &str = ".0.";
/// and what makes it ours, after that.
pub(super) const RELEASE: &str = ".vgpustub";
/// The text of the entry in the changelog.
pub(super) const ENTRY: &str = "- Add the PCI device vgpu-stub";

/// What was put into a spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ours {
    /// Which patch.
    pub(super) digest: String,
    /// How many there have been.
    pub(super) build: u32,
}

impl Ours {
    /// The lines after the last patch.
    pub(super) fn patch_lines(&self, number: u32) -> String {
        format!("{MARK}{}\nPatch{number}: {}\n", self.digest, patch::NAME)
    }

    /// What the release gets. A number comes first, which makes it newer than the
    /// stock one, whose next part is the letters of %dist; and that number is 0,
    /// which makes it older than any update, even from 5.2.9 to 5.2.9.1.
    pub(super) fn release(&self) -> String {
        format!("{NEWER}{}{RELEASE}", self.build)
    }

    /// The lines at the top of the changelog; `version` is that of the entry
    /// below.
    pub(super) fn entry(&self, date: &str, packager: &str, version: Option<&str>) -> String {
        let version = version.map(|it| format!(" - {it}{}", self.release()));
        let version = version.unwrap_or_default();
        format!("* {date} {packager}{version}\n{ENTRY}\n\n")
    }

    /// A spec without what was put in, and what that was. A spec with only a
    /// part of it has been changed by somebody else, who must know better.
    pub(super) fn take_out(text: &[u8]) -> Result<(Vec<u8>, Option<Ours>), Refusal> {
        let mut lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
        let Some(mark) = only(&lines, |line| line.starts_with(MARK.as_bytes()))
            .map_err(|_| Refusal::Changed("the patch is there twice"))?
        else {
            return Ok((text.to_vec(), None));
        };
        let digest = lines[mark][MARK.len()..].trim_ascii_end();
        let digest = String::from_utf8_lossy(digest).into_owned();
        let end = format!(": {}\n", patch::NAME);
        let is_patch = |line: &&[u8]| line.starts_with(b"Patch") && line.ends_with(end.as_bytes());
        if !lines.get(mark + 1).is_some_and(is_patch) {
            return Err(Refusal::Changed("the patch is not below its comment"));
        }

        let entry = only(&lines, |line| line.trim_ascii_end() == ENTRY.as_bytes())
            .ok()
            .flatten()
            .filter(|at| {
                let header = at.checked_sub(1).and_then(|at| lines.get(at));
                header.is_some_and(|line| line.starts_with(b"* "))
                    && lines.get(at + 1) == Some(&b"\n".as_slice())
            })
            .ok_or(Refusal::Changed("the entry in the changelog"))?;

        let not_ours = Refusal::Changed("the release");
        // Whatever the changelog says of releases.
        let changelog = lines
            .iter()
            .position(|line| line.trim_ascii_start().starts_with(b"%changelog"))
            .unwrap_or(lines.len());
        let release = only(&lines[..changelog], |line| find(line, RELEASE).is_some())
            .ok()
            .flatten()
            .ok_or(not_ours.clone())?;
        let (stock, build) = stock_release(lines[release]).ok_or(not_ours)?;

        lines[release] = &stock;
        for gone in [mark, mark + 1, entry - 1, entry, entry + 1] {
            lines[gone] = b"";
        }
        Ok((lines.concat(), Some(Ours { digest, build })))
    }
}

/// The line of a release without what [`Ours::release`] gave it, and the number
/// in that.
fn stock_release(line: &[u8]) -> Option<(Vec<u8>, u32)> {
    let end = find(line, RELEASE)?;
    let before = &line[..end];
    let start = before.iter().rposition(|byte| *byte == b'.')? + 1;
    let build = std::str::from_utf8(&before[start..]).ok()?.parse().ok()?;
    let stock = before[..start].strip_suffix(NEWER.as_bytes())?;
    let stock = [stock, &line[end + RELEASE.len()..]].concat();
    Some((stock, build))
}

/// Where a text begins in a line.
pub(super) fn find(line: &[u8], text: &str) -> Option<usize> {
    line.windows(text.len())
        .position(|window| window == text.as_bytes())
}

/// Which line is the one; how many there are if there are more.
pub(super) fn only(lines: &[&[u8]], is_it: impl Fn(&[u8]) -> bool) -> Result<Option<usize>, usize> {
    let found: Vec<usize> = (0..lines.len()).filter(|at| is_it(lines[*at])).collect();
    match found[..] {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        _ => Err(found.len()),
    }
}
