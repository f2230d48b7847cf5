// SPDX-License-Identifier: GPL-2.0

//! Specs made at random: applying is undone by reverting, or refused.

use proptest::collection::vec;
use proptest::prelude::*;
use vgpu_host::spec::{Spec, State};

use crate::package::spec;

/// Lines that mean something, here or elsewhere.
const LINES: [&str; 22] = [
    "",
    " release : 7",
    "%autosetup -p1",
    "%changelog",
    "%description",
    "%endif",
    "%else",
    "%if 1",
    "%prep",
    "* Mon Feb 10 2025 N. N. <n@example.org> - 4.2.1-4.0.7.vgpustub",
    "- Add the PCI device vgpu-stub",
    "- Rebuild of 4.0.7.vgpustub and vgpu-stub",
    "# Added by vgpu-host spec apply: 0123456789ab",
    "Name: qemu",
    "Patch1000: vgpu-stub.patch",
    "Patch7: seven.patch",
    "Release: 4.0.7.vgpustub%{?dist}",
    "Release: 7%{?dist}",
    "Source9: nine",
    "Version: 4.2.1",
    "patch12 : twelve.patch",
    "\u{fffd}\u{0}",
];

/// The usual spec with lines gone, lines more, and perhaps cut off.
fn texts() -> impl Strategy<Value = String> {
    let lines = spec(&[0, 1, 1000]).lines().count();
    let change = (
        0..lines + 20,
        any::<bool>(),
        prop::sample::select(&LINES[..]),
    );
    (vec(change, 0..6), any::<bool>()).prop_map(|(changes, end)| {
        let text = spec(&[0, 1, 1000]);
        let mut lines: Vec<&str> = text.lines().collect();
        for (at, replaces, line) in changes {
            let at = at % lines.len();
            match replaces {
                true => lines[at] = line,
                false => lines.insert(at, line),
            }
        }
        let end = if end { "\n" } else { "" };
        lines.join("\n") + end
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn what_is_put_in_comes_out_to_the_byte(text in texts()) {
        let Ok(stock) = Spec::parse(text.as_bytes()) else { return Ok(()) };
        if stock.state() == State::Stock {
            prop_assert_eq!(stock.stock(), text.as_bytes());
        }
        let applied = stock.with_patch("Tue Feb 11 2025", "N. N. <n@example.org>");
        let again = Spec::parse(&applied).map_err(|it| TestCaseError::fail(it.to_string()))?;
        prop_assert_eq!(again.state(), State::Applied);
        prop_assert_eq!(again.stock(), stock.stock());
    }

    #[test]
    fn no_bytes_are_too_much(text in vec(any::<u8>(), 0..500)) {
        prop_assert!(Spec::parse(&text).is_err());
    }
}
