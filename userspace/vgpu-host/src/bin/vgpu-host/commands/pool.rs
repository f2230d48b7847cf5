// SPDX-License-Identifier: GPL-2.0

//! The members of the pool, each as its own plugin says that it is, now.

use std::thread;

use serde_json::{Value, json};
use vgpu_cli::Problem;

use crate::commands::status;
use crate::dom0::remote;
use crate::dom0::tree::Tree;
use crate::dom0::xe::Xe;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::member::Member;
use crate::report::Report;

/// What has to be right on a member on which a VM with devices is to run, by the names of
/// the plugin's checks.
const NEEDED: [&str; 3] = ["device", "hook", "xenopsd"];

/// A member and what it answered.
pub(crate) struct Asked {
    member: Member,
    answer: Result<Condition, Failure>,
}

/// The condition of a member that answered.
struct Condition {
    /// The version of vgpu-host.
    version: String,
    /// Which hook it is, if there is one.
    hook: Option<String>,
    /// The package of QEMU.
    package: String,
    /// What keeps VMs with devices from running there.
    wrong: Vec<String>,
}

/// Asks these members, all at once: it takes as long as the slowest one, and no longer than
/// two calls of xe may.
///
/// An older hook need not know what a newer key says. So theirs have to be the one that
/// this host has, if it has one.
pub(crate) fn ask(xe: &Xe, tree: &Tree, uuids: &[String]) -> Result<Vec<Asked>, Failure> {
    let hook = status::hook_digest(tree)?;
    let hook = hook.as_deref();
    Ok(thread::scope(|scope| {
        let asking: Vec<_> = uuids
            .iter()
            .map(|uuid| scope.spawn(move || ask_one(xe, uuid, hook)))
            .collect();
        let joined = asking.into_iter().zip(uuids).map(|(asking, uuid)| {
            asking.join().unwrap_or_else(|_| Asked {
                member: Member::without_name(uuid),
                answer: Err(Failure::Refused {
                    what: "asking it failed".into(),
                    hint: "run vgpu-host status --pool",
                }),
            })
        });
        joined.collect()
    }))
}

fn ask_one(xe: &Xe, uuid: &str, hook: Option<&str>) -> Asked {
    // A host whose name is not known can be asked all the same.
    let member = xe
        .member(uuid)
        .unwrap_or_else(|_| Member::without_name(uuid));
    let answer = remote::ask(xe, &member, "status", &[]).and_then(|answer| {
        Condition::of(answer.member("status"), hook)
            .ok_or_else(|| remote::nonsense(&member, &answer.to_string()))
    });
    Asked { member, answer }
}

impl Condition {
    /// Reads what the plugin says; `None` if something is missing.
    fn of(status: &Value, hook_here: Option<&str>) -> Option<Self> {
        let hook = match &status["hook"] {
            Value::Null => None,
            hook => Some(plain(hook.as_str()?)),
        };
        let checks = status["checks"].as_array()?;
        let check = |name: &str| checks.iter().find(|check| check["name"] == name);
        let mut wrong = Vec::new();
        for name in NEEDED {
            let check = check(name)?;
            let state = check["state"].as_str()?;
            if check["ok"] != true {
                let hint = check["hint"].as_str().map(|hint| format!(" ({hint})"));
                wrong.push(plain(&format!(
                    "{name}: {state}{}",
                    hint.unwrap_or_default()
                )));
            }
        }
        if let (Some(there), Some(here)) = (&hook, hook_here) {
            if there != here {
                wrong.push(format!(
                    "its hook is {there}, and this host's is {here} (install the same vgpu-host \
                     on all)"
                ));
            }
        }
        Some(Condition {
            version: plain(status["version"].as_str()?),
            hook,
            package: plain(check("package")?["state"].as_str()?),
            wrong,
        })
    }
}

impl Asked {
    /// The name of the member and why VMs with devices cannot run there, if they cannot.
    pub(crate) fn unprepared(&self) -> Option<String> {
        let wrong = self.wrong();
        match wrong[..] {
            [] => None,
            _ => Some(format!("{}: {}", self.member.shown(), wrong.join("; "))),
        }
    }

    fn wrong(&self) -> Vec<String> {
        match &self.answer {
            Ok(condition) => condition.wrong.clone(),
            Err(failure) => {
                // Without the name, which is said already.
                let message = match failure {
                    Failure::NoPlugin(_) => "no plugin of vgpu-host".into(),
                    Failure::Member { message, .. } => message.clone(),
                    other => other.message(),
                };
                vec![format!("{message} ({})", failure.hint())]
            }
        }
    }

    fn line(&self, enabled: bool) -> String {
        let wrong = self.wrong();
        let mark = if wrong.is_empty() { "ok" } else { "NO" };
        let condition = self.answer.as_ref().ok().map(|condition| {
            let Condition {
                version,
                hook,
                package,
                ..
            } = condition;
            let hook = hook.as_deref().unwrap_or("none");
            format!("vgpu-host {version}, hook {hook}, {package}")
        });
        let disabled = (!enabled).then(|| "it is not enabled".into());
        let parts: Vec<String> = condition.into_iter().chain(wrong).chain(disabled).collect();
        let name = self.member.name.escape_debug();
        format!("{mark}  {name}  {}\n", parts.join("; "))
    }

    fn json(&self, enabled: bool) -> Value {
        let condition = self.answer.as_ref().ok();
        let wrong = self.wrong();
        json!({
            "uuid": self.member.uuid,
            "name": self.member.name,
            "enabled": enabled,
            "prepared": wrong.is_empty(),
            "version": condition.map(|it| it.version.as_str()),
            "hook": condition.and_then(|it| it.hook.as_deref()),
            "package": condition.map(|it| it.package.as_str()),
            "wrong": wrong,
        })
    }
}

/// Compares all members.
pub(crate) fn status(xe: &Xe, tree: &Tree) -> Result<Report, Failure> {
    let uuids = xe.members()?;
    let enabled = xe.enabled_members()?;
    let asked: Vec<(Asked, bool)> = ask(xe, tree, &uuids)?
        .into_iter()
        .map(|asked| {
            let enabled = enabled.contains(&asked.member.uuid);
            (asked, enabled)
        })
        .collect();
    let prepared = asked.iter().all(|(asked, _)| asked.wrong().is_empty());
    let mut packages: Vec<&str> = asked
        .iter()
        .filter_map(|(asked, _)| asked.answer.as_ref().ok())
        .map(|condition| condition.package.as_str())
        .collect();
    packages.sort_unstable();
    packages.dedup();
    let different = (packages.len() > 1).then(|| {
        "not all members have the same package of QEMU: a VM may not migrate to an older one".into()
    });
    Ok(Report {
        text: asked
            .iter()
            .map(|(it, enabled)| it.line(*enabled))
            .collect(),
        member: Some((
            "pool",
            json!({
                "prepared": prepared,
                "members": asked.iter().map(|(it, enabled)| it.json(*enabled)).collect::<Value>(),
            }),
        )),
        notes: different.into_iter().collect(),
        exit: if prepared { Exit::Ok } else { Exit::Mismatch },
    })
}

/// What another host said, in one line.
fn plain(text: &str) -> String {
    text.chars()
        .filter(|it| !it.is_control())
        .take(400)
        .collect()
}
