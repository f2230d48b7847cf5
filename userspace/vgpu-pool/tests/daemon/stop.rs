// SPDX-License-Identifier: GPL-2.0

//! Stopping and coming back: each request ends with an answer, or with a connection that
//! is closed, which the guest is told.

use std::thread;
use std::time::{Duration, Instant};

use crate::daemon::{Daemon, wait_until};
use crate::device::{Device, Socket, Who};

const STOPPING: u32 = 1004;
const STOPPED: u32 = 1005;

#[test]
fn what_is_served_is_finished_and_what_waits_is_told_that_it_was_not() {
    let script = "echo . >$DIR/started; sleep 0.5; echo done";
    let mut daemon = Daemon::exec(&["--pool", "A=1"], script);
    let mut device = Device::start(&daemon.sockets(), "200", Who::default());
    device.request(0, b"");
    wait_until("the program", || daemon.file("started").exists());
    device.request(1, b"");
    device.request(2, b"");
    // They have come when this has an answer.
    daemon.wait_until_said("VM 200");
    thread::sleep(Duration::from_millis(100));
    daemon.signal("TERM");
    let refused = [device.answer(), device.answer()];
    assert!(
        refused.iter().all(|it| it.status == STOPPING),
        "{refused:?}"
    );
    // One that comes now is told as well.
    device.request(3, b"");
    assert_eq!(device.answer().status, STOPPING);
    let finished = device.answer();
    assert_eq!(finished.slot, 0);
    assert_eq!((finished.status, &*finished.payload), (0, &b"done\n"[..]));
    assert_eq!(device.try_answer(), None);
    assert!(daemon.ended().success());
}

#[test]
fn what_takes_too_long_is_ended_and_told() {
    let script = "echo . >$DIR/started; exec sleep 1000";
    for (arguments, signals) in [(&["--stop-timeout", "0.2"][..], 1), (&[], 2)] {
        let mut daemon = Daemon::exec(arguments, script);
        let mut device = Device::start(&daemon.sockets(), "200", Who::default());
        device.request(0, b"");
        wait_until("the program", || daemon.file("started").exists());
        let started = Instant::now();
        for _ in 0..signals {
            daemon.signal("INT");
            thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(device.answer().status, STOPPED);
        assert_eq!(device.try_answer(), None);
        assert!(daemon.ended().success());
        assert!(
            started.elapsed() < Duration::from_secs(8),
            "it was waited for"
        );
    }
}

/// Has so many answers made that a device does not read that the kernel does not take them all.
fn unread(daemon: &Daemon) -> Device {
    let who = Who {
        slots: 32,
        ..Who::default()
    };
    let mut device = Device::start(&daemon.sockets(), "200", who);
    for _ in 0..2 {
        for slot in 0..32 {
            device.request(slot, &[0; 4032]);
        }
        thread::sleep(Duration::from_millis(300));
    }
    device
}

#[test]
fn a_device_that_does_not_read_does_not_keep_it_from_ending() {
    let mut daemon = Daemon::start(&["--answer", "echo"]);
    let device = unread(&daemon);
    daemon.signal("TERM");
    assert!(daemon.ended().success());
    drop(device);
}

#[test]
fn what_is_answered_is_sent_before_it_ends() {
    let mut daemon = Daemon::start(&["--answer", "echo"]);
    let mut device = unread(&daemon);
    daemon.signal("TERM");
    // Until it has closed the connection.
    let mut count = 0;
    while device.try_answer().is_some() {
        count += 1;
    }
    assert_eq!(count, 64);
    assert!(daemon.ended().success());
}

#[test]
fn killed_and_started_again_under_load_it_goes_on() {
    let mut daemon = Daemon::start(&["--answer", "echo"]);
    let socket = Socket::new(&daemon.sockets(), "200");
    let mut answered = 0;
    for round in 0..5 {
        let mut device = socket.accept();
        device.greet(Who::default());
        for slot in 0..8 {
            device.request(slot, b"load");
        }
        let killed = Instant::now() + Duration::from_millis(50);
        let mut is_killed = false;
        // Until the connection is closed, which QEMU tells the guest.
        while let Some(answer) = device.try_answer() {
            assert_eq!(answer.payload, b"load");
            answered += 1;
            if Instant::now() > killed && !is_killed {
                daemon.signal(if round % 2 == 0 { "KILL" } else { "TERM" });
                is_killed = true;
            }
            if answer.status == STOPPING || is_killed {
                continue;
            }
            device.request(answer.slot, b"load");
        }
        daemon.ended();
        daemon.again(&["--answer", "echo"]);
    }
    assert!(answered > 40, "{answered}");
    assert!(daemon.is_running());
}
