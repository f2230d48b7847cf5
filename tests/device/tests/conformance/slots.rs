// SPDX-License-Identifier: GPL-2.0

//! The slots that the pages for Proxmox, libvirt and XCP-ng name: nothing that these put
//! into their machines has them.

use std::fs;
use std::path::Path;

use device_tests::{Chipset, Machine, refuse};

/// The argument for the device in a page.
fn documented(page: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Documentation");
    let text = fs::read_to_string(path.join(page)).unwrap();
    let mut arguments = text
        .split(['\'', '\n'])
        .filter_map(|part| part.find("vgpu-stub,").map(|start| &part[start..]));
    let argument = arguments.find(|argument| argument.contains(",addr="));
    argument.expect("the page names no slot").into()
}

fn devices(devices: &[&str]) -> Vec<String> {
    let words = devices.iter().flat_map(|it| ["-device", it]);
    words.map(String::from).collect()
}

/// i440FX as qemu-server of Proxmox builds it, with everything that it has a slot for but
/// a third and a fourth display.
fn proxmox_pc() -> Vec<String> {
    let mut machine = devices(&[
        "piix3-usb-uhci,addr=1.2",
        "pci-bridge,id=pci.1,chassis_nr=1,addr=1e",
        "pci-bridge,id=pci.2,chassis_nr=2,addr=1f",
        "pci-bridge,id=pci.3,chassis_nr=3,addr=5",
    ]);
    // Graphics, balloon, watchdog, SCSI, AHCI, agent, SPICE, disks, what is passed through,
    // networks, the second display, and what is passed through again.
    let taken = (2..=4).chain(6..=0x18).chain(0x1b..=0x1d);
    for slot in taken {
        machine.extend(devices(&[&format!("pci-testdev,addr={slot:x}")]));
    }
    machine
}

/// Q35 as pve-q35-4.0.cfg and qemu-server of Proxmox build it.
fn proxmox_q35() -> Vec<String> {
    devices(&[
        "ich9-usb-ehci1,id=ehci,multifunction=on,addr=1d.7",
        "ich9-usb-uhci1,masterbus=ehci.0,firstport=0,multifunction=on,addr=1d.0",
        "ich9-usb-uhci2,masterbus=ehci.0,firstport=2,multifunction=on,addr=1d.1",
        "ich9-usb-uhci3,masterbus=ehci.0,firstport=4,multifunction=on,addr=1d.2",
        "ich9-usb-ehci2,id=ehci-2,multifunction=on,addr=1a.7",
        "ich9-usb-uhci4,masterbus=ehci-2.0,firstport=0,multifunction=on,addr=1a.0",
        "ich9-usb-uhci5,masterbus=ehci-2.0,firstport=2,multifunction=on,addr=1a.1",
        "ich9-usb-uhci6,masterbus=ehci-2.0,firstport=4,multifunction=on,addr=1a.2",
        "pcie-root-port,id=ich9-pcie-port-1,chassis=1,multifunction=on,addr=1c.0",
        "pcie-root-port,id=ich9-pcie-port-2,chassis=2,multifunction=on,addr=1c.1",
        "pcie-root-port,id=ich9-pcie-port-3,chassis=3,multifunction=on,addr=1c.2",
        "pcie-root-port,id=ich9-pcie-port-4,chassis=4,multifunction=on,addr=1c.3",
        "i82801b11-bridge,id=pcidmi,addr=1e.0",
        "pci-bridge,id=pci.0,bus=pcidmi,chassis_nr=1,addr=1.0",
        "pci-bridge,id=pci.1,bus=pcidmi,chassis_nr=2,addr=2.0",
        "pci-bridge,id=pci.2,bus=pcidmi,chassis_nr=3,addr=3.0",
        "pci-testdev,addr=1b",
        "pci-testdev,addr=10",
        "pci-testdev,addr=11",
        "pci-testdev,addr=12",
        "pci-testdev,addr=13",
        "pci-testdev,addr=1",
    ])
}

/// i440FX as libvirt builds it: from below, with its bridge among the devices.
fn libvirt_pc() -> Vec<String> {
    devices(&[
        "ich9-usb-ehci1,id=usb,addr=5.7",
        "ich9-usb-uhci1,masterbus=usb.0,firstport=0,multifunction=on,addr=5.0",
        "pci-bridge,id=pci.1,chassis_nr=1,addr=6",
        "pci-testdev,addr=2",
        "pci-testdev,addr=3",
        "pci-testdev,addr=4",
    ])
}

/// Q35 as libvirt builds it: root ports from below, the functions of ICH9 in their own
/// slots, and a bridge to conventional PCI.
fn libvirt_q35() -> Vec<String> {
    let mut machine = devices(&[
        "pci-testdev,addr=1",
        "ich9-usb-ehci1,id=usb,addr=1d.7",
        "ich9-usb-uhci1,masterbus=usb.0,firstport=0,multifunction=on,addr=1d.0",
        "pci-testdev,addr=1b",
        "i82801b11-bridge,id=pci.100,addr=1e",
        "pci-bridge,id=pci.101,chassis_nr=101,bus=pci.100,addr=0",
    ]);
    for port in 0..24 {
        let (slot, function) = (2 + port / 8, port % 8);
        let first = if function == 0 {
            ",multifunction=on"
        } else {
            ""
        };
        machine.extend(devices(&[&format!(
            "pcie-root-port,id=port{port},chassis={},addr={slot:x}.{function}{first}",
            port + 1
        )]));
    }
    machine
}

#[test]
fn the_slot_that_a_page_names_is_free_in_the_machines_it_is_for() {
    for (page, chipset, machine) in [
        ("host-proxmox.md", Chipset::Pc, proxmox_pc()),
        ("host-proxmox.md", Chipset::Q35, proxmox_q35()),
        ("host-libvirt.md", Chipset::Pc, libvirt_pc()),
        ("host-libvirt.md", Chipset::Q35, libvirt_q35()),
    ] {
        let device = documented(page);
        let arguments = [machine, devices(&[&device])].concat();
        println!("{page}, {chipset:?}: {device}");
        Machine::start(chipset, &arguments).finish();
    }
}

/// i440FX as xenopsd and the stock wrapper of XCP-ng build it: the display, the platform
/// device and what else there is count from below, and no bridge is added.
fn xcp_ng_pc() -> Vec<String> {
    let taken: Vec<String> = (2..0x17)
        .map(|slot| format!("pci-testdev,addr={slot:x}"))
        .collect();
    devices(&taken.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn the_hook_has_slots_for_all_its_devices_above_those_of_xcp_ng() {
    // The hook's own tests have the same one.
    assert!(documented("host-xcp-ng.md").ends_with(",id=vgpu-stub0,addr=0x1e"));
    let ours = (0..8).map(|number| {
        let slot = 0x1e - number;
        format!("vgpu-stub,pool_id=B,id=vgpu-stub{number},addr={slot:#x}")
    });
    let ours: Vec<String> = ours.collect();
    let ours = devices(&ours.iter().map(String::as_str).collect::<Vec<_>>());
    Machine::start(Chipset::Pc, &[xcp_ng_pc(), ours].concat()).finish();
}

#[test]
fn the_slots_that_the_machines_have_taken_are_refused() {
    let bridges = [
        (Chipset::Pc, proxmox_pc(), "0x1e"),
        (Chipset::Q35, proxmox_q35(), "0x1d"),
        (Chipset::Q35, proxmox_q35(), "0x1e"),
        (Chipset::Q35, libvirt_q35(), "0x1e"),
    ];
    for (chipset, machine, slot) in bridges {
        let device = format!("vgpu-stub,pool_id=B,addr={slot}");
        let arguments = [machine, devices(&[&device])].concat();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let refusal = refuse(chipset, &arguments);
        assert!(!refusal.status.success(), "{chipset:?}, {slot}");
        assert!(refusal.stderr.contains("in use by"), "{}", refusal.stderr);
    }
}
