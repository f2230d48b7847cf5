// SPDX-License-Identifier: GPL-2.0

//! Messages: a guest asks its host, and the test is who answers.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use harness::{Guest, Machine, Running, ktap, scaled};
use tempfile::TempDir;
use vgpu_protocol::{Decoder, Event, Hello, Response};
use vm_tests::{SELFTESTS, UNPLUG, on_each_machine, quietly};

on_each_machine!(
    calls_of_many_at_once_each_get_their_own_answer,
    a_device_that_lies_about_a_message_gives_its_caller_nothing_but_an_error,
);

/// How long a guest of these may live, and how much longer for each of many.
const LIMIT: Duration = Duration::from_secs(300);
const PER_CALL: Duration = Duration::from_millis(5);
const PER_UNPLUG: Duration = Duration::from_secs(5);
/// After which a call ends that few of many are left without an answer for.
const SHORT: Duration = Duration::from_millis(500);

/// Answers messages as the selftest `calls` wants it, until the connection ends.
struct Backend {
    stream: UnixStream,
    thread: JoinHandle<Result<Seen>>,
    leaves_out: Arc<LeavesOut>,
    /// How many requests have come.
    asked: Arc<AtomicU64>,
}

/// Says which requests get no answer, by their number.
#[derive(Debug, Default)]
struct LeavesOut {
    /// All but one in so many; 0 is none.
    all_but_one_in: AtomicU32,
    /// One in so many; 0 is none.
    one_in: AtomicU32,
}

impl LeavesOut {
    fn applies(&self, number: u64) -> bool {
        let is_one_in = |every: &AtomicU32| {
            let every = u64::from(every.load(Ordering::Relaxed));
            (every != 0).then(|| number % every == 0)
        };
        is_one_in(&self.all_but_one_in) == Some(false) || is_one_in(&self.one_in) == Some(true)
    }
}

/// What a backend was told.
#[derive(Debug, Default)]
struct Seen {
    hellos: Vec<Hello>,
    requests: u64,
    cancels: u64,
}

impl Backend {
    fn connect(path: &Path) -> Result<Self> {
        let stream = UnixStream::connect(path)?;
        let leaves_out = Arc::new(LeavesOut::default());
        let asked = Arc::new(AtomicU64::new(0));
        let own = stream.try_clone()?;
        let (leaves, count) = (Arc::clone(&leaves_out), Arc::clone(&asked));
        Ok(Self {
            stream,
            thread: thread::spawn(move || answer_all(own, &leaves, &count)),
            leaves_out,
            asked,
        })
    }

    /// Leaves the answers of all requests out but of one in so many; 0 leaves out none.
    fn leave_out_all_but_one_in(&self, number: u32) {
        self.leaves_out
            .all_but_one_in
            .store(number, Ordering::Relaxed);
    }

    /// Waits until so many requests have come.
    fn wait_for_requests(&self, number: u64) -> Result<()> {
        let end = Instant::now() + scaled(Duration::from_secs(30));
        while self.asked.load(Ordering::Relaxed) < number {
            ensure!(Instant::now() < end, "there are no {number} requests");
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Closes the connection, and says what was told.
    fn end(self) -> Result<Seen> {
        // It may have been closed by the other side.
        let _ = self.stream.shutdown(Shutdown::Both);
        match self.thread.join() {
            Ok(seen) => seen,
            Err(_) => bail!("the backend has panicked"),
        }
    }
}

fn answer_all(mut stream: UnixStream, leaves_out: &LeavesOut, asked: &AtomicU64) -> Result<Seen> {
    let mut seen = Seen::default();
    let mut decoder = Decoder::new();
    let mut bytes = [0; 65536];
    loop {
        let count = match stream.read(&mut bytes) {
            Ok(0) | Err(_) => return Ok(seen),
            Ok(count) => count,
        };
        decoder.feed(&bytes[..count]);
        let mut answers = Vec::new();
        while let Some(event) = decoder.next_event()? {
            match event {
                Event::Hello(hello) => seen.hellos.push(hello),
                Event::Cancel(_) => seen.cancels += 1,
                Event::Request { id, payload } => {
                    seen.requests += 1;
                    asked.store(seen.requests, Ordering::Relaxed);
                    if leaves_out.applies(seen.requests) {
                        continue;
                    }
                    let response = Response {
                        id,
                        status: payload.len().try_into()?,
                        payload: payload.iter().map(|byte| !byte).collect(),
                    };
                    answers.extend(response.encode());
                }
            }
        }
        if stream.write_all(&answers).is_err() {
            return Ok(seen);
        }
    }
}

/// A guest with one device of revision 3, and where the device's socket is.
struct Bench {
    guest: Guest,
    socket: PathBuf,
    _directory: TempDir,
}

impl Bench {
    fn start(name: &str, machine: Machine, properties: &str) -> Result<Self> {
        Self::with(name, machine, properties, |builder| builder)
    }

    fn with(
        name: &str,
        machine: Machine,
        properties: &str,
        more: impl FnOnce(harness::GuestBuilder) -> harness::GuestBuilder,
    ) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let socket = directory.path().join("gpu0");
        let chardev = format!(
            "socket,id=gpu0,path={},server=on,wait=off",
            socket.display()
        );
        let builder = Guest::builder(&format!("{name}-{machine}"))
            .machine(machine)
            .qemu_arguments(["-chardev", &chardev])
            .time_limit(LIMIT);
        // What is more comes before the device, which may be below it.
        let guest = more(builder)
            .device(&format!("revision=3,chardev=gpu0{properties}"))
            .boot()?;
        guest.check("modprobe vgpu_stub")?;
        Ok(Self {
            guest,
            socket,
            _directory: directory,
        })
    }

    fn connect(&self) -> Result<Backend> {
        let backend = Backend::connect(&self.socket)?;
        self.wait_for_link("1")?;
        Ok(backend)
    }

    fn wait_for_link(&self, link: &str) -> Result<()> {
        let end = Instant::now() + scaled(Duration::from_secs(10));
        while self.guest.check("cat /sys/class/vgpu/*/link")? != link {
            ensure!(Instant::now() < end, "the link does not become {link}");
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Starts to make calls, and returns at once.
    fn start_calls(&self, arguments: &str) -> Result<Running<'_>> {
        self.guest
            .spawn(&format!("exec {SELFTESTS}/calls {arguments}"))
    }

    /// Has eight calls in flight while `what` is done, which has to lose them.
    fn lose_calls(&self, backend: &Backend, what: impl FnOnce() -> Result<()>) -> Result<()> {
        backend.leave_out_all_but_one_in(u32::MAX);
        let running = self.start_calls("8 8 60000")?;
        backend.wait_for_requests(8)?;
        what()?;
        let lost = ends(&running.wait()?)?;
        ensure!(lost == counts([("ECANCELED", 8)]), "{lost:?}");
        Ok(())
    }

    /// Makes calls, and says what became of how many.
    fn calls(&self, arguments: &str) -> Result<BTreeMap<String, u64>> {
        ends(&self.guest.run(&format!("{SELFTESTS}/calls {arguments}"))?)
    }
}

fn ends(output: &harness::Output) -> Result<BTreeMap<String, u64>> {
    let text = output.text();
    ktap::Report::parse(&text)
        .check(false)
        .with_context(|| format!("{text}\n{}", output.errors()))?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("# calls: "))
        .with_context(|| text.clone())?;
    let words: Vec<&str> = line.split(' ').collect();
    words
        .chunks_exact(2)
        .map(|pair| Ok((pair[0].to_owned(), pair[1].parse()?)))
        .collect()
}

fn counts<const N: usize>(expected: [(&str, u64); N]) -> BTreeMap<String, u64> {
    expected
        .map(|(name, count)| (name.to_owned(), count))
        .into()
}

fn calls_of_many_at_once_each_get_their_own_answer(machine: Machine) -> Result<()> {
    let bench = Bench::start("calls", machine, ",vm_id=200,pool_id=B,priority=high")?;
    vm_tests::selftest(&bench.guest, "run_tests.sh")?;
    quietly(&bench.guest, || {
        ensure!(bench.calls("3")? == counts([("ENOTCONN", 3)]));
        let backend = bench.connect()?;
        let answered = bench.calls("2000 8")?;
        ensure!(answered == counts([("answered", 2000)]), "{answered:?}");
        // More than there are slots wait for their turn.
        let answered = bench.calls("1000 24")?;
        ensure!(answered == counts([("answered", 1000)]), "{answered:?}");
        let seen = backend.end()?;
        ensure!(seen.requests == 3000 && seen.cancels == 0, "{seen:?}");
        let hello = seen.hellos.first().context("no hello")?;
        ensure!((hello.vm_id, hello.priority) == (200, 2), "{hello:?}");
        bench.wait_for_link("0")?;
        ensure!(bench.calls("3 2")? == counts([("ENOTCONN", 3)]));
        Ok(())
    })?;
    bench.guest.finish()
}

#[test]
fn calls_by_a_line_and_through_bounce_buffers_get_their_answer() -> Result<()> {
    let bench = Bench::with("bounced", Machine::Pc, ",msix=off", |builder| {
        builder.kernel_arguments("swiotlb=force")
    })?;
    quietly(&bench.guest, || {
        let backend = bench.connect()?;
        let ends = bench.calls("500 8")?;
        ensure!(ends == counts([("answered", 500)]), "{ends:?}");
        backend.end()?;
        Ok(())
    })?;
    bench.guest.finish()
}

#[test]
fn calls_through_a_strict_iommu_get_their_answer_without_a_fault() -> Result<()> {
    let bench = Bench::with("iommu", Machine::Q35, "", |builder| {
        builder
            .qemu_arguments(["-device", "intel-iommu,caching-mode=on"])
            .kernel_arguments("intel_iommu=on iommu=strict")
    })?;
    // The test is none if there is no IOMMU.
    bench
        .guest
        .check("[ -e /sys/bus/pci/devices/0000:00:06.0/iommu ]")?;
    quietly(&bench.guest, || {
        let backend = bench.connect()?;
        let ends = bench.calls("500 8")?;
        ensure!(ends == counts([("answered", 500)]), "{ends:?}");
        backend.end()?;
        // Nothing of the device's memory is left mapped.
        bench.guest.check("rmmod vgpu_stub && modprobe vgpu_stub")?;
        Ok(())
    })?;
    let faults = bench
        .guest
        .check("dmesg | grep -c 'DMAR:.*fault' || true")?;
    ensure!(faults == "0", "{faults} faults");
    bench.guest.finish()
}

#[test]
fn calls_go_on_after_the_machine_was_stopped_and_the_device_bound_again() -> Result<()> {
    let bench = Bench::start("stopped", Machine::Pc, "")?;
    let backend = bench.connect()?;
    let running = bench.start_calls("3000 8 60000")?;
    for _ in 0..5 {
        thread::sleep(scaled(Duration::from_millis(50)));
        bench.guest.qmp().execute(&harness::qapi::qmp::stop {})?;
        thread::sleep(scaled(Duration::from_millis(50)));
        bench.guest.qmp().execute(&harness::qapi::qmp::cont {})?;
    }
    let all = ends(&running.wait()?)?;
    ensure!(all == counts([("answered", 3000)]), "{all:?}");

    backend.leave_out_all_but_one_in(2);
    let running = bench.start_calls("100000 16 60000")?;
    backend.wait_for_requests(3000 + 8)?;
    bench.guest.check(
        "cd /sys/bus/pci/drivers/vgpu_stub && echo 0000:00:06.0 >unbind && echo 0000:00:06.0 >bind",
    )?;
    let left = ends(&running.wait()?)?;
    ensure!(left.contains_key("ENODEV"), "{left:?}");
    backend.leave_out_all_but_one_in(0);
    let name = bench.guest.check("ls /sys/class/vgpu")?;
    let all = bench.calls("100 8")?;
    ensure!(all == counts([("answered", 100)]), "{name}: {all:?}");
    backend.end()?;
    bench.guest.finish()
}

#[test]
fn calls_in_flight_are_lost_by_a_migration_and_the_next_ones_are_not() -> Result<()> {
    let bench = Bench::start("moving", Machine::Pc, "")?;
    let backend = bench.connect()?;
    bench.lose_calls(&backend, || {
        bench.guest.migrate(["revision=3,chardev=gpu0"])?;
        Ok(())
    })?;
    let seen = backend.end()?;
    ensure!(seen.requests == 8, "{seen:?}");
    let backend = bench.connect()?;
    let all = bench.calls("100 8")?;
    ensure!(all == counts([("answered", 100)]), "{all:?}");
    backend.end()?;
    bench.guest.finish()
}

#[test]
fn calls_in_flight_are_lost_by_a_snapshot_and_the_next_ones_are_not() -> Result<()> {
    let images = tempfile::tempdir()?;
    let [below, image] = ["below", "image"].map(|name| images.path().join(name));
    File::create(&below)?.set_len(1 << 20)?;
    let drive = format!("if=none,id=state,format=raw,file={}", below.display());
    let bench = Bench::with("snapshot-messages", Machine::Pc, "", |builder| {
        builder.qemu_arguments(["-drive", &drive])
    })?;
    // What is written to from here on is an image that can hold a snapshot.
    let overlay = format!("snapshot_blkdev state {} qcow2", image.display());
    bench.guest.qmp().monitor(&overlay)?;
    let backend = bench.connect()?;
    bench.lose_calls(&backend, || {
        for line in ["stop", "savevm kept", "loadvm kept", "cont"] {
            bench.guest.qmp().monitor(line)?;
        }
        Ok(())
    })?;
    // It is the same connection.
    backend.leave_out_all_but_one_in(0);
    let all = bench.calls("100 8")?;
    ensure!(all == counts([("answered", 100)]), "{all:?}");
    let seen = backend.end()?;
    ensure!(seen.requests == 108, "{seen:?}");
    bench.guest.finish()
}

#[test]
fn calls_get_their_answer_from_a_qemu_without_rights() -> Result<()> {
    let jail = tempfile::tempdir()?;
    let jailed = format!("chroot={},user=nobody", jail.path().display());
    // As libvirt has it, but for what QEMU itself needs to become another user.
    let sandbox = "on,obsolete=deny,spawn=deny,resourcecontrol=deny";
    let bench = Bench::with("jailed", Machine::Pc, "", |builder| {
        builder
            .qemu_arguments(["-run-with", &jailed])
            .qemu_arguments(["-sandbox", sandbox])
    })?;
    // The test is none if it has not given them up.
    let process = Path::new("/proc").join(bench.guest.pid().to_string());
    ensure!(fs::read_link(process.join("root"))? == jail.path());
    let status = fs::read_to_string(process.join("status"))?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.split_whitespace().next())
    };
    ensure!(field("Seccomp:") == Some("2"), "{status}");
    ensure!(field("Uid:").is_some_and(|uid| uid != "0"), "{status}");
    // Backends come and go.
    for _ in 0..2 {
        let backend = bench.connect()?;
        let all = bench.calls("100 8")?;
        ensure!(all == counts([("answered", 100)]), "{all:?}");
        backend.end()?;
        bench.wait_for_link("0")?;
    }
    bench.guest.finish()
}

#[test]
fn calls_in_flight_are_lost_by_a_reset_and_the_next_ones_are_not() -> Result<()> {
    // A port can reset what is below it.
    let below = ",bus=gpu-port,addr=0";
    let bench = Bench::with("reset-messages", Machine::Q35, below, |builder| {
        builder.device("pcie-root-port,id=gpu-port,bus=pcie.0,addr=0x9,chassis=9")
    })?;
    let backend = bench.connect()?;
    bench.lose_calls(&backend, || {
        let reset = "echo 1 >/sys/class/vgpu/vgpu0/device/reset";
        bench.guest.check(reset)?;
        Ok(())
    })?;
    backend.leave_out_all_but_one_in(0);
    let all = bench.calls("100 8")?;
    ensure!(all == counts([("answered", 100)]), "{all:?}");
    let seen = backend.end()?;
    ensure!(seen.cancels == 8, "{seen:?}");
    bench.guest.finish()
}

#[test]
fn a_call_that_gets_no_answer_ends_in_time_and_its_slot_is_used_again() -> Result<()> {
    let many = vm_tests::number("VGPU_CALLS", 1000)?;
    let bench = Bench::with("silent", Machine::Pc, "", |builder| {
        builder.time_limit(LIMIT + PER_CALL * many)
    })?;
    quietly(&bench.guest, || {
        let backend = bench.connect()?;
        backend.leave_out_all_but_one_in(3);
        let ends = bench.calls("300 8 300")?;
        let [answered, late] = ["answered", "ETIMEDOUT"].map(|end| ends.get(end).copied());
        ensure!(answered == Some(100) && late == Some(200), "{ends:?}");
        backend.leave_out_all_but_one_in(0);
        let ends = bench.calls("500 8")?;
        ensure!(ends == counts([("answered", 500)]), "{ends:?}");
        // A few, between many that are answered.
        backend.leaves_out.one_in.store(100, Ordering::Relaxed);
        let ends = bench.calls(&format!("{many} 8 {}", scaled(SHORT).as_millis()))?;
        let late = ends.get("ETIMEDOUT").copied().unwrap_or(0);
        let answered = u64::from(many) - late;
        ensure!(late >= u64::from(many / 100), "{ends:?}");
        ensure!(
            ends == counts([("answered", answered), ("ETIMEDOUT", late)]),
            "{ends:?}"
        );
        println!("{many} calls of 8 callers: {answered} answered, {late} not in time");
        let seen = backend.end()?;
        ensure!(seen.cancels == 200 + late, "{} cancels", seen.cancels);
        Ok(())
    })?;
    bench.guest.finish()
}

#[test]
fn a_call_ends_by_a_signal_and_by_a_backend_that_goes() -> Result<()> {
    let bench = Bench::start("ends", Machine::Pc, "")?;
    quietly(&bench.guest, || {
        let backend = bench.connect()?;
        backend.leave_out_all_but_one_in(u32::MAX);
        let calls = format!("{SELFTESTS}/calls 1");
        let status = bench.guest.check(&format!(
            "{calls} & sleep 1; kill -TERM $!; wait $!; echo $?"
        ))?;
        ensure!(status.ends_with("143"), "{status}");
        let running = bench.start_calls("8 8 60000")?;
        backend.wait_for_requests(8)?;
        let seen = backend.end()?;
        ensure!(seen.requests == 9 && seen.cancels == 1, "{seen:?}");
        let lost = ends(&running.wait()?)?;
        ensure!(lost == counts([("ECANCELED", 8)]), "{lost:?}");
        let backend = bench.connect()?;
        ensure!(bench.calls("100 8")? == counts([("answered", 100)]));
        backend.end()?;
        Ok(())
    })?;
    bench.guest.finish()
}

#[test]
fn calls_in_flight_end_when_the_device_is_unplugged() -> Result<()> {
    let rounds = vm_tests::number("VGPU_UNPLUGS", 10)?;
    let bench = Bench::with("unplugged", Machine::Pc, ",id=gpu,addr=6", |builder| {
        builder.time_limit(LIMIT + PER_UNPLUG * rounds)
    })?;
    let mut all = BTreeMap::new();
    for round in 0..rounds {
        let backend = bench.connect()?;
        backend.leave_out_all_but_one_in(2);
        let running = bench.start_calls("100000 16 60000")?;
        backend.wait_for_requests(8)?;
        bench.guest.unplug("gpu", UNPLUG)?;
        let left = ends(&running.wait()?)?;
        ensure!(left.contains_key("ENODEV"), "round {round}: {left:?}");
        for (end, count) in left {
            *all.entry(end).or_insert(0) += count;
        }
        backend.end()?;
        bench
            .guest
            .plug("vgpu-stub,id=gpu,addr=6,revision=3,chardev=gpu0")?;
        // Its number may still be another one's that is gone.
        vm_tests::wait_for(&bench.guest, "[ -e /sys/class/vgpu/*/link ]")?;
    }
    println!("{rounds} unplugs: {all:?}");
    let backend = bench.connect()?;
    ensure!(bench.calls("100 8")? == counts([("answered", 100)]));
    backend.end()?;
    bench.guest.finish()
}

/// What all of these have: a device that has messages as it says.
const LIAR: &str = "vgpu-stub-hostile,revision=3,msix=on,features=15,id=liar";

fn a_device_that_lies_about_a_message_gives_its_caller_nothing_but_an_error(
    machine: Machine,
) -> Result<()> {
    let layouts = [
        "msg-layout=0",
        "msg-layout=0x0d00",
        "msg-layout=0x0d21",
        "msg-layout=0x0c08",
        "msg-layout=0x1108",
        "msg-layout=0xffffffff",
    ];
    let devices: Vec<String> = std::iter::once(LIAR.to_owned())
        .chain(layouts.iter().enumerate().map(|(number, layout)| {
            format!("vgpu-stub-hostile,revision=3,msix=on,features=15,id=other{number},{layout}")
        }))
        .collect();
    let devices: Vec<&str> = devices.iter().map(String::as_str).collect();
    let guest = vm_tests::guest_with_driver("lies", machine, &devices)?;
    for slot in (6..).take(layouts.len() + 1).skip(1) {
        let said = vm_tests::said(&guest, &format!("0000:00:{slot:02x}.0"))?;
        ensure!(
            said == ["No window for messages (EINVAL): there are none."],
            "{said:?}"
        );
    }
    guest.check("[ -e /sys/class/vgpu/vgpu0/link ] && [ ! -e /sys/class/vgpu/vgpu1/link ]")?;

    let call = |arguments: &str| ends(&guest.run(&format!("{SELFTESTS}/calls {arguments}"))?);
    let lie = |name: &str, value: i64| guest.qmp().qom_set("liar", name, value);
    // An answer of no bytes to a message of some is wrong to the test alone: this one is
    // an answer to none.
    for state in [0, 1, 4, 6, 0xffff_ffff] {
        lie("msg-state", state)?;
        let ends = call("2 2")?;
        ensure!(ends == counts([("EIO", 2)]), "state {state}: {ends:?}");
    }
    lie("msg-state", 2)?;
    for length in [4097, 8192, 0x8000_0000, 0xffff_ffff] {
        lie("msg-out-len", length)?;
        let ends = call("2 2")?;
        ensure!(ends == counts([("EIO", 2)]), "length {length}: {ends:?}");
    }
    lie("msg-out-len", 0)?;
    for state in [(3, "ENOTCONN"), (5, "ECANCELED")] {
        lie("msg-state", state.0)?;
        let ends = call("2 2")?;
        ensure!(ends == counts([(state.1, 2)]), "{ends:?}");
    }
    // It has written nothing.
    guest.qmp().qom_set("liar", "msg-writes", false)?;
    ensure!(call("1")? == counts([("EIO", 1)]));
    // It says that another slot came back, one that is not there, or that it does not
    // answer; and that it has the slot, or that it has none.
    for done in [0x80, 0xffff_ff00, 0xffff_ffff] {
        lie("msg-done", done)?;
        lie("msg-active", 0)?;
        let ends = call("1 1 5000")?;
        ensure!(ends == counts([("ECANCELED", 1)]), "{done:#x}: {ends:?}");
        lie("msg-active", 0xff)?;
        let ends = call("1 1 1500")?;
        ensure!(ends == counts([("ETIMEDOUT", 1)]), "{done:#x}: {ends:?}");
    }
    // It refuses to have messages enabled.
    lie("msg-done", 0)?;
    lie("msg-active", 0)?;
    guest.qmp().qom_set("liar", "msg-enables", false)?;
    guest.check("rmmod vgpu_stub && modprobe vgpu_stub")?;
    ensure!(call("1")? == counts([("EIO", 1)]));
    guest.check("rmmod vgpu_stub")?;
    guest.finish()
}
