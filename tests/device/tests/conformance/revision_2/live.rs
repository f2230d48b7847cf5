// SPDX-License-Identifier: GPL-2.0

//! Properties that change while the device runs.

use serde_json::json;
use vgpu::uapi::*;

use super::Bench;

const IDENTITY: [u32; 4] = [
    VGPU_REG_POOL_ID,
    VGPU_REG_PRIORITY,
    VGPU_REG_VM_ID,
    VGPU_REG_CONFIG_GENERATION,
];

#[test]
fn every_change_shows_in_its_register_in_the_property_and_in_the_generation() {
    let mut bench = Bench::start("");
    let mut expected = [VGPU_POOL_ID_A, VGPU_PRIORITY_MEDIUM, 0, 0];
    for (property, value, place, register) in [
        ("pool_id", json!("B"), 0, VGPU_POOL_ID_B),
        ("pool_id", json!("A"), 0, VGPU_POOL_ID_A),
        ("priority", json!("high"), 1, VGPU_PRIORITY_HIGH),
        ("priority", json!("low"), 1, VGPU_PRIORITY_LOW),
        ("priority", json!("medium"), 1, VGPU_PRIORITY_MEDIUM),
        ("vm_id", json!(u32::MAX), 2, u32::MAX),
        ("vm_id", json!(200), 2, 200),
    ] {
        bench.set(VGPU_REG_IRQ_STATUS, u32::MAX);
        bench.change(property, value.clone()).unwrap();
        expected[place] = register;
        expected[3] += 1;
        assert_eq!(bench.all(IDENTITY), expected);
        assert_eq!(bench.property(property), value);
        assert_eq!(bench.get(VGPU_REG_IRQ_STATUS), VGPU_IRQ_CONFIG_CHANGED);
    }
}

#[test]
fn setting_what_is_set_is_no_change() {
    let mut bench = Bench::start("pool_id=B,vm_id=7");
    bench.change("pool_id", "B").unwrap();
    bench.change("priority", "medium").unwrap();
    bench.change("vm_id", 7).unwrap();
    assert_eq!(bench.get(VGPU_REG_CONFIG_GENERATION), 0);
    assert_eq!(bench.get(VGPU_REG_IRQ_STATUS), 0);
}

#[test]
fn an_empty_text_is_the_default_also_later() {
    let mut bench = Bench::start("pool_id=B,priority=low");
    bench.change("pool_id", "").unwrap();
    bench.change("priority", "").unwrap();
    assert_eq!(
        bench.all(IDENTITY),
        [VGPU_POOL_ID_A, VGPU_PRIORITY_MEDIUM, 0, 2]
    );
    assert_eq!(bench.property("pool_id"), "A");
    assert_eq!(bench.property("priority"), "medium");
}

#[test]
fn a_wrong_value_is_refused_as_at_the_start_and_changes_nothing() {
    let mut bench = Bench::start("");
    for (property, value, says) in [
        (
            "pool_id",
            json!("C"),
            "vgpu-stub: pool_id must be 'A' or 'B', got 'C'",
        ),
        (
            "priority",
            json!("urgent"),
            "vgpu-stub: priority must be 'low', 'medium', or 'high', got 'urgent'",
        ),
        ("vm_id", json!(4_294_967_296_u64), "vm_id"),
        ("vm_id", json!("many"), "vm_id"),
        ("pool_id", json!(1), "pool_id"),
    ] {
        let refusal = bench.change(property, value).unwrap_err();
        assert!(refusal.description.contains(says), "{refusal:?}");
    }
    assert_eq!(
        bench.all(IDENTITY),
        [VGPU_POOL_ID_A, VGPU_PRIORITY_MEDIUM, 0, 0]
    );
    assert_eq!(bench.get(VGPU_REG_IRQ_STATUS), 0);
}

#[test]
fn what_revision_2_is_made_of_cannot_be_changed() {
    let mut bench = Bench::start("");
    for (property, value) in [
        ("revision", json!(1)),
        ("command-latency-us", json!(5)),
        ("msix", json!("off")),
    ] {
        let refusal = bench.change(property, value).unwrap_err();
        assert!(
            refusal.description.contains("after it was realized"),
            "{refusal:?}"
        );
    }
}
