// SPDX-License-Identifier: GPL-2.0

//! The scripts that complete arguments in a shell.

use clap::{Command, ValueEnum};
use clap_complete::aot::{Shell as Completer, generate};

/// A shell that arguments can be completed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// GNU's
    Bash,
    /// The Z shell
    Zsh,
    /// The friendly interactive one
    Fish,
}

/// The script for `command`. Bash completes the values of the options `named` by the
/// words that the shell command `names` prints.
pub fn script(shell: Shell, mut command: Command, named: &[&str], names: &str) -> String {
    let completer = match shell {
        Shell::Bash => Completer::Bash,
        Shell::Zsh => Completer::Zsh,
        Shell::Fish => Completer::Fish,
    };
    let name = command.get_name().to_owned();
    // In a name with a hyphen, clap_complete's functions for bash do not find each
    // other.
    let shown = match shell {
        Shell::Bash => name.replace('-', "_"),
        _ => name.clone(),
    };
    let mut script = Vec::new();
    generate(completer, &mut command, shown.clone(), &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    match shell {
        // The lines that say which command the function is for.
        Shell::Bash => {
            let script = script.replace(&format!(" {shown}\n"), &format!(" {name}\n"));
            let function = format!("_{}", shown.replace('-', "__"));
            let script = script.replace(
                &format!("complete -F {function} "),
                &format!("complete -F {function}_value "),
            );
            bash_values(&function, named, names) + &script
        }
        Shell::Zsh => script,
        Shell::Fish => script + &fish_values(&command),
    }
}

/// The function that bash calls in the place of `function`. Bash takes a value behind "="
/// for a word of its own, and one behind a comma for a part of the word before.
fn bash_values(function: &str, named: &[&str], names: &str) -> String {
    let names = match named {
        [] => String::new(),
        _ => format!(
            r#"    case $option in
    {})
        COMPREPLY=($(compgen -W "$({names})" -- "$value"))
        COMPREPLY=("${{COMPREPLY[@]/#/$before}}")
        return
        ;;
    esac
"#,
            named.join(" | ")
        ),
    };
    format!(
        r#"{function}_value() {{
    local value=$2 option=$3 before=
    [[ $value != "=" ]] || value=
    [[ $option != "=" ]] || option=${{COMP_WORDS[COMP_CWORD - 2]}}
    if [[ $value == *,* ]]; then
        before=${{value%,*}},
        value=${{value##*,}}
    fi
{names}    {function} "$1" "$value" "$option"
    COMPREPLY=("${{COMPREPLY[@]/#/$before}}")
}}

"#
    )
}

/// The values that subcommands take, for fish: clap_complete knows there only those
/// of options.
fn fish_values(command: &Command) -> String {
    let name = command.get_name();
    // As the script itself names its functions.
    let function = name.replace('-', "_");
    let mut lines = String::new();
    for subcommand in command.get_subcommands() {
        let values = subcommand
            .get_positionals()
            .flat_map(|argument| argument.get_possible_values());
        for value in values.filter(|value| !value.is_hide_set()) {
            let help = value.get_help().map(ToString::to_string);
            lines += &format!(
                "complete -c {name} -n \"__fish_{function}_using_subcommand {}\" -f -a '{}' -d '{}'\n",
                subcommand.get_name(),
                value.get_name(),
                help.unwrap_or_default().replace('\'', "\\'"),
            );
        }
    }
    lines
}
