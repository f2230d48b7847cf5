// SPDX-License-Identifier: GPL-2.0

//! What scripts rely on whatever the command: streams, pipes and usage errors.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use crate::guest::{Fixture, one, run, vgpuinfo};

#[test]
fn help_and_version_are_no_errors() {
    let help = run(&Fixture::new(), "--help");
    assert_eq!((help.exit, help.stderr.as_str()), (0, ""));
    for word in [
        "list",
        "get",
        "command",
        "--sysroot",
        "Exit codes:",
        "9  some",
    ] {
        assert!(help.stdout.contains(word), "{word}");
    }
    let version = run(&Fixture::new(), "--version");
    assert_eq!(version.exit, 0);
    assert!(version.stdout.starts_with("vgpuinfo "));
}

#[test]
fn wrong_usage_is_exit_code_2_with_nothing_on_stdout() {
    for arguments in ["--nonsense", "nonsense", "-d 00:06", "list vgpu0"] {
        let run = run(&one(), arguments);
        assert_eq!((run.exit, run.stdout.as_str()), (2, ""), "{arguments}");
        assert!(run.stderr.starts_with("error: "), "{}", run.stderr);
    }
}

#[test]
fn wrong_usage_is_a_document_where_json_was_asked_for() {
    for arguments in ["-J --nonsense", "get colour --json"] {
        let run = run(&one(), arguments);
        assert_eq!(run.exit, 2);
        let document = run.json();
        assert_eq!(document["schema"], 1);
        assert_eq!(document["error"]["kind"], "usage");
        assert_eq!(document["error"]["exit"], 2);
        assert!(document.get("devices").is_none());
        assert!(!run.stderr.is_empty());
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    for arguments in ["", "-J", "get pool_id", "--help"] {
        // The input of a program that has ended: a pipe without a reader.
        let mut reader = Command::new("true").stdin(Stdio::piped()).spawn().unwrap();
        let writer = reader.stdin.take().unwrap();
        reader.wait().unwrap();
        let output = vgpuinfo(&one(), arguments)
            .stdout(writer)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments}");
        assert!(output.stderr.is_empty(), "{arguments}");
    }
}

#[test]
fn output_that_cannot_be_written_is_an_error() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = vgpuinfo(&one(), "").stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.starts_with("vgpuinfo: cannot write the output"));
}

/// Runs the command in a shell that connects its stdout.
fn redirected(fixture: &Fixture, arguments: &str, redirection: &str) -> Output {
    let command = vgpuinfo(fixture, arguments);
    Command::new("sh")
        .args(["-c", &format!("exec \"$@\" {redirection}"), "sh"])
        .arg(command.get_program())
        .args(command.get_args())
        .output()
        .unwrap()
}

#[test]
fn a_closed_stdout_is_an_error_for_those_who_write() {
    let none = Fixture::new();
    for (fixture, arguments) in [
        (&one(), ""),
        (&one(), "-J"),
        (&one(), "get pool_id"),
        (&one(), "wait"),
        (&one(), "--help"),
        (&one(), "watch"),
        (&none, "watch"),
    ] {
        let output = redirected(fixture, arguments, ">&-");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments}: {stderr}");
        assert!(
            stderr.contains("leave stdout open"),
            "{arguments}: {stderr}"
        );
    }
}

#[test]
fn a_closed_stdout_is_fine_for_those_who_do_not_write() {
    for (arguments, exit) in [
        ("check --pool B", 0),
        ("check --pool A", 8),
        ("get pool_id -d vgpu7", 3),
    ] {
        let output = redirected(&one(), arguments, ">&-");
        assert_eq!(output.status.code(), Some(exit), "{arguments}");
    }
    for redirection in [">/dev/null", "<>/dev/null >&0"] {
        let output = redirected(&one(), "", redirection);
        assert_eq!(output.status.code(), Some(0), "{redirection}");
    }
}

#[test]
fn a_pipe_that_is_full_and_does_not_block_is_waited_for() {
    let fixture = one();
    let (mut reader, writer) = UnixStream::pair().unwrap();
    writer.set_nonblocking(true).unwrap();
    let mut filled = 0;
    while let Ok(length) = (&writer).write(&[b'\n'; 4096]) {
        filled += length;
    }
    let writer = OwnedFd::from(writer);
    let mut watch = vgpuinfo(&fixture, "watch").stdout(writer).spawn().unwrap();
    thread::sleep(Duration::from_millis(300));
    assert_eq!(watch.try_wait().unwrap(), None);
    reader.read_exact(&mut vec![0; filled]).unwrap();
    let mut line = String::new();
    BufReader::new(reader).read_line(&mut line).unwrap();
    assert!(line.contains("\"event\":\"present\""), "{line}");
    // Nobody reads any more.
    assert!(watch.wait().unwrap().success());
}
