// SPDX-License-Identifier: GPL-2.0

//! What the older way of setting devices did to the stock wrapper.

use vgpu_host::keys;

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
    /// It reads the older key in a way that is not understood.
    Unknown,
}

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
        let key = keys::ARGUMENTS.as_bytes();
        if stock.windows(key.len()).any(|window| window == key) {
            return Wrapper::Unknown;
        }
        match blocks {
            0 => Wrapper::Stock,
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
