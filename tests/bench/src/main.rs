// SPDX-License-Identifier: GPL-2.0

//! `vgpu-bench`: what the driver and vgpuinfo cost, measured in guests, as a table and as
//! JSON; beside another commit's, if there is one.
//!
//! Numbers of instructions, device accesses, system calls and context switches are the
//! same on every machine, give or take a little. Ticks are not: they are for comparing two
//! commits in one run.

mod echo;
mod measure;
mod messages;
mod report;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use harness::Artifacts;

use crate::report::{Figures, Table};

/// Measures what the driver and vgpuinfo cost.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The initramfs of the commit to compare with
    #[arg(long, value_name = "FILE")]
    base: Option<PathBuf>,
    /// Where to write the figures as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vgpu-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let artifacts = Artifacts::from_env()?;
    let this = figures(&artifacts, "bench")?;
    let base = match &arguments.base {
        Some(initramfs) => Some(figures(
            &Artifacts {
                initramfs: initramfs.clone(),
                ..artifacts.clone()
            },
            "bench-base",
        )?),
        None => None,
    };
    let table = Table { this, base };
    println!("On Linux {}:\n\n{table}", artifacts.release);
    if let Some(path) = &arguments.json {
        let text = serde_json::to_string_pretty(&table.json())? + "\n";
        fs::write(path, text).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// Everything there is to measure of one commit.
fn figures(artifacts: &Artifacts, name: &str) -> Result<Figures> {
    let mut figures = Figures::default();
    measure::operations(artifacts, name, &mut figures)?;
    measure::accesses(artifacts, name, &mut figures)?;
    measure::two_processors(artifacts, name, &mut figures)?;
    measure::commands(artifacts, name, &mut figures)?;
    messages::messages(artifacts, name, &mut figures)?;
    Ok(figures)
}
