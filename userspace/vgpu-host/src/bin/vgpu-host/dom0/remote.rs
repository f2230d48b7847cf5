// SPDX-License-Identifier: GPL-2.0

//! What other members of the pool are asked, by their plugins.

use std::fmt;

use serde_json::Value;
use vgpu_cli::ExitCodes;
use vgpu_host::Shown;
use vgpu_host::program::ProgramError;

use crate::cli::Change;
use crate::dom0::xe::Xe;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::member::Member;
use crate::output::SCHEMA;
use crate::report::Report;

/// By which xapi finds the plugin: its file.
const NAME: &str = "vgpu-stub";
/// What the codes of the plugin's own failures begin with.
pub(crate) const CODE: &str = "VGPU_STUB_";
/// How xe begins what it prints of a failure that it does not know.
const ERROR: &str = "Error code: ";
const PARAMETERS: &str = "\nError parameters: ";
/// What xe prints of a member without the plugin.
const NO_PLUGIN: &str = "The requested plugin could not be found";

/// What the plugin of a member answered.
pub(crate) struct Answer {
    document: Value,
    exit: Exit,
}

/// Has the member do it on which the VM runs, if that was what kept this host from it.
///
/// # Errors
/// The failure itself if it is another one, or what came of asking the member.
pub(crate) fn instead(
    xe: &Xe,
    failure: Failure,
    function: &str,
    name: &'static str,
    arguments: &[(&str, &str)],
) -> Result<Report, Failure> {
    let Failure::Elsewhere { vm, member } = failure else {
        return Err(failure);
    };
    let mut all = vec![("vm", vm.as_str())];
    all.extend(arguments);
    let answer = ask(xe, &member, function, &all)?;
    let text = answer.member("text").as_str().map(String::from);
    let notes = answer.member("notes").as_array().map(|notes| {
        let notes = notes.iter().map(|note| note.as_str().map(String::from));
        notes.collect::<Option<Vec<_>>>()
    });
    match (text, notes, answer.document.get(name)) {
        (Some(text), Some(Some(mut notes)), Some(value)) => {
            notes.push(format!("VM {vm} runs on {}: it was asked", member.shown()));
            Ok(Report {
                text,
                member: Some((name, value.clone())),
                notes,
                exit: answer.exit,
            })
        }
        _ => Err(nonsense(&member, &answer.to_string())),
    }
}

/// Asks for a change of a device.
pub(crate) fn set(
    xe: &Xe,
    failure: Failure,
    device: Option<&str>,
    change: &Change,
    dry_run: bool,
) -> Result<Report, Failure> {
    let properties = change.arguments();
    let mut arguments: Vec<(&str, &str)> = properties
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    arguments.extend(device.map(|device| ("device", device)));
    arguments.extend(dry_run.then_some(("dry_run", "true")));
    instead(xe, failure, "set", "vm", &arguments)
}

/// Calls a function of the plugin of a member.
pub(crate) fn ask(
    xe: &Xe,
    member: &Member,
    function: &str,
    arguments: &[(&str, &str)],
) -> Result<Answer, Failure> {
    let said = xe
        .call_plugin(member, NAME, function, arguments)
        .map_err(|failure| refused(member, failure))?;
    let document: Value = serde_json::from_str(&said).map_err(|_| nonsense(member, &said))?;
    let exit = document["exit"].as_u64().and_then(exit_of);
    match exit {
        Some(exit) if document["schema"] == SCHEMA => Ok(Answer { document, exit }),
        _ => Err(nonsense(member, &said)),
    }
}

impl Answer {
    /// The member of this name; null if there is none.
    pub(crate) fn member(&self, name: &str) -> &Value {
        &self.document[name]
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.document.fmt(f)
    }
}

/// What is meant by a failure of a call: xe prints the code and the parameters of one that it
/// does not know.
fn refused(member: &Member, failure: Failure) -> Failure {
    let message = match &failure {
        Failure::Xe { message, .. } => message,
        Failure::Program(ProgramError::Timeout { .. }) => {
            return Failure::Member {
                member: member.shown(),
                message: format!("{failure}, and what it did is not known"),
                exit: Exit::Timeout,
            };
        }
        _ => return failure,
    };
    if message.contains(NO_PLUGIN) {
        return Failure::NoPlugin(member.shown());
    }
    let ours = message
        .strip_prefix(ERROR)
        .and_then(|rest| rest.strip_prefix(CODE))
        .and_then(|rest| rest.split_once(PARAMETERS))
        .and_then(|(_, parameters)| parameters.split_once(", "));
    let (exit, message) = match ours {
        Some((exit, message)) => (exit.parse().ok().and_then(exit_of), message.into()),
        None => (None, failure.to_string()),
    };
    Failure::Member {
        member: member.shown(),
        message: message.chars().filter(|it| !it.is_control()).collect(),
        exit: exit.unwrap_or(Exit::Internal),
    }
}

/// The failure of a member that answered something else.
pub(crate) fn nonsense(member: &Member, said: &str) -> Failure {
    Failure::Member {
        member: member.shown(),
        message: format!(
            "its plugin answered what makes no sense: {}",
            Shown::new(said)
        ),
        exit: Exit::Internal,
    }
}

fn exit_of(code: u64) -> Option<Exit> {
    Exit::ALL
        .iter()
        .copied()
        .find(|exit| u64::from(exit.code()) == code)
}
