// SPDX-License-Identifier: GPL-2.0

//! Messages to the host, beside the same bytes through ports of virtio-serial, in one guest
//! and with one program on the host.

use std::fs;

use anyhow::{Context, Result};
use harness::{Artifacts, Guest};
use tempfile::TempDir;

use crate::echo::Echo;
use crate::measure::{guest, middle};
use crate::report::Figures;

const TRIPS: &str = "/usr/lib/vgpu-selftests/trips";
const VGPU: &str = "/dev/vgpu0";

/// As many callers as the device has slots.
const CALLERS: u32 = 8;
/// A short question, and one that is nearly as long as can be.
const LENGTHS: [u32; 2] = [64, 4000];
/// How many trips are made at a time, and how often: each way has its turn soon after the
/// other one, as the machine is now faster and now slower.
const NUMBER: u32 = 250;
const ROUNDS: usize = 31;

/// What a trip makes the machine do.
const COUNTED: [&str; 3] = ["device accesses", "interrupts", "switches of task"];
/// What QEMU logs of accesses: a notification of a queue may be none to it, as it wakes up
/// the main loop by itself.
const TRACED: [&str; 2] = ["memory_region_ops_*", "virtio_queue_notify"];

/// What takes bytes to the host.
struct Way {
    name: &'static str,
    nodes: String,
    callers: u32,
}

/// A guest with both, whose host sends everything back.
struct Host {
    guest: Guest,
    _echoes: Vec<Echo>,
    _directory: TempDir,
}

impl Host {
    fn start(artifacts: &Artifacts, name: &str) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let socket = |name: &str| directory.path().join(name);
        let chardev = |name: &str| {
            let path = socket(name);
            format!(
                "socket,id={name},path={},server=on,wait=off",
                path.display()
            )
        };
        let ports: Vec<String> = (1..=CALLERS)
            .map(|number| format!("port{number}"))
            .collect();
        let mut builder = guest(artifacts, &format!("{name}-messages"))
            .qemu_arguments(["-chardev", &chardev("gpu0")])
            .qemu_arguments(["-device", "virtio-serial-pci,max_ports=16,addr=10"])
            .device("revision=3,chardev=gpu0");
        for (number, port) in (1..).zip(&ports) {
            let device = format!("virtserialport,chardev={port},nr={number}");
            builder = builder
                .qemu_arguments(["-chardev", &chardev(port)])
                .qemu_arguments(["-device", &device]);
        }
        let guest = builder.boot()?;
        guest.check("modprobe vgpu_stub")?;
        let mut echoes = vec![Echo::messages(&socket("gpu0"))?];
        for port in &ports {
            echoes.push(Echo::frames(&socket(port))?);
        }
        let last = port(CALLERS);
        vm_tests::wait_for(&guest, &format!("[ -c {last} ] && [ -c {VGPU} ]"))?;
        Ok(Self {
            guest,
            _echoes: echoes,
            _directory: directory,
        })
    }

    /// The ticks of a trip, and those of all trips divided by their number.
    fn trips(&self, way: &Way, length: u32) -> Result<[f64; 2]> {
        let Way { nodes, callers, .. } = way;
        let text = self
            .guest
            .check(&format!("{TRIPS} {callers} {NUMBER} {length} {nodes}"))?;
        let value = |name: &str| -> Result<f64> {
            let found = text.lines().find_map(|line| line.strip_prefix(name));
            found
                .with_context(|| text.clone())?
                .trim()
                .parse()
                .with_context(|| text.clone())
        };
        Ok([value("median")?, value("mean-of-all")?])
    }

    /// The processor time of QEMU so far, in what the kernel counts it in.
    fn processor_time(&self) -> Result<f64> {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.guest.pid()))?;
        // User's and system's, after the name, which ends with a parenthesis.
        let (_, fields) = text.rsplit_once(") ").with_context(|| text.clone())?;
        let mut times = fields.split(' ').skip(11).map(str::parse::<f64>);
        let (user, system) = times
            .next()
            .zip(times.next())
            .with_context(|| text.clone())?;
        Ok(user? + system?)
    }
}

fn port(number: u32) -> String {
    format!("/dev/vport0p{number}")
}

/// Measures messages and ports, in turn: what else the machine does is much the same for
/// both, and it is their ratio that counts.
pub(crate) fn messages(artifacts: &Artifacts, name: &str, figures: &mut Figures) -> Result<()> {
    let host = Host::start(artifacts, name)?;
    if !host
        .guest
        .run("[ -e /sys/class/vgpu/vgpu0/link ]")?
        .success()
    {
        // A driver from before there were messages.
        return Ok(());
    }
    let ports: Vec<String> = (1..=CALLERS).map(port).collect();
    let way = |name, nodes: &str, callers| Way {
        name,
        nodes: nodes.to_owned(),
        callers,
    };
    let one = [way("message", VGPU, 1), way("virtio-serial", &port(1), 1)];
    let many = [
        way("message", VGPU, CALLERS),
        way("virtio-serial, a port", &port(1), CALLERS),
        way("virtio-serial, a port each", &ports.join(" "), CALLERS),
    ];
    for length in LENGTHS {
        measure(
            &host,
            &format!("1 caller, {length} bytes"),
            &one,
            length,
            0,
            figures,
        )?;
        let group = format!("{CALLERS} callers, {length} bytes");
        measure(&host, &group, &many, length, 1, figures)?;
    }
    counts(&host, &one, figures)?;
    host.guest.finish()
}

/// Adds what each way takes, and how many times as much the first one takes as each other: of
/// ticks, and of the processor time of QEMU, the guest and the start of its program included.
fn measure(
    host: &Host,
    group: &str,
    ways: &[Way],
    length: u32,
    which: usize,
    figures: &mut Figures,
) -> Result<()> {
    let mut taken = vec![Vec::new(); ways.len()];
    let mut busy = vec![0.0; ways.len()];
    for _ in 0..ROUNDS {
        for ((way, taken), busy) in ways.iter().zip(&mut taken).zip(&mut busy) {
            *busy -= host.processor_time()?;
            taken.push(host.trips(way, length)?[which]);
            *busy += host.processor_time()?;
        }
    }
    for (way, taken) in ways.iter().zip(&taken) {
        figures.add(
            group,
            &format!("{}, ticks", way.name),
            middle(taken.clone()),
        );
    }
    for ((way, others), busy_others) in ways.iter().zip(&taken).zip(&busy).skip(1) {
        let ratios = taken[0]
            .iter()
            .zip(others)
            .map(|(ours, theirs)| ours / theirs);
        let name = format!("ratio to {}", way.name);
        figures.add(group, &name, middle(ratios.collect()));
        let name = format!("processor time, ratio to {}", way.name);
        figures.add(group, &name, busy[0] / busy_others);
    }
    Ok(())
}

/// Adds how often a trip of one caller does each of [`COUNTED`].
fn counts(host: &Host, ways: &[Way], figures: &mut Figures) -> Result<()> {
    let group = format!("a trip of 1 caller, {} bytes", LENGTHS[0]);
    for way in ways {
        // What comes before and after the trips is the same for all.
        let [few, many] = [100, 300].map(|number| count(host, way, number));
        let (few, many) = (few?, many?);
        for (name, (few, many)) in COUNTED.iter().zip(few.into_iter().zip(many)) {
            figures.add(
                &group,
                &format!("{}, {name}", way.name),
                (many - few) / 200.0,
            );
        }
    }
    Ok(())
}

/// Counts [`COUNTED`] while trips are made.
fn count(host: &Host, way: &Way, number: u32) -> Result<[f64; 3]> {
    let qmp = host.guest.qmp();
    let text = "cat /proc/interrupts; grep ctxt /proc/stat";
    let command = format!(
        "{{ {text}; }} >/tmp/before; {TRIPS} 1 {number} {} {} >/dev/null; \
         {{ {text}; }} >/tmp/after; cat /tmp/before; echo; cat /tmp/after",
        LENGTHS[0], way.nodes
    );
    for pattern in TRACED {
        qmp.trace(pattern, true)?;
    }
    let before = host.guest.qemu_log().len();
    let text = host.guest.check(&command)?;
    for pattern in TRACED {
        qmp.trace(pattern, false)?;
    }
    let log = host.guest.qemu_log();
    let accesses = log[before..].lines().filter(|line| {
        line.contains("'vgpu-stub-mmio'")
            || line.contains("name 'virtio-pci")
            || line.contains("virtio_queue_notify ")
    });
    let accesses = u32::try_from(accesses.count())?;
    let (before, after) = text.split_once("\n\n").with_context(|| text.clone())?;
    let grown = |prefix: &str| -> f64 { number_of(after, prefix) - number_of(before, prefix) };
    Ok([accesses.into(), grown("interrupts"), grown("ctxt")])
}

/// The switches of task, or the interrupts of both kinds of device, so far.
fn number_of(text: &str, what: &str) -> f64 {
    let lines = text.lines().filter(|line| match what {
        "ctxt" => line.starts_with("ctxt"),
        _ => line.contains("vgpu") || line.contains("virtio"),
    });
    let numbers = lines.flat_map(|line| {
        let words = line.split_whitespace().skip(1);
        words.map_while(|word| word.parse::<f64>().ok())
    });
    numbers.sum()
}
