// SPDX-License-Identifier: GPL-2.0

//! A host that has more to do than it has cores.

use std::hint;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// How many threads are kept busy for each core.
const THREADS_PER_CORE: usize = 2;

/// Keeps the host busy until it is dropped.
pub(crate) struct Load(Arc<AtomicBool>);

impl Load {
    /// Starts threads that do nothing, without pause.
    pub(crate) fn start() -> Self {
        let busy = Arc::new(AtomicBool::new(true));
        let cores = thread::available_parallelism().map_or(1, usize::from);
        for _ in 0..cores * THREADS_PER_CORE {
            let busy = Arc::clone(&busy);
            thread::spawn(move || {
                while busy.load(Ordering::Relaxed) {
                    hint::spin_loop();
                }
            });
        }
        Self(busy)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}
