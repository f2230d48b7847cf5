// SPDX-License-Identifier: MIT OR Apache-2.0

//! Checks of the running kernel.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use super::{Finding, Verdict};
use crate::Roots;

/// The release of the running kernel, as `uname -r` prints it.
pub(super) fn release(roots: &Roots) -> Option<String> {
    let text = fs::read_to_string(roots.path("proc/sys/kernel/osrelease")).ok()?;
    Some(text.trim_end().to_owned())
}

/// The directory with the modules of a kernel.
pub(super) fn modules(roots: &Roots, release: &str) -> PathBuf {
    roots.path("lib/modules").join(release)
}

/// Tells whether the kernel was built with Rust, which a module in Rust needs.
pub(super) fn rust(roots: &Roots, release: &str) -> Finding {
    const CHECK: &str = "kernel";
    match has_rust(roots, release) {
        Some(true) => Finding::ok(CHECK, format!("{release} was built with CONFIG_RUST=y")),
        Some(false) => Finding::fault(
            CHECK,
            Verdict::Problem,
            "no_rust",
            format!("{release} was built without CONFIG_RUST"),
            "boot a kernel that has it; as root, vgpuinfo does without the driver",
        ),
        None => Finding::unknown(
            CHECK,
            format!("whether {release} was built with CONFIG_RUST cannot be found out"),
            "look for CONFIG_RUST=y in the configuration of the kernel",
        ),
    }
}

/// By the kernel's configuration, else by its symbols.
fn has_rust(roots: &Roots, release: &str) -> Option<bool> {
    let modules = modules(roots, release);
    let configurations = [
        roots.path("boot").join(format!("config-{release}")),
        modules.join("config"),
        modules.join("build/.config"),
    ];
    let configuration = configurations
        .iter()
        .find_map(|path| fs::read_to_string(path).ok());
    if let Some(configuration) = configuration {
        return Some(configuration.lines().any(|line| line == "CONFIG_RUST=y"));
    }
    let symbols = File::open(roots.path("proc/kallsyms")).ok()?;
    let mut lines = 0_u32;
    for line in BufReader::new(symbols).lines() {
        // What the kernel crate calls instead of C's inline functions.
        if line.ok()?.contains(" rust_helper_") {
            return Some(true);
        }
        lines = lines.saturating_add(1);
    }
    // A kernel without symbols tells nothing.
    (lines > 0).then_some(false)
}

/// Returns the reason for which the kernel takes signed modules only, if it does.
pub(super) fn wants_signatures(roots: &Roots) -> Option<(&'static str, &'static str)> {
    let enforced = fs::read_to_string(roots.path("sys/module/module/parameters/sig_enforce"));
    if enforced.is_ok_and(|text| text.trim_end() == "Y") {
        return Some(("signature", "module.sig_enforce is on"));
    }
    // The mode that holds is the one in brackets.
    let lockdown = fs::read_to_string(roots.path("sys/kernel/security/lockdown"));
    match lockdown {
        Ok(text) if text.contains('[') && !text.contains("[none]") => {
            Some(("lockdown", "the kernel is locked down"))
        }
        _ => None,
    }
}

/// Tells whether the kernel has refused a module for its key, as far as its log goes back and is
/// open to this user. It does not say which one, but few modules are loaded that it refuses. Where it
/// is lockdown alone that refuses them, one without a signature is no different for it.
pub(super) fn has_refused_key(roots: &Roots) -> bool {
    let log = log(roots).unwrap_or_default();
    log.lines()
        .filter_map(|line| Some(line.split_once(';')?.1))
        .any(|said| {
            said == "Loading of module with unavailable key is rejected"
                || said.starts_with("Lockdown: ")
                    && said.contains(": unsigned module loading is restricted")
        })
}

/// Returns the last message of a kernel that refused a module that does not fit, as
/// far as its log goes back and is open to this user.
pub(super) fn has_refused(roots: &Roots, module: &str) -> Option<String> {
    let text = log(roots).ok()?;
    let said = text
        .lines()
        .filter_map(|line| line.split_once(';')?.1.strip_prefix(module));
    let said = said.filter_map(|said| said.strip_prefix(": "));
    let refusals = [
        "version magic ",
        "disagrees about version ",
        "Unknown symbol ",
    ];
    let last = said
        .filter(|said| refusals.iter().any(|it| said.starts_with(it)))
        .last()?;
    Some(last.to_owned())
}

/// Reads the records of the kernel's log.
///
/// # Errors
/// Those of opening it: it may be closed to this user.
pub(super) fn log(roots: &Roots) -> io::Result<String> {
    let mut log = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(roots.path("dev/kmsg"))?;
    let mut text = Vec::new();
    // As long as any record is.
    let mut record = [0; 8192];
    loop {
        match log.read(&mut record) {
            Ok(0) => break,
            Ok(length) => text.extend_from_slice(record.get(..length).unwrap_or_default()),
            // Overwritten meanwhile: there are newer ones.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // That was the last one.
            Err(_) => break,
        }
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}
