// SPDX-License-Identifier: MIT OR Apache-2.0

//! Obstacles to modprobe, which is to load a module that is installed: modprobe.d(5), the
//! kernel's command line, and a kernel that takes no more modules.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Finding, Verdict};
use crate::{DRIVER, Roots};

/// Directories of the configuration of modprobe. A file masks those of the same name in
/// the directories after its own.
const DIRECTORIES: [&str; 5] = [
    "etc/modprobe.d",
    "run/modprobe.d",
    "usr/local/lib/modprobe.d",
    "usr/lib/modprobe.d",
    "lib/modprobe.d",
];

/// Says what keeps the driver from being loaded, if anything does.
pub(super) fn examine(check: &'static str, roots: &Roots) -> Option<Finding> {
    let fault = |fault, message: String, hint: String| {
        Some(Finding::fault(
            check,
            Verdict::Problem,
            fault,
            message,
            hint,
        ))
    };
    let disabled = fs::read_to_string(roots.path("proc/sys/kernel/modules_disabled"));
    if disabled.is_ok_and(|text| text.trim_end() == "1") {
        return fault(
            "modules_disabled",
            format!("{DRIVER} is not loaded, and the kernel takes no module until it is rebooted"),
            format!(
                "reboot, and have {DRIVER} in /etc/modules-load.d, which is read before \
                 kernel.modules_disabled is set"
            ),
        );
    }
    let command_line = fs::read_to_string(roots.path("proc/cmdline")).unwrap_or_default();
    for parameter in ["module_blacklist", "modprobe.blacklist"] {
        if blacklists(&command_line, parameter) {
            return fault(
                "blacklisted",
                format!("{parameter} on the kernel's command line names {DRIVER}"),
                "take it off the command line and reboot".into(),
            );
        }
    }
    let rules = files(roots).into_iter().find_map(|path| {
        let rule = rule(&fs::read_to_string(&path).ok()?)?;
        Some((path, rule))
    });
    let (path, rule) = rules?;
    let path = path.display();
    match rule {
        Rule::Blacklist => fault(
            "blacklisted",
            format!("{path} has a line blacklist {DRIVER}: udev does not load it"),
            format!("remove the line, then modprobe {DRIVER}"),
        ),
        Rule::Install(command) => fault(
            "install_command",
            format!("{path} has modprobe run {command:?} instead of loading {DRIVER}"),
            format!("remove the line, then modprobe {DRIVER}"),
        ),
    }
}

/// A line of modprobe.d that is about the driver.
enum Rule {
    Blacklist,
    Install(String),
}

/// Tells whether the names that a parameter of the kernel lists have the driver's among them.
fn blacklists(command_line: &str, parameter: &str) -> bool {
    command_line
        .split_ascii_whitespace()
        .filter_map(|word| word.split_once('='))
        .filter(|(name, _)| *name == parameter)
        .any(|(_, names)| names.split(',').any(is_driver))
}

/// The files of modprobe's configuration, in the order in which they are read.
fn files(roots: &Roots) -> Vec<PathBuf> {
    let mut files = BTreeMap::new();
    for directory in DIRECTORIES {
        let entries = fs::read_dir(roots.path(directory));
        for path in entries.into_iter().flatten().flatten().map(|it| it.path()) {
            if path.extension().is_some_and(|it| it == "conf") {
                let name = path.file_name().map(ToOwned::to_owned);
                files.entry(name).or_insert(path);
            }
        }
    }
    files.into_values().filter(|path| is_read(path)).collect()
}

/// Tells whether modprobe reads anything there: a link to /dev/null masks other files only.
fn is_read(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|it| it.is_file())
}

/// The first line about the driver. A command counts more: it keeps everybody from
/// loading it.
fn rule(text: &str) -> Option<Rule> {
    let text = text.replace("\\\n", " ");
    let mut blacklisted = None;
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        match (words.next(), words.next()) {
            (Some("install"), Some(name)) if is_driver(name) => {
                return Some(Rule::Install(words.collect::<Vec<_>>().join(" ")));
            }
            (Some("blacklist"), Some(name)) if is_driver(name) => {
                blacklisted = Some(Rule::Blacklist);
            }
            _ => {}
        }
    }
    blacklisted
}

/// Tells whether it is the driver's name, in which hyphens are the same as underscores.
fn is_driver(name: &str) -> bool {
    name.replace('-', "_") == DRIVER
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Fixture;

    fn found(files: &[(&str, &str)]) -> Option<(&'static str, String)> {
        let fixture = Fixture::new();
        for (path, text) in files {
            let path = fixture.root().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let finding = examine("module", &Roots::under(fixture.root()))?;
        Some((finding.fault?, finding.message))
    }

    #[test]
    fn a_line_of_modprobe_d_is_found_and_its_file_named() {
        let (fault, message) = found(&[(
            "etc/modprobe.d/local.conf",
            "# blacklist other\nblacklist vgpu-stub\n",
        )])
        .unwrap();
        assert_eq!(fault, "blacklisted");
        assert!(message.contains("etc/modprobe.d/local.conf"), "{message}");
        let (fault, message) = found(&[(
            "usr/lib/modprobe.d/a.conf",
            "install vgpu_stub \\\n  /bin/false\n",
        )])
        .unwrap();
        assert_eq!(fault, "install_command");
        assert!(message.contains("\"/bin/false\""), "{message}");
    }

    #[test]
    fn what_modprobe_does_not_heed_is_no_fault() {
        for files in [
            &[("etc/modprobe.d/a.conf", "# blacklist vgpu_stub\n")][..],
            &[(
                "etc/modprobe.d/a.conf",
                "blacklist vgpu_stubs\noptions vgpu_stub a=1\n",
            )],
            &[("etc/modprobe.d/a.conf.old", "blacklist vgpu_stub\n")],
            // Masked by the one before it.
            &[
                ("etc/modprobe.d/a.conf", "\n"),
                ("lib/modprobe.d/a.conf", "blacklist vgpu_stub\n"),
            ],
            &[(
                "proc/cmdline",
                "quiet module_blacklist=nouveau a=vgpu_stub\n",
            )],
            &[("proc/sys/kernel/modules_disabled", "0\n")],
        ] {
            assert_eq!(found(files), None, "{files:?}");
        }
    }

    #[test]
    fn what_holds_until_the_next_boot_is_found() {
        let faults = |path, text| found(&[(path, text)]).map(|(fault, _)| fault);
        let disabled = "proc/sys/kernel/modules_disabled";
        assert_eq!(faults(disabled, "1\n"), Some("modules_disabled"));
        for text in [
            "module_blacklist=a,vgpu_stub",
            "quiet modprobe.blacklist=vgpu-stub",
        ] {
            assert_eq!(faults("proc/cmdline", text), Some("blacklisted"), "{text}");
        }
    }
}
