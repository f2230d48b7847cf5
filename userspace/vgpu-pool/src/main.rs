// SPDX-License-Identifier: GPL-2.0

//! Answers the messages of guests with vGPU stubs, pool by pool.
//!
//! [`directory`] finds the sockets of the devices, [`connection`] takes requests from one
//! of them, [`queue`] says which is next, and [`service`] has [`handler`] answer it. All of
//! it runs in one thread: nothing here computes.

mod answer;
mod cli;
mod connection;
mod directory;
mod exit;
mod exporter;
mod failure;
mod handler;
mod manual;
mod metrics;
mod program;
mod queue;
mod rate;
mod service;

use std::fs;
use std::future::pending;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use sd_notify::NotifyState;
use tokio::runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::{LocalSet, spawn_local};
use tokio_util::task::TaskTracker;
use vgpu_cli::output::{complain, deliver, fail};
use vgpu_cli::{Describe, ExitCodes};

use crate::cli::{Action, Cli, Serve};
use crate::directory::Directory;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::manual::MANUAL;
use crate::service::Service;

fn main() -> ExitCode {
    let exit = match Cli::try_parse() {
        Ok(cli) => match &cli.action {
            Action::Serve(serve) => run(serve).map_or_else(|it| fail(&it), |()| Exit::Ok),
            Action::Describe(what) => describe(what),
        },
        Err(error) if error.use_stderr() => {
            complain(error.to_string().trim_end());
            Exit::Usage
        }
        // Not an error: the text of --help or --version.
        Err(text) => print(&text.to_string()),
    };
    exit.exit_code()
}

fn print(text: &str) -> Exit {
    deliver(text, Exit::Ok, Failure::Output)
}

fn describe(what: &Describe) -> Exit {
    match what.text::<Cli, Exit>(&MANUAL, None) {
        Ok(text) => print(&text),
        Err(source) => fail(&match what.directory() {
            Some(path) => Failure::File {
                path: path.into(),
                source,
            },
            None => Failure::Output(source),
        }),
    }
}

fn run(serve: &Serve) -> Result<(), Failure> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::Start)?;
    LocalSet::new().block_on(&runtime, answer_until_stopped(serve))
}

async fn answer_until_stopped(serve: &Serve) -> Result<(), Failure> {
    let (mut term, mut int) = (
        stop_signal(SignalKind::terminate())?,
        stop_signal(SignalKind::interrupt())?,
    );
    fs::read_dir(&serve.directory).map_err(|source| Failure::Directory {
        path: serve.directory.clone(),
        source,
    })?;
    if let Some(program) = serve.exec.first() {
        which::which(program).map_err(|source| Failure::Program {
            path: program.into(),
            source,
        })?;
    }
    let service = Service::new(serve.limits(), serve.handler());
    if let Some(address) = serve.metrics {
        let listener = exporter::open(address)
            .await
            .map_err(|source| Failure::Listen { address, source })?;
        spawn_local(exporter::serve(listener, service.clone()));
    }
    spawn_local(service.clone().dispatch());
    let (stop, stopped) = watch::channel(false);
    let connections = TaskTracker::new();
    let directory = Directory::new(
        serve.directory.clone(),
        service.clone(),
        stopped,
        connections.clone(),
    );
    let directory = spawn_local(directory.serve());
    notify(NotifyState::Ready);
    tokio::select! {
        _ = term.recv() => (),
        _ = int.recv() => (),
    }
    notify(NotifyState::Stopping);
    directory.abort();
    let again = async {
        tokio::select! {
            Some(()) = term.recv() => (),
            Some(()) = int.recv() => (),
            else => pending().await,
        }
    };
    tokio::select! {
        () = service.stop(serve.patience()) => (),
        // Whoever says it twice means now.
        () = again => service.stop(Duration::ZERO).await,
    }
    // Nobody listens if all have gone.
    let _ = stop.send(true);
    connections.close();
    connections.wait().await;
    Ok(())
}

fn stop_signal(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(Failure::Start)
}

/// Tells systemd, if that has started this program.
fn notify(state: NotifyState) {
    // It is no harm to the guests if nobody hears it.
    let _ = sd_notify::notify(false, &[state]);
}
