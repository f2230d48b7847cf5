// SPDX-License-Identifier: GPL-2.0

//! The guide's final checklist, for this project: what the guide checks on an
//! XCP-ng host is checked here on the QEMU that runs the guest.

use serde_json::{Value, json};

use crate::facts::{DEVICE, Facts};

/// A line of the checklist.
pub(crate) struct Item {
    /// What should be so.
    pub(crate) claim: &'static str,
    /// Whether it is.
    pub(crate) holds: bool,
    /// What was seen, for when it is not.
    pub(crate) found: String,
}

/// Judges the facts.
pub(crate) fn of(facts: &Facts) -> Vec<Item> {
    let item = |claim, holds, found: &str| Item {
        claim,
        holds,
        found: found.to_owned(),
    };
    let lspci = &facts.lspci;
    let verbose = &facts.lspci_verbose;
    let bar = &facts.bar;
    let json = &facts.json;
    vec![
        item(
            "QEMU has the device: -device help names vgpu-stub",
            facts.device_help.contains("name \"vgpu-stub\""),
            "no such line",
        ),
        item(
            "QEMU took the properties from its command line",
            facts.qemu_properties == DEVICE,
            &facts.qemu_properties,
        ),
        item(
            "An unmodified Debian kernel boots with the device",
            facts.release == facts.expected_release,
            &facts.release,
        ),
        item(
            "lspci shows 00:06.0 Processing accelerators [1200]: Red Hat, Inc. [1af4:1111] (rev 01)",
            lspci.starts_with("00:06.0 Processing accelerators [1200]: Red Hat, Inc. ")
                && lspci.ends_with("[1af4:1111] (rev 01)"),
            lspci,
        ),
        item(
            "The device has a 4 KiB MMIO region: BAR0, 32-bit, non-prefetchable",
            has_line(
                verbose,
                "Region 0: Memory at ",
                "(32-bit, non-prefetchable) [size=4K]",
            ) && !verbose.contains("Region 1"),
            verbose,
        ),
        item(
            "Its interrupt is on pin A",
            has_line(verbose, "Interrupt: pin A routed to IRQ ", ""),
            verbose,
        ),
        item(
            "The MMIO registers are readable without a driver",
            shows(bar, &expected()) && bar["source"] == "bar" && bar["driver"].is_null(),
            &bar.to_string(),
        ),
        item(
            "The module loads and binds to the device",
            facts.driver == "vgpu_stub",
            &facts.driver,
        ),
        item(
            "The properties are right in sysfs",
            facts.attributes == "B\nhigh\n200\n0x00000000\n0x00000000",
            &facts.attributes,
        ),
        item(
            "The properties are right in vgpuinfo",
            facts.table.lines().nth(1).is_some_and(|row| {
                let cells: Vec<_> = row.split_whitespace().collect();
                cells.starts_with(&["vgpu0", "0000:00:06.0", "B", "high", "200"])
            }) && shows(json, &expected())
                && json["name"] == "vgpu0"
                && json["driver"] == "vgpu_stub",
            &format!("{}\n{json}", facts.table),
        ),
        item(
            "The kernel has nothing to complain about",
            facts.complaints.is_none(),
            facts.complaints.as_deref().unwrap_or_default(),
        ),
    ]
}

/// What [`DEVICE`] is in vgpuinfo's JSON.
fn expected() -> Value {
    json!({
        "pci": "0000:00:06.0",
        "pool_id": "B",
        "priority": "high",
        "priority_raw": 2,
        "vm_id": 200,
        "command": 0,
        "status": 0,
        "revision": 1,
    })
}

/// Whether `device` has all the fields of `expected`, with their values.
fn shows(device: &Value, expected: &Value) -> bool {
    expected.as_object().is_some_and(|fields| {
        fields
            .iter()
            .all(|(name, value)| device.get(name) == Some(value))
    })
}

fn has_line(text: &str, start: &str, end: &str) -> bool {
    text.lines()
        .map(str::trim)
        .any(|line| line.starts_with(start) && line.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Facts {
        let mut bar = expected();
        bar["source"] = json!("bar");
        bar["driver"] = Value::Null;
        let mut json = expected();
        json["name"] = json!("vgpu0");
        json["driver"] = json!("vgpu_stub");
        Facts {
            device_help: "name \"vgpu-stub\", bus PCI, desc \"…\"".into(),
            qemu_properties: DEVICE.into(),
            release: "7.3".into(),
            expected_release: "7.3".into(),
            lspci:
                "00:06.0 Processing accelerators [1200]: Red Hat, Inc. Device [1af4:1111] (rev 01)"
                    .into(),
            lspci_verbose: "00:06.0 Processing accelerators\n\
                \tInterrupt: pin A routed to IRQ 10\n\
                \tRegion 0: Memory at febff000 (32-bit, non-prefetchable) [size=4K]\n"
                .into(),
            bar,
            driver: "vgpu_stub".into(),
            attributes: "B\nhigh\n200\n0x00000000\n0x00000000".into(),
            table: "NAME PCI POOL PRIORITY VM_ID STATUS DRIVER\n\
                vgpu0 0000:00:06.0 B high 200 0x00000000 vgpu_stub"
                .into(),
            json,
            complaints: None,
        }
    }

    fn failing(facts: &Facts) -> Vec<&'static str> {
        let items = of(facts).into_iter();
        items
            .filter(|item| !item.holds)
            .map(|item| item.claim)
            .collect()
    }

    #[test]
    fn a_good_guest_gets_every_mark() {
        assert!(failing(&good()).is_empty());
    }

    #[test]
    fn a_guest_that_shows_nothing_gets_none_but_that_it_is_quiet() {
        let nothing = Facts {
            expected_release: "7.3".into(),
            ..Facts::default()
        };
        assert_eq!(failing(&nothing).len(), of(&nothing).len() - 1);
    }

    #[test]
    fn a_wrong_value_costs_exactly_its_mark() {
        let facts = Facts {
            attributes: "A\nhigh\n200\n0x00000000\n0x00000000".into(),
            ..good()
        };
        assert_eq!(failing(&facts), ["The properties are right in sysfs"]);
        let mut facts = good();
        facts.json["vm_id"] = json!(7);
        assert_eq!(failing(&facts), ["The properties are right in vgpuinfo"]);
        let facts = Facts {
            complaints: Some("WARNING: …".into()),
            ..good()
        };
        assert_eq!(
            failing(&facts),
            ["The kernel has nothing to complain about"]
        );
    }

    #[test]
    fn another_revision_is_not_the_device() {
        let facts = Facts {
            lspci: good().lspci.replace("rev 01", "rev 02"),
            ..good()
        };
        assert_eq!(failing(&facts).len(), 1);
    }
}
