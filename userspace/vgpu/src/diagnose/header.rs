// SPDX-License-Identifier: MIT OR Apache-2.0

//! The configuration header and the BARs of a device, as lspci shows them.

use std::fmt::Write as _;
use std::io::Read;

use rustix::fs::OFlags;

use crate::Vgpu;

/// Length of the header, which every user may read.
const LENGTH: usize = 64;

/// Bits of a line of the attribute `resource`, by the names of linux/ioport.h.
const IORESOURCE_IO: u64 = 0x100;
const IORESOURCE_PREFETCH: u64 = 0x2000;
const IORESOURCE_MEM_64: u64 = 0x10_0000;

/// Describes the PCI function of `device`.
///
/// # Errors
/// The reason why its header cannot be read, in words.
pub(super) fn describe(device: &Vgpu) -> Result<String, String> {
    let mut header = [0; LENGTH];
    device
        .function
        .file("config", OFlags::RDONLY)
        .and_then(|mut file| file.read_exact(&mut header))
        .map_err(|error| format!("its configuration space cannot be read: {error}"))?;
    let word = |offset: usize| u16::from_le_bytes([header[offset], header[offset + 1]]);
    let mut text = format!(
        "id {:04x}:{:04x}, class {:04x}, revision {:02x}, subsystem {:04x}:{:04x}\n\
         command {:04x}, status {:04x}, interrupt pin {}, line {}\n\
         driver: {}\n",
        word(0x00),
        word(0x02),
        word(0x0a),
        header[0x08],
        word(0x2c),
        word(0x2e),
        word(0x04),
        word(0x06),
        header[0x3d],
        header[0x3c],
        device.driver().unwrap_or("none"),
    );
    match device.function.read("resource") {
        Ok(content) => text += &bars(&String::from_utf8_lossy(&content)),
        Err(error) => text += &format!("BARs: not known (resource cannot be read: {error})\n"),
    }
    for (index, row) in header.chunks(16).enumerate() {
        let bytes: Vec<String> = row.iter().map(|byte| format!("{byte:02x}")).collect();
        // Writing to a String does not fail.
        let _ = writeln!(text, "{:02x}: {}", index * 16, bytes.join(" "));
    }
    Ok(text)
}

/// Describes the six BARs and the ROM by the attribute `resource`, a line each: start, end and
/// flags. One that the device does not have is left out.
fn bars(resource: &str) -> String {
    const NAMES: [&str; 7] = ["BAR0", "BAR1", "BAR2", "BAR3", "BAR4", "BAR5", "ROM"];
    let mut text = String::new();
    for (name, line) in NAMES.iter().zip(resource.lines()) {
        let numbers = line
            .split(' ')
            .map(|it| u64::from_str_radix(it.trim_start_matches("0x"), 16));
        let Ok([start, end, flags]) = numbers
            .collect::<Result<Vec<u64>, _>>()
            .map_err(drop)
            .and_then(|numbers| <[u64; 3]>::try_from(numbers).map_err(drop))
        else {
            continue;
        };
        if flags == 0 {
            continue;
        }
        let kind = match flags {
            it if it & IORESOURCE_IO != 0 => "ports",
            it if it & IORESOURCE_MEM_64 != 0 => "64-bit memory",
            _ => "32-bit memory",
        };
        let prefetchable = match flags & IORESOURCE_PREFETCH {
            0 => "",
            _ => ", prefetchable",
        };
        let size = end.wrapping_sub(start).wrapping_add(1);
        text += &format!("{name}: {size} bytes of {kind}{prefetchable}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_that_the_device_has_are_told_with_their_sizes_and_without_their_places() {
        let resource = "0x00000000fea00000 0x00000000fea00fff 0x0000000000040200\n\
                        0x0000000000000000 0x0000000000000000 0x0000000000000000\n\
                        0x000000000000c000 0x000000000000c01f 0x0000000000040101\n\
                        nonsense\n\
                        0x000000fe00000000 0x000000fe00003fff 0x000000000014220c\n";
        assert_eq!(
            bars(resource),
            "BAR0: 4096 bytes of 32-bit memory\n\
             BAR2: 32 bytes of ports\n\
             BAR4: 16384 bytes of 64-bit memory, prefetchable\n"
        );
        assert_eq!(bars(""), "");
    }
}
