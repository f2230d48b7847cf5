// SPDX-License-Identifier: GPL-2.0

//! No module uses another one that uses it.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use structure_tests::circles;

/// Returns the roots of all programs and libraries, and of the driver. Tests are apart: what
/// they share may be where they are declared.
fn roots() -> Vec<PathBuf> {
    let cargo = env::var_os("CARGO").expect("cargo runs tests");
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version=1"])
        .output()
        .expect("cargo runs");
    assert!(output.status.success());
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("a document");
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut roots = vec![top.join("drivers/vgpu_stub/vgpu_stub.rs")];
    for package in metadata["packages"].as_array().expect("packages") {
        for target in package["targets"].as_array().expect("targets") {
            if ["lib", "bin"].iter().any(|kind| target["kind"][0] == *kind) {
                roots.push(target["src_path"].as_str().expect("a path").into());
            }
        }
    }
    roots
}

#[test]
fn no_crate_has_a_circle_of_imports() {
    let roots = roots();
    assert!(roots.len() > 20, "{roots:?}");
    let mut found = Vec::new();
    for root in roots {
        for circle in circles(&root).expect("sources that compile") {
            found.push(format!("{}: {circle}", root.display()));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Finds circles in a crate of these files.
fn find(files: &[(&str, &str)]) -> Vec<String> {
    let directory = tempfile::tempdir().expect("a directory");
    for (name, text) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(path, text).expect("a file");
    }
    circles(&directory.path().join("lib.rs")).expect("sources")
}

#[test]
fn a_circle_is_found_by_whichever_way_it_goes() {
    let b = ("b.rs", "use crate::a::A; pub struct B(A);");
    for (lib, a) in [
        ("mod a; mod b;", "use crate::b::B; pub struct A(B);"),
        ("mod a; mod b;", "use super::b::B; pub struct A(B);"),
        (
            "mod a; mod b;",
            "pub fn a() { crate::b::b(); } pub struct A;",
        ),
        (
            "mod a; mod b;",
            "pub fn a() { print!(\"{}\", crate::b::b()); } pub struct A;",
        ),
        (
            "mod a; mod b; pub use b::B;",
            "use crate::{B}; pub struct A(B);",
        ),
        (
            "mod a; mod b; pub use b::B as C;",
            "use crate::C; pub struct A(C);",
        ),
    ] {
        let found = find(&[("lib.rs", lib), ("a.rs", a), b]);
        assert_eq!(found.len(), 1, "{lib} {a}");
        assert!(found[0].contains("b uses A of a"), "{found:?}");
    }
}

#[test]
fn a_circle_below_a_module_and_one_through_the_root_are_found() {
    let found = find(&[
        ("lib.rs", "mod a; pub struct L;"),
        ("a.rs", "mod x; mod y; use crate::L;"),
        ("a/x.rs", "use super::y::Y; pub struct X;"),
        ("a/y.rs", "use crate::a::x::X; pub struct Y;"),
    ]);
    let expected = [
        "a uses L of the root, which declares it",
        "a::x uses Y of a::y; a::y uses X of a::x",
    ];
    assert_eq!(found, expected);
}

#[test]
fn tests_and_what_is_above_a_module_are_no_circle() {
    let found = find(&[
        ("lib.rs", "mod a; mod b; pub use a::A;"),
        (
            "a.rs",
            "mod x; pub struct A; #[cfg(test)] mod tests { use crate::b::B; }",
        ),
        ("a/x.rs", "use super::A;"),
        ("b.rs", "use crate::A; pub struct B(A);"),
    ]);
    assert_eq!(found, [""; 0]);
}
