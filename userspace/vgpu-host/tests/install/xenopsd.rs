// SPDX-License-Identifier: GPL-2.0

//! Where xenopsd looks for its settings, which depends on how it is started.

use std::fs;

use crate::dom0::{CONFIGURATION, Dom0, OUR_FILE, Release, SETTING, STOCK, UNIT, unit};
use crate::wrappers::PYTHON_3;

/// Installs, finds the setting in this file only, and takes it out again.
#[track_caller]
fn is_set_in(dom0: &Dom0, path: &str) {
    let old = dom0.snapshot();
    assert_eq!(dom0.status()["whole"], false);
    dom0.run("install").succeeded();
    let new = dom0.snapshot();
    let with_setting: Vec<_> = new
        .keys()
        .filter(|it| it.starts_with("etc"))
        .filter(|it| {
            dom0.text(it.to_str().unwrap())
                .is_some_and(|it| it.contains(SETTING))
        })
        .collect();
    assert_eq!(with_setting, [std::path::Path::new(path)]);
    assert_eq!(dom0.status()["whole"], true);
    dom0.run("uninstall").succeeded();
    assert_eq!(dom0.snapshot(), old);
}

#[test]
fn a_directory_that_xenopsd_does_not_read_is_not_written_to() {
    let dom0 = Dom0::new(Release::Xcp82, PYTHON_3);
    fs::create_dir(dom0.path("etc/xenopsd.conf.d")).unwrap();
    is_set_in(&dom0, CONFIGURATION);
    // The setting in there has no effect.
    dom0.put(OUR_FILE, format!("{SETTING}\n"), 0o644);
    assert_eq!(dom0.status()["whole"], false);
    dom0.run("install").succeeded();
    assert!(dom0.text(CONFIGURATION).unwrap().contains(SETTING));
    assert_eq!(dom0.status()["whole"], true);
}

#[test]
fn the_options_that_xenopsd_is_started_with_say_where_it_looks() {
    let other = "etc/other.conf";
    let others = "etc/others/vgpu-stub.conf";
    for (start, path) in [
        ("/usr/sbin/xenopsd-xc --config=/etc/other.conf", other),
        (
            "-/usr/sbin/xenopsd-xc \\\n  --config '/etc/other.conf'",
            other,
        ),
        ("/usr/sbin/xenopsd-xc --config-dir=/etc/others", others),
        ("/usr/sbin/xenopsd-xc $XENOPSD_OPTIONS", others),
        ("/usr/sbin/xenopsd-xc --config-dir ${PLACE}", others),
        // Its own names for both.
        ("/usr/sbin/other", other),
    ] {
        let dom0 = Dom0::new(Release::Xcp83, PYTHON_3);
        fs::create_dir_all(dom0.path("etc/others")).unwrap();
        fs::create_dir_all(dom0.path("etc/sysconfig")).unwrap();
        let options =
            "# Options\nXENOPSD_OPTIONS=\"--x=1 --config-dir /etc/others\"\nPLACE=/etc/others\n";
        dom0.put("etc/sysconfig/xenopsd", options, 0o644);
        dom0.put(other, STOCK, 0o644);
        dom0.put(UNIT, unit(start), 0o644);
        is_set_in(&dom0, path);
    }
    // A line of the file has the last word.
    let dom0 = Dom0::new(Release::Xcp82, PYTHON_3);
    fs::create_dir_all(dom0.path("etc/others")).unwrap();
    dom0.put(
        CONFIGURATION,
        format!("{STOCK}config-dir=\"/etc/others\"\n"),
        0o644,
    );
    is_set_in(&dom0, others);
}

/// The directory is called as the program is, whatever the file is called.
#[test]
fn a_unit_that_names_no_directory_has_the_programs_own() {
    let dom0 = Dom0::new(Release::Xcp82, PYTHON_3);
    fs::create_dir(dom0.path("etc/xenopsd.conf.d")).unwrap();
    fs::create_dir(dom0.path("etc/xenopsd-xc.conf.d")).unwrap();
    fs::create_dir(dom0.path("etc/sysconfig")).unwrap();
    let options = "# Additional options\nXENOPSD_XC_OPTIONS=\nXENOPSD_OPTIONS=\n";
    dom0.put("etc/sysconfig/xenopsd", options, 0o644);
    is_set_in(&dom0, "etc/xenopsd-xc.conf.d/vgpu-stub.conf");
}

#[test]
fn a_drop_in_changes_how_xenopsd_is_started() {
    let dom0 = Dom0::new(Release::Xcp82, PYTHON_3);
    fs::create_dir_all(dom0.path("etc/others")).unwrap();
    let directory = "etc/systemd/system/xenopsd-xc.service.d";
    fs::create_dir_all(dom0.path(directory)).unwrap();
    let start = "ExecStart=\nExecStart=/usr/sbin/xenopsd-xc --config-dir /etc/others\n";
    let drop_in = format!("{directory}/local.conf");
    dom0.put(&drop_in, format!("[Unit]\n{start}"), 0o644);
    is_set_in(&dom0, CONFIGURATION);
    dom0.put(&drop_in, format!("[Service]\n{start}"), 0o644);
    is_set_in(&dom0, "etc/others/vgpu-stub.conf");
}

#[test]
fn a_setting_that_xenopsd_reads_no_more_is_seen_and_moves() {
    let dom0 = Dom0::new(Release::Xcp83, PYTHON_3);
    let start = "/usr/sbin/xenopsd-xc --config /etc/xenopsd.conf";
    let other = unit(start);
    let stock = dom0.text(UNIT).unwrap();
    dom0.put(UNIT, &other, 0o644);
    let old = dom0.snapshot();
    dom0.put(UNIT, &stock, 0o644);
    dom0.run("install").succeeded();
    assert!(dom0.text(OUR_FILE).is_some());

    dom0.put(UNIT, &other, 0o644);
    let status = dom0.status();
    assert_eq!(status["whole"], false);
    assert!(
        status
            .to_string()
            .contains("xenopsd reads /etc/xenopsd.conf")
    );
    let run = dom0.run("install");
    run.succeeded();
    assert!(run.stderr.contains("xe-toolstack-restart"));
    assert_eq!(dom0.text(OUR_FILE), None);
    assert_eq!(dom0.status()["whole"], true);
    dom0.run("uninstall").succeeded();
    assert_eq!(dom0.snapshot(), old);
}

#[test]
fn a_value_in_quotes_is_the_value() {
    let dom0 = Dom0::new(Release::Xcp82, PYTHON_3);
    let (key, value) = SETTING.split_once('=').unwrap();
    dom0.put(CONFIGURATION, format!("{STOCK}{key} = '{value}'\n"), 0o640);
    let run = dom0.run("install");
    run.succeeded();
    assert_eq!(dom0.status()["whole"], true);
}
