// SPDX-License-Identifier: GPL-2.0

//! Specs into which a released version put its patch.

use std::fs;

use vgpu_host::spec::patch;

use crate::package::{Package, on_a_known_day, spec};
use crate::releases::Released;

/// Where what a version left is kept.
const FILE: &str = "qemu.spec";

#[test]
fn what_a_released_version_put_in_is_replaced_and_taken_out_byte_for_byte() {
    for released in Released::all() {
        let stock = spec(&[0, 1, 86]);
        for verb in ["apply", "revert"] {
            let package = Package::new(&stock);
            let before = package.snapshot();
            match released.command() {
                Some(mut command) => {
                    command.args(["spec", "apply"]).arg(&package.spec);
                    let output = on_a_known_day(&mut command);
                    assert!(output.status.success(), "{output:?}");
                    released.compare(FILE, &package.text());
                }
                None => {
                    fs::write(&package.spec, released.left(FILE)).unwrap();
                    // The beginning of every version's patch, and no more of it.
                    let until = patch::TEXT.windows(5).position(|it| it == b"\n---\n");
                    fs::write(&package.patch, &patch::TEXT[..until.unwrap()]).unwrap();
                }
            }
            assert_eq!(package.run("check").0, 8);
            if verb == "apply" {
                let (exit, said) = package.run(verb);
                assert_eq!(exit, 0, "{said}");
                assert_eq!(fs::read(&package.patch).unwrap(), patch::TEXT);
                assert!(package.text().contains(".2.0.2.vgpustub%{?dist}"));
                assert_eq!(package.run("check").0, 0);
            }
            assert_eq!(package.run("revert").0, 0);
            assert_eq!(package.snapshot(), before);
        }
    }
}
