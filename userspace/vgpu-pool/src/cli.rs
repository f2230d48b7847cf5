// SPDX-License-Identifier: GPL-2.0

//! The command line.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueHint};
use vgpu::PoolId;
use vgpu_cli::{Describe, ExitCodes};

use crate::exit::Exit;
use crate::handler::{Handler, Own};
use crate::program::Program;
use crate::queue::Limits;
use crate::rate::Rate;

/// Where QEMU makes the sockets, if nobody says otherwise.
pub(crate) const SOCKETS: &str = "/run/vgpu-pool";

/// Answers the messages of guests with vGPU stubs, pool by pool.
#[derive(Debug, Parser)]
#[command(version, disable_help_subcommand = true, after_help = Exit::help())]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) action: Action,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Connect to the devices and answer, until it is stopped
    Serve(Serve),
    #[command(flatten)]
    Describe(Describe),
}

#[derive(Debug, Args)]
#[command(
    after_help = "A request of a VM with a higher priority goes before all lower ones that have not \
                  waited longer than it by the time of ageing for each step between them. Requests \
                  of one priority go in the order in which they came.\n\nA program gets the \
                  request on stdin and VGPU_VM_ID, VGPU_POOL_ID and VGPU_PRIORITY in its \
                  environment; what it prints is the answer, and its exit status the status. It is \
                  ended, with all that it has started, when the guest takes the request back."
)]
pub(crate) struct Serve {
    /// Where the sockets are, NAME.sock each
    #[arg(value_name = "DIR", default_value = SOCKETS, value_hint = ValueHint::DirPath)]
    pub(crate) directory: PathBuf,
    /// Answer by running this for each request: a program and its arguments; comes last
    #[arg(
        long,
        value_name = "PROGRAM",
        num_args = 1..,
        allow_hyphen_values = true,
        required_unless_present = "answer",
        value_hint = ValueHint::CommandName
    )]
    pub(crate) exec: Vec<OsString>,
    /// Answer without a program
    #[arg(long, value_enum, conflicts_with = "exec")]
    answer: Option<Own>,
    /// How many requests of a pool are served at once; may be repeated
    #[arg(long = "pool", value_name = "POOL=N", value_parser = parse_pool)]
    pools: Vec<(PoolId, NonZeroUsize)>,
    /// The same for each pool that is not named
    #[arg(long, value_name = "N", default_value = "4", value_parser = parse_places)]
    other_pools: NonZeroUsize,
    /// How long a request waits to go before those of the next higher priority that come then
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = parse_seconds)]
    ageing: Duration,
    /// How many requests of a VM are served in a second at most; the others wait
    #[arg(long, value_name = "N", value_parser = parse_rate)]
    rate: Option<Rate>,
    /// How long a program may run for one request
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = parse_seconds)]
    exec_timeout: Duration,
    /// How long requests that are served have to end when this program is stopped
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = parse_seconds)]
    stop_timeout: Duration,
    /// Give numbers to Prometheus at http://ADDRESS:PORT/metrics
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) metrics: Option<SocketAddr>,
}

impl Serve {
    /// What the operator allows.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            pools: self.pools.iter().copied().collect::<BTreeMap<_, _>>(),
            others: self.other_pools,
            ageing: self.ageing,
            rate: self.rate,
        }
    }

    /// What answers.
    pub(crate) fn handler(&self) -> Handler {
        match self.answer {
            Some(own) => Handler::Own(own),
            None => Handler::Program(Program {
                words: self.exec.clone(),
                time: self.exec_timeout,
            }),
        }
    }

    /// How long requests that are served have when this program is stopped.
    pub(crate) fn patience(&self) -> Duration {
        self.stop_timeout
    }
}

fn parse_pool(text: &str) -> Result<(PoolId, NonZeroUsize), String> {
    let (pool, places) = text.split_once('=').ok_or("it has to be POOL=N, as A=4")?;
    let pool = pool.parse().map_err(|()| {
        format!("no pool is {pool}: they are letters, digits, or 0x and hexadecimal")
    })?;
    Ok((pool, parse_places(places)?))
}

/// More is no limit, and would not fit where requests are counted.
const PLACES_MAX: usize = 10_000;

fn parse_places(text: &str) -> Result<NonZeroUsize, String> {
    text.parse()
        .ok()
        .filter(|places: &NonZeroUsize| places.get() <= PLACES_MAX)
        .ok_or_else(|| format!("it has to be a number from 1 to {PLACES_MAX}"))
}

fn parse_rate(text: &str) -> Result<Rate, String> {
    text.parse()
        .ok()
        .filter(|count: &NonZeroU32| count.get() <= 1_000_000)
        .map(Rate::per_second)
        .ok_or_else(|| "it has to be a number from 1 to 1000000".into())
}

/// Reads a time, which may have a fraction.
fn parse_seconds(text: &str) -> Result<Duration, String> {
    text.parse()
        .ok()
        .filter(|seconds| (0.0..=86400.0).contains(seconds))
        .map(Duration::from_secs_f64)
        .ok_or_else(|| "it has to be a number of seconds from 0 to 86400".into())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split(' '))
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_program_has_the_rest_of_the_line() {
        let cli = parse("vgpu-pool serve --pool A=4 --pool 0x07=1 --exec sh -c --rate").unwrap();
        let Action::Serve(serve) = cli.action else {
            panic!("{cli:?}");
        };
        assert_eq!(serve.exec, ["sh", "-c", "--rate"]);
        assert!(serve.rate.is_none());
        let limits = serve.limits();
        let places = |raw| limits.pools.get(&PoolId::from_raw(raw)).map(|it| it.get());
        assert_eq!((places(0x41), places(7)), (Some(4), Some(1)));
        assert_eq!(limits.others.get(), 4);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for line in [
            "vgpu-pool serve",
            "vgpu-pool serve --answer nothing",
            "vgpu-pool serve --answer echo --exec cat",
            "vgpu-pool serve --answer echo --pool A",
            "vgpu-pool serve --answer echo --pool A=0",
            "vgpu-pool serve --answer echo --pool ab=1",
            "vgpu-pool serve --answer echo --rate 0",
            "vgpu-pool serve --answer echo --ageing -1",
            "vgpu-pool serve --answer echo --ageing nan",
            "vgpu-pool serve --answer echo --metrics 9000",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
