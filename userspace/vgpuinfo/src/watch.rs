// SPDX-License-Identifier: GPL-2.0

//! `vgpuinfo watch`.

mod change;

use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::time::{Duration, SystemTime};

use clap::ValueEnum;
use vgpu::{Error, Events, Roots, Vgpu, Wake};
use vgpu_cli::{output, stdout};

use self::change::{Change, State};
use crate::failure::Failure;
use crate::options::Options;
use crate::report::Report;
use crate::select::Selector;
use crate::terminal::Terminal;

/// How a change is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Lines {
    /// In words, with the time of day, for people
    Text,
    /// As a JSON object
    #[value(alias = "json")]
    Ndjson,
}

impl Lines {
    /// What was `asked` for; without, what suits a terminal and what suits anything else.
    pub(crate) fn choose(asked: Option<Lines>, options: &Options) -> Lines {
        match asked {
            _ if options.json => Lines::Ndjson,
            Some(lines) => lines,
            None if io::stdout().is_terminal() => Lines::Text,
            None => Lines::Ndjson,
        }
    }
}

/// Writes what the devices are, and then a line for each change, until nobody
/// reads any more.
///
/// `interval` is how often the devices are read though nothing was announced:
/// revision 1 changes its command and its status silently.
pub(crate) fn watch(interval: Option<Duration>, lines: Lines, options: &Options) -> Report {
    // It may be long before there is something to write.
    if let Err(error) = stdout::check() {
        return Report::failed(Failure::Output(error));
    }
    let roots = options.roots();
    // Before the first look, so that nothing is missed in between.
    let events = Events::new(&roots);
    if !events.are_announced() {
        options.detail("nothing is announced here: looking again every 0.1 s");
    }
    let writer = Writer::new(lines);
    let mut seen = Seen::new(options);
    loop {
        let text = match seen.look(&roots, |change| writer.line(change)) {
            Ok(text) => text,
            Err(error) => return Report::failed(Failure::Discovery(error)),
        };
        match output::write(&text) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                return Report::default();
            }
            Err(error) => return Report::failed(Failure::Output(error)),
        }
        // Without a device nothing changes silently.
        let pause = interval.filter(|_| !seen.states.is_empty());
        match events.wait(pause, Some(io::stdout().as_fd())) {
            Ok(Wake::Closed) => return Report::default(),
            Ok(Wake::Event | Wake::Timeout) => {}
            Err(error) => return Report::failed(Failure::Sleep(error)),
        }
    }
}

/// What makes a line of a change.
struct Writer {
    lines: Lines,
    unicode: bool,
}

impl Writer {
    fn new(lines: Lines) -> Self {
        Writer {
            lines,
            unicode: Terminal::stdout().unicode,
        }
    }

    fn line(&self, change: &Change) -> String {
        let now = SystemTime::now();
        match self.lines {
            Lines::Text => change.words(now, self.unicode) + "\n",
            Lines::Ndjson => change.json(now).to_string() + "\n",
        }
    }
}

/// What was written so far.
struct Seen<'a> {
    options: &'a Options,
    selectors: Vec<Selector>,
    /// In order of address.
    states: Vec<State>,
    started: bool,
}

impl<'a> Seen<'a> {
    fn new(options: &'a Options) -> Self {
        Seen {
            options,
            selectors: options.selectors(None),
            states: Vec::new(),
            started: false,
        }
    }

    /// Looks at the devices; gives a `line` for each difference.
    fn look(&mut self, roots: &Roots, line: impl Fn(&Change) -> String) -> Result<String, Error> {
        let found = Vgpu::discover(roots)?;
        let mut old = std::mem::take(&mut self.states);
        let mut changed = String::new();
        let mut appeared = String::new();
        for mut device in found {
            let before = old.iter().position(|it| it.device.is_same_as(&device));
            // A device that was named keeps being the same without its name.
            let before = before.map(|index| old.remove(index));
            if before.is_none() && !self.selects(&device) {
                continue;
            }
            let info = device.read(self.options.source());
            if matches!(info, Err(Error::Gone)) && !device.is_present() {
                old.extend(before);
                continue;
            }
            let state = State::new(device, info);
            match &before {
                None if self.started => appeared += &line(&Change::Added(&state)),
                None => appeared += &line(&Change::Present(&state)),
                Some(before) => {
                    if let Some(change) = Change::between(before, &state) {
                        changed += &line(&change);
                    }
                }
            }
            self.states.push(state);
        }
        // What is gone makes room for what came in its place.
        let removed = old.iter().map(|state| line(&Change::Removed(state)));
        self.started = true;
        Ok(removed.collect::<String>() + &changed + &appeared)
    }

    fn selects(&self, device: &Vgpu) -> bool {
        self.selectors.is_empty() || self.selectors.iter().any(|it| it.selects(device))
    }
}
