// SPDX-License-Identifier: GPL-2.0

//! The links that all VMs have in common: QEMU, its package, the device in it and
//! the hook.

use std::path::Path;
use std::time::Duration;

use vgpu_cli::Finding;
use vgpu_host::Shown;
use vgpu_host::layout::QEMU;
use vgpu_host::program::{Program, Said};

use crate::commands::status;
use crate::dom0::tree::Tree;
use crate::failure::Failure;

/// How long rpm and QEMU may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// More than the list of QEMU's devices.
const LONGEST: usize = 1 << 20;
/// What a release of the package has in its name if the device was put in.
const MARK: &str = ".vgpustub";

const PACKAGE: &str = "build the package with vgpu-host spec apply, and install it";

pub(super) fn findings(tree: &Tree) -> Result<Vec<Finding>, Failure> {
    let mut findings = of_qemu(tree)?;
    findings.push(hook(tree)?);
    Ok(findings)
}

/// The links in which QEMU is.
pub(crate) fn of_qemu(tree: &Tree) -> Result<Vec<Finding>, Failure> {
    Ok(vec![
        qemu(&tree.path(QEMU)?),
        package(tree),
        device(&tree.path(QEMU)?),
    ])
}

fn qemu(program: &Path) -> Finding {
    let finding = match run(program, &["--version"]) {
        Ok(said) => {
            let text = String::from_utf8_lossy(&said.stdout).into_owned();
            let first = text.lines().next().unwrap_or_default();
            Finding::ok(
                "qemu",
                format!("the device models' QEMU runs: {}", plain(first)),
            )
        }
        Err(message) => Finding::problem("qemu", message, "reinstall the package qemu"),
    };
    finding.by(format!("{QEMU} --version"))
}

fn package(tree: &Tree) -> Finding {
    let root = tree.shown("/").display().to_string();
    let mut arguments = vec!["-q", "qemu"];
    if root != "/" {
        arguments.extend(["--root", &root]);
    }
    let finding = match run(Path::new("rpm"), &arguments) {
        Ok(said) => {
            let text = String::from_utf8_lossy(&said.stdout).into_owned();
            let name = plain(text.trim());
            match name.contains(MARK) {
                true => Finding::ok("package", format!("{name} has the device")),
                false => Finding::problem(
                    "package",
                    format!("{name} is a package without the device"),
                    PACKAGE,
                ),
            }
        }
        Err(message) => Finding::problem(
            "package",
            message,
            "run this in dom0, where qemu is a package",
        ),
    };
    finding.by("rpm -q qemu")
}

fn device(program: &Path) -> Finding {
    let finding = match run(program, &["-device", "help"]) {
        Ok(said) => {
            // Older ones have the list on stderr.
            let lists = [said.stdout, said.stderr].concat();
            let lists = String::from_utf8_lossy(&lists).into_owned();
            match lists
                .lines()
                .find(|it| it.starts_with("name \"vgpu-stub\""))
            {
                Some(found) => Finding::ok("device", format!("QEMU has it: {}", plain(found))),
                None => Finding::problem("device", "QEMU has no device vgpu-stub", PACKAGE),
            }
        }
        Err(message) => Finding::problem("device", message, "reinstall the package qemu"),
    };
    finding.by(format!("{QEMU} -device help"))
}

/// The older way's patch of the wrapper has the hook in its place.
fn hook(tree: &Tree) -> Result<Finding, Failure> {
    let findings = status::of_hook(tree)?;
    let wrong = findings
        .iter()
        .find_map(|finding| finding.hint.as_ref().map(|hint| (finding, hint)));
    let finding = match wrong {
        None => Finding::ok("hook", "device models are started through the hook"),
        Some((wrong, hint)) => {
            let message = format!("{}: {}", wrong.check, wrong.message);
            Finding::problem("hook", message, hint)
        }
    };
    Ok(finding.by("vgpu-host status"))
}

/// Runs a program that has to succeed; what went wrong if it does not.
fn run(program: &Path, arguments: &[&str]) -> Result<Said, String> {
    let program = Program {
        path: program.into(),
        patience: PATIENCE,
        longest: LONGEST,
    };
    let said = program.run(arguments).map_err(|error| error.to_string())?;
    match said.succeeded() {
        true => Ok(said),
        false => {
            let text = [&said.stderr[..], &said.stdout[..]].concat();
            Err(format!(
                "{} failed ({}): {}",
                program.path.display(),
                said.ended(),
                Shown::new(text.trim_ascii())
            ))
        }
    }
}

/// What a program of the host said, in one line without surprises.
fn plain(text: &str) -> String {
    text.chars()
        .filter(|it| !it.is_control())
        .take(200)
        .collect()
}
