// SPDX-License-Identifier: GPL-2.0

//! Devices come and go, and so do their directory and this program's numbers.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use crate::daemon::{Daemon, wait_until};
use crate::device::{Device, Socket, Who};

#[test]
fn a_device_that_comes_later_is_found_and_one_that_comes_back_too() {
    let daemon = Daemon::start(&["--answer", "echo"]);
    for _ in 0..3 {
        let mut device = Device::start(&daemon.sockets(), "200", Who::default());
        assert_eq!(device.call(b"?").payload, b"?");
    }
}

#[test]
fn what_is_no_socket_of_a_device_is_left_alone() {
    let daemon = Daemon::start(&["--answer", "echo"]);
    fs::write(daemon.sockets().join("file.sock"), "").unwrap();
    let other = Socket::new(&daemon.sockets(), "monitor");
    fs::rename(
        daemon.sockets().join("monitor.sock"),
        daemon.sockets().join("monitor.qmp"),
    )
    .unwrap();
    let mut device = Device::start(&daemon.sockets(), "200", Who::default());
    assert_eq!(device.call(b"?").payload, b"?");
    drop(other);
    let said = daemon.said();
    assert!(!said.contains("file"), "{said}");
}

#[test]
fn a_socket_at_which_nobody_listens_is_told_once() {
    let daemon = Daemon::start(&["--answer", "echo"]);
    drop(std::os::unix::net::UnixListener::bind(daemon.sockets().join("old.sock")).unwrap());
    daemon.wait_until_said("old: ");
    std::thread::sleep(std::time::Duration::from_millis(400));
    assert_eq!(daemon.said().matches("old: ").count(), 1);
}

#[test]
fn a_directory_that_is_made_anew_is_watched_again() {
    let daemon = Daemon::start(&["--answer", "echo"]);
    daemon.wait_until_said("watching");
    fs::remove_dir(daemon.sockets()).unwrap();
    daemon.wait_until_said("cannot watch");
    fs::create_dir(daemon.sockets()).unwrap();
    let mut device = Device::start(&daemon.sockets(), "200", Who::default());
    assert_eq!(device.call(b"?").payload, b"?");
}

#[test]
fn a_directory_that_is_not_there_at_first_is_an_error() {
    let mut daemon = Daemon::start(&["--answer", "echo"]);
    daemon.wait_until_said("watching");
    fs::remove_dir(daemon.sockets()).unwrap();
    daemon.signal("KILL");
    daemon.ended();
    daemon.again(&["--answer", "echo"]);
    assert_eq!(daemon.ended().code(), Some(1));
    let said = daemon.said();
    assert!(said.contains("name the directory"), "{said}");
}

#[test]
fn a_device_that_another_backend_has_is_told_and_waited_for() {
    let daemon = Daemon::start(&["--answer", "echo"]);
    let mut device = Socket::new(&daemon.sockets(), "200").accept();
    daemon.wait_until_said("is another backend connected to it?");
    device.greet(Who::default());
    assert_eq!(device.call(b"?").payload, b"?");
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: host\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn prometheus_gets_its_numbers() {
    // Somebody else may take it in between; then the test fails, and says so.
    let address = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    let arguments = ["--metrics", &address, "--pool", "A=1"];
    let script =
        "read it; case $it in bad) exit 3 ;; long) echo . >$DIR/started; sleep 1000 ;; esac";
    let daemon = Daemon::exec(&arguments, script);
    let mut device = Device::start(&daemon.sockets(), "200", Who::default());
    device.call(b"good\n");
    device.call(b"bad\n");
    let long = device.request(0, b"long\n");
    wait_until("the program", || daemon.file("started").exists());
    device.request(1, b"good\n");
    let lines = |lines: &[&str]| {
        let mut text = String::new();
        wait_until("the numbers", || {
            text = get(&address, "/metrics");
            lines.iter().all(|line| text.lines().any(|it| it == *line))
        });
    };
    lines(&[
        "vgpu_pool_requests_total{pool=\"A\",priority=\"medium\",outcome=\"ok\"} 1",
        "vgpu_pool_requests_total{pool=\"A\",priority=\"medium\",outcome=\"failed\"} 1",
        "vgpu_pool_limit{pool=\"A\"} 1",
        "vgpu_pool_running{pool=\"A\"} 1",
        "vgpu_pool_waiting{pool=\"A\",priority=\"medium\"} 1",
        "vgpu_pool_connections 1",
        "vgpu_pool_wait_seconds_count{pool=\"A\",priority=\"medium\"} 3",
        "vgpu_pool_serve_seconds_count{pool=\"A\"} 2",
    ]);
    device.cancel(0, long);
    lines(&["vgpu_pool_requests_total{pool=\"A\",priority=\"medium\",outcome=\"cancelled\"} 1"]);
    assert!(get(&address, "/").starts_with("HTTP/1.1 404"));
}
