// SPDX-License-Identifier: GPL-2.0

//! vgpuinfo in containers: in namespaces and a device cgroup as container engines make
//! them. They are the guest's alone, so one machine does.

use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::{Machine, scaled};
use vm_tests::{UNPLUG, guest, guest_with_driver};

/// What vgpuinfo says with -v where it has to look again and again.
const DEAF: &str = "nothing is announced here";

#[test]
fn a_wait_hears_of_a_device_by_the_network_it_is_in_or_looks_itself() -> Result<()> {
    let guest = guest("container-network", Machine::Pc, &[])?;
    let timeout = scaled(Duration::from_secs(10)).as_secs();
    // A container whose user namespace owns its network.
    let mut container = guest.spawn("echo $$; exec unshare -U -r -n sleep 1000")?;
    let pid = container.next_line(UNPLUG)?.context("it did not start")?;
    let inside = format!("nsenter -n/proc/{pid}/ns/net");
    let wait = format!("vgpuinfo wait -v --timeout {timeout}");
    // The last one takes its network for the machine's.
    let deceived = format!(
        "{inside} unshare -m sh -c 'mount --bind /proc/1/ns /proc/$$/ns && exec {wait} -J'"
    );
    let waits = [
        (wait.clone(), false),
        (format!("unshare -U -r {wait}"), false),
        (format!("unshare -n {wait}"), false),
        (format!("unshare -U -r -n {wait}"), true),
        (format!("{inside} {wait}"), true),
        (deceived, false),
    ];
    let mut running = Vec::new();
    for (command, deaf) in &waits {
        running.push((command, *deaf, guest.spawn(command)?));
    }
    thread::sleep(Duration::from_secs(2));
    guest.plug("pool_id=B")?;
    for (command, deaf, mut running) in running {
        let output = running.wait_timeout(scaled(Duration::from_secs(30)))?;
        let output = output.with_context(|| format!("{command}: it goes on"))?;
        let said = output.errors();
        ensure!(said.contains(DEAF) == deaf, "{command}: {said}");
        ensure!(output.success(), "{command}: {:?} {said}", output.status());
        ensure!(!output.text().is_empty(), "{command}");
    }
    guest.check(&format!("kill {pid}"))?;
    guest.finish()
}

#[test]
fn a_device_cgroup_that_keeps_the_node_closed_is_a_lack_of_permission() -> Result<()> {
    let guest = guest_with_driver("container-cgroup", Machine::Pc, &["pool_id=B"])?;
    let cgroup = "/tmp/cgroup";
    guest.check(&format!(
        "mkdir {cgroup} && mount -t cgroup -o devices none {cgroup} && mkdir {cgroup}/container && \
         echo c $(cat /sys/class/vgpu/vgpu0/dev) rwm >{cgroup}/container/devices.deny"
    ))?;
    let run = |arguments: &str| {
        guest.run(&format!(
            "echo $$ >{cgroup}/container/tasks; exec vgpuinfo {arguments}"
        ))
    };
    for arguments in ["command 7", "get pool_id --source chardev"] {
        let output = run(arguments)?;
        let said = output.errors();
        ensure!(output.status() == Some(4), "{arguments}: {said}");
        ensure!(said.contains("--device /dev/vgpu0"), "{arguments}: {said}");
    }
    ensure!(run("get pool_id")?.text() == "B", "sysfs is closed, too");
    let doctor = run("doctor")?.text();
    let line = doctor.lines().find(|line| line.contains("  node  "));
    let line = line.context("doctor says nothing of the node")?;
    ensure!(line.starts_with("warning"), "{line}");
    ensure!(line.contains("--device /dev/vgpu0"), "{line}");
    ensure!(!line.contains("root"), "{line}");
    guest.finish()
}
