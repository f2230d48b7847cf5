// SPDX-License-Identifier: GPL-2.0

//! Structures of user space's.

use kernel::{
    prelude::*,
    transmute::{
        AsBytes,
        FromBytes as FromUser, //
    }, //
};
use zerocopy::Immutable;

/// A structure that is copied from and to user space: plain data without padding.
///
/// The kernel crate copies what has traits of its own, which are unsafe to implement. It checks
/// nothing at run time for those, as C does for a size that is known.
#[repr(transparent)]
#[derive(Clone, Copy, Default)]
pub(crate) struct Plain<T>(pub(crate) T);

// SAFETY: `IntoBytes` is derived for types only that have no uninitialised bytes, and `Immutable`
// for those without interior mutability.
unsafe impl<T: IntoBytes + Immutable> AsBytes for Plain<T> {}

// SAFETY: `FromBytes` is derived for types only of which all bit patterns are valid values.
unsafe impl<T: FromBytes> FromUser for Plain<T> {}
