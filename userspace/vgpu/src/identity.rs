// SPDX-License-Identifier: MIT OR Apache-2.0

//! Decoding the identity registers. The one place in userspace
//! that decodes them; the driver has its own, and is tested by the same vectors.

use std::fmt;
use std::str::FromStr;

use crate::number::parse_u32;
use crate::uapi;

/// The pool a device belongs to: the value of the register POOL_ID.
///
/// Its text is the pool's letter or digit; a value that is neither in ASCII
/// shows as `0xNN`, because a device is not to be trusted with a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PoolId(u32);

impl PoolId {
    /// The pool of a register value; every value is one.
    pub fn from_raw(raw: u32) -> Self {
        PoolId(raw)
    }

    /// The register value.
    pub fn raw(self) -> u32 {
        self.0
    }

    /// The pool's letter or digit, if it is one.
    pub fn letter(self) -> Option<char> {
        u8::try_from(self.0)
            .ok()
            .filter(u8::is_ascii_alphanumeric)
            .map(char::from)
    }
}

impl fmt::Display for PoolId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.letter() {
            Some(letter) => write!(f, "{letter}"),
            None => write!(f, "0x{:02x}", self.0),
        }
    }
}

impl FromStr for PoolId {
    type Err = ();

    /// Reads what [`Display`](fmt::Display) writes, which is what the driver's
    /// attribute says.
    fn from_str(text: &str) -> Result<Self, ()> {
        match text.as_bytes() {
            [letter] if letter.is_ascii_alphanumeric() => Ok(PoolId(u32::from(*letter))),
            [b'0', b'x', ..] => parse_u32(text).map(PoolId).ok_or(()),
            _ => Err(()),
        }
    }
}

/// The priority of a device within its pool: the value of the register
/// PRIORITY.
///
/// Its text is `low`, `medium`, `high`, or the decimal number where the
/// register holds something else. The order is the register's: higher is more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Priority(u32);

impl Priority {
    const NAMES: [(u32, &'static str); 3] = [
        (uapi::VGPU_PRIORITY_LOW, "low"),
        (uapi::VGPU_PRIORITY_MEDIUM, "medium"),
        (uapi::VGPU_PRIORITY_HIGH, "high"),
    ];

    /// The priority of a register value; every value is one.
    pub fn from_raw(raw: u32) -> Self {
        Priority(raw)
    }

    /// The register value.
    pub fn raw(self) -> u32 {
        self.0
    }

    /// The priority's name, if the register map gives it one.
    pub fn name(self) -> Option<&'static str> {
        Self::NAMES
            .iter()
            .find_map(|(raw, name)| (*raw == self.0).then_some(*name))
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{}", self.0),
        }
    }
}

impl FromStr for Priority {
    type Err = ();

    /// Reads what [`Display`](fmt::Display) writes, which is what the driver's
    /// attribute says.
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::NAMES
            .iter()
            .find_map(|(raw, name)| (*name == text).then_some(*raw))
            .or_else(|| parse_u32(text))
            .map(Priority)
            .ok_or(())
    }
}

/// Tells whether these are the registers of a device that no longer answers, or whose
/// memory decoding is off: all ones in all of them. One register alone may be.
pub(crate) fn all_ones<const N: usize>(registers: &[u32; N]) -> bool {
    registers.iter().all(|value| *value == uapi::VGPU_REG_GONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    include!("../../../tests/vectors/identity.rs");

    #[test]
    fn a_pool_shows_as_its_letter_or_as_a_hexadecimal_number() {
        for (raw, text) in POOLS {
            assert_eq!(PoolId::from_raw(raw).to_string(), text);
        }
    }

    #[test]
    fn a_pools_text_gives_back_the_register_value() {
        for (raw, text) in POOLS {
            assert_eq!(text.parse(), Ok(PoolId::from_raw(raw)));
        }
    }

    #[test]
    fn text_that_names_no_pool_is_refused() {
        for text in ["", "AB", "\u{e4}", "-", "0x", "65"] {
            assert_eq!(text.parse::<PoolId>(), Err(()), "{text:?}");
        }
    }

    #[test]
    fn a_priority_shows_as_its_name_or_as_a_decimal_number() {
        for (raw, text) in PRIORITIES {
            assert_eq!(Priority::from_raw(raw).to_string(), text);
        }
    }

    #[test]
    fn a_prioritys_text_gives_back_the_register_value() {
        for (raw, text) in PRIORITIES {
            assert_eq!(text.parse(), Ok(Priority::from_raw(raw)));
        }
    }

    #[test]
    fn text_that_names_no_priority_is_refused() {
        for text in ["", "High", "urgent", "-1"] {
            assert_eq!(text.parse::<Priority>(), Err(()), "{text:?}");
        }
    }

    #[test]
    fn priorities_compare_by_rank() {
        let [low, medium, high]: [Priority; 3] = [0, 1, 2].map(Priority::from_raw);
        assert!(low < medium && medium < high);
    }

    #[test]
    fn only_all_ones_in_every_register_means_gone() {
        assert!(all_ones(&[u32::MAX; 5]));
        assert!(!all_ones(&[u32::MAX, u32::MAX, 0x42, u32::MAX, u32::MAX]));
        assert!(!all_ones(&[0; 5]));
    }
}
