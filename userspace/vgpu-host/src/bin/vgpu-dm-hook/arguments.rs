// SPDX-License-Identifier: GPL-2.0

//! The arguments of the stock wrapper, and what is added to them.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::str;

use vgpu_host::{Device, Messages, Shown, device, layout};

use crate::refusal::Refusal;

/// Domains have smaller numbers than this, which Xen uses for itself.
const FIRST_RESERVED: u32 = 0x7ff0;
/// The slots for devices, the first one first. The stock wrapper puts the
/// graphics card into slot 2 after all that it is given, and QEMU would put a
/// device without a slot of its own there. The toolstack counts from below: 2
/// graphics, 3 platform, then network, NVMe and what is passed through. Slot 31
/// is taken in machines of the other kind, q35.
const SLOTS: std::ops::RangeInclusive<u8> = 1..=30;

/// The words after the program's name, as they came.
#[derive(Debug)]
pub(crate) struct Arguments {
    words: Vec<OsString>,
    domain: u32,
}

impl Arguments {
    /// # Errors
    /// The first word is not the number of a domain.
    pub(crate) fn new(words: Vec<OsString>) -> Result<Self, Refusal> {
        let first = words.first().map(|word| word.as_bytes());
        let first = first.unwrap_or_default();
        let digits = first.iter().all(u8::is_ascii_digit);
        let domain = str::from_utf8(first)
            .ok()
            .and_then(|word| word.parse().ok());
        match domain.filter(|domain| digits && *domain < FIRST_RESERVED) {
            Some(domain) => Ok(Arguments { words, domain }),
            None => Err(Refusal::Usage(Shown::new(first))),
        }
    }

    pub(crate) fn words(&self) -> &[OsString] {
        &self.words
    }

    /// The domain whose device model is started.
    pub(crate) fn domain(&self) -> u32 {
        self.domain
    }

    /// The words that give the domain these devices.
    ///
    /// # Errors
    /// There are not enough slots, which would take arguments that xenopsd does
    /// not make.
    pub(crate) fn added(&self, devices: &[Device]) -> Result<Vec<String>, Refusal> {
        let taken = self.slots();
        let mut free = SLOTS.rev().filter(|slot| !taken.contains(slot));
        let mut words = Vec::new();
        for (number, device) in devices.iter().enumerate() {
            let slot = free.next().ok_or(Refusal::NoSlot)?;
            if device.messages == Messages::On {
                let (id, path) = (device::chardev(number), self.socket(number));
                // Before QEMU gives up what it can, and nobody has to be there.
                let socket = format!("socket,id={id},path={path},server=on,wait=off");
                words.extend(["-chardev".into(), socket]);
            }
            // The slot comes last, so that the rest can be looked for.
            let argument = format!("{},addr=0x{slot:x}", device.argument(number));
            words.extend(["-device".into(), argument]);
        }
        Ok(words)
    }

    /// The socket of the device with this number, which has messages.
    fn socket(&self, number: usize) -> String {
        layout::message_socket(self.domain, &device::id(number))
    }

    /// The slots that the arguments name.
    fn slots(&self) -> Vec<u8> {
        let values = self.words.windows(2).filter_map(|pair| match pair {
            [option, value] if option == "-device" => Some(value),
            _ => None,
        });
        values.filter_map(|value| slot(value)).collect()
    }
}

/// The slot in `addr=SLOT[.FUNCTION]`, which QEMU reads as hexadecimal.
fn slot(device: &OsStr) -> Option<u8> {
    let mut properties = device.to_str()?.split(',');
    let address = properties.find_map(|property| property.strip_prefix("addr="))?;
    let slot = address.split('.').next()?;
    u8::from_str_radix(slot.strip_prefix("0x").unwrap_or(slot), 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(words: &[&str]) -> Result<Arguments, Refusal> {
        Arguments::new(words.iter().map(OsString::from).collect())
    }

    #[test]
    fn the_first_word_is_a_domain() {
        assert_eq!(arguments(&["5", "--syslog"]).unwrap().domain(), 5);
        for words in [
            vec![],
            vec![""],
            vec!["+5"],
            vec!["-5"],
            vec!["5 "],
            vec!["32752"],
        ] {
            assert!(arguments(&words).is_err(), "{words:?}");
        }
    }

    #[test]
    fn devices_get_slots_from_the_end_that_nothing_else_has() {
        let words = "5 -device xen-platform,addr=3 -device nvme,id=nvme0,addr=0x1e \
                     -device a,addr=1c.1 -drive addr=1d -device addr";
        let words: Vec<&str> = words.split(' ').collect();
        let added = arguments(&words)
            .unwrap()
            .added(&[Device::default(); 2])
            .unwrap();
        let ends: Vec<&str> = added
            .iter()
            .filter_map(|word| word.rsplit(',').next())
            .collect();
        assert_eq!(ends, ["-device", "addr=0x1d", "-device", "addr=0x1b"]);
    }
}
