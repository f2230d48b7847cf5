// SPDX-License-Identifier: GPL-2.0

//! How the module gets loaded, and beside whom.

use anyhow::{Result, ensure};
use harness::Machine;
use vm_tests::{UNPLUG, guest, on_each_machine, wait_for};

on_each_machine!(
    udev_loads_the_module_when_a_device_is_there_or_comes,
    virtio_pci_may_come_first_or_last,
);

const UDEV: &str = "/lib/systemd/systemd-udevd --daemon && udevadm trigger --action=add && \
                    udevadm settle";

fn udev_loads_the_module_when_a_device_is_there_or_comes(machine: Machine) -> Result<()> {
    let guest = guest("udev", machine, &["pool_id=B"])?;
    ensure!(!guest.run("test -e /sys/module/vgpu_stub")?.success());
    guest.check(UDEV)?;
    wait_for(&guest, "[ -c /dev/vgpu0 ]")?;
    ensure!(guest.check("cat /sys/class/vgpu/vgpu0/pool_id")? == "B");

    // The packaged rule.
    let node = guest.check("stat -c '%a %G' /dev/vgpu0")?;
    ensure!(node == "660 vgpu", "{node}");
    // Units can wait for it, and find the same device after each boot.
    guest.check("udevadm info --query=property /dev/vgpu0 | grep -x 'TAGS=:systemd:'")?;
    let link = guest.check("readlink -f /dev/vgpu/by-path/pci-0000:00:06.0")?;
    ensure!(link == "/dev/vgpu0", "{link}");

    guest.check("rmmod vgpu_stub")?;
    guest.plug("pool_id=A,id=late")?;
    wait_for(&guest, "[ $(ls /sys/class/vgpu | wc -l) = 2 ]")?;
    guest.unplug("late", UNPLUG)?;
    guest.finish()
}

/// virtio_pci matches every device of this vendor, and looks at ours before it
/// declines it. It is built into the stock kernel, so it comes first at boot; what
/// a module that comes later would do is asked of it here.
fn virtio_pci_may_come_first_or_last(machine: Machine) -> Result<()> {
    let guest = guest("virtio", machine, &["pool_id=B,vm_id=3", "virtio-rng-pci"])?;
    let pci = "/sys/bus/pci";
    let address = "0000:00:06.0";
    let works = format!(
        "test -e {pci}/drivers/virtio-pci/0000:00:07.0 && \
         test -e {pci}/drivers/vgpu_stub/{address} && \
         test \"$(cat /sys/class/vgpu/*/vm_id)\" = 3 && \
         test \"$(cat {pci}/devices/{address}/enable)\" = 1"
    );

    // virtio_pci was first.
    guest.check("modprobe vgpu_stub")?;
    guest.check(&works)?;

    // It comes while the device is ours: it does not get it.
    let virtio_tries = format!("echo {address} >{pci}/drivers/virtio-pci/bind");
    ensure!(!guest.run(&virtio_tries)?.success());
    guest.check(&works)?;

    // It comes while the device is nobody's, and declines.
    guest.check(&format!("echo {address} >{pci}/drivers/vgpu_stub/unbind"))?;
    ensure!(!guest.run(&virtio_tries)?.success());
    guest.check(&format!("test ! -e {pci}/devices/{address}/driver"))?;
    guest.check(&format!("echo {address} >{pci}/drivers/vgpu_stub/bind"))?;
    guest.check(&works)?;
    guest.finish()
}
