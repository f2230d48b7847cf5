// SPDX-License-Identifier: MIT OR Apache-2.0

//! Prints what every vGPU of this machine says, and then its name each time one
//! of them comes or goes, for as long as there is somebody to read it:
//!
//! ```text
//! cargo run -p vgpu --example vgpus -- [DIRECTORY WITH sys AND dev]
//! ```

use std::env;
use std::io::{self, Write};
use std::os::fd::AsFd;

use vgpu::{Error, Events, Roots, Source, Vgpu, Wake};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let roots = env::args_os().nth(1).map(Roots::under);
    let copied = roots.is_some();
    let roots = roots.unwrap_or_default();
    let mut stdout = io::stdout();

    // Before the first look, so that nothing is missed in between.
    let events = Events::new(&roots);
    loop {
        for mut device in Vgpu::discover(&roots)? {
            let line = match device.read(Source::Auto) {
                Ok(info) => format!(
                    "pool {}, priority {}, VM {}",
                    info.pool_id, info.priority, info.vm_id
                ),
                // It was there a moment ago, which is what one has to expect.
                Err(Error::Gone) => continue,
                Err(error) => format!("{error} ({})", error.hint()),
            };
            writeln!(stdout, "{}: {line}", device.label())?;
        }
        if copied || events.wait(None, Some(stdout.as_fd()))? == Wake::Closed {
            return Ok(());
        }
    }
}
