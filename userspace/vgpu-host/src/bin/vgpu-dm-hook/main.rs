// SPDX-License-Identifier: GPL-2.0

//! Started by xenopsd instead of the stock wrapper of a device model, with the
//! same arguments: `vgpu-dm-hook DOMID [--syslog] ARGUMENT...`. Appends the
//! domain's vGPU stubs to them and becomes the stock wrapper.
//!
//! Who calls it may do everything anyway; what xenstore holds about the domain
//! may come from anybody who may set a key of a VM or import one. Nothing of
//! that is copied: see [`vgpu_host::keys`].

mod arguments;
mod log;
mod refusal;

use std::convert::Infallible;
use std::env;
use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use vgpu_host::configuration::{Configuration, OnError};
use vgpu_host::keys::{self, KeyError};
use vgpu_host::xenstore::{self, Xenstore, platform};
use vgpu_host::{Device, Messages, layout};

use crate::arguments::Arguments;
use crate::log::Log;
use crate::refusal::Refusal;

/// Names another root for the configuration file and xenstored's socket, for tests
/// and trials. It is taken from whoever starts device models, like everything else
/// that the stock wrapper and its interpreter take from there.
const ROOT: &str = "VGPU_HOST_ROOT";

fn main() -> ExitCode {
    let Err(refusal) = run(env::args_os().skip(1).collect());
    refusal.exit()
}

/// Returns only if there is something that is in the way.
fn run(words: Vec<OsString>) -> Result<Infallible, Refusal> {
    let root = env::var_os(ROOT).unwrap_or_else(|| "/".into());
    let root = Path::new(&root);
    let configuration = configuration(root).inspect_err(|refusal| {
        Log::new(layout::LOG.as_ref(), None).refused(refusal);
    })?;
    let socket = configuration.xenstore_socket.clone();
    let store = Xenstore {
        socket: socket.unwrap_or_else(|| xenstore::socket(root)),
        patience: configuration.timeout,
    };
    let mut log = Log::new(&configuration.log, None);
    let arguments = Arguments::new(words).inspect_err(|refusal| log.refused(refusal))?;
    log = Log::new(&configuration.log, Some(arguments.domain()));
    let devices = match devices(&store, &configuration.wrapper, arguments.domain(), &log) {
        Ok(devices) => devices,
        Err(refusal) if configuration.on_error == OnError::StartWithout => {
            log.without(&refusal);
            Vec::new()
        }
        Err(refusal) => {
            log.refused(&refusal);
            return Err(refusal);
        }
    };
    let added = arguments
        .added(&devices)
        .inspect_err(|refusal| log.refused(refusal))?;
    if devices.iter().any(|it| it.messages == Messages::On) {
        make_sockets(root).inspect_err(|refusal| log.refused(refusal))?;
    }
    if !added.is_empty() {
        log.adding(&added);
    }
    // The same process, environment and files: whoever waits for the stock
    // wrapper does not notice.
    let source = Command::new(&configuration.wrapper)
        .args(arguments.words())
        .args(&added)
        .exec();
    let refusal = Refusal::Wrapper {
        program: configuration.wrapper,
        source,
    };
    log.refused(&refusal);
    Err(refusal)
}

/// Makes the directory of sockets, if vgpu-pool was never installed.
fn make_sockets(root: &Path) -> Result<(), Refusal> {
    let path = root.join(layout::SOCKETS.trim_start_matches('/'));
    match DirBuilder::new().mode(0o755).create(&path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(Refusal::NoSockets {
            path,
            source: error,
        }),
        _ => Ok(()),
    }
}

/// The configuration of a host with this root.
fn configuration(root: &Path) -> Result<Configuration, Refusal> {
    let path = root.join(layout::HOOK_CONFIGURATION.trim_start_matches('/'));
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        Err(source) => return Err(Refusal::NoConfiguration { path, source }),
    };
    Configuration::parse(&text).map_err(|source| Refusal::BadConfiguration { path, source })
}

/// The devices that the domain is to have.
fn devices(
    store: &Xenstore,
    wrapper: &Path,
    domain: u32,
    log: &Log,
) -> Result<Vec<Device>, Refusal> {
    let read = |key: &str| {
        let path = platform(domain, key);
        match store.read(&path) {
            Ok(value) => Ok(value),
            Err(source) => Err(Refusal::Unreadable { path, source }),
        }
    };
    let bad = |key: &str| {
        let path = platform(domain, key);
        |source: KeyError| Refusal::BadKey { path, source }
    };
    let typed = read(keys::TYPED)?;
    let older = read(keys::ARGUMENTS)?;
    // A wrapper that passes the older key on by itself adds the same devices
    // once more, and whatever else is in it.
    if older.is_some() && passes_arguments_on(wrapper) {
        return Err(Refusal::PatchedWrapper {
            path: platform(domain, keys::ARGUMENTS),
            program: wrapper.into(),
        });
    }
    match (typed, older) {
        (Some(typed), older) => {
            if older.is_some() {
                log.ignored(&platform(domain, keys::ARGUMENTS), keys::TYPED);
            }
            keys::parse_typed(&typed).map_err(bad(keys::TYPED))
        }
        (None, Some(older)) => keys::parse_arguments(&older).map_err(bad(keys::ARGUMENTS)),
        (None, None) => Ok(Vec::new()),
    }
}

/// Whether the wrapper has the patch that makes it read the older key. One that
/// cannot be read is not judged here: it will not run either.
fn passes_arguments_on(wrapper: &Path) -> bool {
    let mark = layout::GUIDE_MARK;
    let text = fs::read(wrapper).unwrap_or_default();
    text.windows(mark.len()).any(|window| window == mark)
}
