// SPDX-License-Identifier: GPL-2.0

//! Interrupts without end, or before anybody is ready for them: what user space is told.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use harness::{Guest, Running, scaled};
use vm_tests::{name_of, quietly, wait_for};

/// A device that says that it has changed as often as it is told to, and each time has.
/// A vector and a line for each way to interrupt; both are `vgpu-stub-hostile`.
const WAYS: [(&str, &str); 2] = [("vectors", "msix=on"), ("line", "msix=off")];
const CHANGES: &str = "revision=2,features=7,pool-id=0x42,irq-bits=2";
const WITHOUT_END: u32 = u32::MAX;

/// Between two changes of a device that does not stop changing.
const PERIOD: Duration = Duration::from_micros(200);

/// Most uevents a second that a device may cause.
const MOST_A_SECOND: f64 = 20.0;

/// When a change is told that comes alone, at the latest.
const AT_ONCE: Duration = Duration::from_millis(100);
const TRIES: usize = 10;

fn devices(more: &str) -> [String; 2] {
    WAYS.map(|(id, way)| format!("vgpu-stub-hostile,id={id},{way},{CHANGES}{more}"))
}

/// Something that the kernel has told user space.
#[derive(Debug)]
struct Uevent {
    /// In seconds since the guest's start.
    time: f64,
    action: String,
    /// Below /sys.
    path: String,
    properties: HashMap<String, String>,
}

/// Listens to what the kernel tells user space.
struct Monitor<'guest>(Running<'guest>);

impl<'guest> Monitor<'guest> {
    fn start(guest: &'guest Guest) -> Result<Self> {
        let mut running = guest.spawn("exec udevadm monitor --kernel --property")?;
        while !running
            .next_line(Duration::from_secs(30))?
            .context("udevadm ended")?
            .starts_with("KERNEL")
        {}
        Ok(Self(running))
    }

    /// Everything about vGPUs that was told since the start.
    fn finish(self) -> Result<Vec<Uevent>> {
        self.0.kill()?;
        let text = self.0.wait()?.text();
        let events = text.split("\n\n").map(str::trim);
        let events = events.filter(|event| event.contains("vgpu"));
        events
            .map(|event| Uevent::parse(event).with_context(|| event.to_owned()))
            .collect()
    }
}

impl Uevent {
    /// Takes `KERNEL[12.345678] change   /devices/… (vgpu)` and the lines after it.
    fn parse(text: &str) -> Option<Self> {
        let (head, properties) = text.split_once('\n').unwrap_or((text, ""));
        let mut words = head.split_whitespace();
        let time = words.next()?.strip_prefix("KERNEL[")?.strip_suffix(']')?;
        let properties = properties.lines().filter_map(|line| line.split_once('='));
        Some(Self {
            time: time.parse().ok()?,
            action: words.next()?.to_owned(),
            path: words.next()?.to_owned(),
            properties: properties
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        })
    }

    /// Whether it is about a class device that there is.
    fn is_of(&self, name: &str) -> bool {
        self.path.starts_with("/devices/pci") && self.path.ends_with(&format!("/vgpu/{name}"))
    }
}

/// Waits until the driver shows the VM id and the generation that the device has by now.
fn shows_the_last(guest: &Guest, id: &str, name: &str) -> Result<String> {
    let number = |property: &str| -> Result<u64> {
        let value = guest.qmp().qom_get(id, property)?;
        value.as_u64().context("a number")
    };
    let (vm_id, generation) = (number("vm-id")?, number("config-generation")?);
    wait_for(
        guest,
        &format!(
            "[ \"$(cd /sys/class/vgpu/{name} && echo $(cat vm_id config_generation))\" = \
             '{vm_id} {generation}' ]"
        ),
    )
    .with_context(|| format!("{name} is not shown as VM {vm_id}, generation {generation}"))?;
    Ok(vm_id.to_string())
}

#[test]
fn what_a_device_says_before_it_is_there_is_caught_up_with() -> Result<()> {
    // From the start, and whether it is to interrupt or not.
    let early = format!(",irq-obeys-enable=off,irq-period-us=500,irq-times={WITHOUT_END}");
    let guest = Guest::builder("early").devices(devices(&early)).boot()?;
    let monitor = Monitor::start(&guest)?;
    guest.check("modprobe vgpu_stub")?;
    for slot in ["06", "07"].repeat(5) {
        guest.check(&format!(
            "cd /sys/bus/pci/drivers/vgpu_stub && echo 0000:00:{slot}.0 >unbind && \
             echo 0000:00:{slot}.0 >bind"
        ))?;
    }
    for (id, _) in WAYS {
        guest.qmp().qom_set(id, "irq-times", 0)?;
    }
    for (slot, (id, _)) in ["06", "07"].iter().zip(WAYS) {
        let name = name_of(&guest, &format!("0000:00:{slot}.0"))?;
        shows_the_last(&guest, id, &name)?;
    }
    let mut there = HashMap::new();
    for event in monitor.finish()? {
        let Some(name) = event.properties.get("DEVNAME") else {
            continue;
        };
        let name = name.trim_start_matches("/dev/").to_owned();
        ensure!(event.is_of(&name), "{event:?}");
        let is_there = there.entry(name).or_insert(false);
        match event.action.as_str() {
            "add" => *is_there = true,
            "remove" => *is_there = false,
            _ => ensure!(*is_there, "it is not there: {event:?}"),
        }
    }
    let left = there.values().filter(|is_there| **is_there).count();
    ensure!(left == 2, "{there:?}");
    guest.check("rmmod vgpu_stub")?;
    guest.finish()
}

#[test]
fn changes_without_end_are_told_now_and_then_and_the_last_one_always() -> Result<()> {
    let guest = Guest::builder("changes").devices(devices("")).boot()?;
    guest.check("modprobe vgpu_stub")?;
    quietly(&guest, || {
        for (name, (id, _)) in ["vgpu0", "vgpu1"].iter().zip(WAYS) {
            one_is_told_at_once(&guest, id, name)?;
            many_are_told_now_and_then(&guest, id, name)?;
        }
        Ok(())
    })?;
    guest.finish()
}

fn one_is_told_at_once(guest: &Guest, id: &str, name: &str) -> Result<()> {
    let limit = scaled(AT_ONCE).as_secs_f64();
    let mut delays = Vec::new();
    // A machine that is busy with something else may be late, but not each time.
    while delays.len() < TRIES && delays.iter().all(|delay| *delay > limit) {
        let monitor = Monitor::start(guest)?;
        let time: f64 = guest.check("cut -d ' ' -f 1 /proc/uptime")?.parse()?;
        guest.qmp().qom_set(id, "irq-times", 1)?;
        shows_the_last(guest, id, name)?;
        guest.check("sleep 0.3")?;
        let events = monitor.finish()?;
        ensure!(events.len() == 1, "{name}: {events:?}");
        delays.push(events[0].time - time);
    }
    println!("{name}: told after {delays:?} seconds");
    ensure!(
        delays.iter().any(|delay| *delay <= limit),
        "{name}: told after {delays:?} seconds"
    );
    Ok(())
}

fn many_are_told_now_and_then(guest: &Guest, id: &str, name: &str) -> Result<()> {
    let monitor = Monitor::start(guest)?;
    let period = u32::try_from(scaled(PERIOD).as_micros())?;
    guest.qmp().qom_set(id, "irq-period-us", period)?;
    guest.qmp().qom_set(id, "irq-times", WITHOUT_END)?;
    guest.check("sleep 2")?;
    guest.qmp().qom_set(id, "irq-times", 0)?;
    let vm_id = shows_the_last(guest, id, name)?;
    guest.check("sleep 0.5")?;

    let events = monitor.finish()?;
    ensure!(events.iter().all(|event| event.is_of(name)), "{events:?}");
    let (Some(first), Some(last)) = (events.first(), events.last()) else {
        bail!("{name}: nothing was told");
    };
    let seconds = last.time - first.time;
    let times = events.len();
    println!("{name}: VM {vm_id}, told {times} times in {seconds} seconds");
    ensure!(seconds > 1.0, "{name}: only in the first {seconds} seconds");
    let rate = (times - 1) as f64 / seconds;
    ensure!(rate <= MOST_A_SECOND, "{name}: told {rate} times a second");
    let told = last.properties.get("VGPU_VM_ID");
    ensure!(told == Some(&vm_id), "{name}: {vm_id} was told as {last:?}");
    Ok(())
}
