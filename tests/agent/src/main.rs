// SPDX-License-Identifier: GPL-2.0

//! `vgpu-agent TTY`: runs commands in a guest for the harness outside.
//!
//! Started by the guest's init, with a serial line of its own; see the library
//! for what goes over it. Its own messages go to stderr, which is the console.

mod command;
mod line;

use std::env;
use std::error::Error;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use vgpu_agent::{Reply, Request};

use crate::command::Commands;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vgpu-agent: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let path = env::args_os().nth(1).ok_or("usage: vgpu-agent TTY")?;
    let (line, sender) = line::open(Path::new(&path))?;
    let sender = Arc::new(sender);
    let commands = Commands::default();
    let system = rustix::system::uname();
    sender.start()?;
    sender.send(&Reply::Ready {
        release: system.release().to_string_lossy().into_owned(),
    })?;
    for request in BufReader::new(line).split(b'\n') {
        match Request::parse(&request?) {
            Some(Request::Exec { id, command }) => commands.start(id, &command, sender.clone()),
            Some(Request::Kill { id }) => commands.kill(id),
            None => {}
        }
    }
    Ok(())
}
