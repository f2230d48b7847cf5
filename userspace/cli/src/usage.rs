// SPDX-License-Identifier: GPL-2.0

//! Arguments that make no sense.

use std::ffi::OsString;

/// Whether arguments that could not be parsed ask for JSON nevertheless, by `-J`,
/// `--json` or an option that `long` knows: then the error is to be a document
/// too. `valued` are the short options that what follows is a value of.
pub fn wants_json(arguments: &[OsString], valued: &[char], long: &[&str]) -> bool {
    arguments
        .iter()
        .skip(1)
        .filter_map(|argument| argument.to_str())
        .take_while(|argument| *argument != "--")
        .any(|argument| {
            if argument.starts_with("--") {
                return argument == "--json" || long.contains(&argument);
            }
            let short = argument.strip_prefix('-').unwrap_or_default();
            let mut flags = short.chars().take_while(|flag| !valued.contains(flag));
            flags.any(|flag| flag == 'J')
        })
}

/// What happened, in one line, of all that clap says.
pub fn summary(error: &clap::Error) -> String {
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    first.strip_prefix("error: ").unwrap_or(first).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_asked_for_by_flags_and_not_by_values() {
        let wants = |line: &str| {
            let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            wants_json(&arguments, &['d', 'o'], &["--format=json"])
        };
        for line in [
            "x -J",
            "x --json",
            "x get -qJ a",
            "x --format=json",
            "x nonsense -J",
        ] {
            assert!(wants(line), "{line}");
        }
        for line in [
            "x",
            "-J",
            "x J",
            "x -dJ",
            "x -- -J",
            "x --J",
            "x --format=csv",
            "x -oJ",
        ] {
            assert!(!wants(line), "{line}");
        }
    }
}
