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

/// Options whose values are names of what is there when they are completed.
#[derive(Clone, Copy, Debug)]
pub struct Named {
    /// The short option, without its hyphen.
    pub short: char,
    /// The long one, without its hyphens.
    pub long: &'static str,
    /// A command that prints a name a line, in the words that all of the shells have.
    pub names: &'static str,
}

/// The script for `command`.
pub fn script(shell: Shell, mut command: Command, named: Option<Named>) -> String {
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
            bash_values(&function, named) + &script
        }
        Shell::Zsh => match named {
            Some(named) => zsh_names(&name, &script, named),
            None => script,
        },
        Shell::Fish => {
            let names = named.map(|named| fish_names(&name, named));
            script + &fish_values(&command) + &names.unwrap_or_default()
        }
    }
}

/// The function that bash calls in the place of `function`. Bash takes a value behind "="
/// for a word of its own, and one behind a comma for a part of the word before.
fn bash_values(function: &str, named: Option<Named>) -> String {
    let names = named.map(|Named { short, long, names }| {
        format!(
            r#"    case $option in
    -{short} | --{long})
        COMPREPLY=($(compgen -W "$({names})" -- "$value"))
        COMPREPLY=("${{COMPREPLY[@]/#/$before}}")
        return
        ;;
    esac
"#
        )
    });
    let names = names.unwrap_or_default();
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

/// The script for zsh, in which the values of the named options are the names, with
/// commas between them.
fn zsh_names(command: &str, script: &str, named: Named) -> String {
    let Named { short, long, names } = named;
    let function = format!("_{command}_{long}_names");
    let options = [format!("-{short}+["), format!("--{long}=[")];
    let mut lines = String::new();
    for line in script.lines() {
        let start = line.trim_start_matches(['\'', '*']);
        let is_named = options.iter().any(|option| start.starts_with(option));
        match line.strip_suffix(":_default' \\") {
            Some(rest) if is_named => lines += &format!("{rest}:{function}' \\\n"),
            _ => lines += &format!("{line}\n"),
        }
        // What comes first says which command it is for.
        if line.starts_with("#compdef ") {
            lines += &format!(
                r#"
{function}() {{
    local names
    names=(${{(f)"$({names})"}})
    _sequence compadd - $names
}}
"#
            );
        }
    }
    lines
}

/// The same for fish, which takes it as an addition.
fn fish_names(command: &str, named: Named) -> String {
    let Named { short, long, names } = named;
    let function = format!("__fish_{}_{long}_names", command.replace('-', "_"));
    format!(
        r#"function {function}
    {names}
end
complete -c {command} -s {short} -l {long} -x -a "(__fish_complete_list , {function})"
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
