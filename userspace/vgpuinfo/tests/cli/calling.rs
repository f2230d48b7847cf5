// SPDX-License-Identifier: GPL-2.0

//! What `vgpuinfo call` refuses before a message is on its way. That one arrives is tested
//! in guests.

use std::io::Write;
use std::process::Stdio;

use crate::guest::{one, run, two, vgpuinfo};

#[test]
fn a_node_that_knows_no_messages_is_said_so() {
    let fixture = one();
    fixture.link_node("vgpu0");
    let run = run(&fixture, "call hello");
    assert_eq!((run.exit, run.stdout.as_str()), (1, ""));
    assert!(run.stderr.contains("no messages"), "{}", run.stderr);
    assert!(run.stderr.contains("revision=3"), "{}", run.stderr);
}

#[test]
fn the_document_says_why_there_is_no_answer() {
    let fixture = one();
    fixture.link_node("vgpu0");
    let document = run(&fixture, "call hello -J").json();
    assert_eq!(document["devices"], serde_json::json!([]));
    assert_eq!(document["error"]["kind"], "no_messages");
}

#[test]
fn messages_need_the_driver_and_its_node() {
    assert_eq!(run(&two(), "call hello -d 00:07.0").exit, 5);
    let no_node = run(&one(), "call hello");
    assert!(no_node.stderr.contains("/dev/vgpu0"), "{}", no_node.stderr);
    for source in ["sysfs", "bar", "published"] {
        let run = run(&one(), &format!("call hello --source {source}"));
        assert_eq!(run.exit, 2, "{source}");
        assert!(run.stderr.contains("leave --source out"), "{}", run.stderr);
    }
}

#[test]
fn of_several_devices_one_has_to_be_named() {
    assert_eq!(run(&two(), "call hello").exit, 2);
}

#[test]
fn a_message_that_is_too_long_is_neither_cut_nor_read_to_its_end() {
    let fixture = one();
    fixture.link_node("vgpu0");
    let argument = run(&fixture, &format!("call {}", "x".repeat(4033)));
    assert_eq!(argument.exit, 2);
    assert!(argument.stderr.contains("at most 4032 bytes"));

    let endless = vgpuinfo(&fixture, "call")
        .stdin(std::fs::File::open("/dev/zero").unwrap())
        .output()
        .unwrap();
    assert_eq!(endless.status.code(), Some(2));
}

#[test]
fn a_message_is_taken_from_stdin_as_it_is() {
    let fixture = one();
    fixture.link_node("vgpu0");
    // What is refused here is refused for what the node is, and not for the message.
    let mut child = vgpuinfo(&fixture, "call")
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&[0xff; 4032]).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("no messages"), "{stderr}");
}

#[test]
fn a_stdin_that_cannot_be_read_is_said_so() {
    let fixture = one();
    fixture.link_node("vgpu0");
    let output = vgpuinfo(&fixture, "call")
        .stdin(std::fs::File::open("/").unwrap())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("cannot read the message"), "{stderr}");
}
