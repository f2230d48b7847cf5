// SPDX-License-Identifier: GPL-2.0

//! Putting the device into the spec of XCP-ng's package qemu.
//!
//! Two files change, the spec and the patch beside the other sources. The spec
//! is the last to name the patch and the first to forget it, so that a run that
//! is cut short leaves a spec that builds, and the next run finds its way.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::json;
use time::OffsetDateTime;
use vgpu_host::spec::{Spec, State, patch};

use crate::cli::SpecFiles;
use crate::dom0::replace::{self, Attributes};
use crate::failure::Failure;
use crate::report::Report;

/// A spec is a few kilobytes; what is larger than this is something else.
const LARGEST: u64 = 4 << 20;

/// A spec that is understood, and what is beside it.
struct Package {
    /// As the user calls it.
    name: String,
    file: PathBuf,
    text: Vec<u8>,
    spec: Spec,
    patch_file: PathBuf,
    patch: Option<Vec<u8>>,
}

/// Puts the patch of this version in.
pub(crate) fn apply(files: &SpecFiles, packager: &str, dry_run: bool) -> Result<Report, Failure> {
    let package = Package::open(files)?;
    if package
        .patch
        .as_deref()
        .is_some_and(|it| !patch::is_ours(it))
    {
        return Err(Failure::OtherPatch(shown(&package.patch_file)));
    }
    let text = match package.spec.state() {
        State::Applied => package.text.clone(),
        State::Stock | State::Outdated => package.spec.with_patch(&today()?, packager),
    };
    let new_patch = package.patch.as_deref() != Some(patch::TEXT);
    let new_spec = text != package.text;
    if !dry_run {
        package.clean()?;
        if new_patch {
            put(&package.patch_file, patch::TEXT)?;
        }
        if new_spec {
            put(&package.file, &text)?;
        }
    }
    let number = package.spec.number();
    let note = format!("Patch{number} is {}", shown(&package.patch_file));
    Ok(package.report("applied", &note, new_spec, new_patch))
}

/// Takes the patch out, whatever its version.
pub(crate) fn revert(files: &SpecFiles, dry_run: bool) -> Result<Report, Failure> {
    let package = Package::open(files)?;
    // A patch that somebody has changed is theirs.
    let ours = package.patch.as_deref().is_some_and(patch::is_ours);
    let new_spec = package.text != package.spec.stock();
    if !dry_run {
        package.clean()?;
        if new_spec {
            put(&package.file, package.spec.stock())?;
        }
        if ours {
            replace::remove(&package.patch_file).map_err(failed(&package.patch_file))?;
        }
    }
    let patch = match (ours, &package.patch) {
        (true, _) => "goes",
        (false, Some(_)) => "is another's and stays",
        (false, None) => "is not there",
    };
    let note = format!("{} {patch}", shown(&package.patch_file));
    Ok(package.report("stock", &note, new_spec, ours))
}

/// Says how a spec stands; all but the patch of this version is a failure.
pub(crate) fn check(files: &SpecFiles) -> Result<Report, Failure> {
    let package = Package::open(files)?;
    let right = package.patch.as_deref() == Some(patch::TEXT);
    match package.spec.state() {
        State::Stock => Err(Failure::NotApplied(package.name)),
        State::Applied if right => {
            let note = "the patch is of this version";
            Ok(package.report("applied", note, false, false))
        }
        State::Applied if package.patch.is_none() => Err(Failure::NoPatch {
            spec: package.name,
            patch: shown(&package.patch_file),
        }),
        State::Applied | State::Outdated => Err(Failure::Outdated(package.name)),
    }
}

impl Package {
    fn open(files: &SpecFiles) -> Result<Package, Failure> {
        let name = shown(&files.file);
        // A link is to stay one.
        let file = files.file.canonicalize().map_err(failed(&files.file))?;
        let text = read(&file)?;
        let spec = Spec::parse(&text).map_err(|source| Failure::Spec {
            file: name.clone(),
            source,
        })?;
        let sources = sources(&file, files.sources.as_deref())?;
        let patch_file = sources.join(patch::NAME);
        let patch = match fs::symlink_metadata(&patch_file) {
            Ok(_) => Some(read(&patch_file)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(&patch_file)(error)),
        };
        Ok(Package {
            name,
            file,
            text,
            spec,
            patch_file,
            patch,
        })
    }

    /// Removes what an earlier run has left unfinished.
    fn clean(&self) -> Result<(), Failure> {
        for file in [&self.file, &self.patch_file] {
            match replace::remove(&unfinished(file)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(failed(file)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// With which files change, or would.
    fn report(&self, state: &str, note: &str, spec: bool, patch: bool) -> Report {
        let patch_file = shown(&self.patch_file);
        let changes: Vec<&str> = [(spec, &self.name), (patch, &patch_file)]
            .into_iter()
            .filter_map(|(changes, name)| changes.then_some(name.as_str()))
            .collect();
        let change = match changes[..] {
            [] => "no change".into(),
            _ => format!("change of {}", changes.join(" and ")),
        };
        Report {
            text: format!("{}: {state}; {note}; {change}\n", self.name),
            member: Some((
                "spec",
                json!({
                    "file": self.name,
                    "state": state,
                    "patch": patch_file,
                    "changes": changes,
                    "digest": patch::DIGEST,
                }),
            )),
            ..Report::default()
        }
    }
}

/// Where the sources are: as rpmbuild has it, or all in one directory.
fn sources(spec: &Path, named: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(named) = named {
        let is_there = fs::read_dir(named).map(drop);
        return is_there
            .map_err(failed(named))
            .map(|()| named.to_path_buf());
    }
    let directory = spec.parent().unwrap_or(Path::new("/"));
    let usual = directory.with_file_name("SOURCES");
    Ok(if usual.is_dir() {
        usual
    } else {
        directory.to_path_buf()
    })
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let kind = fs::metadata(path).map_err(failed(path))?;
    if !kind.is_file() || kind.len() > LARGEST {
        let why = io::Error::other("it is not a file, or too large a one");
        return Err(failed(path)(why));
    }
    fs::read(path).map_err(failed(path))
}

/// Replaces a file, which keeps its mode and its owner, or makes it.
fn put(path: &Path, content: &[u8]) -> Result<(), Failure> {
    let attributes = match fs::metadata(path) {
        Ok(metadata) => Attributes::of(&metadata).map(|old| old.changed_now()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Attributes::new(0o644)),
        Err(error) => Err(error),
    };
    attributes
        .and_then(|attributes| replace::replace(path, &unfinished(path), content, &attributes))
        .map_err(failed(path))
}

/// The name that a file has while it is written.
fn unfinished(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".unfinished");
    path.with_file_name(name)
}

/// Today as changelogs have it, or the day that a reproducible build is of.
fn today() -> Result<String, Failure> {
    let now = match env::var("SOURCE_DATE_EPOCH") {
        Ok(seconds) => seconds
            .parse()
            .ok()
            .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
            .ok_or(Failure::Date)?,
        Err(_) => OffsetDateTime::now_utc(),
    };
    let (day, month) = (now.weekday().to_string(), now.month().to_string());
    Ok(format!(
        "{day:.3} {month:.3} {:02} {}",
        now.day(),
        now.year()
    ))
}

fn failed(path: &Path) -> impl Fn(io::Error) -> Failure + use<> {
    let path = path.to_path_buf();
    move |source| Failure::File {
        path: path.clone(),
        source,
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
