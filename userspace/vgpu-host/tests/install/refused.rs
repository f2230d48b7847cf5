// SPDX-License-Identifier: GPL-2.0

//! What is not understood is not touched.

use std::fs::{self, File};
use std::os::unix::fs::symlink;

use rustix::fs::{FlockOperation, flock};

use crate::dom0::{CONFIGURATION, Dom0, OUR_FILE, RECORD, RELEASES, Release, SETTING, WRAPPER};
use crate::wrappers::{PYTHON_3, STOCK_LINES, patched, with_lines};

/// Runs it and says why it refuses; the tree is as it was.
fn refusal(dom0: &Dom0, arguments: &str) -> String {
    let old = dom0.snapshot();
    let run = dom0.run(arguments);
    assert_eq!(run.code(), 8, "{}", run.stderr);
    assert_eq!(run.stdout, "");
    assert_eq!(dom0.snapshot(), old);
    run.stderr
}

#[test]
fn a_wrapper_that_was_changed_in_another_way_is_left_alone() {
    let once = patched(PYTHON_3, 1);
    for wrapper in [
        once.replace("strip().split()", "split()"),
        once.replace("    try:\n        extra", "    try:\n\n        extra"),
        once.replace(
            "\n    except:\n        pass  # xenstore key does not exist, which is fine",
            "",
        ),
        once.replace("\n", "\r\n"),
        format!("# device-model-args are read below\n{PYTHON_3}"),
        format!("{once}# device-model-args\n"),
    ] {
        assert_ne!(wrapper, once);
        for release in RELEASES {
            let dom0 = Dom0::new(release, &wrapper);
            let said = refusal(&dom0, "install");
            assert!(said.contains("not by a patch that is known"), "{said}");
            let checks = dom0.status()["checks"].to_string();
            assert!(checks.contains("not by a patch that is known"), "{checks}");
        }
    }
}

/// Other patches that are going round, and what they make of a key.
#[test]
fn a_wrapper_that_passes_keys_on_as_arguments_is_not_said_to_be_right() {
    let underscores = with_lines(
        PYTHON_3,
        "\n    extra = xenstore_read(\"/local/domain/%d/platform/device_model_args\" % domid)\n\
         \x20   if extra:\n        qemu_args += shlex.split(extra)\n",
    );
    let dom0 = Dom0::new(Release::Xcp83, &underscores);
    assert!(refusal(&dom0, "install").contains("reads device_model_args"));
    let checks = dom0.status()["checks"].to_string();
    assert!(checks.contains("reads device_model_args"), "{checks}");

    for (lines, said) in [
        (
            "\n    more = xenstore_read(\n        \"/local/domain/%d/platform/qemu-extra\" % domid)\n",
            "platform/qemu-extra",
        ),
        (
            "\n    xenstore_write(\"/x\", \"y\")\n    for key in xenstore_ls(base + '/platform'):\n",
            "xenstore_ls(base",
        ),
        (
            "\n    args = read(os.path.join(base, 'platform', 'extra'))\n",
            "os.path.join",
        ),
        (
            "\n    args = xenstore_read(\"/local/domain/%d/vm-data/args\" % domid)\n",
            "vm-data/args",
        ),
    ] {
        let wrapper = with_lines(&with_lines(PYTHON_3, STOCK_LINES), lines);
        let dom0 = Dom0::new(Release::Xcp83, &wrapper);
        // It may be right: whoever knows has to decide.
        let run = dom0.run("install");
        run.succeeded();
        assert!(run.stderr.contains(said), "{}", run.stderr);
        let status = dom0.status();
        assert_eq!(status["whole"], false);
        assert!(status.to_string().contains(said), "{status}");
    }
}

#[test]
fn keys_that_stock_wrappers_read_are_no_reason_to_worry() {
    let dom0 = Dom0::new(Release::Xcp83, &with_lines(PYTHON_3, STOCK_LINES));
    let run = dom0.run("install");
    run.succeeded();
    assert_eq!(
        run.stderr.matches("vgpu-host: ").count(),
        1,
        "{}",
        run.stderr
    );
    assert_eq!(dom0.status()["whole"], true);
}

#[test]
fn a_setting_that_names_another_wrapper_is_named() {
    let other = "numa=true\n upstream-compat-qemu-dm-wrapper = /opt/wrapper\n";
    let files = [
        (Release::Xcp82, CONFIGURATION),
        (Release::Xcp83, CONFIGURATION),
        (Release::Xcp83, OUR_FILE),
        (Release::Xcp83, "etc/xenopsd.conf.d/x.conf.rpmsave"),
    ];
    for (release, path) in files {
        let dom0 = Dom0::new(release, PYTHON_3);
        dom0.put(path, other, 0o644);
        let said = refusal(&dom0, "install");
        assert!(said.contains(&format!("{path}:2: ")), "{said}");
        assert!(said.contains("'/opt/wrapper'"), "{said}");
        let checks = dom0.status()["checks"].to_string();
        assert!(checks.contains("'/opt/wrapper'"), "{checks}");
    }
}

/// Every start would be stopped: older hooks knew a setting that this one does not.
#[test]
fn a_configuration_that_the_hook_does_not_take_stops_install_and_is_named() {
    let file = "etc/vgpu-stub/hook.conf";
    let dom0 = Dom0::new(Release::Xcp83, PYTHON_3);
    fs::create_dir(dom0.path("etc/vgpu-stub")).unwrap();
    let older = "# Ours\nxenstore-read = /usr/bin/xenstore-read\n";
    dom0.put(file, older, 0o644);
    let said = refusal(&dom0, "install");
    assert!(
        said.contains("hook.conf:2: xenstore-read is no setting any more"),
        "{said}"
    );

    dom0.put(file, "timeout = 7\n", 0o644);
    dom0.run("install").succeeded();
    assert_eq!(dom0.status()["whole"], true);
    dom0.put(file, older, 0o644);
    let status = dom0.status();
    assert_eq!(status["whole"], false);
    assert!(status.to_string().contains("hook.conf:2: "), "{status}");
    // It can still be undone.
    dom0.run("uninstall").succeeded();
}

#[test]
fn a_tree_that_is_no_dom0_is_left_alone() {
    let dom0 = Dom0::new(Release::Xcp82, PYTHON_3);
    fs::remove_file(dom0.path(CONFIGURATION)).unwrap();
    assert!(refusal(&dom0, "install").contains("xenopsd.conf"));
    let dom0 = Dom0::new(Release::Xcp83, PYTHON_3);
    fs::rename(dom0.path(WRAPPER), dom0.path("etc/elsewhere")).unwrap();
    assert!(refusal(&dom0, "install").contains(WRAPPER));
    symlink(dom0.path("etc/elsewhere"), dom0.path(WRAPPER)).unwrap();
    assert!(refusal(&dom0, "install").contains("no regular file"));
}

#[test]
fn what_is_no_program_does_not_become_the_hook() {
    let dom0 = Dom0::new(Release::Xcp83, PYTHON_3);
    for hook in ["/nowhere/hook", "/etc/passwd"] {
        let said = refusal(&dom0, &format!("install --hook {hook}"));
        assert!(said.contains(hook), "{said}");
    }
}

#[test]
fn a_record_that_makes_no_sense_stops_all_of_them() {
    let dom0 = Dom0::new(Release::Xcp83, PYTHON_3);
    dom0.run("install").succeeded();
    for text in ["", "{}", r#"{"schema": 2, "directories": [], "files": []}"#] {
        dom0.put(RECORD, text, 0o644);
        for arguments in ["install", "uninstall", "status"] {
            assert!(refusal(&dom0, arguments).contains("makes no sense"));
        }
    }
}

#[test]
fn the_hook_stays_while_a_line_of_somebody_else_names_it() {
    let dom0 = Dom0::new(Release::Xcp83, PYTHON_3);
    dom0.run("install").succeeded();
    dom0.put("etc/xenopsd.conf.d/mine", format!("{SETTING}\n"), 0o644);
    let said = refusal(&dom0, "uninstall");
    assert!(said.contains("etc/xenopsd.conf.d/mine:1"), "{said}");
}

#[test]
fn two_of_them_do_not_work_at_once() {
    let dom0 = Dom0::new(Release::Xcp83, PYTHON_3);
    let root = File::open(dom0.root()).unwrap();
    flock(&root, FlockOperation::LockExclusive).unwrap();
    assert!(refusal(&dom0, "install").contains("another vgpu-host is at work"));
}
