// SPDX-License-Identifier: GPL-2.0

//! Tests of vgpu-host on a stand-in for xe, which keeps platform maps in files.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

const UUID: &str = "8c934907-befb-756e-c6fe-91d721291d2b";

/// Knows one VM, called Test-2.
const XE: &str = r#"#!/bin/sh
dir=${0%/*} uuid=8c934907-befb-756e-c6fe-91d721291d2b
verb=$1; shift
for word do case $word in
	param-key=*) key=${word#*=} ;;
	param-name=*) name=${word#*=} ;;
	platform:*) setting=${word#platform:} ;;
	uuid=$uuid | name-label=Test-2) ;;
	uuid=* | name-label=*) none=1 ;;
esac; done
case $verb in
vm-list) [ -n "$none" ] || echo $uuid ;;
vm-param-set) printf %s "${setting#*=}" >"$dir/platform/${setting%%=*}" ;;
vm-param-remove) rm "$dir/platform/$key" ;;
vm-param-get)
	case $name in
	name-label) echo Test-2 ;;
	power-state) echo halted ;;
	platform)
		if [ -n "$key" ]; then cat "$dir/platform/$key"; echo; exit; fi
		for file in "$dir"/platform/*; do
			[ ! -e "$file" ] || printf '%s: %s; ' "${file##*/}" "$(cat "$file")"
		done
		echo 'timeoffset: 0' ;;
	esac ;;
esac
"#;

struct Host(TempDir);

impl Host {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("platform")).unwrap();
        let xe = dir.path().join("xe");
        fs::write(&xe, XE).unwrap();
        fs::set_permissions(&xe, PermissionsExt::from_mode(0o755)).unwrap();
        Host(dir)
    }

    fn key(&self, name: &str) -> PathBuf {
        self.0.path().join("platform").join(name)
    }

    fn value(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.key(name)).ok()
    }

    /// Exit code, stdout and stderr.
    fn run(&self, arguments: &str) -> (i32, String, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_vgpu-host"))
            .args(arguments.split(' '))
            .arg("--xe")
            .arg(self.0.path().join("xe"))
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (
            output.status.code().unwrap(),
            text(output.stdout),
            text(output.stderr),
        )
    }
}

/// In one test: the stand-in is written and run by one thread only.
#[test]
fn devices_are_attached_listed_and_detached() {
    let host = Host::new();
    let attach = "attach Test-2 --pool B --priority high --vm-id 200";
    let value = "pool_id=B,priority=high,vm_id=200";

    // Nothing is done for show, and then it is done.
    assert_eq!(host.run(&format!("{attach} --dry-run")).0, 0);
    assert_eq!(host.value("vgpu-stub"), None);
    assert_eq!(host.run(attach).0, 0);
    assert_eq!(host.value("vgpu-stub").unwrap(), value);

    // One more, and again exactly one.
    assert_eq!(host.run("attach Test-2 --add --vm-id 7").0, 0);
    let both = format!("{value};pool_id=A,priority=medium,vm_id=7");
    assert_eq!(host.value("vgpu-stub").unwrap(), both);
    let (exit, stdout, stderr) = host.run("list -J");
    assert_eq!((exit, stderr.as_str()), (0, ""));
    let document: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(document["vms"][0]["uuid"], UUID);
    assert_eq!(document["vms"][0]["devices"][0]["vm_id"], 200);
    assert_eq!(document["vms"][0]["devices"][1]["id"], "vgpu-stub1");
    assert_eq!(host.run(attach).0, 0);
    assert_eq!(host.value("vgpu-stub").unwrap(), value);

    // Not more than the hook takes.
    for _ in 1..8 {
        assert_eq!(host.run("attach Test-2 --add").0, 0);
    }
    let (exit, _, stderr) = host.run("attach Test-2 --add");
    assert_eq!(exit, 2);
    assert!(stderr.contains("at most 8"), "{stderr}");

    // Both keys go.
    fs::write(host.key("device-model-args"), "-device vgpu-stub").unwrap();
    assert_eq!(host.run("detach Test-2").0, 0);
    assert_eq!(host.value("vgpu-stub"), None);
    assert_eq!(host.value("device-model-args"), None);
    assert!(host.run("detach Test-2").1.contains("there was no device"));

    // What the hook would refuse is named, and not added to.
    fs::write(host.key("device-model-args"), "-device vgpu-stub -S").unwrap();
    assert!(host.run("list").1.contains("'-S'"));
    assert_eq!(host.run("attach Test-2 --add").0, 8);
    assert_eq!(host.value("vgpu-stub"), None);

    // Wrong arguments change nothing.
    for arguments in [
        "attach Test-2 --pool C",
        "attach Test-2 --vm-id 010",
        "nonsense",
    ] {
        assert_eq!(host.run(arguments).0, 2, "{arguments}");
    }
    let (exit, stdout, _) = host.run("attach nobody -J");
    let document: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(
        (exit, document["error"]["kind"].as_str()),
        (3, Some("no_vm"))
    );
}
