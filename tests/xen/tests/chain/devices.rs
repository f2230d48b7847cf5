// SPDX-License-Identifier: GPL-2.0

//! More than the one device, fewer, and the other key.

use anyhow::{Result, ensure};
use xen_tests::Vm;

use crate::facts::device;
use crate::site::Site;

/// The values of all devices, in the order of their ids on the host.
pub(crate) fn values(vm: &Vm) -> Result<Vec<String>> {
    // The first one is in the last slot.
    let text = vm.check(
        "for dir in $(ls -dr /sys/bus/pci/drivers/vgpu_stub/*:*); do
             for dir in $dir/vgpu/*; do
                 echo $(cat $dir/pool_id $dir/priority $dir/vm_id)
             done
         done",
    )?;
    Ok(text.lines().map(str::to_owned).collect())
}

pub(crate) fn two_devices_are_two_devices(site: &Site) -> Result<()> {
    let values = &site.two()?.values;
    ensure!(*values == ["B high 200", "A low 42"], "{values:?}");
    Ok(())
}

pub(crate) fn a_guest_asks_and_the_daemon_of_its_host_answers(site: &Site) -> Result<()> {
    let vm = &site.two()?.vm;
    let device = vm.check("dirname $(grep -l '^42$' /sys/class/vgpu/*/vm_id)")?;
    let device = device.trim_start_matches("/sys/class/vgpu/");
    ensure!(vm.check(&format!("vgpuinfo get link {device}"))? == "0");

    let host = site.other_host()?;
    host.check(
        "vgpu-pool serve --answer identity >/run/vgpu-pool.log 2>&1 & echo $! >/run/vgpu-pool.pid",
    )?;
    vm.check(&format!(
        "vgpuinfo wait --for link=1 -d {device} --timeout 60"
    ))?;
    let answer = vm.check(&format!("vgpuinfo call -d {device} 'who am I?'"))?;
    ensure!(
        answer == r#"{"vm_id":42,"pool_id":"A","priority":"low"}"#,
        "{answer}"
    );
    host.check("kill $(cat /run/vgpu-pool.pid)")?;
    vm.check(&format!(
        "vgpuinfo wait --for link=0 -d {device} --timeout 60"
    ))?;
    let log = host.check("cat /run/vgpu-pool.log")?;
    ensure!(
        log.contains("-vgpu-stub1: VM 42, pool A, priority low"),
        "{log}"
    );
    Ok(())
}

pub(crate) fn a_device_goes_while_its_driver_is_bound_and_leaves_the_other(
    site: &Site,
) -> Result<()> {
    let vm = &site.two()?.vm;
    let before = vm.check("dmesg | wc -l")?;

    vm.monitor("device_del vgpu-stub0")?;
    vm.wait_for("[ $(ls /sys/class/vgpu | wc -l) = 1 ]")?;
    vm.wait_for("[ $(lspci -d 1af4:1111 | wc -l) = 1 ]")?;
    let left = values(vm)?;
    ensure!(left == ["A low 42"], "{left:?}");
    let qtree = vm.monitor("info qtree")?;
    ensure!(!qtree.contains("vgpu-stub0"), "{qtree}");
    ensure!(qtree.contains("vgpu-stub1"), "{qtree}");

    // Of the driver and at the level of a warning or above, the log is as before.
    let said = vm.check(&format!(
        "dmesg -r | tail -n +$(({before} + 1)) | grep -e '^<[0-4]>' -e vgpu || true"
    ))?;
    ensure!(said.is_empty(), "{said}");
    vm.check_kernel_log()
}

pub(crate) fn the_guides_key_makes_the_same_device(site: &Site) -> Result<()> {
    let vm = site.guides()?;
    let device = device(vm.check("vgpuinfo -J")?)?;
    ensure!(
        device["pool_id"] == "B" && device["priority"] == "high" && device["vm_id"] == 200,
        "{device}"
    );
    vm.check_kernel_log()
}
