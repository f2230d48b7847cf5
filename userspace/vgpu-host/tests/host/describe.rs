// SPDX-License-Identifier: GPL-2.0

//! Man pages and completions.

use std::fs;
use std::process::Command;

use crate::host::Host;

#[test]
fn every_subcommand_has_a_page_in_section_8() {
    let host = Host::new();
    let directory = host.path("man8");
    let run = host.run(&format!("man --directory {}", directory.display()));
    assert_eq!((run.exit, run.stdout.as_str()), (0, ""), "{run:?}");
    for name in [
        "vgpu-host",
        "vgpu-host-set",
        "vgpu-host-verify",
        "vgpu-host-spec-apply",
    ] {
        let page = fs::read_to_string(directory.join(format!("{name}.8"))).unwrap();
        assert!(page.contains(&format!(".TH {name} 8")), "{page}");
        assert!(page.contains("EXIT STATUS"), "{page}");
    }
    for entry in fs::read_dir(&directory).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        // What the toolstack's scripts call is for nobody else.
        assert!(!name.contains("xapi"), "{name}");
    }
    assert_eq!(
        host.run("man").stdout,
        fs::read_to_string(directory.join("vgpu-host.8")).unwrap()
    );
}

#[test]
fn every_shell_has_its_script() {
    let host = Host::new();
    for (shell, sign) in [
        ("bash", "complete -F "),
        ("zsh", "#compdef vgpu-host"),
        ("fish", "complete -c vgpu-host"),
    ] {
        let run = host.run(&format!("completions {shell}"));
        assert!(run.stdout.contains(sign), "{run:?}");
    }
    assert_eq!(host.run("completions powershell").exit, 2);
}

#[test]
fn output_that_cannot_be_written_is_told_what_would_help() {
    for (stdout, hint) in [(">/dev/full", "make room"), (">&-", "leave stdout open")] {
        let mut shell = Command::new("sh");
        let script = format!("exec \"$0\" man {stdout}");
        let run = shell
            .args(["-c", &script])
            .arg(env!("CARGO_BIN_EXE_vgpu-host"));
        let run = run.output().unwrap();
        let said = String::from_utf8(run.stderr).unwrap();
        assert_eq!(run.status.code(), Some(1), "{stdout}: {said}");
        assert!(said.contains(hint), "{stdout}: {said}");
    }
}
