// SPDX-License-Identifier: GPL-2.0

//! `vgpu-held ADDRESS`: finds the vGPU at that PCI address once, and keeps to what
//! it has found while a test moves names and devices around.
//!
//! It prints the name of the device, and then a line for each line that it reads:
//!
//! ```text
//! read SOURCE              POOL PRIORITY VM SOURCE, or the kind of the error
//! submit COMMAND SOURCE    SOURCE STATUS, or the kind of the error
//! ```

use std::env;
use std::error::Error;
use std::io::{self, BufRead, Write};
use std::process::ExitCode;

use vgpu::{PciAddress, Roots, Source, Vgpu};

const USAGE: &str = "usage: vgpu-held ADDRESS";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vgpu-held: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let address: PciAddress = env::args().nth(1).ok_or(USAGE)?.parse()?;
    let found = Vgpu::discover(&Roots::default())?;
    let mut device = found
        .into_iter()
        .find(|it| it.pci() == address)
        .ok_or("there is no such device")?;
    say(&device.label())?;
    for order in io::stdin().lock().lines() {
        let answer = obey(&mut device, &order?)?;
        say(&answer)?;
    }
    Ok(())
}

/// Does what a line says; gives what is to be said about it.
fn obey(device: &mut Vgpu, order: &str) -> Result<String, Box<dyn Error>> {
    let words: Vec<&str> = order.split(' ').collect();
    let result = match words[..] {
        ["read", from] => device.read(source(from)?).map(|info| {
            format!(
                "{} {} {} {}",
                info.pool_id, info.priority, info.vm_id, info.source
            )
        }),
        ["submit", command, to] => device
            .submit(command.parse()?, None, source(to)?)
            .map(|it| format!("{} {}", it.source, it.status)),
        _ => return Err(format!("no order: {order}").into()),
    };
    Ok(result.unwrap_or_else(|error| error.kind().to_owned()))
}

fn source(name: &str) -> Result<Source, String> {
    let all = [Source::Auto, Source::Sysfs, Source::Chardev, Source::Bar];
    let source = all.into_iter().find(|it| it.to_string() == name);
    source.ok_or_else(|| format!("no source: {name}"))
}

/// The reader waits for it.
fn say(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}
