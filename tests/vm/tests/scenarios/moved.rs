// SPDX-License-Identifier: GPL-2.0

//! Guests that go on in another QEMU, whose devices have other properties: by migration,
//! and from disk.

use std::fs::File;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::{Guest, GuestBuilder};
use vgpu::uapi::VGPU_EVENT_CONFIG_CHANGED;
use vm_tests::UNPLUG;

use crate::recovery::{
    BUSY, Properties, REVISION_1, REVISION_2, WITHOUT_MSIX, in_slots, is_told_of_its_loss,
};

const LIMIT: Duration = Duration::from_secs(300);

/// The devices of a guest, of which the last one is busy while it moves.
const HERE: [Properties; 4] = [REVISION_1, REVISION_2, WITHOUT_MSIX, BUSY];

/// Returns the same devices on another host, where none of them takes long.
fn elsewhere() -> [Properties; 4] {
    HERE.map(|here| Properties {
        pool: "B",
        priority: "high",
        vm_id: here.vm_id + 200,
        latency: here.latency.min(REVISION_2.latency),
        ..here
    })
}

fn guest(name: &str, devices: [Properties; 4]) -> GuestBuilder {
    Guest::builder(name)
        .devices(devices.map(|it| it.argument()))
        .time_limit(LIMIT)
}

#[test]
fn a_guest_that_is_migrated_sees_what_the_target_has() -> Result<()> {
    let mut here = HERE;
    // The command is not over before the guest moves.
    here[3].latency = Duration::from_secs(5);
    let guest = guest("migrated", here).boot()?;
    guest.check("modprobe vgpu_stub")?;
    let mut devices = in_slots(&guest, &here)?;
    for device in &mut devices[1..3] {
        device.change()?;
    }
    let mut command = devices[3].start_command()?;
    let elsewhere = elsewhere();
    guest.migrate(elsewhere.map(|it| it.argument()))?;

    // Of revision 1 the identity is the target's, as the guest is not told of a change; of
    // revision 2 it goes with the guest.
    devices[0].properties = elsewhere[0];
    devices[3].properties.latency = elsewhere[3].latency;
    for device in &mut devices[..3] {
        device.is_right()?;
    }
    let output = command.wait_timeout(UNPLUG)?;
    let output = output.context("the command was not completed")?;
    ensure!(output.success(), "{output:?}");
    devices[3].is_right()?;
    guest.finish()
}

#[test]
fn a_guest_that_wakes_up_from_disk_sees_what_is_there_then() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let disk = directory.path().join("disk");
    File::create(&disk)?.set_len(1 << 30)?;
    let guest = guest("hibernated", HERE).swap(&disk).boot()?;
    guest.check("modprobe vgpu_stub")?;
    let mut devices = in_slots(&guest, &HERE)?;
    // Those there have not changed as often.
    for device in &mut devices[1..] {
        for _ in 0..3 {
            device.change()?;
        }
    }
    let lost = devices[3].start_command()?;
    let mut reader = guest.spawn(&format!(
        "exec 3</dev/{} && echo open
         until [ -e /run/awake ]; do sleep 0.1; done
         dd bs=16 count=1 <&3 2>/dev/null | od -An -v -tu4",
        devices[1].name()?
    ))?;
    reader.next_line(UNPLUG)?;
    let mut hibernating = guest.hibernate()?;
    let elsewhere = elsewhere();
    guest.switch_on(elsewhere.map(|it| it.argument()))?;
    let output = hibernating.wait_timeout(LIMIT)?;
    let output = output.context("the guest does not wake up")?;
    ensure!(output.success(), "{output:?}");
    is_told_of_its_loss(lost)?;
    // Generation 0 after 3 is one change.
    guest.check("touch /run/awake")?;
    let event = reader.next_line(UNPLUG)?.context("there is no event")?;
    let event: Vec<_> = event.split_whitespace().collect();
    let type_ = VGPU_EVENT_CONFIG_CHANGED.to_string();
    ensure!(event == [&type_, "1", "0", "0"], "{event:?}");
    for (device, properties) in devices.iter_mut().zip(elsewhere) {
        device.properties = properties;
        device.generation = 0;
        device.is_right()?;
    }
    guest.finish()
}
