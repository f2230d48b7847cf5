// SPDX-License-Identifier: GPL-2.0

//! The sockets of a directory, which come and go with the VMs.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use futures_util::StreamExt;
use inotify::{EventStream, Inotify, WatchMask};
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::sleep;
use tokio_util::task::TaskTracker;
use vgpu_cli::output::complain;

use crate::connection::{self, End};
use crate::service::Service;

/// What the names of sockets end with.
const EXTENSION: &str = "sock";
/// How soon a socket that nobody listens at, or that has closed a connection, is tried
/// again; each time later, up to the second.
const AGAIN: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));
/// How often it is looked for a directory that is gone.
const LOOK: Duration = Duration::from_secs(1);

/// A socket as a file: a QEMU that comes back makes another one of the same name.
type File = (PathBuf, u64, u64);

/// Keeps a connection to each socket of a directory.
pub(crate) struct Directory {
    path: PathBuf,
    service: Rc<Service>,
    stopped: watch::Receiver<bool>,
    connections: TaskTracker,
}

impl Directory {
    /// Returns the directory at `path`, whose connections end when `stopped` turns true.
    pub(crate) fn new(
        path: PathBuf,
        service: Rc<Service>,
        stopped: watch::Receiver<bool>,
        connections: TaskTracker,
    ) -> Self {
        Self {
            path,
            service,
            stopped,
            connections,
        }
    }

    /// Looks for sockets, now and whenever the directory changes.
    pub(crate) async fn serve(self) -> Infallible {
        let mut open: HashMap<File, AbortHandle> = HashMap::new();
        let mut told = false;
        loop {
            // Before looking: what comes after that is an event.
            let events = match watched(&self.path) {
                Ok(events) => events,
                Err(error) => {
                    if !told {
                        complain(&format!(
                            "vgpu-pool: cannot watch {}: {error}; it is tried again",
                            self.path.display()
                        ));
                        told = true;
                    }
                    sleep(LOOK).await;
                    continue;
                }
            };
            told = false;
            complain(&format!("vgpu-pool: watching {}", self.path.display()));
            self.follow(events, &mut open).await;
        }
    }

    /// Connects to what there is and what comes, until the directory is gone.
    async fn follow(
        &self,
        mut events: EventStream<[u8; 4096]>,
        open: &mut HashMap<File, AbortHandle>,
    ) {
        loop {
            let Ok(there) = sockets(&self.path) else {
                return;
            };
            open.retain(|_, task| !task.is_finished());
            for file in there {
                open.entry(file.clone()).or_insert_with(|| {
                    let (service, stopped) = (self.service.clone(), self.stopped.clone());
                    let task = self.connections.track_future(keep(file, service, stopped));
                    spawn_local(task).abort_handle()
                });
            }
            match events.next().await {
                Some(Ok(event)) if event.mask.contains(inotify::EventMask::IGNORED) => return,
                Some(Ok(_)) => (),
                Some(Err(_)) | None => return,
            }
        }
    }
}

fn watched(path: &Path) -> io::Result<EventStream<[u8; 4096]>> {
    let inotify = Inotify::init()?;
    let mask = WatchMask::CREATE
        | WatchMask::MOVED_TO
        | WatchMask::ATTRIB
        | WatchMask::ONLYDIR
        | WatchMask::DELETE_SELF
        | WatchMask::MOVE_SELF;
    inotify.watches().add(path, mask)?;
    inotify.into_event_stream([0; 4096])
}

fn sockets(directory: &Path) -> io::Result<Vec<File>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|it| it == EXTENSION) {
            found.extend(file(&path));
        }
    }
    Ok(found)
}

/// Returns the socket at `path`, if there is one.
fn file(path: &Path) -> Option<File> {
    let metadata = fs::symlink_metadata(path).ok()?;
    metadata
        .file_type()
        .is_socket()
        .then(|| (path.to_owned(), metadata.dev(), metadata.ino()))
}

/// Keeps a connection to a socket as long as it is there.
async fn keep(socket: File, service: Rc<Service>, mut stopped: watch::Receiver<bool>) {
    let path = &socket.0;
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let (mut again, longest) = AGAIN;
    let mut told = String::new();
    while file(path).as_ref() == Some(&socket) && !*stopped.borrow() {
        let (known, end) = match UnixStream::connect(path).await {
            Ok(stream) => {
                let stopped = stopped.clone();
                connection::serve(stream, name.clone().into(), service.clone(), stopped).await
            }
            Err(error) => (false, End::Io(error)),
        };
        if end.is_malformed() {
            service.malformed();
        }
        if known {
            again = AGAIN.0;
            told.clear();
        }
        // The same thing again and again is told once.
        let text = end.to_string();
        if text != told {
            complain(&format!("vgpu-pool: {name}: {text}"));
            told = text;
        }
        tokio::select! {
            () = sleep(again) => again = (2 * again).min(longest),
            _ = stopped.wait_for(|it| *it) => (),
        }
    }
}
