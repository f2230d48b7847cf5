// SPDX-License-Identifier: GPL-2.0

//! Whatever the keys hold: the stock wrapper gets its own arguments and zero or
//! more complete devices behind them, or is not started.

use proptest::prelude::*;
use vgpu_host::keys;

use crate::dom0::{Dom0, OLDER, TYPED};

/// Parts that values are made of, so that many of them are nearly valid.
const PARTS: [&str; 24] = [
    "-device",
    "vgpu-stub",
    "pool_id=",
    "priority=",
    "vm_id=",
    "id=",
    "A",
    "B",
    "C",
    "low",
    "medium",
    "high",
    "0",
    "200",
    "4294967295",
    "4294967296",
    ",",
    ";",
    " ",
    "=",
    "\n",
    "-S",
    "-chardev",
    "\\",
];

fn value() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        8 => prop::sample::select(&PARTS[..]).prop_map(|part| part.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..8),
    ];
    let device = prop::sample::subsequence(
        vec![
            "pool_id=A",
            "pool_id=B",
            "priority=low",
            "priority=high",
            "vm_id=7",
            "vm_id=0xff",
        ],
        1..4,
    )
    .prop_map(|properties| properties.join(","));
    let devices = prop::collection::vec(device, 1..10);
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        prop::collection::vec(part, 0..24).prop_map(|parts| parts.concat()),
        devices
            .clone()
            .prop_map(|devices| devices.join(";").into_bytes()),
        devices.prop_map(|devices| {
            let words = devices.iter().map(|it| format!("-device vgpu-stub,{it}"));
            words.collect::<Vec<_>>().join(" ").into_bytes()
        }),
    ]
}

/// Written by hand, and so strictly that nothing else passes.
fn is_device(word: &str, number: usize) -> bool {
    let Some(properties) = word.strip_prefix("vgpu-stub,") else {
        return false;
    };
    let [pool, priority, vm_id, id, slot] = properties.split(',').collect::<Vec<_>>()[..] else {
        return false;
    };
    let vm_id = vm_id.strip_prefix("vm_id=").unwrap_or_default();
    ["pool_id=A", "pool_id=B"].contains(&pool)
        && ["priority=low", "priority=medium", "priority=high"].contains(&priority)
        && vm_id
            .parse::<u32>()
            .is_ok_and(|number| number.to_string() == vm_id)
        && id == format!("id=vgpu-stub{number}")
        && slot == format!("addr=0x{:x}", 30 - number)
}

fn are_devices(added: &[&str]) -> bool {
    let mut pairs = added.chunks(2).enumerate();
    pairs.all(|(number, pair)| matches!(pair, ["-device", it] if is_device(it, number)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_value_means_valid_devices_or_none(value in value()) {
        for parsed in [keys::parse_typed(&value), keys::parse_arguments(&value)] {
            let devices = parsed.unwrap_or_default();
            prop_assert!(devices.len() <= keys::MOST_DEVICES);
            for (number, device) in devices.iter().enumerate() {
                let argument = device.argument(number, 30 - number as u8);
                prop_assert!(is_device(&argument, number), "{argument}");
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
            Some(_) => prop_assert!(are_devices(&run.added()), "{run:?}"),
            None => prop_assert_eq!(run.status.code(), Some(1)),
        }
    }
}
