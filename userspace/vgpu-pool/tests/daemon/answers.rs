// SPDX-License-Identifier: GPL-2.0

//! What a guest gets.

use crate::daemon::{Daemon, wait_until};
use crate::device::{Device, Who};

fn text(payload: &[u8]) -> &str {
    std::str::from_utf8(payload).unwrap()
}

#[test]
fn echo_gives_each_request_back() {
    let daemon = Daemon::start(&["--answer", "echo"]);
    let mut device = Device::start(&daemon.sockets(), "200", Who::default());
    for length in [0, 1, 17, 4032] {
        let request: Vec<u8> = (0..length).map(|_| fastrand::u8(..)).collect();
        let answer = device.call(&request);
        assert_eq!((answer.status, answer.payload), (0, request));
    }
}

#[test]
fn identity_is_what_the_host_says_last() {
    let daemon = Daemon::start(&["--answer", "identity"]);
    let mut device = Device::start(&daemon.sockets(), "200", Who::default());
    assert_eq!(
        text(&device.call(b"").payload),
        "{\"vm_id\":200,\"pool_id\":\"A\",\"priority\":\"medium\"}\n"
    );
    device.greet(Who {
        pool: 'B',
        priority: 2,
        ..Who::default()
    });
    assert_eq!(
        text(&device.call(b"").payload),
        "{\"vm_id\":200,\"pool_id\":\"B\",\"priority\":\"high\"}\n"
    );
}

#[test]
fn queue_tells_how_many_wait() {
    let daemon = Daemon::start(&["--answer", "queue", "--pool", "A=3"]);
    let mut device = Device::start(&daemon.sockets(), "200", Who::default());
    assert_eq!(
        text(&device.call(b"").payload),
        "{\"pool_id\":\"A\",\"limit\":3,\"running\":1,\"waiting\":{\"low\":0,\"medium\":0,\"high\":0}}\n"
    );
}

#[test]
fn a_program_gets_the_request_and_who_it_is_from() {
    let script = "echo $VGPU_VM_ID $VGPU_POOL_ID $VGPU_PRIORITY; tr a-z A-Z";
    let daemon = Daemon::exec(&[], script);
    let mut device = Device::start(&daemon.sockets(), "200", Who::default());
    let answer = device.call(b"how much is left?");
    assert_eq!(answer.status, 0);
    assert_eq!(text(&answer.payload), "200 A medium\nHOW MUCH IS LEFT?");
}

#[test]
fn what_a_program_ends_with_is_the_status() {
    let daemon = Daemon::exec(&[], "read it; echo \"$it\"; eval \"$it\"");
    let mut device = Device::start(&daemon.sockets(), "200", Who::default());
    for (request, status) in [
        ("exit 0", 0),
        ("exit 1", 1),
        ("exit 255", 255),
        ("kill -9 $$", 256 + 9),
        ("kill -15 $$", 256 + 15),
    ] {
        let answer = device.call(format!("{request}\n").as_bytes());
        assert_eq!(answer.status, status, "{request}");
        assert_eq!(text(&answer.payload), format!("{request}\n"));
    }
}

#[test]
fn a_program_that_does_not_read_does_no_harm() {
    let daemon = Daemon::exec(&[], "exec 0<&-; echo enough");
    let mut device = Device::start(&daemon.sockets(), "200", Who::default());
    for _ in 0..10 {
        let answer = device.call(&[b'x'; 4032]);
        assert_eq!((answer.status, text(&answer.payload)), (0, "enough\n"));
    }
}

#[test]
fn an_answer_has_at_most_4096_bytes_and_is_not_cut() {
    let daemon = Daemon::exec(&[], "read length; head -c $length /dev/zero");
    let mut device = Device::start(&daemon.sockets(), "200", Who::default());
    let answer = device.call(b"4096\n");
    assert_eq!((answer.status, answer.payload.len()), (0, 4096));
    for length in ["4097\n", "1000000000\n"] {
        let answer = device.call(length.as_bytes());
        assert_eq!((answer.status, answer.payload.len()), (1002, 0));
    }
}

#[test]
fn a_program_that_takes_too_long_is_ended_with_all_it_has_started() {
    let busy = "while :; do sleep 0.01; echo . >>$DIR/alive; done";
    for script in [
        // Nobody minds being told to end.
        format!("trap '' TERM; ({busy}) & sleep 1000"),
        // What it has started does not, and outlives it.
        format!("(trap '' TERM; {busy}) & sleep 1000"),
    ] {
        let daemon = Daemon::exec(&["--exec-timeout", "0.3"], &script);
        let mut device = Device::start(&daemon.sockets(), "200", Who::default());
        let answer = device.call(b"");
        assert_eq!((answer.status, answer.payload.len()), (1001, 0));
        let alive = || std::fs::metadata(daemon.file("alive")).unwrap().len();
        let then = alive();
        std::thread::sleep(std::time::Duration::from_millis(200));
        assert_eq!(alive(), then, "{script}");
    }
}

#[test]
fn a_program_that_is_not_there_is_an_error_at_once() {
    let mut daemon = Daemon::start(&["--exec", "/nowhere/answer"]);
    assert_eq!(daemon.ended().code(), Some(1));
    daemon.wait_until_said("cannot run /nowhere/answer");
}

#[test]
fn a_program_that_has_gone_is_told_to_the_guest_and_to_the_host() {
    let daemon = Daemon::exec(&[], "exit 7");
    let program = daemon.file("program");
    std::os::unix::fs::symlink("/bin/true", &program).unwrap();
    let mut daemon = daemon;
    daemon.signal("KILL");
    daemon.ended();
    daemon.again(&["--exec", program.to_str().unwrap()]);
    let mut device = Device::start(&daemon.sockets(), "200", Who::default());
    assert_eq!(device.call(b"").status, 0);
    std::fs::remove_file(&program).unwrap();
    assert_eq!(device.call(b"").status, 1003);
    daemon.wait_until_said("cannot start ");
}

#[test]
fn what_the_guest_takes_back_is_ended_and_not_answered() {
    let script = "echo . >$DIR/started; exec sleep 1000";
    let daemon = Daemon::exec(&["--other-pools", "1"], script);
    let mut device = Device::start(&daemon.sockets(), "200", Who::default());
    let served = device.request(0, b"");
    wait_until("the program", || daemon.file("started").exists());
    let waiting = device.request(1, b"");
    device.cancel(1, waiting);
    // Of an older request in that slot.
    device.cancel(0, served + 7);
    device.cancel(0, served);
    // The place is free again only when the program is gone.
    std::fs::remove_file(daemon.file("started")).unwrap();
    device.request(0, b"");
    wait_until("the next program", || daemon.file("started").exists());
}

#[test]
fn what_takes_an_older_request_back_does_nothing_to_the_next_one() {
    let daemon = Daemon::exec(&[], "sleep 0.3; echo done");
    let mut device = Device::start(&daemon.sockets(), "200", Who::default());
    let sequence = device.request(0, b"");
    device.cancel(0, sequence - 1);
    device.cancel(1, sequence);
    assert_eq!(device.answer().payload, b"done\n");
}

#[test]
fn who_goes_leaves_no_program_behind() {
    let script = "echo $$ >$DIR/started; exec sleep 1000";
    let daemon = Daemon::exec(&["--exec-timeout", "1000"], script);
    let mut device = Device::start(&daemon.sockets(), "200", Who::default());
    device.request(0, b"");
    let pid = || std::fs::read_to_string(daemon.file("started")).unwrap_or_default();
    wait_until("the program", || pid().ends_with('\n'));
    let process = format!("/proc/{}", pid().trim());
    assert!(std::path::Path::new(&process).exists());
    drop(device);
    wait_until("the end of the program", || {
        !std::path::Path::new(&process).exists()
    });
}
