// SPDX-License-Identifier: GPL-2.0

//! Putting the patch in and taking it out.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::Value;
use vgpu_host::spec::patch;

use crate::package::{Package, spec};

/// Applies, applies again and reverts, and returns the applied spec.
#[track_caller]
fn round_trip(stock: &[u8]) -> String {
    let package = Package::new(stock);
    let before = package.snapshot();
    assert_eq!(package.run("check").0, 8);
    assert_eq!(package.run("apply").0, 0, "{}", package.run("apply").1);
    let applied = package.snapshot();
    assert_eq!(fs::read(&package.patch).unwrap(), patch::TEXT);
    assert_eq!(package.run("check").0, 0);
    assert_eq!(package.run("apply").0, 0);
    assert_eq!(package.snapshot(), applied);
    let text = String::from_utf8_lossy(&applied[&package.spec].1).into_owned();
    assert_eq!(package.run("revert").0, 0);
    assert_eq!(package.snapshot(), before);
    assert_eq!(package.run("revert").0, 0);
    assert_eq!(package.snapshot(), before);
    text
}

#[test]
fn patch_release_and_changelog_are_all_that_changes() {
    let stock = spec(&[0, 1, 86, 1000]);
    let expected = stock
        .replace(
            "Patch1000: fix-1000.patch\n",
            &format!(
                "Patch1000: fix-1000.patch\n\
                 # Added by vgpu-host spec apply: {}\n\
                 Patch1001: vgpu-stub.patch\n",
                patch::DIGEST
            ),
        )
        .replace("}.2%{?dist}", "}.2.0.1.vgpustub%{?dist}")
        .replace(
            "%changelog\n",
            "%changelog\n\
             * Tue Feb 11 2025 vgpu-stub <vgpu-stub@localhost> - 4.2.1-4.6.4.2.0.1.vgpustub\n\
             - Add the PCI device vgpu-stub\n\
             \n",
        );
    assert_eq!(round_trip(stock.as_bytes()), expected);
}

#[test]
fn any_number_of_patches_will_do() {
    for (patches, number) in [
        (vec![], 1000),
        (vec![7], 1000),
        ((0..120).collect(), 1000),
        ((0..=86).chain([1004, 1002]).collect(), 1005),
    ] {
        let applied = round_trip(spec(&patches).as_bytes());
        let line = format!("\nPatch{number}: vgpu-stub.patch\n\nBuildRequires");
        assert!(applied.contains(&line), "{patches:?}");
    }
}

#[test]
fn the_second_source_is_not_needed() {
    let stock = spec(&[0])
        .replace("Source2: keycodemapdb.tar.gz\n", "")
        .replace("tar xzf %{SOURCE2}\n", "");
    round_trip(stock.as_bytes());
}

/// As the spec of XCP-ng 9 has it.
#[test]
fn warnings_that_are_no_errors_do_not_make_a_device() {
    let stock = spec(&[0, 1]).replace("--enable-werror", "--disable-werror");
    let applied = round_trip(stock.as_bytes());
    assert!(applied.contains("--disable-werror"), "{applied}");
}

#[test]
fn a_patch_goes_after_a_condition_and_not_into_it() {
    let stock = spec(&[0]).replace(
        "Patch0: fix-0.patch\n",
        "%if 1\n%ifarch x86_64\nPatch0: fix-0.patch\n%endif\n%else\n%endif\n",
    );
    let applied = round_trip(stock.as_bytes());
    assert!(applied.contains("%else\n%endif\n# Added by vgpu-host"));
}

#[test]
fn the_end_of_the_file_and_bytes_that_are_no_text_stay() {
    let stock = spec(&[0, 1]);
    round_trip(stock.trim_end().as_bytes());
    round_trip(format!("{stock}\n\n\n").as_bytes());
    let until = stock.find("* Mon").unwrap();
    round_trip(&stock.as_bytes()[..until]);
    let mut latin = stock.into_bytes();
    latin.extend_from_slice(b"- J\xf6rg\n");
    round_trip(&latin);
}

#[test]
fn a_release_is_raised_before_dist_or_at_its_end() {
    for (stock, raised) in [
        ("4%{dist}", "4.0.1.vgpustub%{dist}"),
        ("4%{?dist}   ", "4.0.1.vgpustub%{?dist}   "),
        ("4", "4.0.1.vgpustub"),
        ("4%{?dist}.7", "4%{?dist}.7.0.1.vgpustub"),
    ] {
        let with = |release: &str| {
            let line = format!("Release:\t{release}\n");
            (
                spec(&[0]).replace("Release: %{?xsrel}.2%{?dist}\n", &line),
                line,
            )
        };
        let applied = round_trip(with(stock).0.as_bytes());
        assert!(applied.contains(&with(raised).1), "{applied}");
    }
}

#[test]
fn another_version_of_the_patch_is_replaced_and_the_release_raised() {
    let stock = spec(&[0]);
    let package = Package::new(&stock);
    package.run("apply");
    let older = package
        .text()
        .replace(patch::DIGEST, "0123456789ab")
        .replace(".1.vgpustub", ".9.vgpustub");
    let older_patch = [patch::TEXT, b"-- \n"].concat();
    fs::write(&package.spec, older).unwrap();
    fs::write(&package.patch, &older_patch).unwrap();

    let (exit, said) = package.run("check");
    assert_eq!(exit, 8);
    assert!(said.contains("of another version"), "{said}");
    assert_eq!(package.run("apply").0, 0);
    assert_eq!(package.run("check").0, 0);
    assert_eq!(fs::read(&package.patch).unwrap(), patch::TEXT);
    assert!(package.text().contains(".2.0.10.vgpustub%{?dist}"));
    assert_eq!(package.text().matches("PCI device vgpu-stub").count(), 1);
    assert_eq!(package.run("revert").0, 0);
    assert_eq!(package.text(), stock);

    // The same, if only the file is another or gone.
    package.run("apply");
    let applied = package.snapshot();
    fs::write(&package.patch, &older_patch).unwrap();
    assert_eq!(package.run("check").0, 8);
    package.run("apply");
    assert_eq!(package.snapshot(), applied);
    fs::remove_file(&package.patch).unwrap();
    let (exit, said) = package.run("check");
    assert_eq!(exit, 8);
    assert!(said.contains("is not there"), "{said}");
    package.run("apply");
    assert_eq!(package.snapshot(), applied);
}

#[test]
fn a_newer_entry_in_the_changelog_is_kept() {
    let package = Package::new(spec(&[0]));
    package.run("apply");
    let entry = "%changelog\n* Wed Feb 12 2025 N. N. <n@example.org> - 4.2.1-5\n- More\n\n";
    let with_entry = |text: String| text.replace("%changelog\n", entry);
    fs::write(&package.spec, with_entry(package.text())).unwrap();
    assert_eq!(package.run("revert").0, 0);
    assert_eq!(package.text(), with_entry(spec(&[0])));
}

#[test]
fn nothing_is_done_for_show() {
    let package = Package::new(spec(&[0]));
    let before = package.snapshot();
    let (exit, said) = package.run_with("apply", &["--dry-run"]);
    assert_eq!(exit, 0);
    assert!(said.contains("Patch1000"), "{said}");
    assert_eq!(package.snapshot(), before);
    package.run("apply");
    let applied = package.snapshot();
    assert_eq!(package.run_with("revert", &["--dry-run"]).0, 0);
    assert_eq!(package.snapshot(), applied);
}

#[test]
fn the_packager_is_who_is_named() {
    let package = Package::new(spec(&[0]));
    let named = package.run_with("apply", &["--packager", "B. Uild <b@example.org>"]);
    assert_eq!(named.0, 0);
    assert!(
        package
            .text()
            .contains("2025 B. Uild <b@example.org> - 4.2.1")
    );
    for bad in ["", "two\nlines", "%{lua:}"] {
        assert_eq!(package.run_with("apply", &["--packager", bad]).0, 2);
    }
}

#[test]
fn sources_are_where_rpmbuild_has_them_or_where_it_is_said() {
    let package = Package::new(spec(&[0]));
    let elsewhere = package.path().join("elsewhere");
    let named = ["--sources", elsewhere.to_str().unwrap()];
    assert_eq!(package.run_with("apply", &named).0, 1);
    assert_eq!(package.text(), spec(&[0]));
    fs::create_dir(&elsewhere).unwrap();
    assert_eq!(package.run_with("apply", &named).0, 0);
    assert!(elsewhere.join(patch::NAME).exists() && !package.patch.exists());
    assert_eq!(package.run_with("revert", &named).0, 0);
    assert!(!elsewhere.join(patch::NAME).exists());

    // All in one directory, and the spec there by a link that stays one.
    fs::remove_dir_all(package.path().join("SOURCES")).unwrap();
    let real = package.path().join("SPECS/real.spec");
    fs::rename(&package.spec, &real).unwrap();
    symlink("real.spec", &package.spec).unwrap();
    assert_eq!(package.run("apply").0, 0);
    assert!(package.path().join("SPECS").join(patch::NAME).exists());
    assert!(package.spec.is_symlink());
}

#[test]
fn programs_learn_the_state() {
    let package = Package::new(spec(&[0]));
    let document = |verb| -> Value {
        serde_json::from_str(
            package
                .run_with(verb, &["-J"])
                .1
                .split("\nvgpu-host:")
                .next()
                .unwrap(),
        )
        .unwrap()
    };
    assert_eq!(document("check")["error"]["kind"], "not_applied");
    let applied = &document("apply")["spec"];
    assert_eq!(applied["state"], "applied");
    assert_eq!(applied["changes"].as_array().unwrap().len(), 2);
    assert_eq!(
        document("apply")["spec"]["changes"]
            .as_array()
            .unwrap()
            .len(),
        0
    );
    assert_eq!(document("check")["spec"]["digest"], patch::DIGEST);
    assert_eq!(document("revert")["spec"]["state"], "stock");
}
