// SPDX-License-Identifier: GPL-2.0

//! What `vgpuinfo watch` tells programs in a pipe and people on a terminal, about a
//! fixture tree that is looked at again and again.

use std::fs;
use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::Value;

use crate::guest::{Fixture, Stub, one, two, vgpuinfo};
use crate::schema;

/// A run of watch.
struct Watch {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Watch {
    fn start(fixture: &Fixture, arguments: &str) -> Self {
        let mut command = vgpuinfo(fixture, &format!("watch {arguments}"));
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Watch { child, lines }
    }

    /// The next line: it arrives though the program goes on.
    fn next(&mut self) -> Value {
        let line = self.lines.next().unwrap().unwrap();
        let event = serde_json::from_str(&line).unwrap();
        schema::check("event", &event);
        event
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[test]
fn a_watch_starts_with_what_is_there_and_goes_on_with_what_changes() {
    let fixture = two();
    let mut watch = Watch::start(&fixture, "");
    for address in ["0000:00:06.0", "0000:00:07.0"] {
        let event = watch.next();
        assert_eq!(event["event"], "present");
        assert_eq!(event["device"]["pci"], address);
        assert_eq!(event["device"]["pool_id"], "B");
    }
    fs::write(fixture.class("vgpu0").join("status"), "0x00000000\n").unwrap();
    let event = watch.next();
    assert_eq!(event["event"], "changed");
    assert_eq!(event["changed"], serde_json::json!(["status"]));
    assert_eq!(event["device"]["status"], 0);

    fixture.add(&Stub::at("0000:00:08.0"));
    let mut event = watch.next();
    assert_eq!(event["event"], "added");
    // It may be seen before it is complete.
    while event["device"]["pool_id"].is_null() {
        event = watch.next();
    }
    assert_eq!(event["device"]["pci"], "0000:00:08.0");

    fixture.unplug("0000:00:07.0");
    let event = watch.next();
    assert_eq!(event["event"], "removed");
    assert_eq!(event["device"]["pci"], "0000:00:07.0");
}

#[test]
fn a_watch_of_one_device_says_nothing_of_the_others() {
    let fixture = two();
    let mut watch = Watch::start(&fixture, "-d 00:07.0");
    assert_eq!(watch.next()["device"]["pci"], "0000:00:07.0");
    fs::write(fixture.class("vgpu0").join("status"), "0x00000000\n").unwrap();
    let config = fixture
        .root()
        .join("sys/bus/pci/devices/0000:00:07.0/config");
    fs::write(config, [0; 64]).unwrap();
    let event = watch.next();
    assert_eq!(event["device"]["pci"], "0000:00:07.0");
    assert_eq!(event["error"]["kind"], "decoding_off");
    assert_eq!(event["device"]["pool_id"], Value::Null);
}

#[test]
fn a_reader_that_has_seen_enough_ends_a_watch_quietly() {
    let fixture = one();
    let watch = vgpuinfo(&fixture, "watch");
    let words = [watch.get_program()].into_iter().chain(watch.get_args());
    let words: Vec<_> = words.map(|word| word.to_str().unwrap()).collect();
    // The status of the watch itself, not of the pipe's last command.
    let script = format!("{{ {}; echo $? >&2; }} | head -n 1", words.join(" "));
    let start = Instant::now();
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "0\n");
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 1);
    // Nothing changed that would have woken it up.
    assert!(start.elapsed() < Duration::from_secs(5));
}

/// Runs watch for a person: its lines, each without the time in front.
struct Told {
    child: Child,
    lines: Lines<BufReader<fs::File>>,
}

impl Told {
    /// On a terminal, in a locale with these characters.
    fn on_terminal(fixture: &Fixture, locale: &str, arguments: &str) -> Self {
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        let name = ptsname(&terminal, Vec::new()).unwrap();
        let stdout = fs::OpenOptions::new()
            .write(true)
            .open(name.to_str().unwrap());
        let mut command = vgpuinfo(fixture, &format!("watch {arguments}"));
        command.env("LC_ALL", locale).env("TZ", "<+0530>-5:30");
        let child = command.stdout(stdout.unwrap()).spawn().unwrap();
        let lines = BufReader::new(fs::File::from(terminal)).lines();
        Told { child, lines }
    }

    fn line(&mut self) -> String {
        self.lines.next().unwrap().unwrap()
    }

    /// What the next line says, which has the time of India.
    fn next(&mut self) -> String {
        let earliest = india();
        let line = self.line();
        let (time, words) = line.split_once(' ').unwrap();
        // It may have been written before it was asked for.
        assert!(
            (0..10).any(|ago| clock(earliest - ago) == time) || clock(india()) == time,
            "{line}"
        );
        words.to_owned()
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn india() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.unwrap().as_secs() + 5 * 3600 + 30 * 60
}

fn clock(seconds: u64) -> String {
    let [hours, minutes] = [3600, 60].map(|unit| seconds / unit);
    format!("{:02}:{:02}:{:02}", hours % 24, minutes % 60, seconds % 60)
}

#[test]
fn a_terminal_gets_a_line_in_words_for_each_change() {
    for (locale, arrow) in [("C.UTF-8", "\u{2192}"), ("C", "->")] {
        let fixture = one();
        let mut watch = Told::on_terminal(&fixture, locale, "");
        assert_eq!(
            watch.next(),
            "vgpu0 present: driver vgpu_stub, pool_id B, priority high, vm_id 200"
        );
        // The attribute priority_raw is the same in numbers.
        fs::write(fixture.class("vgpu0").join("priority"), "low\n").unwrap();
        assert_eq!(watch.next(), format!("vgpu0 priority high {arrow} low"));
        fixture.add(&Stub::at("0000:00:08.0"));
        let mut added = watch.next();
        // It may be seen before it is complete.
        while !added.ends_with("vm_id 200") {
            added = watch.next();
        }
        assert!(added.starts_with("0000:00:08.0 "), "{added}");
        fixture.unplug("0000:00:08.0");
        assert_eq!(watch.next(), "0000:00:08.0 removed");
    }
}

#[test]
fn a_terminal_is_told_why_a_device_cannot_be_read_and_that_it_can_be_again() {
    let fixture = Fixture::new();
    let directory = fixture.add(&Stub::at("0000:00:06.0"));
    let mut watch = Told::on_terminal(&fixture, "C", "");
    assert_eq!(
        watch.next(),
        "0000:00:06.0 present: pool_id B, priority high, vm_id 200"
    );
    let config = fs::read(directory.join("config")).unwrap();
    fs::write(directory.join("config"), [0; 64]).unwrap();
    let told = watch.next();
    assert!(
        told.starts_with("0000:00:06.0 cannot be read: ") && told.contains("decoding"),
        "{told}"
    );
    fs::write(directory.join("config"), config).unwrap();
    assert_eq!(
        watch.next(),
        "0000:00:06.0 can be read again: pool_id B, priority high, vm_id 200"
    );
}

#[test]
fn a_terminal_gets_json_where_it_was_asked_for() {
    let fixture = one();
    for arguments in ["-J", "--format ndjson", "-J --format text"] {
        let mut watch = Told::on_terminal(&fixture, "C", arguments);
        let event = serde_json::from_str::<Value>(&watch.line()).unwrap();
        assert_eq!(event["event"], "present", "{arguments}");
    }
}

#[test]
fn a_pipe_gets_words_where_they_were_asked_for() {
    let fixture = one();
    let mut watch = Watch::start(&fixture, "--format text");
    let line = watch.lines.next().unwrap().unwrap();
    assert!(line.contains(" vgpu0 present: "), "{line}");
}
