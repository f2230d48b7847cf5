// SPDX-License-Identifier: GPL-2.0

//! Messages from end to end: `vgpuinfo call` in guests, and `vgpu-pool` answers.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::{Guest, Machine, scaled};
use tempfile::TempDir;

/// The daemon, which ends with the test.
struct Pool {
    process: Child,
}

impl Pool {
    fn start(directory: &Path, arguments: &[&str]) -> Result<Self> {
        let program = env::var_os("VGPU_POOL").context("VGPU_POOL names no vgpu-pool")?;
        let process = Command::new(program)
            .arg("serve")
            .arg(directory)
            .args(arguments)
            .env("DIR", directory)
            .spawn()?;
        Ok(Self { process })
    }

    fn signal(&mut self, name: &str) -> Result<()> {
        let id = self.process.id().to_string();
        ensure!(
            Command::new("kill")
                .args(["-s", name, &id])
                .status()?
                .success()
        );
        self.process.wait()?;
        Ok(())
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A directory of sockets.
struct Sockets(TempDir);

impl Sockets {
    fn new() -> Result<Self> {
        Ok(Self(TempDir::new()?))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Boots a guest with a device of revision 3, whose socket is here.
    fn boot(&self, name: &str, machine: Machine, properties: &str) -> Result<Guest> {
        let socket = self.file(&format!("{name}.sock"));
        let chardev = format!(
            "socket,id=gpu0,path={},server=on,wait=off",
            socket.display()
        );
        let guest = Guest::builder(&format!("pool-{name}-{machine}"))
            .machine(machine)
            .qemu_arguments(["-chardev", &chardev])
            .device(&format!("revision=3,chardev=gpu0{properties}"))
            .time_limit(Duration::from_secs(300))
            .boot()?;
        guest.check("modprobe vgpu_stub")?;
        Ok(guest)
    }
}

#[test]
fn a_script_in_the_guest_asks_and_a_program_on_the_host_answers() -> Result<()> {
    let sockets = Sockets::new()?;
    let guest = sockets.boot("script", Machine::Q35, ",vm_id=200,pool_id=B,priority=high")?;
    let exits = |command: &str, exit: i32| -> Result<String> {
        let output = guest.run(command)?;
        let text = format!("{}\n{}", output.text(), output.errors());
        ensure!(output.status() == Some(exit), "{command}: {text}");
        Ok(text)
    };
    ensure!(guest.check("vgpuinfo get link")? == "0");
    ensure!(exits("vgpuinfo call hello", 1)?.contains("nobody on the host answers"));

    let script = "read it; case $it in \
                  who) echo $VGPU_VM_ID $VGPU_POOL_ID $VGPU_PRIORITY ;; \
                  no) echo not now; exit 3 ;; \
                  bytes) printf '\\377\\000\\n' ;; \
                  long) exec sleep 1000 ;; esac";
    let mut pool = Pool::start(sockets.path(), &["--exec", "sh", "-c", script])?;
    guest.check("vgpuinfo wait --for link=1 --timeout 30")?;
    ensure!(guest.check("cat /sys/class/vgpu/vgpu0/link && vgpuinfo get link")? == "1\n1");
    ensure!(guest.check("vgpuinfo call who")? == "200 B high");
    ensure!(guest.check("echo who | vgpuinfo call")? == "200 B high");
    let refused = exits("vgpuinfo call no", 10)?;
    ensure!(refused.contains("not now"), "{refused}");
    ensure!(refused.contains("answered with status 3"), "{refused}");
    ensure!(guest.check("vgpuinfo call bytes | od -An -tx1")?.trim() == "ff 00 0a");
    let document = exits("vgpuinfo call bytes -J", 0)?;
    for part in [
        "\"answer\": null",
        "\"answer_base64\": \"/wAK\"",
        "\"answer_status\": 0",
    ] {
        ensure!(document.contains(part), "{document}");
    }
    exits("vgpuinfo call long --timeout 0.5", 7)?;
    ensure!(guest.check("vgpuinfo call who")? == "200 B high");

    pool.signal("TERM")?;
    guest.check("vgpuinfo wait --for link=0 --timeout 30")?;
    exits("vgpuinfo call who", 1)?;
    guest.finish()
}

/// The page, whose examples are tried.
const PAGE: &str = include_str!("../../../../Documentation/messages.md");

/// Returns the text of the page's example with that number, of those in the shell.
fn example(number: usize) -> Result<&'static str> {
    let mut examples = PAGE.split("```sh\n").skip(1);
    let example = examples.nth(number).and_then(|it| it.split("```").next());
    example.context("the page has fewer examples")
}

#[test]
fn the_examples_of_the_page_do_what_it_says() -> Result<()> {
    let sockets = Sockets::new()?;
    let lease = sockets.file("lease-");
    let handler = sockets.file("answer");
    let script = example(1)?;
    ensure!(script.contains("=/run/lease-"), "{script}");
    let here = format!("={}", lease.display());
    fs::write(&handler, script.replace("=/run/lease-", &here))?;
    fs::set_permissions(&handler, fs::Permissions::from_mode(0o755))?;
    let guest = sockets.boot("page", Machine::Pc, ",vm_id=200,pool_id=B")?;
    let program = handler.to_str().context("a path that is no text")?;
    let _pool = Pool::start(sockets.path(), &["--exec", program])?;

    // Somebody else has the lease at first.
    let taken = sockets.file("lease-B");
    std::os::unix::fs::symlink("7", &taken)?;
    let running = guest.spawn(example(0)?)?;
    thread::sleep(scaled(Duration::from_secs(3)));
    ensure!(fs::read_link(&taken)? == Path::new("7"));
    fs::remove_file(&taken)?;
    let output = running.wait()?;
    let text = output.text();
    ensure!(output.status() == Some(0), "{text}\n{}", output.errors());
    ensure!(text.trim() == "VM 200 has pool B", "{text}");
    ensure!(fs::read_link(&taken).is_err(), "it was not released");
    guest.finish()
}

/// Has eight callers ask all the time, until there is a file to stop them. An answer that is
/// not the caller's own is told, and so is every way in which a call has failed.
const CALLERS: &str = "cd /tmp; rm -f stop wrong ends; \
    for caller in 1 2 3 4 5 6 7 8; do ( \
        while [ ! -e stop ]; do \
            answer=$(vgpuinfo call $caller --timeout 60 2>error.$caller); status=$?; \
            if [ $status = 0 ]; then \
                [ \"$answer\" = \"$(vgpuinfo get priority) $caller\" ] || echo \"$answer\" >>wrong; \
            else echo \"$status $(cat error.$caller)\" >>ends; sleep 0.2; fi; \
        done ) & \
    done; wait";

#[test]
fn guests_of_three_priorities_share_a_pool_as_documented_and_outlive_its_restart() -> Result<()> {
    let sockets = Sockets::new()?;
    let names = ["low", "medium", "high"];
    let guests = thread::scope(|scope| {
        let boots = names.map(|name| {
            let sockets = &sockets;
            scope.spawn(move || sockets.boot(name, Machine::Pc, &format!(",priority={name}")))
        });
        let joined = boots.map(|boot| boot.join().expect("no panic"));
        joined.into_iter().collect::<Result<Vec<Guest>>>()
    })?;
    // A request takes a tenth of a second of the pool's only place.
    let script = "read it; sleep 0.1; echo $VGPU_PRIORITY >>$DIR/served; echo $VGPU_PRIORITY $it";
    let ageing = 10;
    let arguments = [
        "--pool", "A=1", "--ageing", "10", "--exec", "sh", "-c", script,
    ];
    let mut pool = Pool::start(sockets.path(), &arguments)?;
    let count = |name: &str| -> usize {
        let served = fs::read_to_string(sockets.file("served")).unwrap_or_default();
        served.lines().filter(|line| *line == name).count()
    };
    let running = guests
        .iter()
        .map(|guest| guest.spawn(CALLERS))
        .collect::<Result<Vec<_>>>()?;
    // All of them ask by now.
    thread::sleep(scaled(Duration::from_secs(5)));
    let before = names.map(count);
    thread::sleep(Duration::from_secs(3 * ageing));
    let after = names.map(count);
    let [low, medium, high] = [0, 1, 2].map(|index| after[index] - before[index]);
    // Of the low ones, all eight in each two times of ageing, and of the medium ones in each.
    ensure!(
        low >= 8 && medium > low && high > medium,
        "{low} {medium} {high}"
    );

    // Killed, and started again; stopped, and started again.
    for signal in ["KILL", "TERM"] {
        pool.signal(signal)?;
        thread::sleep(scaled(Duration::from_secs(1)));
        pool = Pool::start(sockets.path(), &arguments)?;
        let before = count("high");
        let end = std::time::Instant::now() + scaled(Duration::from_secs(30));
        while count("high") < before + 8 {
            ensure!(
                std::time::Instant::now() < end,
                "nobody is answered after {signal}"
            );
            thread::sleep(Duration::from_millis(100));
        }
    }
    for guest in &guests {
        guest.check("touch /tmp/stop")?;
    }
    for (guest, running) in guests.iter().zip(running) {
        let output = running.wait()?;
        ensure!(output.status() == Some(0), "{}", output.errors());
        guest.check("[ ! -e /tmp/wrong ]")?;
        // Each call had an answer, or was told that it had none.
        let ends = guest.check("cat /tmp/ends")?;
        for end in ends.lines() {
            let told = [
                "there will be no answer",
                "nobody on the host answers",
                "answered with status 1004",
            ];
            ensure!(told.iter().any(|it| end.contains(it)), "{ends}");
        }
    }
    println!(
        "served in {} s: {low} low, {medium} medium, {high} high",
        3 * ageing
    );
    for guest in guests {
        guest.finish()?;
    }
    Ok(())
}
