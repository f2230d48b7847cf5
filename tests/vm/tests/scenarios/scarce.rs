// SPDX-License-Identifier: GPL-2.0

//! What a guest can run out of.

use anyhow::{Result, ensure};
use harness::Guest;
use vm_tests::{SELFTESTS, said, wait_for};

/// How many devices the class has numbers for.
const NUMBERS: usize = 256;

#[test]
fn the_first_device_without_a_number_is_told_why() -> Result<()> {
    // Eight functions in each slot: of the root bus from slot 6 on, and of a bridge.
    let root = (0x06..0x20).map(|slot| ("pci.0", slot));
    let bridge = (0x01..0x20).map(|slot| ("more", slot));
    let slots = root.chain(bridge);
    let functions = slots.flat_map(|slot| (0..8).map(move |function| (slot, function)));
    let devices = functions
        .take(NUMBERS + 1)
        .flat_map(|((bus, slot), function)| {
            let device = format!("vgpu-stub,bus={bus},addr={slot:#x}.{function},multifunction=on");
            ["-device".to_owned(), device]
        });
    let guest = Guest::builder("numbers")
        .qemu_arguments([
            "-device",
            "pci-bridge,id=more,bus=pci.0,addr=5,chassis_nr=1",
        ])
        .qemu_arguments(devices)
        .boot()?;
    guest.check("modprobe vgpu_stub")?;
    let there = guest.check("ls /sys/class/vgpu | wc -l")?;
    ensure!(there == NUMBERS.to_string(), "{there} devices");
    let bound = "/sys/bus/pci/drivers/vgpu_stub";
    let last = guest.check(&format!(
        "cd /sys/bus/pci/devices; for it in $(grep -l 0x1111 */device); do
             [ -e {bound}/${{it%/*}} ] || echo ${{it%/*}}
         done"
    ))?;
    let said = said(&guest, &last)?;
    ensure!(
        said.iter().any(|line| line.contains("no number left")),
        "{last}: {said:?}"
    );

    // When another one goes, there is one.
    guest.check(&format!(
        "cd {bound}; echo 0000:00:06.0 >unbind; echo {last} >bind"
    ))?;
    guest.check(&format!(
        "ls /sys/bus/pci/devices/{last}/vgpu | grep -x vgpu0"
    ))?;
    guest.finish()
}

#[test]
fn a_device_whose_line_somebody_keeps_for_himself_is_asked() -> Result<()> {
    let device = "revision=2,msix=off,command-latency-us=20000";
    let guest = Guest::builder("taken")
        .devices([device, device])
        // A serial port that firmware announces is one to share.
        .kernel_arguments("acpi_irq_nobalance pnpacpi=off 8250.share_irqs=0")
        .qemu_arguments(["-chardev", "null,id=port"])
        .qemu_arguments(["-device", "isa-serial,index=2,irq=7,chardev=port"])
        .boot()?;
    // The line of slot 7.
    let _hog = guest.spawn(&format!("exec {SELFTESTS}/irqhog /dev/ttyS2 11"))?;
    let alone = "grep -q ' 11-.* ttyS2$' /proc/interrupts";
    wait_for(&guest, alone)?;
    guest.check("modprobe vgpu_stub")?;
    for name in ["vgpu0", "vgpu1"] {
        guest.check(&format!("vgpuinfo command 5 {name}"))?;
    }
    guest.check(alone)?;
    let lines = [said(&guest, "0000:00:06.0")?, said(&guest, "0000:00:07.0")?];
    ensure!(
        lines[0].is_empty() && lines[1].iter().any(|line| line.contains("EBUSY")),
        "{lines:?}"
    );
    guest.finish()
}
