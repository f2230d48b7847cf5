// SPDX-License-Identifier: GPL-2.0

//! `vgpu-demo`: boots one guest with one device, shows what an administrator would
//! type there and see, and checks each line of the guide's final checklist.
//!
//! Exit status: 0 when all of it holds, 1 when something does not, 125 when there
//! was no guest to look at.

mod checklist;
mod facts;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::Result;
use harness::{Artifacts, Guest};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::facts::{DEVICE, Facts};

const NO_GUEST: u8 = 125;

fn main() -> ExitCode {
    let signal = Arc::new(AtomicUsize::new(0));
    let result = demo(&signal);
    match (signal.load(Ordering::SeqCst), result) {
        (0, Ok(true)) => ExitCode::SUCCESS,
        (0, Ok(false)) => ExitCode::FAILURE,
        (0, Err(error)) => {
            eprintln!("vgpu-demo: {error:#}");
            ExitCode::from(NO_GUEST)
        }
        (number, _) => ExitCode::from(u8::try_from(128 + number).unwrap_or(u8::MAX)),
    }
}

/// Shows everything, and says whether all of it held.
fn demo(signal: &Arc<AtomicUsize>) -> Result<bool> {
    for number in [SIGINT, SIGTERM, SIGHUP] {
        let value = usize::try_from(number)?;
        signal_hook::flag::register_usize(number, Arc::clone(signal), value)?;
    }
    let artifacts = Artifacts::from_env()?;
    println!(
        "A guest with Linux {} boots in the emulation of\n{}, {}, with\n",
        artifacts.release,
        facts::qemu_version(&artifacts)?,
        artifacts.qemu.display()
    );
    for plugin in &artifacts.plugins {
        println!("    -plugin {}", plugin.display());
    }
    println!("    -device vgpu-stub,{DEVICE}\n");
    let start = Instant::now();
    let guest = Guest::builder("demo")
        .device(DEVICE)
        .cancelled_by(Arc::clone(signal))
        .boot()?;
    println!(
        "It was ready after {:.1} s.\n",
        start.elapsed().as_secs_f32()
    );
    let facts = Facts::collect(&guest, &artifacts)?;
    println!("The guide's final checklist:\n");
    let mut all = true;
    for item in checklist::of(&facts) {
        println!("[{}] {}", if item.holds { '✓' } else { '✗' }, item.claim);
        if !item.holds {
            all = false;
            for line in item.found.lines() {
                println!("    found: {line}");
            }
        }
    }
    println!();
    if !all {
        println!("The guest's console: {}", guest.console_path().display());
    }
    Ok(all)
}
