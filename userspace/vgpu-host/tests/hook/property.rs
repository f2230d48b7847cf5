// SPDX-License-Identifier: GPL-2.0

//! Whatever the keys hold: the stock wrapper gets its own arguments and zero or
//! more complete devices behind them, or is not started.

use proptest::prelude::*;
use vgpu_host::{Messages, keys};

use crate::dom0::{Dom0, OLDER, TYPED};
use crate::values::{are_devices, is_device, value};

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_value_means_valid_devices_or_none(value in value()) {
        for parsed in [keys::parse_typed(&value), keys::parse_arguments(&value)] {
            let devices = parsed.unwrap_or_default();
            prop_assert!(devices.len() <= keys::MOST_DEVICES);
            for (number, device) in devices.iter().enumerate() {
                let argument = format!("{},addr=0x{:x}", device.argument(number), 30 - number);
                let has_messages = device.messages == Messages::On;
                prop_assert!(is_device(&argument, number, has_messages), "{argument}");
            }
        }
    }

    #[test]
    fn what_parses_means_the_same_when_it_is_written_again(value in value()) {
        if let Ok(devices) = keys::parse_typed(&value) {
            prop_assert_eq!(keys::parse_typed(keys::format_typed(&devices).as_bytes()), Ok(devices));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_values_start_the_wrapper_with_devices_or_not_at_all(
        typed in prop::option::of(value()),
        older in prop::option::of(value()),
    ) {
        let dom0 = Dom0::new();
        for (key, value) in [(TYPED, typed), (OLDER, older)] {
            if let Some(value) = value {
                dom0.set(key, value);
            }
        }
        let run = dom0.start();
        match run.words {
            Some(_) => prop_assert!(are_devices(&run.added(), 5), "{run:?}"),
            None => prop_assert_eq!(run.status.code(), Some(1)),
        }
    }
}
