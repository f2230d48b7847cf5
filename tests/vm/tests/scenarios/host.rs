// SPDX-License-Identifier: GPL-2.0

//! vgpu-host and a device model that really runs. What there is no real one of here
//! are the toolstack and the package: the stand-ins of its own tests serve as those.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use harness::{Artifacts, Guest};
use serde_json::Value;
use tempfile::TempDir;

use self::xenstored::Xenstored;

#[path = "../../../../userspace/vgpu-host/tests/common/xenstored.rs"]
mod xenstored;

const DOMAIN: &str = "7";
/// The VM that is called Test-2, and the host.
const VM: &str = "8c934907-befb-756e-c6fe-91d721291d2b";
const MEMBER: &str = "00000001-0000-4000-8000-000000000000";
/// Two devices, of which the second one can change while the VM runs.
const KEY: &str =
    "pool_id=B,priority=high,vm_id=200,revision=1;pool_id=A,priority=medium,vm_id=7,revision=2";

/// A host's files, and what xe knows.
struct Host {
    root: TempDir,
    stand_ins: PathBuf,
    /// Answers as long as the host is there.
    _xenstored: Xenstored,
}

impl Host {
    fn new() -> Result<Self> {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../userspace/vgpu-host/tests");
        let stand_ins = tests.join("stand-ins");
        let root = tempfile::tempdir()?;
        let path = |path: &str| root.path().join(path);
        let vm = format!("vms/{VM}");
        for directory in [
            "usr/lib64/xen/bin",
            "usr/libexec",
            "etc",
            "var/lib",
            "var/run/xen",
            "hosts",
            &format!("{vm}/platform"),
        ] {
            fs::create_dir_all(path(directory))?;
        }
        // No link leads out of the tree.
        let qemu = path("usr/lib64/xen/bin/qemu-system-i386");
        let artifacts = Artifacts::from_env()?;
        let run = artifacts.qemu.display();
        // That one has the device built in, and says so when asked for help.
        let preload = env::join_paths(&artifacts.plugins)?;
        let preload = Path::new(&preload).display();
        fs::write(
            &qemu,
            format!("#!/bin/sh\nLD_PRELOAD='{preload}' exec '{run}' \"$@\"\n"),
        )?;
        fs::set_permissions(&qemu, fs::Permissions::from_mode(0o755))?;
        let xenstored = Xenstored::serve(&path("run/xenstored/socket"));
        xenstored.set(format!("/local/domain/{DOMAIN}/vm"), format!("/vm/{VM}"));
        for (file, text) in [
            ("usr/lib64/xen/bin/qemu-wrapper", "#!/usr/bin/python\n"),
            ("etc/xenopsd.conf", ""),
            ("package", "qemu-4.2.1-1.0.1.vgpustub.x86_64\n"),
            (
                "etc/xensource-inventory",
                &format!("INSTALLATION_UUID='{MEMBER}'\n"),
            ),
            (&format!("hosts/{MEMBER}"), "xcp-1"),
            (&format!("{vm}/name-label"), "Test-2"),
            (&format!("{vm}/power-state"), "running"),
            (&format!("{vm}/resident-on"), MEMBER),
            (&format!("{vm}/dom-id"), DOMAIN),
            (&format!("{vm}/platform/vgpu-stub"), KEY),
        ] {
            fs::write(path(file), text)?;
        }
        let host = Host {
            root,
            stand_ins,
            _xenstored: xenstored,
        };
        let output = host.run("install")?;
        ensure!(output.status.success(), "{output:?}");
        Ok(host)
    }

    fn socket(&self) -> PathBuf {
        let name = format!("var/run/xen/qmp-libxl-{DOMAIN}");
        self.root.path().join(name)
    }

    /// Copies the device models among the processes of this machine to the host's.
    fn add_processes(&self) -> Result<()> {
        for entry in fs::read_dir("/proc")? {
            let name = entry?.file_name();
            // Not a process, or one that has ended since.
            let Ok(line) = fs::read(Path::new("/proc").join(&name).join("cmdline")) else {
                continue;
            };
            if line.split(|byte| *byte == 0).any(|it| it == b"-xen-domid") {
                let directory = self.root.path().join("proc").join(&name);
                fs::create_dir_all(&directory)?;
                fs::write(directory.join("cmdline"), line)?;
            }
        }
        Ok(())
    }

    fn run(&self, arguments: &str) -> Result<Output> {
        let program = env::var_os("VGPU_HOST").context("VGPU_HOST names no vgpu-host")?;
        let path = env::var("PATH")?;
        Ok(Command::new(program)
            .args(arguments.split(' '))
            .arg("--root")
            .arg(self.root.path())
            .env("VGPU_XE", self.root.path())
            .env("PATH", format!("{}:{path}", self.stand_ins.display()))
            .output()?)
    }

    /// The lines of verify that are not as they should be, or could not be checked.
    fn wrong(&self) -> Result<Vec<Value>> {
        let output = self.run("verify Test-2 -J")?;
        let document: Value = serde_json::from_slice(&output.stdout)?;
        let checks = document["verify"]["checks"].as_array();
        let checks = checks.with_context(|| format!("{document}"))?;
        ensure!(checks.len() == 11, "{document}");
        let wrong = checks.iter().filter(|check| check["ok"] != true);
        Ok(wrong.cloned().collect())
    }
}

#[test]
fn verify_follows_the_devices_of_a_running_vm_and_set_changes_what_can_change() -> Result<()> {
    let host = Host::new()?;
    let socket = format!("unix:{},server=on,wait=off", host.socket().display());
    let mut arguments = vec!["-qmp".into(), socket, "-xen-domid".into(), DOMAIN.into()];
    for (number, device) in KEY.split(';').enumerate() {
        let slot = 0x1e - number;
        let device = format!("vgpu-stub,{device},id=vgpu-stub{number},addr={slot:#x}");
        arguments.extend(["-device".into(), device]);
    }
    let guest = Guest::builder("host").qemu_arguments(arguments).boot()?;
    host.add_processes()?;

    let wrong = host.wrong()?;
    ensure!(wrong.is_empty(), "{wrong:#?}");

    let output = host.run("set Test-2 --device vgpu-stub0 --priority low")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.code() == Some(8), "{output:?}");
    ensure!(errors.contains("revision 1"), "{errors}");
    guest.check("vgpuinfo check -d 00:1e.0 --pool B --priority high --vm-id 200")?;

    let output = host.run("set Test-2 --device vgpu-stub1 --priority low --vm-id 8")?;
    ensure!(output.status.success(), "{output:?}");
    guest.check("vgpuinfo check -d 00:1d.0 --pool A --priority low --vm-id 8")?;
    let wrong = host.wrong()?;
    ensure!(wrong.is_empty(), "{wrong:#?}");

    // The last link: what the key says is not what the device has.
    let key = host
        .root
        .path()
        .join(format!("vms/{VM}/platform/vgpu-stub"));
    let value = fs::read_to_string(&key)?;
    fs::write(&key, value.replacen("pool_id=B", "pool_id=A", 1))?;
    let wrong = host.wrong()?;
    ensure!(
        wrong.len() == 1 && wrong[0]["name"] == "properties",
        "{wrong:#?}"
    );

    // A device that is gone.
    guest.unplug("vgpu-stub0", vm_tests::UNPLUG)?;
    let wrong = host.wrong()?;
    ensure!(wrong.len() == 4 && wrong[0]["name"] == "bus", "{wrong:#?}");
    guest.finish()
}
