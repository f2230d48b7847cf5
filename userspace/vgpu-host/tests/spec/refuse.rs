// SPDX-License-Identifier: GPL-2.0

//! Specs that are left alone.

use std::fs;

use vgpu_host::spec::patch;

use crate::package::{Package, spec};

/// Nothing is done to a spec, and the reason is said.
#[track_caller]
fn refused(text: impl AsRef<[u8]>, reason: &str) {
    let package = Package::new(text);
    unchanged(&package, &["apply", "revert", "check"], reason);
}

#[track_caller]
fn unchanged(package: &Package, verbs: &[&str], reason: &str) {
    let before = package.snapshot();
    for verb in verbs {
        let (exit, said) = package.run(verb);
        assert_eq!(exit, 8, "{verb}: {said}");
        assert!(said.contains(reason), "{verb}: {said}");
        assert_eq!(package.snapshot(), before, "{verb}");
    }
}

fn but(from: &str, to: &str) -> String {
    let stock = spec(&[0, 1]);
    assert!(stock.contains(from), "{from}");
    stock.replace(from, to)
}

#[test]
fn another_package_or_another_qemu_is_refused() {
    refused(but("Name: qemu", "Name: qemu-dp"), "its Name is 'qemu-dp'");
    refused(
        but("Version: 4.2.1", "Version: 10.1.0"),
        "its Version is '10.1.0'",
    );
    refused(
        but("Version: 4.2.1", "Version: %{usver}"),
        "its Version is '%{usver}'",
    );
    // As of 8.2.0: no second source either.
    let old = but("Version: 4.2.1", "Version: 2.10.2")
        .replace("Source2: keycodemapdb.tar.gz\n", "")
        .replace("%{?xsrel}.2", "4.5.4")
        .replace("4.2.1-4.6", "2.10.2-4.5");
    refused(old, "its Version is '2.10.2', and the patch is for '4.2.1'");
}

#[test]
fn what_is_no_spec_is_refused() {
    refused("", "0 lines 'Name:'");
    refused([0xff; 1000], "0 lines 'Name:'");
    refused(
        but("Name: qemu\n", "Name: qemu\nName: qemu\n"),
        "2 lines 'Name:'",
    );
    refused(but("Name: qemu\n", "#Name: qemu\n"), "0 lines 'Name:'");
    refused(
        but("License: GPL\n", "%if 1\nRelease: 3\n%endif\n"),
        "1 lines 'Release:'",
    );
    refused(spec(&[0]).replace('\n', "\r\n"), "CR LF");
    refused(but("%changelog\n", "%changes\n"), "no section %changelog");
    let stock = spec(&[0]);
    let until = stock.find("%changelog").unwrap() + "%changelog".len();
    refused(&stock[..until], "no section %changelog");
}

#[test]
fn patches_that_cannot_be_counted_are_refused() {
    refused(
        but("Patch1:", "Patch:"),
        "the patch of line 14 has no number",
    );
    refused(but("Patch1:", "Patch4294967295:"), "has no number");
    refused(but("Patch1:", "Patch1%{x}:"), "has no number");
    let bare = spec(&[]).replace("Source", "#Source");
    refused(bare, "no line 'Patch…:' or 'Source…:'");
    refused(
        but("Patch1:", "%if 1\nPatch1:").replace("%endif\n", ""),
        "no line 'Patch…:' or 'Source…:'",
    );
}

#[test]
fn patches_that_are_not_applied_by_themselves_are_refused() {
    refused(
        but("%autosetup -p1\n", "%setup -q\n%patch0 -p1\n%patch1 -p1\n"),
        "there is '%patch0 -p1'",
    );
    refused(but("%autosetup -p1\n", "%setup -q\n"), "there are 0 of it");
    refused(but("-p1\n", "-p1\n%autosetup -p1\n"), "there are 2 of it");
    refused(but("-p1\n", "-p1 -N\n"), "there is '%autosetup -p1 -N'");
    refused(but("%autosetup -p1", "%autosetup"), "there is '%autosetup'");
}

#[test]
fn a_device_that_was_put_in_by_hand_is_refused_line_by_line() {
    let lines = "\n# Add vgpu-stub device\ncp -a %{SOURCE3} hw/misc/vgpu-stub.c\n\
                 echo \"obj-y += vgpu-stub.o\" >> hw/misc/Makefile.objs\n";
    let by_hand = but(
        "keycodemapdb.tar.gz\n",
        "keycodemapdb.tar.gz\nSource3: vgpu-stub.c\n",
    )
    .replace("%{SOURCE2}\n", &format!("%{{SOURCE2}}\n{lines}"));
    refused(&by_hand, "line 13 'Source3: vgpu-stub.c', line 29 '# Add");
    let all = by_hand.replace("--enable-werror", "--disable-werror");
    refused(&all, "may be the stock spec's, or had --enable-werror");
    refused(all, "'--disable-werror --without-default-devices'");
    refused(
        but("Patch1: fix-1.patch", "Patch1: vgpu-stub.patch"),
        "line 14 'Patch1",
    );
    refused(but(".2%{?dist}", ".2.0.1.vgpustub"), "line 8 'Release");
    refused(
        but("- Fix a thing", "- Add the PCI device vgpu-stub"),
        "line 38 '- Add",
    );
}

#[test]
fn what_somebody_has_changed_of_ours_is_refused() {
    let package = Package::new(spec(&[0]));
    package.run("apply");
    let applied = package.text();
    for (from, to, reason) in [
        ("Patch1000: vgpu-stub.patch\n", "", "not below its comment"),
        (".0.1.vgpustub%", "%", "the release"),
        (".1.vgpustub%", ".x.vgpustub%", "the release"),
        (".0.1.vgpustub%", ".1.vgpustub%", "the release"),
        (
            "- Add the PCI device vgpu-stub\n\n",
            "",
            "the entry in the changelog",
        ),
        (
            "vgpu-stub\n\n*",
            "vgpu-stub\n- More\n\n*",
            "the entry in the changelog",
        ),
        (
            "# Added by",
            "# Added by vgpu-host spec apply: x\n# Added by",
            "there twice",
        ),
    ] {
        assert!(applied.contains(from), "{from}");
        fs::write(&package.spec, applied.replace(from, to)).unwrap();
        unchanged(&package, &["apply", "revert", "check"], reason);
    }
}

#[test]
fn a_patch_of_that_name_by_somebody_else_stays() {
    let package = Package::new(spec(&[0]));
    fs::write(&package.patch, "From: N. N.\nSubject: Something\n").unwrap();
    unchanged(&package, &["apply"], "is somebody else's");
    let before = package.snapshot();
    let (exit, said) = package.run("revert");
    assert_eq!((exit, package.snapshot()), (0, before));
    assert!(said.contains("is another's and stays"), "{said}");
    assert!(!patch::is_ours(b"\n"));
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let package = Package::new(spec(&[0]));
    fs::create_dir(&package.patch).unwrap();
    assert_eq!(package.run("apply").0, 1);
    assert_eq!(package.text(), spec(&[0]));
    fs::remove_dir(&package.patch).unwrap();
    fs::remove_file(&package.spec).unwrap();
    let (exit, said) = package.run("apply");
    assert_eq!(exit, 1);
    assert!(said.contains("qemu.spec: No such file"), "{said}");
    fs::create_dir(&package.spec).unwrap();
    assert_eq!(package.run("apply").0, 1);
}
