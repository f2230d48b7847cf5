// SPDX-License-Identifier: GPL-2.0

//! A guest goes on in another QEMU.

use std::time::{Duration, Instant};

use harness::Guest;

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_guest_and_its_commands_go_on_where_it_is_migrated_to() {
    let guest = Guest::builder("harness-migrate")
        .device("vm_id=1")
        .boot()
        .unwrap();
    let error = guest.migrate(["pool_id=C"]).unwrap_err().to_string();
    assert!(error.contains("must be 'A' or 'B'"), "{error}");
    guest.check("touch /run/before").unwrap();

    // It writes all the time: what is cut in two is put together again.
    let mut counting = guest
        .spawn("i=0; while [ ! -e /run/after ]; do i=$((i + 1)); echo $i; done")
        .unwrap();
    for vm_id in 2..4 {
        let start = Instant::now();
        guest.migrate([format!("vm_id={vm_id}")]).unwrap();
        eprintln!("migrated within {:?}", start.elapsed());
        guest.check("test -e /run/before").unwrap();
        assert_eq!(guest.qmp().qom_get("vgpu0", "vm_id").unwrap(), vm_id);
    }
    assert_eq!(guest.boots(), 1);
    guest.check("touch /run/after").unwrap();
    let output = counting.wait_timeout(PATIENCE).unwrap().unwrap();
    let text = output.text();
    let count = text.lines().count();
    let expected: Vec<_> = (1..=count).map(|number| number.to_string()).collect();
    assert!(text.lines().eq(expected), "a part of the output is lost");
    eprintln!("{count} lines");
    guest.finish().unwrap();
}

#[test]
fn a_guest_that_was_switched_off_boots_when_it_is_switched_on() {
    let guest = Guest::builder("harness-off")
        .device("vm_id=1")
        .boot()
        .unwrap();
    let error = guest.switch_on(["vm_id=2"]).unwrap_err().to_string();
    assert!(error.contains("is not switched off"), "{error}");
    let _running = guest.spawn("poweroff -f").unwrap();
    assert!(guest.wait_off(PATIENCE).unwrap().success());
    let error = guest.run("true").unwrap_err().to_string();
    assert!(error.contains("QEMU ended"), "{error}");

    guest.switch_on(["vm_id=2"]).unwrap();
    guest.wait_boot(1).unwrap();
    assert_eq!(guest.qmp().qom_get("vgpu0", "vm_id").unwrap(), 2);
    guest.finish().unwrap();
}
