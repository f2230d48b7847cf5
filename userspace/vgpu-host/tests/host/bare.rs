// SPDX-License-Identifier: GPL-2.0

//! A host on which there is nothing but the program.

use std::process::Command;

use crate::host::copy_program;

#[test]
fn a_host_without_dev_null_is_no_reason_to_break_down() {
    let root = tempfile::tempdir().unwrap();
    copy_program(
        env!("CARGO_BIN_EXE_vgpu-host").as_ref(),
        &root.path().join("vgpu-host"),
    );
    let mut command = Command::new("chroot");
    command.arg(root.path()).args(["/vgpu-host", "list"]);
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.starts_with("vgpu-host: cannot run xe: "), "{said}");
}
