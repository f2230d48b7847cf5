// SPDX-License-Identifier: GPL-2.0

//! `vgpu-ask SOCKET SECONDS COMMAND`: has the agent of a guest run a command.
//!
//! For where the harness itself cannot be: on the host of a guest that runs within
//! another machine. SOCKET is what the host's QEMU made of the agent's serial
//! line. The output of the command is the output, its exit status is the exit
//! status, 128 and the number of a signal that ended it. 125: there was no answer
//! in that time, or nobody to ask.

use std::env;
use std::error::Error;
use std::io::{BufRead, BufReader, Write, stderr, stdout};
use std::os::unix::net::UnixStream;
use std::process::{ExitCode, exit, id};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use vgpu_agent::{End, Reply, Request};

const USAGE: &str = "usage: vgpu-ask SOCKET SECONDS COMMAND";
/// The status that says that the command has none.
const NO_ANSWER: u8 = 125;

fn main() -> ExitCode {
    match run() {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("vgpu-ask: {error}");
            ExitCode::from(NO_ANSWER)
        }
    }
}

fn run() -> Result<u8, Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let mut argument = || arguments.next().ok_or(USAGE);
    let (socket, seconds, command) = (argument()?, argument()?, argument()?);
    let limit = Duration::from_secs(seconds.parse().map_err(|_| USAGE)?);

    let mut line = UnixStream::connect(&socket).map_err(|error| format!("{socket}: {error}"))?;
    let reader = BufReader::new(line.try_clone()?);
    // One for all of it: a guest that says something now and then is not an answer.
    thread::spawn(move || {
        thread::sleep(limit);
        eprintln!("vgpu-ask: no answer within {} seconds", limit.as_secs());
        exit(NO_ANSWER.into());
    });

    let id = unique_id()?;
    // Ends whatever was left unfinished on the line.
    line.write_all(b"\n")?;
    line.write_all(Request::Exec { id, command }.to_line()?.as_bytes())?;
    for line in reader.split(b'\n') {
        match Reply::parse(&line?) {
            Some(Reply::Stdout { id: from, data }) if from == id => stdout().write_all(&data)?,
            Some(Reply::Stderr { id: from, data }) if from == id => stderr().write_all(&data)?,
            Some(Reply::Exit { id: from, end }) if from == id => return status(end),
            _ => {}
        }
    }
    Err("the guest has gone".into())
}

/// No earlier caller's: what is left of its answer may still be on the line.
fn unique_id() -> Result<u64, Box<dyn Error>> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(u64::try_from(now.as_nanos())? ^ u64::from(id()))
}

fn status(end: End) -> Result<u8, Box<dyn Error>> {
    stdout().flush()?;
    match end {
        End::Status(status) => Ok(u8::try_from(status)?),
        End::Signal(signal) => Ok(u8::try_from(128 + signal)?),
        End::NotStarted(why) => Err(why.into()),
    }
}
