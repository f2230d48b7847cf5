// SPDX-License-Identifier: GPL-2.0

//! The links that all VMs have in common: QEMU, its package, the device in it and
//! the hook.

use std::path::Path;
use std::time::Duration;

use vgpu_host::Shown;
use vgpu_host::layout::QEMU;
use vgpu_host::program::{Program, Said};

use super::line;
use crate::commands::status;
use crate::dom0::tree::Tree;
use crate::failure::Failure;
use crate::finding::Finding;

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
    let line = line("qemu", format!("{QEMU} --version"));
    match run(program, &["--version"]) {
        Ok(said) => {
            let text = String::from_utf8_lossy(&said.stdout).into_owned();
            let first = text.lines().next().unwrap_or_default();
            line.good(format!("the device models' QEMU runs: {}", plain(first)))
        }
        Err(message) => line.bad(message, "reinstall the package qemu"),
    }
}

fn package(tree: &Tree) -> Finding {
    let root = tree.shown("/").display().to_string();
    let mut arguments = vec!["-q", "qemu"];
    if root != "/" {
        arguments.extend(["--root", &root]);
    }
    let line = line("package", "rpm -q qemu");
    match run(Path::new("rpm"), &arguments) {
        Ok(said) => {
            let text = String::from_utf8_lossy(&said.stdout).into_owned();
            let name = plain(text.trim());
            match name.contains(MARK) {
                true => line.good(format!("{name} has the device")),
                false => line.bad(format!("{name} is a package without the device"), PACKAGE),
            }
        }
        Err(message) => line.bad(message, "run this in dom0, where qemu is a package"),
    }
}

fn device(program: &Path) -> Finding {
    let line = line("device", format!("{QEMU} -device help"));
    match run(program, &["-device", "help"]) {
        Ok(said) => {
            // Older ones have the list on stderr.
            let lists = [said.stdout, said.stderr].concat();
            let lists = String::from_utf8_lossy(&lists).into_owned();
            match lists
                .lines()
                .find(|it| it.starts_with("name \"vgpu-stub\""))
            {
                Some(found) => line.good(format!("QEMU has it: {}", plain(found))),
                None => line.bad("QEMU has no device vgpu-stub", PACKAGE),
            }
        }
        Err(message) => line.bad(message, "reinstall the package qemu"),
    }
}

/// The older way's patch of the wrapper has the hook in its place.
fn hook(tree: &Tree) -> Result<Finding, Failure> {
    let line = line("hook", "vgpu-host status");
    let findings = status::of_hook(tree)?;
    let wrong = findings
        .iter()
        .find_map(|finding| finding.verdict.hint().map(|hint| (finding, hint)));
    Ok(match wrong {
        None => line.good("device models are started through the hook"),
        Some((finding, hint)) => line.bad(format!("{}: {}", finding.name, finding.state), hint),
    })
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
