// SPDX-License-Identifier: GPL-2.0

//! What the command says about itself.

use std::fs;
use std::process::Command;

use crate::guest::{Fixture, run, two};

#[test]
fn the_fields_are_those_that_get_takes() {
    let fixture = Fixture::new();
    let fields = run(&fixture, "fields");
    assert_eq!((fields.exit, fields.stderr.as_str()), (0, ""));
    let wrong = run(&fixture, "get colour").stderr;
    for line in fields.stdout.lines().skip(1) {
        let name = line.split_whitespace().next().unwrap();
        assert!(wrong.contains(name), "{name}");
    }
    let document = run(&fixture, "fields -J").json();
    let count = document["fields"].as_array().unwrap().len();
    assert_eq!(count, fields.stdout.lines().count() - 1);
}

#[test]
fn completions_are_scripts_that_know_the_subcommands_and_the_fields() {
    for shell in ["bash", "zsh", "fish"] {
        let run = run(&Fixture::new(), &format!("completions {shell}"));
        assert_eq!((run.exit, run.stderr.as_str()), (0, ""), "{shell}");
        for word in ["doctor", "sysroot", "pool_id", "prometheus"] {
            assert!(run.stdout.contains(word), "{shell}: {word}");
        }
    }
    let bash = run(&Fixture::new(), "completions bash").stdout;
    let checked = Command::new("bash").args(["-nc", &bash]).output().unwrap();
    assert!(checked.status.success() && checked.stderr.is_empty());
}

/// What bash completes the last of `words` by, when it has parted them at what it parts
/// words at. `vgpuinfo` is run on the fixture.
fn completed_by_bash(fixture: &Fixture, words: &[&str]) -> Vec<String> {
    let script = run(fixture, "completions bash").stdout;
    let ask = format!(
        r#"{script}
        vgpuinfo() {{ '{}' --sysroot '{}' "$@"; }}
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        function=$(complete -p vgpuinfo)
        function=${{function#*-F }}
        "${{function%% *}}" vgpuinfo "${{COMP_WORDS[-1]}}" "${{COMP_WORDS[-2]}}"
        printf '%s\n' "${{COMPREPLY[@]}}""#,
        env!("CARGO_BIN_EXE_vgpuinfo"),
        fixture.root().display()
    );
    let mut bash = Command::new("bash");
    bash.args(["--norc", "-c", &ask, "bash", "vgpuinfo"]);
    let output = bash.args(words).output().unwrap();
    assert!(
        output.stderr.is_empty(),
        "{:?}",
        String::from_utf8(output.stderr)
    );
    let words = String::from_utf8(output.stdout).unwrap();
    words.lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_values_behind_commas_and_equals_signs_and_devices() {
    let fixture = two();
    for (words, expected) in [
        (&["query", "-o", "pool"][..], &["pool_id"][..]),
        (&["query", "-o", "vm_id,pool"], &["vm_id,pool_id"]),
        (
            &["query", "-o", "name,vm_id,prio"],
            &["name,vm_id,priority", "name,vm_id,priority_raw"],
        ),
        (&["query", "--format", "=", "ta"], &["table"]),
        (&["query", "--output", "=", "vm_id,pc"], &["vm_id,pci"]),
        (&["get", "pool_id", "-d", ""], &["vgpu0", "all"]),
        (&["get", "pool_id", "--device", "=", "v"], &["vgpu0"]),
        (&["-d", "vgpu0,a"], &["vgpu0,all"]),
        (&["doc"], &["doctor"]),
    ] {
        assert_eq!(completed_by_bash(&fixture, words), expected, "{words:?}");
    }
    let formats = completed_by_bash(&fixture, &["query", "--format", "="]);
    assert!(formats.contains(&"prometheus".to_owned()), "{formats:?}");
}

#[test]
fn the_man_page_says_what_the_exit_codes_mean() {
    let run = run(&Fixture::new(), "man");
    assert_eq!((run.exit, run.stderr.as_str()), (0, ""));
    for text in [
        ".TH vgpuinfo 1",
        ".SH \"EXIT STATUS\"",
        "doctor",
        "NO_COLOR",
    ] {
        assert!(run.stdout.contains(text), "{text}");
    }
}

#[test]
fn every_subcommand_has_a_man_page_and_the_main_page_names_no_other() {
    let fixture = Fixture::new();
    let directory = fixture.root().join("man1");
    let written = run(
        &fixture,
        &format!("man --directory {}", directory.display()),
    );
    assert_eq!((written.exit, written.stdout.as_str()), (0, ""));
    let mut pages = 0;
    for entry in fs::read_dir(&directory).unwrap() {
        let path = entry.unwrap().path();
        assert!(fs::read_to_string(&path).unwrap().contains("EXIT STATUS"));
        pages += 1;
    }
    let wait = fs::read_to_string(directory.join("vgpuinfo-wait.1")).unwrap();
    assert!(wait.contains(".SH NOTES") && wait.contains("ten times a second"));
    let main = fs::read_to_string(directory.join("vgpuinfo.1")).unwrap();
    let named: Vec<&str> = main
        .lines()
        .filter(|it| it.starts_with("vgpuinfo\\-"))
        .collect();
    assert_eq!(named.len(), pages - 1, "{named:?}");
    for name in named {
        let file = name.replace("\\-", "-").replace("(1)", ".1");
        assert!(directory.join(&file).exists(), "{file}");
    }
}
