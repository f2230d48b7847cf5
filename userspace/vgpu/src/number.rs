// SPDX-License-Identifier: MIT OR Apache-2.0

//! Numbers as sysfs and people write them.

/// A 32-bit number written in decimal or, with `0x` before it, in hexadecimal.
///
/// `None` for anything else: no sign, no spaces, and no leading zero, which some
/// programs read as octal and others do not.
pub fn parse_u32(text: &str) -> Option<u32> {
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if text.len() > 1 && text.starts_with('0') => return None,
        None => (text, 10),
    };
    // from_str_radix takes a sign, even behind the 0x.
    if !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    u32::from_str_radix(digits, radix).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_and_hexadecimal_numbers_of_32_bits_are_read() {
        for (text, value) in [
            ("0", 0),
            ("200", 200),
            ("0x10", 16),
            ("0X1f", 31),
            ("0x00000005", 5),
            ("4294967295", u32::MAX),
            ("0xFFFFFFFF", u32::MAX),
        ] {
            assert_eq!(parse_u32(text), Some(value), "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_number() {
        for text in [
            "",
            "0x",
            "-1",
            "+1",
            "0x+1",
            " 1",
            "1 ",
            "1_000",
            "ten",
            "010",
            "00",
            "1f",
            "4294967296",
            "0x100000000",
        ] {
            assert_eq!(parse_u32(text), None, "{text:?}");
        }
    }
}
