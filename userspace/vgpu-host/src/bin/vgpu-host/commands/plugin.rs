// SPDX-License-Identifier: GPL-2.0

//! The plugin by which the toolstack, and vgpu-host on other members of the pool, have
//! things done on this host.
//!
//! xapi takes an answer only if the plugin ends with 0, whether it succeeded or not. The
//! plugin passes nothing on to other members: whoever called it chose this host.

use std::collections::BTreeMap;

use serde_json::Value;
use vgpu_cli::{ExitCodes, Problem};
use vgpu_host::Shown;

use crate::cli::Change;
use crate::commands::verify::host;
use crate::commands::{list, set, status, verify};
use crate::dom0::remote::CODE;
use crate::dom0::tree::Tree;
use crate::dom0::xe::Xe;
use crate::dom0::xmlrpc::{self, Call};
use crate::failure::Failure;
use crate::finding;
use crate::output::document;
use crate::report::Report;

/// The code of a call that makes no sense, as XAPI has it.
const PLUGIN_FAILURE: &str = "XENAPI_PLUGIN_FAILURE";
/// The code of a function that there is not.
const UNKNOWN_FUNCTION: &str = "UNKNOWN_XENAPI_PLUGIN_FUNCTION";

/// Does what a call asks for. The report is the answer.
pub(crate) fn answer(xe: &Xe, tree: &Tree, words: &[String]) -> Report {
    let call = match words {
        [call] => Call::parse(call).map_err(|error| error.to_string()),
        _ => Err(format!(
            "there are {} arguments instead of one",
            words.len()
        )),
    };
    let text = match call {
        Ok(call) => match run(xe, tree, &call) {
            None => xmlrpc::failure(UNKNOWN_FUNCTION, &[&call.function]),
            Some(done) => answer_of(&done),
        },
        Err(message) => xmlrpc::failure(PLUGIN_FAILURE, &["bad call", &message, ""]),
    };
    Report {
        text,
        ..Report::default()
    }
}

/// The result of a run, or its failure: the exit code that vgpu-host would have ended with,
/// the message and what to do.
fn answer_of(done: &Result<Report, Failure>) -> String {
    match done {
        Ok(report) => {
            let mut document = document(done);
            document["exit"] = report.exit.code().into();
            document["text"] = report.text.as_str().into();
            document["notes"] = report.notes.as_slice().into();
            xmlrpc::success(&ascii(&document))
        }
        Err(failure) => xmlrpc::failure(
            &format!("{CODE}{}", failure.kind().to_ascii_uppercase()),
            &[
                &failure.exit().code().to_string(),
                &failure.message(),
                &failure.hint(),
            ],
        ),
    }
}

/// Runs a function; `None` if there is none of that name.
fn run(xe: &Xe, tree: &Tree, call: &Call) -> Option<Result<Report, Failure>> {
    let arguments = Arguments(&call.arguments);
    Some(match call.function.as_str() {
        "status" => arguments.only(&[]).and_then(|()| condition(tree)),
        "list" => arguments.only(&[]).and_then(|()| list::list(xe)),
        "verify" => arguments
            .only(&["vm"])
            .and_then(|()| verify::verify(xe, tree, arguments.get("vm"))),
        "set" => arguments.set(xe, tree),
        _ => return None,
    })
}

/// The condition of this host, as far as a VM with devices needs it.
fn condition(tree: &Tree) -> Result<Report, Failure> {
    let mut findings = host::of_qemu(tree)?;
    findings.extend(status::findings(tree)?);
    let mut report = finding::report("status", &findings);
    if let Some((_, member)) = &mut report.member {
        member["version"] = env!("CARGO_PKG_VERSION").into();
        member["hook"] = status::hook_digest(tree)?.into();
    }
    Ok(report)
}

/// The arguments of a call.
struct Arguments<'a>(&'a BTreeMap<String, String>);

impl Arguments<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Refuses all but these.
    fn only(&self, names: &[&str]) -> Result<(), Failure> {
        match self.0.keys().find(|it| !names.contains(&it.as_str())) {
            Some(other) => Err(Failure::Usage(format!(
                "there is no argument {}",
                Shown::new(other)
            ))),
            None => Ok(()),
        }
    }

    fn set(&self, xe: &Xe, tree: &Tree) -> Result<Report, Failure> {
        const PROPERTIES: [&str; 3] = ["pool", "priority", "vm_id"];
        self.only(&["vm", "device", "dry_run", "pool", "priority", "vm_id"])?;
        let Some(vm) = self.get("vm") else {
            return Err(Failure::Usage("there is no argument vm".into()));
        };
        let dry_run = match self.get("dry_run") {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => return Err(Failure::Usage("dry_run is true or false".into())),
        };
        let properties = PROPERTIES
            .into_iter()
            .filter_map(|name| self.get(name).map(|value| (name, value)));
        let change = Change::parse(properties).map_err(Failure::Usage)?;
        set::set(xe, tree, vm, self.get("device"), &change, dry_run)
    }
}

/// A document in one line of printable ASCII.
fn ascii(document: &Value) -> String {
    let mut text = String::new();
    for it in document.to_string().chars() {
        match it {
            ' '..='~' => text.push(it),
            _ => it
                .encode_utf16(&mut [0; 2])
                .iter()
                .for_each(|unit| text.push_str(&format!("\\u{unit:04x}"))),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_of_ascii_is_the_same_document() {
        let document = json!({ "a": "\u{1f600} \u{e4}\u{7f}\n<&>" });
        let text = ascii(&document);
        assert!(text.bytes().all(|it| (b' '..=b'~').contains(&it)), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), document);
    }
}
