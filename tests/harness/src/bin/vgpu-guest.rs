// SPDX-License-Identifier: GPL-2.0

//! `vgpu-guest`: a guest to work in, or to run one command in.
//!
//! With `--run`, the guest boots silently, the command runs as root, and its output
//! and exit status become this program's, byte for byte. Without, the console of
//! the guest is on the terminal. An argument that is not given is taken from the
//! environment, where `make guest` puts it: MACHINE, DEVICES, RUN, QEMU_ARGS.
//!
//! Exit status:
//!
//! | status | means |
//! |---|---|
//! | the command's | it ran; 128 and the signal's number if a signal ended it |
//! | 2 | a wrong argument, found before anything started |
//! | 125 | no guest: it did not boot, or died before the command's end |
//! | 128+N | this program was ended by signal N, and the guest with it |

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Result;
use clap::Parser;
use harness::{End, Guest, GuestBuilder, Machine, Piece, parse_devices};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

const USAGE: u8 = 2;
const NO_GUEST: u8 = 125;

/// Boots a guest with the device, to work in or to run one command in.
#[derive(Parser)]
struct Arguments {
    /// The machine: pc or q35.
    #[arg(long, env = "MACHINE", default_value = "pc")]
    machine: Machine,
    /// Devices, as in 'pool_id=B,vm_id=7;pool_id=A'; '' for none.
    #[arg(
        long,
        env = "DEVICES",
        default_value = "pool_id=B,priority=high,vm_id=200"
    )]
    devices: String,
    /// A command to run as root; without one the console is on the terminal.
    #[arg(long, env = "RUN", default_value = "", hide_default_value = true)]
    run: String,
    /// More arguments for QEMU, quoted as in a shell.
    #[arg(
        long,
        env = "QEMU_ARGS",
        default_value = "",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    qemu_args: String,
    /// How many seconds the guest may live when it runs a command.
    #[arg(long, default_value_t = 3600)]
    limit: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let builder = match builder(&arguments) {
        Ok(builder) => builder,
        Err(error) => {
            eprintln!("vgpu-guest: {error:#}");
            return ExitCode::from(USAGE);
        }
    };
    let result = if arguments.run.is_empty() {
        interact(builder)
    } else {
        run(builder, &arguments.run)
    };
    result.unwrap_or_else(|error| {
        eprintln!("vgpu-guest: {error:#}");
        ExitCode::from(NO_GUEST)
    })
}

fn builder(arguments: &Arguments) -> Result<GuestBuilder> {
    let qemu_arguments = shell_words::split(&arguments.qemu_args)
        .map_err(|error| anyhow::anyhow!("QEMU_ARGS: {error}: '{}'", arguments.qemu_args))?;
    Ok(Guest::builder("guest")
        .machine(arguments.machine)
        .devices(parse_devices(&arguments.devices)?)
        .qemu_arguments(qemu_arguments)
        .time_limit(Duration::from_secs(arguments.limit)))
}

/// The console on the terminal.
fn interact(builder: GuestBuilder) -> Result<ExitCode> {
    eprintln!("A guest boots; its console is on this terminal.");
    eprintln!("To leave: type poweroff, or press Ctrl-A, then X. Ctrl-A H has more.");
    let status = builder.interact()?;
    Ok(match status.success() {
        true => ExitCode::SUCCESS,
        // QEMU has said why.
        false => ExitCode::from(NO_GUEST),
    })
}

/// One command, its output and its status.
fn run(builder: GuestBuilder, command: &str) -> Result<ExitCode> {
    let signal = Arc::new(AtomicUsize::new(0));
    for number in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register_usize(number, Arc::clone(&signal), usize::try_from(number)?)?;
    }
    let result = run_in(builder.cancelled_by(Arc::clone(&signal)), command);
    match signal.load(Ordering::SeqCst) {
        0 => result,
        number => Ok(signalled(number)),
    }
}

fn run_in(builder: GuestBuilder, command: &str) -> Result<ExitCode> {
    let guest = builder.boot()?;
    let mut running = guest.spawn(command)?;
    let code = loop {
        match running.next_piece(Duration::from_secs(60))? {
            None => {}
            Some(Piece::Stdout(data)) => forward(&mut io::stdout(), &data)?,
            Some(Piece::Stderr(data)) => forward(&mut io::stderr(), &data)?,
            Some(Piece::End(End::Status(status))) => {
                break ExitCode::from(u8::try_from(status).unwrap_or(u8::MAX));
            }
            Some(Piece::End(End::Signal(signal))) => {
                break signalled(usize::try_from(signal).unwrap_or_default());
            }
            Some(Piece::End(End::NotStarted(why))) => anyhow::bail!("/bin/sh: {why}"),
        }
    };
    if code != ExitCode::SUCCESS {
        eprintln!(
            "vgpu-guest: console log: {}",
            guest.console_path().display()
        );
    }
    Ok(code)
}

/// As it comes: somebody may be watching.
fn forward(to: &mut impl Write, data: &[u8]) -> io::Result<()> {
    to.write_all(data)?;
    to.flush()
}

fn signalled(number: usize) -> ExitCode {
    ExitCode::from(u8::try_from(128 + number).unwrap_or(u8::MAX))
}
