// SPDX-License-Identifier: GPL-2.0

//! What a command in the guest does, piece by piece.

use vgpu_agent::End;

/// Something a command did.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Piece {
    /// It wrote this to its standard output.
    Stdout(Vec<u8>),
    /// It wrote this to its standard error.
    Stderr(Vec<u8>),
    /// It ended like this; nothing comes after.
    End(End),
}
