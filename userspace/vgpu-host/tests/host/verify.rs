// SPDX-License-Identifier: GPL-2.0

//! The whole chain, with every link as it should be, and with each one broken.

use std::fs;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::host::{DOMAIN, Host};
use crate::qemu::{DEVICE, Qemu};

const NAMES: [&str; 11] = [
    "qemu",
    "package",
    "device",
    "hook",
    "key",
    "domain",
    "arguments",
    "bus",
    "bar",
    "registers",
    "properties",
];

const ARGUMENT: &str = "vgpu-stub,pool_id=B,priority=high,vm_id=200,id=vgpu-stub0,addr=0x1e";

/// A host on which everything is as it should be.
fn whole() -> (Host, Arc<Mutex<Qemu>>) {
    let host = Host::new();
    fs::write(
        host.path("package"),
        "qemu-4.2.1-4.6.4.2.0.1.vgpustub.x86_64\n",
    )
    .unwrap();
    host.install();
    host.set_value("vgpu-stub", "pool_id=B,priority=high,vm_id=200");
    host.running();
    process(
        &host,
        100,
        &[
            "qemu-system-i386",
            "-xen-domid",
            "6",
            "-device",
            "vgpu-stub",
        ],
    );
    let wrapper = [
        "/usr/bin/python",
        "qemu-wrapper",
        "-xen-domid",
        "7",
        "-device",
        ARGUMENT,
    ];
    process(&host, 101, &wrapper);
    let words = [
        "qemu-dm-7",
        "-xen-domid",
        "7",
        "-device",
        "vga",
        "-device",
        ARGUMENT,
    ];
    process(&host, 102, &words);
    fs::create_dir(host.path("proc/self")).unwrap();
    assert_eq!(DOMAIN, 7);
    let qemu = Qemu::start(&host);
    (host, qemu)
}

fn process(host: &Host, number: u32, words: &[&str]) {
    let directory = host.path(&format!("proc/{number}"));
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("cmdline"), words.join("\0") + "\0").unwrap();
}

#[test]
fn a_vm_has_its_devices_without_the_guard_and_the_plugin() {
    let (host, _qemu) = whole();
    fs::remove_dir_all(host.path("etc/xapi.d")).unwrap();
    let run = host.run("verify Test-2");
    assert_eq!(run.exit, 0, "{run:?}");
    assert_eq!(host.run("status").exit, 8);
}

/// The lines by name: whether each is as it should be, if that is known.
fn lines(document: &Value) -> Vec<(&str, Option<bool>)> {
    let checks = document["verify"]["checks"].as_array().unwrap();
    let lines = checks
        .iter()
        .map(|check| (check["name"].as_str().unwrap(), check["ok"].as_bool()));
    lines.collect()
}

#[test]
fn every_link_is_found_to_be_there() {
    let (host, qemu) = whole();
    let run = host.run("verify Test-2 -J");
    let document = run.json();
    assert_eq!(
        lines(&document),
        NAMES.map(|name| (name, Some(true))),
        "{run:?}"
    );
    assert_eq!((run.exit, &document["verify"]["whole"]), (0, &json!(true)));
    // Each line says how it was checked.
    for check in document["verify"]["checks"].as_array().unwrap() {
        assert!(!check["how"].as_str().unwrap().is_empty(), "{check}");
    }
    assert_eq!(qemu.lock().unwrap().monitor, ["xp /5xw 0xf1001000"]);

    let text = host.run("verify Test-2").stdout;
    assert_eq!(text.matches("\n    by ").count(), 11, "{text}");
    assert!(text.starts_with("ok  qemu "), "{text}");
    assert!(text.contains(&format!("-device {ARGUMENT}\n")), "{text}");
}

#[test]
fn without_a_vm_only_the_host_is_checked() {
    let (host, _qemu) = whole();
    let run = host.run("verify -J");
    let known = lines(&run.json())
        .iter()
        .map(|(_, ok)| *ok)
        .collect::<Vec<_>>();
    assert_eq!(
        known,
        [vec![Some(true); 4], vec![None; 7]].concat(),
        "{run:?}"
    );
    assert_eq!(run.exit, 0);
    assert_eq!(host.run("verify nobody").exit, 3);
}

/// How a link is broken.
type Break = fn(&Host, &mut Qemu);

#[test]
fn a_broken_link_is_named_and_what_needs_it_is_not_checked() {
    let breaks: [(&str, &str, Break); 17] = [
        ("package", "without the device", |host, _| {
            fs::write(host.path("package"), "qemu-4.2.1-4.6.4.2.x86_64\n").unwrap();
        }),
        ("package", "failed (exit code 1)", |host, _| {
            fs::remove_file(host.path("package")).unwrap();
        }),
        ("hook", "xenopsd", |host, _| {
            fs::write(host.path("etc/xenopsd.conf"), "").unwrap();
        }),
        ("key", "has no device", |host, _| {
            host.remove_value("vgpu-stub");
        }),
        ("key", "pool_id is A or B", |host, _| {
            host.set_value("vgpu-stub", "pool_id=C")
        }),
        ("domain", "halted", |host, _| host.state("halted")),
        ("arguments", "without devices", |host, _| {
            process(host, 102, &["qemu-dm-7", "-xen-domid", "7"])
        }),
        ("arguments", "has no QEMU", |host, _| {
            fs::remove_dir_all(host.path("proc/102")).unwrap();
        }),
        (
            "arguments",
            "with 1 devices, and the key has 2",
            |host, _| {
                host.set_value("vgpu-stub", "vm_id=1;vm_id=2");
            },
        ),
        ("bus", "not on the PCI bus", |_, qemu| qemu.pci = json!([])),
        ("bar", "8192 bytes", |_, qemu| {
            let bar = "/0/devices/1/pci_bridge/devices/0/regions/0/size";
            *qemu.pci.pointer_mut(bar).unwrap() = json!(8192);
        }),
        ("registers", "nowhere in its memory", |_, qemu| {
            let address = "/0/devices/1/pci_bridge/devices/0/regions/0/address";
            *qemu.pci.pointer_mut(address).unwrap() = json!(-1);
        }),
        (
            "properties",
            "its revision is 2, and 1 in the key",
            |_, qemu| qemu.make_live(),
        ),
        (
            "properties",
            "msix is \"on\", and \"auto\" in the key",
            |_, qemu| {
                qemu.properties
                    .insert((DEVICE.into(), "msix".into()), json!("on"));
            },
        ),
        (
            "properties",
            "chardev is \"vgpu-stub0-messages\", and \"\" in the key",
            |_, qemu| {
                let chardev = json!("vgpu-stub0-messages");
                qemu.properties
                    .insert((DEVICE.into(), "chardev".into()), chardev);
            },
        ),
        (
            "properties",
            "the register of pool_id is 0x41",
            |_, qemu| {
                qemu.memory = qemu.memory.replace("0x00000042", "0x00000041");
            },
        ),
        (
            "properties",
            "priority is \"low\", and \"high\" in the key",
            |_, qemu| {
                qemu.properties
                    .insert((DEVICE.into(), "priority".into()), json!("low"));
            },
        ),
    ];
    for (name, state, break_it) in breaks {
        let (host, qemu) = whole();
        break_it(&host, &mut qemu.lock().unwrap());
        let run = host.run("verify Test-2 -J");
        let document = run.json();
        let place = NAMES.iter().position(|it| *it == name).unwrap();
        // Links of the host do not hide those of the VM.
        let last = if place < 4 { place + 1 } else { NAMES.len() };
        for (number, (_, ok)) in lines(&document).into_iter().enumerate() {
            let expected = match number {
                _ if number == place => Some(false),
                _ if (place..last).contains(&number) => None,
                _ => Some(true),
            };
            assert_eq!(ok, expected, "{name}, line {number}: {run:?}");
        }
        let check = &document["verify"]["checks"][place];
        assert!(
            check["state"].as_str().unwrap().contains(state),
            "{state}: {check}"
        );
        assert!(!check["hint"].as_str().unwrap().is_empty(), "{check}");
        assert_eq!(run.exit, 8);
    }
}
