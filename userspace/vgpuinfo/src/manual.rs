// SPDX-License-Identifier: GPL-2.0

//! The man pages, made of the definition of the command line.

use std::io;

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::cli::Cli;
use crate::exit::Exit;

/// Calls that show what the command is for, and what they do.
const EXAMPLES: [(&str, &str); 6] = [
    ("vgpuinfo", "List the devices."),
    (
        "pool=$(vgpuinfo get pool_id)",
        "Have the pool of the one device in a variable.",
    ),
    (
        "vgpuinfo query -o pci,vm_id --format csv",
        "Show two fields of all devices, for a spreadsheet.",
    ),
    (
        "vgpuinfo wait --for bound --timeout 30 && start-the-work",
        "Start something once the driver is bound.",
    ),
    (
        "vgpuinfo check --pool B --priority high",
        "Succeed only if this VM is where it should be.",
    ),
    (
        "vgpuinfo query --format prometheus >vgpu.prom",
        "Have node_exporter's textfile collector export it.",
    ),
];

/// The page of the command.
pub(crate) fn page() -> io::Result<String> {
    render(Cli::command(), true)
}

/// The names and the texts of all pages: that of the command and one for each
/// subcommand.
pub(crate) fn pages() -> io::Result<Vec<(String, String)>> {
    let mut command = Cli::command();
    // What subcommands inherit is known after that.
    command.build();
    let name = command.get_name().to_owned();
    let mut pages = vec![(name.clone(), page()?)];
    for subcommand in command.get_subcommands() {
        let name = format!("{name}-{}", subcommand.get_name());
        // clap's commands have names that live as long as the program.
        let subcommand = subcommand.clone().display_name(name.clone());
        pages.push((name, render(subcommand, false)?));
    }
    Ok(pages)
}

fn render(command: Command, whole: bool) -> io::Result<String> {
    let has_subcommands = command.has_subcommands();
    // Those of the whole command are the exit codes, which have a section.
    let notes = command.get_after_help().filter(|_| !whole);
    let notes = notes.map(ToString::to_string);
    let man = Man::new(command);
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if has_subcommands {
        man.render_subcommands_section(&mut page)?;
    }
    let mut more = Roff::new();
    if let Some(notes) = notes {
        more.control("SH", ["NOTES"]);
        more.text([roman(notes)]);
    }
    exit_status(&mut more);
    if whole {
        examples(&mut more);
        more.control("SH", ["ENVIRONMENT"]);
        more.control("TP", []);
        more.text([bold("NO_COLOR")]);
        more.text([roman(
            "If it is set and not empty, there is no colour on a terminal either.",
        )]);
    }
    more.to_writer(&mut page)?;
    String::from_utf8(page).map_err(io::Error::other)
}

fn exit_status(roff: &mut Roff) {
    roff.control("SH", ["EXIT STATUS"]);
    for exit in Exit::ALL {
        roff.control("TP", []);
        roff.text([bold(exit.code().to_string())]);
        roff.text([roman(exit.meaning())]);
    }
}

fn examples(roff: &mut Roff) {
    roff.control("SH", ["EXAMPLES"]);
    for (call, meaning) in EXAMPLES {
        roff.control("TP", []);
        roff.text([bold(call)]);
        roff.text([roman(meaning)]);
    }
}
