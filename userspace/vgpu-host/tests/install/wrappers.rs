// SPDX-License-Identifier: GPL-2.0

//! Wrappers of the shapes that there were, and the older way's patch, made by
//! the commands that it is really made by.

use std::fs;
use std::path::Path;
use std::process::Command;

/// The line that starts QEMU is the one that the patch looks for.
pub(crate) const PYTHON_3: &str = r#"#!/usr/bin/env python3
import os, subprocess, sys

def xenstore_read(path):
    return subprocess.check_output(["xenstore-read", path]).strip()

def main(argv):
    domid = int(argv[1])
    qemu_dm = "/usr/lib64/xen/bin/qemu-system-i386"
    qemu_args = ["qemu-dm-%d" % domid] + argv[2:]

    print("Exec: %s %s" % (qemu_dm, " ".join(qemu_args)))
    sys.stdout.flush()
    return subprocess.Popen(qemu_args, executable=qemu_dm)

if __name__ == "__main__":
    main(sys.argv)
"#;

/// It has a statement where the other has a call, and no end of the last line.
pub(crate) const PYTHON_2: &str = r#"#!/usr/bin/python
import os, sys

def main(argv):
	qemu_args = ["qemu-dm-%d" % int(argv[1])] + argv[2:]

	print "Exec: %s" % " ".join(qemu_args)
	os.execv("/usr/lib64/xen/bin/qemu-system-i386", qemu_args)

main(sys.argv)"#;

/// Lines of the stock wrappers of several releases that have to do with keys of a VM, none
/// of which becomes an argument.
pub(crate) const STOCK_LINES: &str = r#"
    # vGPU now requires extra space in lower MMIO hole by default, see platform/vgpu
    mmio_size = xenstore_read("/local/domain/%d/vm-data/mmio-hole-size" % domid)
    # prepare the correct set of ACPI tables in hvmloader
    xenstore_write("/local/domain/%d/platform/device-model" % domid, "qemu_xen")
    hvm_serial = xenstore_read("/local/domain/%d/platform/hvm_serial" % domid)
"#;

/// A wrapper with these lines before the one that starts QEMU.
pub(crate) fn with_lines(wrapper: &str, lines: &str) -> String {
    let place = wrapper.find("\n    print(\"Exec").unwrap();
    format!("{}{lines}{}", &wrapper[..place], &wrapper[place..])
}

/// As an operator types it, but for the name of the file.
const PATCH: &str = r#"
LINE_NUM=$(grep -n 'print("Exec: %s %s"' "$1" | cut -d: -f1)

sed -i "${LINE_NUM}i\\
\\
    # Read additional device-model-args from xenstore (for vgpu-stub)\\
    try:\\
        extra_args_str = xenstore_read(\"/local/domain/%d/platform/device-model-args\" % domid)\\
        if isinstance(extra_args_str, bytes):\\
            extra_args_str = extra_args_str.decode('utf-8')\\
        if extra_args_str:\\
            extra_args = extra_args_str.strip().split()\\
            if extra_args:\\
                print(\"Adding device-model-args from xenstore: %s\" % extra_args)\\
                qemu_args.extend(extra_args)\\
    except:\\
        pass  # xenstore key does not exist, which is fine" \
"$1"
"#;

/// Patches a wrapper so many times and says what it is then.
pub(crate) fn patched(wrapper: &str, times: usize) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("qemu-wrapper");
    fs::write(&path, wrapper).unwrap();
    for _ in 0..times {
        patch(&path);
    }
    fs::read_to_string(path).unwrap()
}

fn patch(path: &Path) {
    let mut command = Command::new("bash");
    command.args(["-c", PATCH, "bash"]).arg(path);
    assert!(command.status().unwrap().success());
}
