// SPDX-License-Identifier: GPL-2.0

//! Guests boot, run commands, and die in ways that are reported.

use std::thread;
use std::time::{Duration, Instant};

use harness::{End, Guest, Machine};

const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn a_guest_boots_and_runs_commands_on_every_machine() {
    for machine in Machine::ALL {
        let start = Instant::now();
        let guest = Guest::builder(&format!("harness-commands-{machine}"))
            .machine(machine)
            .boot()
            .unwrap();
        eprintln!("{machine}: ready after {:?}", start.elapsed());
        assert_eq!(guest.check("uname -r").unwrap(), guest.release());

        let output = guest.run("echo out; echo err >&2; exit 7").unwrap();
        assert_eq!(output.status(), Some(7));
        assert_eq!(output.text(), "out");
        assert_eq!(output.errors(), "err");

        let output = guest.run("kill -TERM $$").unwrap();
        assert_eq!(output.end, End::Signal(15));
        guest.finish().unwrap();
    }
}

#[test]
fn commands_run_at_once_and_their_output_arrives_whole() {
    let guest = Guest::builder("harness-output").boot().unwrap();
    let numbers: Vec<_> = (1..=20_000).map(|number| number.to_string()).collect();
    let expected = numbers.join("\n");
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let output = guest.run("seq 1 20000").unwrap();
                assert!(output.success());
                assert_eq!(output.text(), expected);
            });
        }
    });
    let long = "x".repeat(100_000);
    let output = guest.check(&format!("echo {long} | wc -c")).unwrap();
    assert_eq!(output, "100001");
    eprintln!("4 times {} bytes in {:?}", expected.len(), start.elapsed());
    guest.finish().unwrap();
}

#[test]
fn a_running_command_is_followed_and_killed() {
    let guest = Guest::builder("harness-kill").boot().unwrap();
    let mut running = guest
        .spawn("echo one; echo two; sleep 1000 & wait")
        .unwrap();
    assert_eq!(running.next_line(PATIENCE).unwrap().unwrap(), "one");
    assert_eq!(running.next_line(PATIENCE).unwrap().unwrap(), "two");
    assert!(!running.has_ended().unwrap());
    let quick = Duration::from_millis(50);
    assert!(running.wait_timeout(quick).unwrap().is_none());
    assert!(running.next_line(quick).is_err(), "there is no third line");
    running.kill().unwrap();
    let output = running.wait_timeout(PATIENCE).unwrap().unwrap();
    assert_eq!(output.end, End::Signal(9));
    assert_eq!(guest.run("pgrep sleep -f 'sleep 1000'").unwrap().text(), "");
    guest.finish().unwrap();
}

#[test]
fn a_reset_is_survived_and_ends_what_was_running() {
    let guest = Guest::builder("harness-reset").boot().unwrap();
    guest.check("touch /run/before").unwrap();
    let running = guest.spawn("sleep 1000").unwrap();
    guest.reset().unwrap();
    let error = running.wait().unwrap_err().to_string();
    assert!(error.contains("was reset"), "{error}");
    assert!(!guest.run("test -e /run/before").unwrap().success());
    assert_eq!(guest.boots(), 2);
    guest.finish().unwrap();
}

#[test]
fn a_panic_is_reported_with_its_reason() {
    let guest = Guest::builder("harness-panic").boot().unwrap();
    let error = guest
        .run("echo c >/proc/sysrq-trigger; sleep 1000")
        .unwrap_err()
        .to_string();
    assert!(error.contains("sysrq triggered crash"), "{error}");
    assert!(error.contains("console.log"), "{error}");
    assert!(guest.finish().is_err());
}

#[test]
fn a_complaint_of_the_kernel_fails_the_guest() {
    let guest = Guest::builder("harness-complaint").boot().unwrap();
    guest.check("echo 'WARNING: a test' >/dev/kmsg").unwrap();
    let error = guest.finish().unwrap_err().to_string();
    assert!(error.contains("WARNING: a test"), "{error}");
}

#[test]
fn a_guest_that_takes_too_long_is_killed() {
    let error = Guest::builder("harness-limit")
        .time_limit(Duration::from_secs(1))
        .boot()
        .map(drop)
        .unwrap_err()
        .to_string();
    assert!(error.contains("within its 1 seconds"), "{error}");
}

#[test]
fn a_guest_that_gets_stuck_while_booting_is_started_once_more() {
    let error = Guest::builder("harness-stuck")
        // Its processors never start.
        .qemu_arguments(["-S"])
        .boot_limit(Duration::from_secs(1))
        .boot()
        .map(drop)
        .unwrap_err()
        .to_string();
    assert!(error.contains("not ready after 1 seconds"), "{error}");
    assert!(error.contains("harness-stuck-again"), "{error}");
}

#[test]
fn what_qemu_says_against_its_command_line_is_passed_on() {
    let error = Guest::builder("harness-refused")
        .device("no-such-device,id=x")
        .boot()
        .map(drop)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("'no-such-device' is not a valid device model name"),
        "{error}"
    );
}

#[test]
fn modules_load_by_udev_and_only_when_it_runs() {
    let guest = Guest::builder("harness-udev")
        .qemu_arguments(["-device", "i6300esb,addr=0x5"])
        .boot()
        .unwrap();
    assert_eq!(
        guest.check("lsmod | wc -l").unwrap(),
        "1",
        "nothing but the head line"
    );
    guest
        .check(
            "/lib/systemd/systemd-udevd --daemon && udevadm trigger --action=add && udevadm settle",
        )
        .unwrap();
    assert!(guest.check("lsmod").unwrap().contains("i6300esb"));
    guest.finish().unwrap();
}
