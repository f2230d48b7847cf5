// SPDX-License-Identifier: GPL-2.0

//! What `vgpuinfo wait` does. Nothing is announced about a fixture tree, so it is
//! looked at again and again here; what the kernel announces is for tests in guests.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use crate::guest::{Fixture, Stub, close, make_node, one, run, run_unprivileged, two, vgpuinfo};

#[test]
fn what_is_so_already_is_not_waited_for() {
    for (condition, printed) in [
        ("present", "vgpu0\n"),
        ("bound", "vgpu0\n"),
        ("pool_id=B", "vgpu0\n"),
        ("status=1", "vgpu0\n"),
        ("vm_id=0xc8", "vgpu0\n"),
        ("driver=vgpu_stub", "vgpu0\n"),
        ("priority=2", "vgpu0\n"),
        ("pci=00:06.0", "vgpu0\n"),
    ] {
        let run = run(&one(), &format!("wait --for {condition}"));
        assert_eq!((run.exit, run.stderr.as_str()), (0, ""), "{condition}");
        assert_eq!(run.stdout, printed, "{condition}");
    }
    let gone = run(&Fixture::new(), "wait --for gone");
    assert_eq!((gone.exit, gone.stdout.as_str()), (0, ""));
}

#[test]
fn what_no_device_can_ever_have_is_not_waited_for() {
    for (condition, suggestion) in [
        ("priority=urgent", "low, medium, high"),
        ("pool_id=b", "did you mean B?"),
        ("driver=vgpu-stub", "did you mean vgpu_stub?"),
        ("vm_id=0200", "write 200 or 128"),
        ("vm_id=", "never unknown"),
        ("source=pci", "sysfs, chardev or bar"),
        ("present -d vgpu", "vgpu0, vgpu1"),
    ] {
        let run = run(&one(), &format!("wait --timeout 0.1 --for {condition}"));
        assert_eq!((run.exit, run.stdout.as_str()), (2, ""), "{condition}");
        assert!(run.stderr.contains(suggestion), "{}", run.stderr);
    }
    // A number that has no name is one all the same.
    assert_eq!(run(&one(), "wait --timeout 0 --for priority=7").exit, 7);
}

#[test]
fn a_wait_that_takes_too_long_is_exit_code_7() {
    for (fixture, condition) in [
        (Fixture::new(), "present"),
        (one(), "gone"),
        (one(), "pool_id=A"),
        (one(), "status=3"),
    ] {
        let start = Instant::now();
        let run = run(&fixture, &format!("wait --for {condition} --timeout 0.3"));
        assert_eq!((run.exit, run.stdout.as_str()), (7, ""), "{condition}");
        assert!(run.stderr.contains("timeout while waiting for"));
        assert!(start.elapsed() >= Duration::from_millis(300));
    }
}

#[test]
fn of_several_named_devices_it_has_to_be_so_of_each() {
    let fixture = two();
    let one = run(&fixture, "wait --for bound --timeout 0");
    assert_eq!((one.exit, one.stdout.as_str()), (0, "vgpu0\n"));
    for selection in ["-d 00:07.0", "-d vgpu0,00:07.0", "-d all", "-d vgpu0,vgpu7"] {
        let run = run(
            &fixture,
            &format!("wait --for bound --timeout 0 {selection}"),
        );
        assert_eq!(run.exit, 7, "{selection}");
    }
}

#[test]
fn why_a_device_could_not_be_read_is_said_in_the_end() {
    let fixture = Fixture::new();
    close(fixture.add(&Stub::at("0000:00:06.0")).join("resource0"));
    let run = run_unprivileged(&fixture, "wait --for pool_id=B --timeout 0");
    assert_eq!(run.exit, 7);
    assert!(run.stderr.contains("resource0: permission denied"));
}

#[test]
fn a_node_that_is_not_the_users_yet_is_waited_for() {
    let fixture = one();
    make_node(&fixture, "vgpu0");
    let node = fixture.root().join("dev/vgpu0");
    close(&node);
    let bound = run_unprivileged(&fixture, "wait --for bound --timeout 0");
    assert_eq!((bound.exit, bound.stdout.as_str()), (0, "vgpu0\n"));
    let closed = run_unprivileged(&fixture, "wait --for usable --timeout 0");
    assert_eq!(closed.exit, 7, "{}", closed.stderr);
    assert!(
        closed.stderr.contains("dev/vgpu0: permission denied"),
        "{}",
        closed.stderr
    );
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(300));
            fs::set_permissions(&node, PermissionsExt::from_mode(0o666)).unwrap();
        });
        let usable = run_unprivileged(&fixture, "wait --for usable --timeout 10");
        assert_eq!((usable.exit, usable.stdout.as_str()), (0, "vgpu0\n"));
    });
}

#[test]
fn a_device_without_a_driver_or_a_node_is_not_usable() {
    let without = Fixture::new();
    without.add(&Stub::at("0000:00:06.0"));
    for fixture in [without, one()] {
        let run = run(&fixture, "wait --for usable --timeout 0");
        assert_eq!(run.exit, 7);
    }
}

#[test]
fn a_device_that_comes_ends_the_wait_for_it() {
    let fixture = Fixture::new();
    let mut wait = vgpuinfo(&fixture, "wait --for bound --timeout 10");
    let wait = wait.stdout(Stdio::piped()).spawn().unwrap();
    thread::sleep(Duration::from_millis(150));
    fixture.add(&Stub::at("0000:00:06.0"));
    fixture.bind("0000:00:06.0", "vgpu3");
    let output = wait.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(output.stdout, b"vgpu3\n");
}

#[test]
fn a_device_that_goes_ends_the_wait_even_if_another_one_comes() {
    let fixture = one();
    let mut wait = vgpuinfo(&fixture, "wait --for gone --timeout 10");
    let mut wait = wait.spawn().unwrap();
    thread::sleep(Duration::from_millis(150));
    fixture.unplug("0000:00:06.0");
    fixture.add(&Stub::at("0000:00:06.0").bound("vgpu0"));
    assert!(wait.wait().unwrap().success());
}
