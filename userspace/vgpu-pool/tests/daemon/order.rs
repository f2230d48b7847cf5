// SPDX-License-Identifier: GPL-2.0

//! Who is served when.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::daemon::Daemon;
use crate::device::{Device, Who};

/// What a program appends to, to say whom it served.
fn served(daemon: &Daemon) -> Vec<String> {
    let text = fs::read_to_string(daemon.file("served")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn priorities_go_before_each_other_and_requests_in_their_order() {
    let script = "read it; [ $it = first ] && sleep 1; echo $VGPU_PRIORITY $it >>$DIR/served";
    let arguments = ["--pool", "A=1", "--ageing", "1000"];
    let daemon = Daemon::exec(&arguments, script);
    let mut devices = [0, 1, 2].map(|priority| {
        let who = Who {
            vm_id: priority,
            priority,
            ..Who::default()
        };
        Device::start(&daemon.sockets(), &priority.to_string(), who)
    });
    devices[0].request(7, b"first\n");
    thread::sleep(Duration::from_millis(300));
    for name in ["one\n", "two\n"] {
        for (slot, device) in (0..).zip(&mut devices) {
            device.request(slot + u16::from(name == "two\n"), name.as_bytes());
        }
        thread::sleep(Duration::from_millis(50));
    }
    for (device, count) in devices.iter_mut().zip([3, 2, 2]) {
        for _ in 0..count {
            assert_eq!(device.answer().status, 0);
        }
    }
    let expected = [
        "low first",
        "high one",
        "high two",
        "medium one",
        "medium two",
        "low one",
        "low two",
    ];
    assert_eq!(served(&daemon), expected);
}

/// Has eight requests under way all the time, and returns when each was answered.
fn load(directory: &Path, who: Who, time: Duration) -> Vec<Duration> {
    let mut device = Device::start(directory, &who.vm_id.to_string(), who);
    let started = Instant::now();
    let mut answered = Vec::new();
    for slot in 0..8 {
        device.request(slot, b"");
    }
    while started.elapsed() < time {
        let answer = device.answer();
        assert_eq!(answer.status, 0);
        answered.push(started.elapsed());
        device.request(answer.slot, b"");
    }
    answered
}

#[test]
fn under_load_the_highest_gets_most_and_nobody_starves() {
    let time = Duration::from_secs(4);
    let ageing = Duration::from_millis(500);
    let arguments = ["--pool", "A=1", "--ageing", "0.5"];
    let daemon = Daemon::exec(&arguments, "sleep 0.004");
    let sockets = daemon.sockets();
    let answered: Vec<Vec<Duration>> = thread::scope(|scope| {
        let loads = [0, 1, 2].map(|priority| {
            let who = Who {
                vm_id: priority,
                priority,
                ..Who::default()
            };
            let sockets = &sockets;
            scope.spawn(move || load(sockets, who, time))
        });
        loads.map(|it| it.join().unwrap()).into()
    });
    let counts: Vec<usize> = answered.iter().map(Vec::len).collect();
    let [low, medium, high] = counts[..] else {
        panic!("{counts:?}");
    };
    // Eight of the low ones in each two times of ageing, and eight of the medium ones in
    // each; the rest is for the high ones.
    assert!(
        low >= 8 && medium > low && high > 2 * (low + medium),
        "{counts:?}"
    );
    for (behind, answered) in [2, 1].into_iter().zip(&answered) {
        // A service takes milliseconds; there is room for a machine that is busy.
        let longest = answered
            .windows(2)
            .map(|pair| pair[1] - pair[0])
            .max()
            .unwrap();
        assert!(
            longest < behind * ageing + Duration::from_secs(1),
            "{longest:?}"
        );
    }
}

#[test]
fn a_pool_does_not_wait_for_another_one() {
    let script = "[ $VGPU_POOL_ID = B ] || sleep 1000";
    let daemon = Daemon::exec(&["--pool", "A=1", "--pool", "B=1"], script);
    let mut a = Device::start(&daemon.sockets(), "1", Who::default());
    let who = Who {
        pool: 'B',
        ..Who::default()
    };
    let mut b = Device::start(&daemon.sockets(), "2", who);
    a.request(0, b"");
    a.request(1, b"");
    for _ in 0..3 {
        assert_eq!(b.call(b"").status, 0);
    }
}

#[test]
fn a_vm_is_served_no_more_often_than_its_rate() {
    let daemon = Daemon::start(&["--answer", "echo", "--rate", "10"]);
    let mut device = Device::start(&daemon.sockets(), "1", Who::default());
    let started = Instant::now();
    // Ten at once, and the others each a tenth of a second after the one before.
    for _ in 0..15 {
        device.call(b"");
    }
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(495), "{took:?}");
    // Another VM is not held up.
    let who = Who {
        vm_id: 7,
        ..Who::default()
    };
    let mut other = Device::start(&daemon.sockets(), "2", who);
    device.request(0, b"");
    assert_eq!(other.call(b"").status, 0);
}
