// SPDX-License-Identifier: GPL-2.0

//! The values that a field can have, as people type them. What no device can ever have
//! is refused: a wait for it would last for ever.

use vgpu::{DRIVER, PciAddress, PoolId, Priority, Source, parse_u32};

/// Other drivers that a device may be given to. Any driver may be; of these it is known
/// how they are written.
const OTHER_DRIVERS: [&str; 3] = ["vfio-pci", "pci-stub", "uio_pci_generic"];

/// Reads a number of 32 bits.
///
/// # Errors
/// What one is.
pub(crate) fn number(text: &str) -> Result<u32, String> {
    if let Some(value) = parse_u32(text) {
        return Ok(value);
    }
    let digits = text.trim_start_matches('0');
    let decimal = digits.parse::<u32>();
    match (decimal, u32::from_str_radix(digits, 8)) {
        (Ok(_), Ok(octal)) => Err(format!(
            "with a leading zero it is octal to some programs: write {digits} or {octal}"
        )),
        (Ok(_), Err(_)) => Err(format!("write it without the leading zero: {digits}")),
        _ => Err("it is no 32-bit number, decimal or 0x and hexadecimal".into()),
    }
}

/// Reads a pool and writes it as the field has it.
///
/// # Errors
/// What one is. The register map has capital letters only.
pub(crate) fn pool(text: &str) -> Result<String, String> {
    match text.as_bytes() {
        [letter @ b'a'..=b'z'] => Err(format!(
            "pools have capital letters: did you mean {}? (0x{letter:02x} is the pool {text})",
            text.to_ascii_uppercase()
        )),
        _ => text
            .parse()
            .map(|pool: PoolId| pool.to_string())
            .map_err(|()| "a pool is a letter or a digit, or 0x and hexadecimal".into()),
    }
}

/// Reads a priority and writes it as the field has it.
///
/// # Errors
/// What one is.
pub(crate) fn priority(text: &str) -> Result<String, String> {
    if let Ok(priority) = text.parse::<Priority>() {
        return Ok(priority.to_string());
    }
    let lower = text.to_ascii_lowercase();
    match lower.parse::<Priority>() {
        Ok(priority) => Err(format!("did you mean {priority}?")),
        Err(()) => Err("a priority is low, medium, high or a number".into()),
    }
}

/// Reads the name of a class device.
///
/// # Errors
/// How the driver calls them.
pub(crate) fn name(text: &str) -> Result<String, String> {
    let number = text.strip_prefix("vgpu").unwrap_or_default();
    match parse_u32(number) {
        Some(_) if number.bytes().all(|byte| byte.is_ascii_digit()) => Ok(text.into()),
        _ if parse_u32(text).is_some() => Err(format!("did you mean vgpu{text}?")),
        _ => Err("devices are called vgpu0, vgpu1 and so on".into()),
    }
}

/// Reads a PCI address and writes it as the field has it.
///
/// # Errors
/// What one looks like.
pub(crate) fn address(text: &str) -> Result<String, String> {
    let address: Result<PciAddress, _> = text.parse();
    address
        .map(|address| address.to_string())
        .map_err(|error| error.to_string())
}

/// Reads the name of a driver, which may be any.
///
/// # Errors
/// It differs from the name of one by hyphens or capital letters alone.
pub(crate) fn driver(text: &str) -> Result<String, String> {
    let plain = |name: &str| name.replace('-', "_").to_ascii_lowercase();
    let meant = [DRIVER].into_iter().chain(OTHER_DRIVERS);
    let mut meant = meant.filter(|known| plain(known) == plain(text) && *known != text);
    match meant.next() {
        Some(known) => Err(format!("did you mean {known}?")),
        None => Ok(text.into()),
    }
}

/// Reads the name of a source.
///
/// # Errors
/// Which there are.
pub(crate) fn source(text: &str) -> Result<String, String> {
    let sources = [
        Source::Sysfs,
        Source::Chardev,
        Source::Bar,
        Source::Published,
    ];
    let sources = sources.map(|it| it.to_string());
    match sources.iter().any(|it| it == text) {
        true => Ok(text.into()),
        false => Err("a source is sysfs, chardev, bar or published".into()),
    }
}

/// Reads a revision of the device, a byte of its configuration space.
///
/// # Errors
/// What one is.
pub(crate) fn revision(text: &str) -> Result<u32, String> {
    match number(text)? {
        revision @ 1..=0xff => Ok(revision),
        _ => Err("a revision is a number from 1 to 255".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_octal_to_others_is_refused_with_both_meanings() {
        assert_eq!(number("0x010"), Ok(16));
        let refused = number("010").unwrap_err();
        assert!(refused.ends_with("write 10 or 8"), "{refused}");
        let refused = number("09").unwrap_err();
        assert!(refused.ends_with("leading zero: 9"), "{refused}");
        assert!(number("many").is_err() && number("-1").is_err());
    }

    #[test]
    fn what_was_probably_meant_is_suggested() {
        for (refused, suggestion) in [
            (pool("b"), "did you mean B?"),
            (priority("High"), "did you mean high?"),
            (priority("urgent"), "low, medium, high or a number"),
            (name("0"), "did you mean vgpu0?"),
            (name("vgpu"), "vgpu0, vgpu1"),
            (name("vgpu0x1"), "vgpu0, vgpu1"),
            (driver("vgpu-stub"), "did you mean vgpu_stub?"),
            (driver("vfio_pci"), "did you mean vfio-pci?"),
            (source("pci"), "sysfs, chardev, bar or published"),
            (address("6.0"), "0000:00:06.0"),
        ] {
            let refused = refused.unwrap_err();
            assert!(refused.contains(suggestion), "{refused}");
        }
    }

    #[test]
    fn a_value_is_written_as_devices_show_it() {
        for (value, shown) in [
            (pool("B"), "B"),
            (pool("0x62"), "b"),
            (pool("0x00"), "0x00"),
            (priority("2"), "high"),
            (priority("7"), "7"),
            (name("vgpu10"), "vgpu10"),
            (address("00:06.0"), "0000:00:06.0"),
            (driver("vfio-pci"), "vfio-pci"),
            (driver("mediator"), "mediator"),
            (source("bar"), "bar"),
        ] {
            assert_eq!(value.unwrap(), shown);
        }
    }
}
