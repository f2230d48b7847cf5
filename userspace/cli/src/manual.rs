// SPDX-License-Identifier: GPL-2.0

//! Man pages, made of the definition of a command line.

use std::fs;
use std::io;
use std::path::Path;

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::exit::ExitCodes;

/// What a command's man pages have that its command line does not say.
pub struct Manual {
    /// The section that the pages belong to.
    pub section: &'static str,
    /// Calls that show what the command is for, and what they do.
    pub examples: &'static [(&'static str, &'static str)],
    /// Variables, and what they are for.
    pub environment: &'static [(&'static str, &'static str)],
    /// Files, and what they are for.
    pub files: &'static [(&'static str, &'static str)],
}

impl Manual {
    /// The page of the command.
    ///
    /// # Errors
    /// What was made is no text; nothing else here can fail.
    pub fn page<E: ExitCodes>(&self, command: Command) -> io::Result<String> {
        self.render::<E>(command, true)
    }

    /// The names and the texts of all pages: that of the command and one for each
    /// subcommand.
    ///
    /// # Errors
    /// As for [`Self::page`].
    pub fn pages<E: ExitCodes>(&self, mut command: Command) -> io::Result<Vec<(String, String)>> {
        let mut pages = vec![(
            command.get_name().to_owned(),
            self.page::<E>(command.clone())?,
        )];
        // What subcommands inherit is known after that.
        command.build();
        self.subcommands::<E>(&command, command.get_name(), &mut pages)?;
        Ok(pages)
    }

    /// Writes all pages to files in a directory.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn write<E: ExitCodes>(&self, command: Command, directory: &Path) -> io::Result<()> {
        fs::create_dir_all(directory)?;
        for (name, page) in self.pages::<E>(command)? {
            fs::write(directory.join(format!("{name}.{}", self.section)), page)?;
        }
        Ok(())
    }

    fn subcommands<E: ExitCodes>(
        &self,
        command: &Command,
        name: &str,
        pages: &mut Vec<(String, String)>,
    ) -> io::Result<()> {
        let for_people = |subcommand: &&Command| !subcommand.is_hide_set();
        for subcommand in command.get_subcommands().filter(for_people) {
            let name = format!("{name}-{}", subcommand.get_name());
            let shown = subcommand.clone().display_name(name.clone());
            pages.push((name.clone(), self.render::<E>(shown, false)?));
            self.subcommands::<E>(subcommand, &name, pages)?;
        }
        Ok(())
    }

    fn render<E: ExitCodes>(&self, command: Command, whole: bool) -> io::Result<String> {
        let has_subcommands = command.has_subcommands();
        // Those of the whole command are the exit codes, which have a section.
        let notes = command.get_after_help().filter(|_| !whole);
        let notes = notes.map(ToString::to_string);
        let man = Man::new(command).section(self.section);
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
        let codes = E::ALL
            .iter()
            .map(|exit| (exit.code().to_string(), exit.meaning()));
        list(&mut more, "EXIT STATUS", codes);
        if whole {
            for (heading, entries) in [
                ("EXAMPLES", self.examples),
                ("ENVIRONMENT", self.environment),
                ("FILES", self.files),
            ] {
                list(&mut more, heading, entries.iter().copied());
            }
        }
        more.to_writer(&mut page)?;
        String::from_utf8(page).map_err(io::Error::other)
    }
}

/// A section of terms and what they mean, if there are any.
fn list(
    roff: &mut Roff,
    heading: &str,
    entries: impl IntoIterator<Item = (impl Into<String>, &'static str)>,
) {
    let mut entries = entries.into_iter().peekable();
    if entries.peek().is_some() {
        roff.control("SH", [heading]);
    }
    for (term, meaning) in entries {
        roff.control("TP", []);
        roff.text([bold(term)]);
        roff.text([roman(meaning)]);
    }
}
