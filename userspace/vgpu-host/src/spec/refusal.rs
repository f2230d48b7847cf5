// SPDX-License-Identifier: GPL-2.0

//! Why a spec is left alone.

use thiserror::Error;

use crate::Shown;

/// What is not understood in a spec. Lines are counted from 1.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Refusal {
    /// Text of other systems.
    #[error("its lines end in CR LF")]
    CarriageReturns,
    /// No tag of this kind, or several, or one that only counts sometimes.
    #[error("it has {count} lines '{tag}:' outside of %if, not one")]
    Tag {
        /// The tag.
        tag: &'static str,
        /// How many there are.
        count: usize,
    },
    /// Another package.
    #[error("its Name is {0}, not 'qemu'")]
    Name(Shown),
    /// Another QEMU.
    #[error("its Version is {0}, and the patch is for '4.2.1'")]
    Version(Shown),
    /// A device that was put in by hand.
    #[error("the device was put in by hand: {0}")]
    ByHand(String),
    /// What was put in has been changed since.
    #[error("what was put in has been changed since: {0}")]
    Changed(&'static str),
    /// A patch whose number cannot be told.
    #[error("the patch of line {0} has no number of its own")]
    Number(usize),
    /// Neither patches nor sources.
    #[error("it has no line 'Patch…:' or 'Source…:' to put one after")]
    NoPlace,
    /// Patches are applied some other way.
    #[error("its %prep does not apply all patches by one '%autosetup -p1': {0}")]
    Prep(String),
    /// There is no place for an entry.
    #[error("it has no section %changelog, or more than one")]
    Changelog,
}

impl Refusal {
    /// What to do next.
    pub fn hint(&self) -> &'static str {
        match self {
            Refusal::CarriageReturns => "convert it: sed -i 's/\\r$//' FILE",
            Refusal::Tag { .. } | Refusal::NoPlace | Refusal::Changelog => {
                "take the spec of XCP-ng's source package qemu"
            }
            Refusal::Name(_) => "the package with the device model is qemu, and not qemu-dp",
            Refusal::Version(_) => "take the spec of XCP-ng 8.2.1 or 8.3",
            Refusal::ByHand(_) => {
                "put back the spec from before that (qemu.spec.backup), or delete the lines of the \
                 device; a line with --disable-werror may be the stock spec's, or had \
                 --enable-werror"
            }
            Refusal::Changed(_) => "put back the spec from before, and apply anew",
            Refusal::Number(_) => "give it one, as in Patch1000:",
            Refusal::Prep(_) => {
                "add the patch in its own way; qemu-device/xcp-ng/make-patch prints it"
            }
        }
    }
}
