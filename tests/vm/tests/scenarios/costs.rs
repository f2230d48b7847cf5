// SPDX-License-Identifier: GPL-2.0

//! What the driver and vgpuinfo cost, where that can be counted exactly. `make bench`
//! measures the rest.

use anyhow::{Context, Result, ensure};
use harness::{Guest, Machine};
use vgpu::uapi::{
    VGPU_REG_COMMAND, VGPU_REG_COMPLETED, VGPU_REG_CONFIG_GENERATION, VGPU_REG_FEATURES,
    VGPU_REG_IRQ_ENABLE, VGPU_REG_IRQ_STATUS, VGPU_REG_POOL_ID, VGPU_REG_PRIORITY, VGPU_REG_RESULT,
    VGPU_REG_STATUS, VGPU_REG_SUBMITTED, VGPU_REG_VM_ID,
};
use vm_tests::{SELFTESTS, accesses, guest, guest_with_driver, on_each_machine};

on_each_machine!(
    a_device_of_revision_1_is_accessed_as_rarely_as_it_can_be,
    a_device_with_vectors_is_accessed_as_rarely_as_it_can_be,
    a_device_with_a_line_is_accessed_as_rarely_as_it_can_be,
);

/// What reads every value of a device.
const EVERYTHING: [&str; 2] = ["vgpuinfo", "vgpuinfo check --pool B"];

/// The registers that are accessed when the driver finds a device of revision 2: what it
/// can do, who it is, that it is there, how many commands it has executed so far.
const BIND: &[u32] = &[
    VGPU_REG_FEATURES,
    VGPU_REG_IRQ_ENABLE,
    VGPU_REG_IRQ_STATUS,
    VGPU_REG_CONFIG_GENERATION,
    VGPU_REG_PRIORITY,
    VGPU_REG_VM_ID,
    VGPU_REG_POOL_ID,
    VGPU_REG_CONFIG_GENERATION,
    VGPU_REG_COMPLETED,
    VGPU_REG_POOL_ID,
    VGPU_REG_IRQ_ENABLE,
    VGPU_REG_CONFIG_GENERATION,
];

/// And when it lets the device go: no interrupts any more.
const UNBIND: &[u32] = &[VGPU_REG_IRQ_ENABLE, VGPU_REG_IRQ_STATUS];

fn ensure_accesses(guest: &Guest, command: &str, registers: &[u32]) -> Result<()> {
    let accessed = accesses(guest, command)?;
    ensure!(accessed == registers, "{command}: {accessed:#x?}");
    Ok(())
}

fn ensure_attribute(guest: &Guest, name: &str, registers: &[u32]) -> Result<()> {
    let command = format!("cat /sys/class/vgpu/vgpu0/{name} >/dev/null");
    ensure_accesses(guest, &command, registers)
}

/// The command for one operation on the node.
fn once(operation: &str) -> String {
    format!("{SELFTESTS}/operations once {operation} vgpu0")
}

fn a_device_of_revision_1_is_accessed_as_rarely_as_it_can_be(machine: Machine) -> Result<()> {
    // Who it is, which it cannot say that it has changed.
    const IDENTITY: [(&str, u32); 3] = [
        ("pool_id", VGPU_REG_POOL_ID),
        ("priority", VGPU_REG_PRIORITY),
        ("vm_id", VGPU_REG_VM_ID),
    ];
    let guest = guest("costs-1", machine, &["revision=1,pool_id=B,vm_id=7"])?;
    let identity = &[VGPU_REG_PRIORITY, VGPU_REG_VM_ID, VGPU_REG_POOL_ID];
    ensure_accesses(&guest, "modprobe vgpu_stub", identity)?;
    // That somebody is there to answer 0 is what the pool tells.
    for (attribute, register) in [("command", VGPU_REG_COMMAND), ("status", VGPU_REG_STATUS)] {
        ensure_attribute(&guest, attribute, &[register, VGPU_REG_POOL_ID])?;
    }
    guest.check("vgpuinfo command 1")?;
    let submit = [VGPU_REG_COMMAND, VGPU_REG_STATUS];
    ensure_accesses(&guest, &once("submit"), &submit)?;
    ensure_accesses(&guest, &once("info"), &[&identity[..], &submit].concat())?;
    for (attribute, register) in IDENTITY
        .into_iter()
        .chain([("command", VGPU_REG_COMMAND), ("status", VGPU_REG_STATUS)])
    {
        ensure_attribute(&guest, attribute, &[register])?;
        ensure_accesses(&guest, &format!("vgpuinfo get {attribute}"), &[register])?;
    }
    ensure_attribute(&guest, "uevent", &[])?;
    for command in EVERYTHING {
        let registers = IDENTITY.map(|(_, register)| register);
        ensure_accesses(&guest, command, &[&registers[..], &submit].concat())?;
    }
    ensure_accesses(&guest, "rmmod vgpu_stub", &[])?;
    guest.finish()
}

fn a_device_with_vectors_is_accessed_as_rarely_as_it_can_be(machine: Machine) -> Result<()> {
    // The vector says what happened.
    revision_2(machine, "costs-vectors", "msix=on", &[])
}

fn a_device_with_a_line_is_accessed_as_rarely_as_it_can_be(machine: Machine) -> Result<()> {
    // Whether it was this device, and what happened.
    revision_2(machine, "costs-line", "msix=off", &[VGPU_REG_IRQ_STATUS])
}

/// `why` is what an interrupt costs beyond its acknowledgement.
fn revision_2(machine: Machine, name: &str, properties: &str, why: &[u32]) -> Result<()> {
    let device = format!("revision=2,pool_id=B,vm_id=7,{properties}");
    let guest = guest(name, machine, &[&device])?;
    ensure_accesses(&guest, "modprobe vgpu_stub", BIND)?;
    guest.check("vgpuinfo command 1")?;

    // The processor that submits may look at the status before another one has the
    // interrupt, and has to look again after that.
    let mut accessed = accesses(&guest, &once("submit"))?;
    let in_order = accessed.clone();
    accessed.sort_unstable();
    if accessed.windows(2).any(|two| two == [VGPU_REG_STATUS; 2]) {
        accessed.remove(1);
    }
    let mut submit = vec![
        VGPU_REG_COMMAND,
        VGPU_REG_STATUS,
        VGPU_REG_IRQ_STATUS,
        VGPU_REG_COMPLETED,
        VGPU_REG_RESULT,
    ];
    submit.extend(why);
    submit.sort_unstable();
    ensure!(accessed == submit, "submit: {in_order:#x?}");

    let live = [VGPU_REG_COMMAND, VGPU_REG_STATUS];
    ensure_accesses(&guest, &once("info"), &live)?;
    for (attribute, registers) in [
        ("pool_id", &[][..]),
        ("priority", &[]),
        ("vm_id", &[]),
        ("features", &[]),
        ("config_generation", &[]),
        ("uevent", &[]),
        ("command", &[VGPU_REG_COMMAND]),
        ("status", &[VGPU_REG_STATUS]),
        ("commands_submitted", &[VGPU_REG_SUBMITTED]),
        ("commands_completed", &[VGPU_REG_COMPLETED]),
        // As for revision 1, 0 has to be proved.
        ("result", &[VGPU_REG_RESULT, VGPU_REG_POOL_ID]),
    ] {
        ensure_attribute(&guest, attribute, registers)?;
    }
    ensure_accesses(&guest, "vgpuinfo get pool_id", &[])?;
    ensure_accesses(&guest, "vgpuinfo get status", &[VGPU_REG_STATUS])?;
    for command in EVERYTHING {
        ensure_accesses(&guest, command, &live)?;
    }
    ensure_accesses(&guest, "rmmod vgpu_stub", UNBIND)?;
    guest.finish()
}

#[test]
fn vgpuinfo_makes_few_system_calls() -> Result<()> {
    let guest = guest_with_driver("costs-calls", Machine::Pc, &["revision=2,pool_id=B"])?;
    let calls = |command: &str| -> Result<u32> {
        let counted = guest.check(&format!("{SELFTESTS}/operations calls {command}"))?;
        let (_, number) = counted.rsplit_once(' ').context("no number")?;
        number.parse().context(counted)
    };
    let functions = guest.check("ls /sys/bus/pci/devices | wc -l")?;
    let others = functions.parse::<u32>().context(functions)? - 1;
    // A program that does nothing but read its arguments.
    let least = calls("vgpuinfo --version")?;
    // To list the functions, to rule out one that is none of ours, to find out who ours
    // is and who has it, and to read its attributes.
    for (command, attributes) in [("vgpuinfo get pool_id", 1), ("vgpuinfo list", 8)] {
        let most = least + 4 + 3 * others + 14 + 3 * attributes;
        let made = calls(command)?;
        // An allocation may take one more from the kernel.
        ensure!(
            made <= most + 1,
            "{command}: {made}, and at most {most} of them are known"
        );
    }
    guest.finish()
}

#[test]
fn a_driver_that_is_unbound_waits_for_no_rcu_grace_period() -> Result<()> {
    let guest = guest_with_driver("costs-unbind", Machine::Pc, &["revision=2"])?;
    // A shell of its own, whose pid is traced.
    let trace = guest.check(
        "mount -t tracefs tracefs /sys/kernel/tracing
         cd /sys/kernel/tracing
         printf '%s\n' 'synchronize_*rcu*' 'rcu_barrier*' __wait_rcu_gp >set_ftrace_filter
         echo $$ >set_ftrace_pid
         echo function >current_tracer
         echo 0000:00:06.0 >/sys/bus/pci/drivers/vgpu_stub/unbind
         sed '/^#/d; s/^.*: //' trace",
    )?;
    let waits: Vec<&str> = trace
        .lines()
        .filter_map(|it| it.split(' ').next())
        .collect();
    ensure!(waits == ["synchronize_srcu"], "{trace}");
    guest.finish()
}
