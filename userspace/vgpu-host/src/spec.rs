// SPDX-License-Identifier: GPL-2.0

//! The spec of XCP-ng's package qemu, with the device's patch and without.
//!
//! What is put in are whole lines and a few bytes of the release's, all of which
//! are found again and taken out to the byte. Everything else is never touched.

mod layout;
mod ours;
pub mod patch;
mod refusal;

use layout::Layout;
use ours::Ours;
pub use refusal::Refusal;

/// A spec that is understood.
#[derive(Debug)]
pub struct Spec {
    stock: Vec<u8>,
    layout: Layout,
    ours: Option<Ours>,
}

/// Whether a spec has the patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It has not.
    Stock,
    /// It has the patch of this version.
    Applied,
    /// It has the patch of another version.
    Outdated,
}

impl Spec {
    /// Reads a spec's text.
    pub fn parse(text: &[u8]) -> Result<Spec, Refusal> {
        let (stock, ours) = Ours::take_out(text)?;
        let layout = Layout::of(&stock)?;
        Ok(Spec {
            stock,
            layout,
            ours,
        })
    }

    /// Whether it has the patch.
    pub fn state(&self) -> State {
        match &self.ours {
            None => State::Stock,
            Some(ours) if ours.digest == patch::DIGEST => State::Applied,
            Some(_) => State::Outdated,
        }
    }

    /// The text without the patch.
    pub fn stock(&self) -> &[u8] {
        &self.stock
    }

    /// The number that the patch gets.
    pub fn number(&self) -> u32 {
        self.layout.number
    }

    /// The text with the patch of this version. A package that is built of it is
    /// newer than the stock one, and newer than one with an older patch. `date`
    /// is as in `Tue Feb 11 2025`, `packager` as in `Name <mail>`.
    pub fn with_patch(&self, date: &str, packager: &str) -> Vec<u8> {
        let ours = Ours {
            digest: patch::DIGEST.into(),
            build: self
                .ours
                .as_ref()
                .map_or(1, |it| it.build.saturating_add(1)),
        };
        let layout = &self.layout;
        let mut text = Vec::new();
        for (at, line) in self.stock.split_inclusive(|it| *it == b'\n').enumerate() {
            if at == layout.release {
                let (release, dist) = line.split_at(before_dist(line));
                text.extend_from_slice(release);
                text.extend_from_slice(ours.release().as_bytes());
                text.extend_from_slice(dist);
            } else {
                text.extend_from_slice(line);
            }
            if at == layout.patch {
                text.extend_from_slice(ours.patch_lines(layout.number).as_bytes());
            }
            if at == layout.changelog {
                let entry = ours.entry(date, packager, layout.newest.as_deref());
                text.extend_from_slice(entry.as_bytes());
            }
        }
        text
    }
}

/// Where %dist begins in the line of a release, or the end.
fn before_dist(line: &[u8]) -> usize {
    let line = line.trim_ascii_end();
    ["%{?dist}", "%{dist}", "%dist"]
        .into_iter()
        .find_map(|dist| line.strip_suffix(dist.as_bytes()))
        .map_or(line.len(), <[u8]>::len)
}
