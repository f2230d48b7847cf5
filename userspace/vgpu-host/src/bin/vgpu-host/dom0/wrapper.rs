// SPDX-License-Identifier: GPL-2.0

//! What was done to the stock wrapper, by the older way of setting devices or by another
//! one, so that keys of a VM become arguments.

use vgpu_host::{Shown, keys};

/// The text that its `sed` inserts before the line that starts QEMU, or before
/// every line if it does not find that one.
const BLOCK: &[u8] = br#"
    # Read additional device-model-args from xenstore (for vgpu-stub)
    try:
        extra_args_str = xenstore_read("/local/domain/%d/platform/device-model-args" % domid)
        if isinstance(extra_args_str, bytes):
            extra_args_str = extra_args_str.decode('utf-8')
        if extra_args_str:
            extra_args = extra_args_str.strip().split()
            if extra_args:
                print("Adding device-model-args from xenstore: %s" % extra_args)
                qemu_args.extend(extra_args)
    except:
        pass  # xenstore key does not exist, which is fine
"#;

/// What a wrapper is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wrapper {
    /// As its package has it, as far as this matters.
    Stock,
    /// With the block, so many times; and what it is without.
    Patched { stock: Vec<u8>, blocks: usize },
    /// It reads the older key, in this spelling, in a way that is not understood.
    Unknown(&'static str),
    /// It reads some other key of a VM, which may become an argument; the line that does.
    Reads(String),
}

/// The older key, and how another patch spells it.
const ARGUMENTS: [&str; 2] = [keys::ARGUMENTS, "device_model_args"];
/// The directories of a domain in xenstore that whoever may set keys of the VM, or the
/// VM itself, has a say in.
const DIRECTORIES: [&str; 2] = ["platform", "vm-data"];
/// What stock wrappers read there and do not make arguments of.
const HARMLESS: [&str; 2] = ["platform/hvm_serial", "vm-data/mmio-hole-size"];

impl Wrapper {
    pub(crate) fn of(text: &[u8]) -> Self {
        let mut stock = text.to_vec();
        let mut blocks = 0;
        // What was inserted before every line and then once more is inside of
        // what was inserted first.
        loop {
            let (without, removed) = remove_blocks(&stock);
            if removed == 0 {
                break;
            }
            (stock, blocks) = (without, blocks + removed);
        }
        let text = String::from_utf8_lossy(&stock);
        if let Some(key) = ARGUMENTS.into_iter().find(|key| text.contains(key)) {
            return Wrapper::Unknown(key);
        }
        match (blocks, reading(&text)) {
            (0, None) => Wrapper::Stock,
            (0, Some(line)) => Wrapper::Reads(line),
            _ => Wrapper::Patched { stock, blocks },
        }
    }
}

/// The text without the blocks in it that begin where a line does.
fn remove_blocks(text: &[u8]) -> (Vec<u8>, usize) {
    let mut kept = Vec::with_capacity(text.len());
    let mut removed = 0;
    let mut rest = text;
    while let [first, others @ ..] = rest {
        let at_line = matches!(kept.last(), None | Some(b'\n'));
        match rest.strip_prefix(BLOCK) {
            Some(behind) if at_line => {
                removed += 1;
                rest = behind;
            }
            _ => {
                kept.push(*first);
                rest = others;
            }
        }
    }
    (kept, removed)
}

/// The first line that names keys of a VM other than to write them.
fn reading(text: &str) -> Option<String> {
    let mut found: Vec<usize> = DIRECTORIES
        .iter()
        .flat_map(|directory| text.match_indices(directory))
        .map(|(at, _)| at)
        .collect();
    found.sort_unstable();
    found.into_iter().find_map(|at| {
        let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
        let line = text[start..].lines().next().unwrap_or_default().trim();
        // As a part of a path, or as a string of its own.
        let is_path = text[..at].ends_with(['/', '"', '\'']);
        let harmless = HARMLESS.iter().any(|it| text[at..].starts_with(it));
        let comment = line.starts_with('#');
        (is_path && !harmless && !comment && !is_written(&text[..at]))
            .then(|| Shown::new(line).to_string())
    })
}

/// Whether what follows is an argument of a call that writes.
fn is_written(before: &str) -> bool {
    const CALL: &str = "write(";
    let Some(call) = before.rfind(CALL) else {
        return false;
    };
    let mut depth = 1_usize;
    for byte in before[call + CALL.len()..].bytes() {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return false;
        }
    }
    true
}
