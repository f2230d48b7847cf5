// SPDX-License-Identifier: GPL-2.0

//! vgpuinfo doctor in guests that lack something: it has to name what that is. What
//! is wrong is in the guest alone, so one machine does.

use anyhow::{Context, Result, ensure};
use harness::{Artifacts, Guest, Machine};
use serde_json::Value;
use vm_tests::{guest, wait_for};

const ADDRESS: &str = "0000:00:06.0";
const PCI: &str = "/sys/bus/pci";

/// The faults that doctor finds, as `VERDICT FAULT`. Each has to have a hint.
fn faults(guest: &Guest, user: &str) -> Result<Vec<String>> {
    let output = guest.run(&format!("su {user} -c 'vgpuinfo doctor -J'"))?;
    let document: Value = serde_json::from_str(&output.text())
        .with_context(|| format!("{} {}", output.text(), output.errors()))?;
    let findings = document["findings"].as_array();
    let mut faults = Vec::new();
    for finding in findings.context("there are no findings")? {
        let text = |name: &str| finding[name].as_str().unwrap_or_default();
        if finding["fault"].is_string() {
            ensure!(!text("hint").is_empty(), "no hint: {finding}");
            faults.push(format!("{} {}", text("verdict"), text("fault")));
        }
    }
    let problem = faults.iter().any(|fault| fault.starts_with("problem"));
    let status = if problem { 8 } else { 0 };
    ensure!(output.status() == Some(status), "{document}");
    Ok(faults)
}

/// Fails unless doctor, run by root, finds just these.
fn finds(guest: &Guest, expected: &[&str]) -> Result<()> {
    let faults = faults(guest, "root")?;
    ensure!(faults == expected, "found {faults:?}, not {expected:?}");
    Ok(())
}

/// The message and the hint of the finding with a fault.
fn finding(guest: &Guest, fault: &str) -> Result<(String, String)> {
    let document: Value = serde_json::from_str(&guest.run("vgpuinfo doctor -J")?.text())?;
    let findings = document["findings"].as_array().context("no findings")?;
    let finding = findings.iter().find(|it| it["fault"] == fault);
    let finding = finding.with_context(|| format!("no {fault}: {document}"))?;
    let text = |name: &str| {
        let text = finding[name].as_str().map(str::to_owned);
        text.with_context(|| format!("no {name}: {finding}"))
    };
    Ok((text("message")?, text("hint")?))
}

#[test]
fn the_doctor_tells_no_device_from_one_of_the_wrong_class() -> Result<()> {
    let empty = guest("doctor-none", Machine::Pc, &[])?;
    finds(&empty, &["problem no_device"])?;
    empty.plug("vgpu-stub-hostile,class=0x0300,id=wrong")?;
    wait_for(&empty, "lspci -n | grep -q 1af4:1111")?;
    finds(&empty, &["problem wrong_class"])?;
    empty.finish()
}

#[test]
fn the_doctor_names_what_keeps_the_driver_from_the_device() -> Result<()> {
    let guest = guest("doctor-driver", Machine::Pc, &["pool_id=B"])?;
    // The firmware has enabled the device.
    finds(&guest, &["problem not_loaded"])?;

    let module = guest.check("modinfo -n vgpu_stub")?;
    guest.check(&format!("mv {module} /tmp"))?;
    let missing = faults(&guest, "root")?;
    ensure!(missing[0] == "problem not_installed", "{missing:?}");
    guest.check(&format!("mv /tmp/vgpu_stub.ko {module}"))?;

    guest.check("modprobe vgpu_stub")?;
    finds(&guest, &[])?;

    // As an upgrade leaves it.
    let version = guest.check("cat /sys/module/vgpu_stub/version")?;
    guest.check(&format!(
        "cp {module} /tmp && sed -i 's/\\bversion={version}/version=99.9.9/' {module}"
    ))?;
    finds(&guest, &["warning other_version"])?;
    let (message, _) = finding(&guest, "other_version")?;
    ensure!(
        message.contains(&format!("{version} is loaded, and 99.9.9 is")),
        "{message}"
    );
    guest.check(&format!("mv /tmp/vgpu_stub.ko {module}"))?;

    guest.check(&format!("echo {ADDRESS} >{PCI}/drivers/vgpu_stub/unbind"))?;
    let unbound = faults(&guest, "root")?;
    ensure!(unbound[0] == "problem not_bound", "{unbound:?}");

    guest.check(&format!(
        "modprobe uio_pci_generic
         echo uio_pci_generic >{PCI}/devices/{ADDRESS}/driver_override
         echo {ADDRESS} >{PCI}/drivers_probe"
    ))?;
    let elsewhere = faults(&guest, "root")?;
    ensure!(elsewhere[0] == "problem bound_elsewhere", "{elsewhere:?}");

    // The hint is a command, and does what it should.
    let (_, hint) = finding(&guest, "bound_elsewhere")?;
    guest.check(&hint)?;
    finds(&guest, &[])?;
    guest.finish()
}

#[test]
fn the_doctor_names_the_driver_that_has_a_class_of_the_same_name() -> Result<()> {
    let guest = guest("doctor-class", Machine::Pc, &["pool_id=B"])?;
    // Another driver: ours, under a name that is as long.
    guest.check(
        "module=$(modinfo -n vgpu_stub)
         sed s/vgpu_stub/vgpu_twin/g $module >${module%/*}/vgpu_twin.ko
         depmod && modprobe vgpu_twin",
    )?;
    let driver = guest.check("readlink /sys/class/vgpu/vgpu0/device/driver")?;
    ensure!(driver.ends_with("/vgpu_twin"), "{driver}");

    let faults = faults(&guest, "root")?;
    ensure!(faults[0] == "problem foreign_class", "{faults:?}");
    let (message, hint) = finding(&guest, "foreign_class")?;
    ensure!(message.contains("the driver vgpu_twin"), "{message}");
    // What that driver calls its device is no name of a vGPU.
    ensure!(guest.check("vgpuinfo get name")?.is_empty());
    ensure!(guest.run("vgpuinfo command 7")?.status() == Some(5));

    // Ours says which name it is. The kernel dumps its stack, which is not for the console.
    let said = guest.check(
        "dmesg -n 1 && ! modprobe vgpu_stub 2>/dev/null && dmesg | grep ' vgpu_stub: '
         dmesg -n 5",
    )?;
    ensure!(said.contains("/sys/class/vgpu"), "{said}");

    guest.check(&hint)?;
    finds(&guest, &[])?;
    guest.finish()
}

#[test]
fn the_doctor_names_what_keeps_users_and_the_driver_from_a_bound_device() -> Result<()> {
    let guest = guest("doctor-device", Machine::Pc, &["pool_id=B"])?;
    guest.check("modprobe vgpu_stub")?;
    let closed = faults(&guest, "user")?;
    ensure!(closed == ["warning node_permission"], "{closed:?}");

    guest.check("setpci -s 00:06.0 COMMAND=0:2")?;
    let off = faults(&guest, "root")?;
    ensure!(off.contains(&"problem decoding_off".to_owned()), "{off:?}");
    guest.check("setpci -s 00:06.0 COMMAND=2:2")?;
    finds(&guest, &[])?;

    guest.check("rm /dev/vgpu0")?;
    finds(&guest, &["problem no_node"])?;
    guest.finish()
}

/// The part of a bundle with this title.
fn part<'a>(bundle: &'a str, title: &str) -> Result<&'a str> {
    let start = format!("\n== {title} ==\n");
    let (_, rest) = bundle
        .split_once(&start)
        .with_context(|| format!("no {title}: {bundle}"))?;
    Ok(rest.split("\n== ").next().unwrap_or(rest))
}

#[test]
fn a_user_of_the_group_has_all_that_support_needs_in_one_text() -> Result<()> {
    let device = "pool_id=B,priority=high,vm_id=200,revision=2";
    let guest = guest("doctor-bundle", Machine::Pc, &[device])?;
    guest.check(
        "hostname doctors-own-name
         modprobe vgpu_stub
         echo vgpu:x:900:user >>/etc/group
         chgrp 900 /dev/vgpu0 && chmod 0660 /dev/vgpu0",
    )?;
    let bundle = |user: &str| {
        let output = guest.run(&format!("su {user} -c 'vgpuinfo doctor --bundle'"))?;
        ensure!(output.status() == Some(0), "{}", output.text());
        ensure!(!output.text().contains("doctors-own-name"));
        Ok(output.text().to_owned())
    };
    let text = bundle("user")?;
    let release = guest.check("uname -r")?;
    let version = guest.check("cat /sys/module/vgpu_stub/version")?;
    let size = guest.check(&format!("stat -c %s {PCI}/devices/{ADDRESS}/resource0"))?;
    for (title, line) in [
        ("Program", "vgpuinfo "),
        (
            "Doctor",
            "node       vgpu0: /dev/vgpu0 is open to this user",
        ),
        ("Devices", "\"vm_id\": 200,"),
        ("System", &format!("kernel: {release}\n")),
        ("Restrictions", "lockdown: "),
        ("Loaded module", &format!("version: {version}\n")),
        ("Installed module", &format!("vermagic: {release} ")),
        (
            "PCI function 0000:00:06.0",
            "id 1af4:1111, class 1200, revision 02",
        ),
        (
            "PCI function 0000:00:06.0",
            &format!("BAR0: {size} bytes of 32-bit memory"),
        ),
        ("Interrupts", "vgpu0-"),
        (
            "Kernel log",
            "nothing: /dev/kmsg cannot be read: Operation not permitted",
        ),
    ] {
        let part = part(&text, title)?;
        ensure!(part.contains(line), "no {line}: {part}");
    }
    let text = bundle("root")?;
    let log = part(&text, "Kernel log")?;
    ensure!(
        log.contains("] vgpu_stub: loading out-of-tree module")
            && log.contains(&format!("] pci {ADDRESS}: ")),
        "{log}"
    );
    guest.finish()
}

#[test]
fn the_doctor_names_a_newer_revision_and_a_device_that_answers_nonsense() -> Result<()> {
    let liar = "vgpu-stub-hostile,id=liar,revision=9";
    let guest = guest("doctor-registers", Machine::Pc, &[liar])?;
    guest.check("modprobe vgpu_stub")?;
    finds(&guest, &["warning unknown_revision"])?;
    guest
        .qmp()
        .qom_set("/machine/peripheral/liar", "all-ones", true)?;
    finds(&guest, &["problem gone", "warning unknown_revision"])?;
    guest.finish()
}

#[test]
fn the_doctor_names_what_keeps_modprobe_and_the_kernel_from_loading_the_driver() -> Result<()> {
    let guest = guest("doctor-modprobe", Machine::Pc, &["pool_id=B"])?;
    let configuration = "/etc/modprobe.d/local.conf";
    guest.check("mkdir -p /etc/modprobe.d")?;
    for (line, fault) in [
        ("blacklist vgpu_stub", "blacklisted"),
        ("install vgpu-stub /bin/false", "install_command"),
    ] {
        guest.check(&format!("echo '{line}' >{configuration}"))?;
        // As udev has it loaded, by the alias of the device.
        let load = format!("modprobe -b $(cat {PCI}/devices/{ADDRESS}/modalias)");
        guest.check(&format!("{load}; ! test -e /sys/module/vgpu_stub"))?;
        finds(&guest, &[&format!("problem {fault}")])?;
        ensure!(finding(&guest, fault)?.0.contains(configuration));
    }
    guest.check(&format!("rm {configuration}"))?;
    guest.check("echo 1 >/proc/sys/kernel/modules_disabled")?;
    ensure!(!guest.run("modprobe vgpu_stub")?.success(), "it is loaded");
    finds(&guest, &["problem modules_disabled"])?;
    guest.finish()
}

#[test]
fn the_doctor_names_the_memory_that_the_kernel_had_no_room_for() -> Result<()> {
    let guest = guest("doctor-memory", Machine::Pc, &[])?;
    // There are not as many addresses below 4 GiB.
    guest.plug("vgpu-stub-hostile,id=big,addr=0x10,bar0-size=0x80000000")?;
    wait_for(&guest, "lspci -n | grep -q 1af4:1111")?;
    guest.check("modprobe vgpu_stub")?;
    let faults = faults(&guest, "root")?;
    ensure!(faults.contains(&"problem unassigned".into()), "{faults:?}");
    let read = guest.run("vgpuinfo get pool_id")?;
    ensure!(read.errors().contains("pci=realloc"), "{}", read.errors());
    guest.finish()
}

#[test]
fn a_kernel_that_was_booted_without_pci_is_not_one_without_a_device() -> Result<()> {
    let guest = Guest::builder("doctor-pci-off")
        .device("pool_id=B")
        .kernel_arguments("pci=off")
        .boot()?;
    finds(&guest, &["problem no_pci"])?;
    for arguments in ["list", "get pool_id", "wait --for gone --timeout 1"] {
        let output = guest.run(&format!("vgpuinfo {arguments}"))?;
        let said = output.errors();
        ensure!(output.status() == Some(1), "{arguments}: {said}");
        ensure!(said.contains("pci=off"), "{arguments}: {said}");
    }
    guest.finish()
}

/// A guest whose kernel takes no module of ours, and what doctor says of it.
fn refused(name: &str, argument: &str, fault: &str) -> Result<()> {
    let guest = Guest::builder(name)
        .device("pool_id=B")
        .kernel_arguments(argument)
        .boot()?;
    let loaded = guest.run("modprobe vgpu_stub")?;
    ensure!(!loaded.success(), "the module was loaded with {argument}");
    let faults = faults(&guest, "root")?;
    ensure!(faults[0] == format!("problem {fault}"), "{faults:?}");
    guest.finish()
}

#[test]
fn the_doctor_names_the_signature_that_the_kernel_insists_on() -> Result<()> {
    refused("doctor-signature", "module.sig_enforce=1", "signature")
}

#[test]
fn the_doctor_names_the_lockdown_that_refuses_the_module() -> Result<()> {
    refused("doctor-lockdown", "lockdown=integrity", "lockdown")
}

#[test]
fn the_doctor_names_the_kernel_that_the_module_was_built_for() -> Result<()> {
    let guest = guest("doctor-vermagic", Machine::Pc, &["pool_id=B"])?;
    let module = guest.check("modinfo -n vgpu_stub")?;
    // Not the release: a kernel with symbol versions does not look at that.
    guest.check(&format!(
        "at=$(strings -t d {module} | awk '/vermagic=/ {{ print $1 + index($2 \" \" $3, \"SMP\") - 1 }}')
         printf X | dd of={module} bs=1 seek=$at conv=notrunc 2>/dev/null
         grep -q 'vermagic=[^ ]* XMP' {module}"
    ))?;
    ensure!(!guest.run("modprobe vgpu_stub")?.success());
    let faults = faults(&guest, "root")?;
    ensure!(faults[0] == "problem vermagic", "{faults:?}");
    guest.finish()
}

#[test]
fn the_doctor_names_a_kernel_without_rust_and_vgpuinfo_does_without_the_driver() -> Result<()> {
    let guest = Guest::builder("doctor-without-rust")
        .artifacts(Artifacts::without_rust()?)
        .device("pool_id=B,priority=high,vm_id=200")
        .boot()?;
    finds(&guest, &["problem no_rust"])?;
    for (field, value) in [("pool_id", "B"), ("priority", "high"), ("vm_id", "200")] {
        ensure!(guest.check(&format!("vgpuinfo get {field}"))? == value);
    }
    guest.finish()
}
