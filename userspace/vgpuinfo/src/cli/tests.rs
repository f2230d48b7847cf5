// SPDX-License-Identifier: GPL-2.0

use std::ffi::OsString;

use clap::{CommandFactory, ValueEnum};

use super::*;

fn parse(arguments: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(format!("vgpuinfo {arguments}").split_whitespace())
}

#[test]
fn the_definition_holds_together() {
    Cli::command().debug_assert();
}

#[test]
fn options_may_stand_before_and_behind_the_command() {
    for arguments in [
        "-J -d vgpu0 get pool_id",
        "get -J pool_id -d vgpu0",
        "get pool_id --device=vgpu0 --json",
    ] {
        let options = parse(arguments).unwrap().options;
        assert!(options.json, "{arguments}");
        assert_eq!(options.selectors(None), [Selector::Name("vgpu0".into())]);
    }
}

#[test]
fn what_is_no_field_command_timeout_or_device_is_refused() {
    for arguments in [
        "get",
        "get colour",
        "command",
        "command five",
        "command -1",
        "command 0x100000000",
        "command 5 --timeout soon",
        "command 5 --timeout -1",
        "command 5 --timeout inf",
        "command 5 --timeout NaN",
        "list vgpu0",
        "list -d 00:06",
        "--source pci",
        "query -o colour",
        "query --format yaml",
        "wait --for here",
        "wait --for vm_id=many",
        "watch --interval soon",
        "check --pool BB",
        "check --priority urgent",
        "check --vm-id B",
        "check --vm-id 010",
        "check --pool b",
        "command 010",
        "wait --for vm_id=010",
        "wait --for priority=urgent",
        "wait --for pool_id=b",
        "wait --for driver=vgpu-stub",
        "wait -d card0",
        "completions powershell",
        "-L --query-gpu=name",
        "--format=csv",
        "-q -v",
    ] {
        assert!(parse(arguments).is_err(), "{arguments}");
    }
}

#[test]
fn json_is_recognised_in_arguments_that_make_no_sense() {
    let wants = |arguments: &str| {
        let arguments: Vec<OsString> = arguments.split_whitespace().map(OsString::from).collect();
        wants_json(&arguments)
    };
    assert!(wants("vgpuinfo --json nonsense"));
    assert!(wants("vgpuinfo nonsense -J"));
    assert!(wants("vgpuinfo -Jd vgpu0 nonsense"));
    assert!(!wants("vgpuinfo nonsense"));
    assert!(!wants("vgpuinfo -dJ nonsense"));
    assert!(!wants("vgpuinfo -- -J"));
    assert!(!wants("-J"));
}

#[test]
fn a_format_and_its_headings_are_one_argument_as_with_nvidia_smi() {
    use Layout::{NoHeader, NoUnits};
    const CSV: Layout = Layout::Format(Format::Csv);
    const JSON: Layout = Layout::Format(Format::Json);
    for (words, format) in [
        (&[CSV][..], Ok((Format::Csv, true))),
        (&[CSV, NoHeader, NoUnits], Ok((Format::Csv, false))),
        (&[NoHeader, JSON], Ok((Format::Json, false))),
    ] {
        assert_eq!(Layout::format(words), format);
    }
    for words in [&[][..], &[NoHeader], &[CSV, JSON]] {
        assert!(Layout::format(words).is_err(), "{words:?}");
    }
}

#[test]
fn every_format_can_be_asked_for() {
    for format in Format::value_variants() {
        assert!(Layout::value_variants().contains(&Layout::Format(*format)));
    }
}
