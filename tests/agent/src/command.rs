// SPDX-License-Identifier: GPL-2.0

//! Commands: started, followed and killed.

use std::collections::HashMap;
use std::io;
use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use rustix::process::{Pid, Signal, kill_process_group};
use vgpu_agent::{End, Reply};

use crate::line::Sender;

/// Most that one message carries: large enough that the line is not mostly JSON,
/// small enough that the commands take turns.
const CHUNK: usize = 2048;

/// The commands that run now, by id.
#[derive(Clone, Default)]
pub(crate) struct Commands(Arc<Mutex<HashMap<u64, Pid>>>);

impl Commands {
    /// Starts `command` and returns; its output and its end go to `sender`.
    ///
    /// It has started when this returns, so that the kill that the next request
    /// may be finds it.
    pub(crate) fn start(&self, id: u64, command: &str, sender: Arc<Sender>) {
        let mut child = match spawn(command) {
            Ok(child) => child,
            Err(error) => {
                let end = End::NotStarted(error.to_string());
                report(&sender, &Reply::Exit { id, end });
                return;
            }
        };
        self.lock().insert(id, Pid::from_child(&child));
        let commands = self.clone();
        thread::spawn(move || {
            let end = match follow(id, &mut child, &sender) {
                Ok(status) => end_of(status),
                Err(error) => End::NotStarted(format!("lost: {error}")),
            };
            commands.lock().remove(&id);
            report(&sender, &Reply::Exit { id, end });
        });
    }

    /// Kills a command and its process group, if it still runs.
    pub(crate) fn kill(&self, id: u64) {
        if let Some(group) = self.lock().get(&id) {
            // Fails only when everybody in the group is gone already.
            let _ = kill_process_group(*group, Signal::KILL);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Pid>> {
        // The map is whole at any point where a thread could have panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn spawn(command: &str) -> io::Result<Child> {
    Command::new("/bin/sh")
        .arg("-c")
        .arg(command)
        .current_dir("/root")
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin")
        .env("HOME", "/root")
        .env("USER", "root")
        .env("LC_ALL", "C.UTF-8")
        .env("TERM", "dumb")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
}

/// Sends what the command writes until it has closed both outputs, then waits
/// for its end. A background process that keeps an output open keeps the command
/// running, as it does in a shell's pipe.
fn follow(id: u64, child: &mut Child, sender: &Sender) -> io::Result<ExitStatus> {
    let stdout = child.stdout.take();
    let stderr = child.stderr.take();
    thread::scope(|scope| {
        scope.spawn(move || pump(stdout, sender, |data| Reply::Stdout { id, data }));
        scope.spawn(move || pump(stderr, sender, |data| Reply::Stderr { id, data }));
    });
    child.wait()
}

fn pump(from: Option<impl Read>, sender: &Sender, message: impl Fn(Vec<u8>) -> Reply) {
    let Some(mut from) = from else { return };
    let mut buffer = [0; CHUNK];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => report(
                sender,
                &message(buffer.iter().copied().take(count).collect()),
            ),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

fn end_of(status: ExitStatus) -> End {
    match (status.code(), status.signal()) {
        (Some(code), _) => End::Status(code),
        (None, Some(signal)) => End::Signal(signal),
        (None, None) => End::NotStarted(format!("an end that is neither: {status:?}")),
    }
}

fn report(sender: &Sender, reply: &Reply) {
    if let Err(error) = sender.send(reply) {
        // On the console, which the harness keeps.
        eprintln!("vgpu-agent: cannot send: {error}");
    }
}
