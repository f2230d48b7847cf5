// SPDX-License-Identifier: GPL-2.0

//! Which migrations the guard of a pool lets through, and what status says of the members.

use std::fs;

use crate::host::{Host, Run, UUID, patience};

const QEMU: &str = "usr/lib64/xen/bin/qemu-system-i386";
const PLUGIN: &str = "etc/xapi.d/plugins/vgpu-stub";
const OTHER: &str = "0d1c2b3a-1111-4222-8333-444455556666";
/// More than any member needs that answers at all.
const LONG: u32 = 60;

/// Three members, all of them prepared, and Test-2 with a device on the first one.
fn three() -> [Host; 3] {
    let first = Host::new();
    let hosts = [first.another(), first.another()];
    let [second, third] = hosts;
    let three = [first, second, third];
    for host in &three {
        fs::write(host.path("package"), "qemu-4.2.1-1.0.1.vgpustub.x86_64\n").unwrap();
        host.install();
    }
    three[0].set_value("vgpu-stub", "vm_id=200");
    three[0].running();
    three
}

/// Has xe give an answer in the place of a member's plugin.
fn answer(host: &Host, script: &str) {
    host.in_pool(&format!("answers/{}", host.uuid), script);
}

fn let_through(run: &Run) {
    assert_eq!((run.exit, run.stdout.as_str()), (0, ""), "{run:?}");
}

/// xenopsd gives up a migration for 2, and says what was written to stdout.
fn refused(run: &Run, said: &[&str]) {
    assert_eq!(run.exit, 2, "{run:?}");
    assert_eq!(run.stdout.lines().count(), 1, "{run:?}");
    for said in said {
        assert!(run.stdout.contains(said), "{said}: {run:?}");
    }
}

#[test]
fn a_vm_with_devices_migrates_within_a_pool_that_is_prepared() {
    let hosts = three();
    let_through(&hosts[0].migrate(UUID, LONG));
    // The older key counts as well.
    hosts[0].remove_value("vgpu-stub");
    hosts[0].set_value("device-model-args", "-device vgpu-stub");
    let_through(&hosts[0].migrate(UUID, LONG));
    let asked = hosts[0].calls();
    let asked = asked.iter().filter(|it| it.starts_with("host-call-plugin"));
    assert_eq!(asked.count(), 6);
}

#[test]
fn a_member_that_is_not_prepared_keeps_it_where_it_is() {
    type Break = fn(&Host);
    let breaks: [(Break, &[&str]); 6] = [
        (
            |host| host.put_program(QEMU, "#!/bin/sh\necho QEMU\n"),
            &["device: QEMU has no device vgpu-stub"],
        ),
        (
            |host| fs::remove_file(host.path("usr/libexec/vgpu-stub/vgpu-dm-hook")).unwrap(),
            &["hook: ", "vgpu-host install"],
        ),
        (
            |host| host.put_program("usr/libexec/vgpu-stub/vgpu-dm-hook", "another one"),
            &["its hook is ", "this host's is "],
        ),
        (
            |host| fs::write(host.path("etc/xenopsd.conf"), "").unwrap(),
            &["xenopsd: "],
        ),
        (
            |host| fs::remove_file(host.path(PLUGIN)).unwrap(),
            &["no plugin", "vgpu-host install"],
        ),
        (
            |host| fs::remove_file(host.path("usr/libexec/vgpu-stub/vgpu-host")).unwrap(),
            &["non-zero exit"],
        ),
    ];
    for (break_it, said) in breaks {
        let hosts = three();
        break_it(&hosts[2]);
        let run = hosts[0].migrate(UUID, LONG);
        refused(&run, &[&[UUID, "'xcp-3': "], said].concat());
        assert!(!run.stdout.contains("xcp-2"), "{run:?}");

        // It is no destination while it is not enabled.
        hosts[2].disable();
        let_through(&hosts[0].migrate(UUID, LONG));
    }
}

#[test]
fn no_answer_and_nonsense_are_those_of_a_member_that_is_not_prepared() {
    let hosts = three();
    let whole = hosts[0].call(&hosts[1], "status", &[]).stdout;
    let short = patience(|| let_through(&hosts[0].migrate(UUID, LONG)));
    let no_answer = format!("no answer within {short} s");
    for (script, seconds, said) in [
        ("exec sleep 1000".to_owned(), short, no_answer.as_str()),
        ("echo '{}'".into(), LONG, "makes no sense"),
        (
            "echo 'Error code: HOST_OFFLINE' >&2; exit 1".into(),
            LONG,
            "HOST_OFFLINE",
        ),
        (
            "echo '{\"schema\":1,\"exit\":0,\"status\":{\"whole\":true,\"checks\":[]}}'".into(),
            LONG,
            "makes no sense",
        ),
        (
            format!(
                "cat <<'END'\n{}\nEND",
                whole.replace("\"device\"", "\"other\"")
            ),
            LONG,
            "makes no sense",
        ),
        (
            format!("cat <<'END'\n{}\nEND", whole.replace("\"device\"", "7")),
            LONG,
            "makes no sense",
        ),
    ] {
        answer(&hosts[1], &script);
        let run = hosts[0].migrate(UUID, seconds);
        refused(&run, &["'xcp-2': ", said]);
        assert!(!run.stdout.contains("xcp-3"), "{run:?}");
    }
    // The answer itself is a good one.
    answer(&hosts[1], &format!("cat <<'END'\n{whole}\nEND"));
    let_through(&hosts[0].migrate(UUID, LONG));
}

#[test]
fn a_vm_without_devices_is_let_through_and_nobody_is_asked() {
    let hosts = three();
    hosts[0].remove_value("vgpu-stub");
    fs::remove_file(hosts[1].path(PLUGIN)).unwrap();
    let_through(&hosts[0].migrate(UUID, LONG));
    let calls = hosts[0].calls();
    assert!(!calls.iter().any(|it| it.starts_with("host-")), "{calls:?}");
}

/// It is the VM that counts, and not its domain.
#[test]
fn vms_in_domains_of_the_same_number_are_told_apart() {
    let hosts = three();
    hosts[0].add_vm(OTHER, "Other");
    hosts[1].runs(OTHER);
    fs::remove_file(hosts[2].path(PLUGIN)).unwrap();
    refused(&hosts[0].migrate(UUID, LONG), &[UUID, "'xcp-3': "]);
    let_through(&hosts[1].migrate(OTHER, LONG));

    hosts[0].remove_value("vgpu-stub");
    hosts[0].set_key(OTHER, "vgpu-stub", "vm_id=7");
    let_through(&hosts[0].migrate(UUID, LONG));
    refused(&hosts[1].migrate(OTHER, LONG), &[OTHER, "'xcp-3': "]);
}

#[test]
fn a_vm_whose_keys_cannot_be_read_stays() {
    let hosts = three();
    refused(&hosts[0].migrate(OTHER, LONG), &["not known"]);
}

#[test]
fn a_guard_without_its_program_stops_nothing_and_says_so() {
    let hosts = three();
    fs::remove_file(hosts[0].path("usr/libexec/vgpu-stub/vgpu-host")).unwrap();
    let run = hosts[0].migrate(UUID, LONG);
    assert_eq!(run.exit, 1, "{run:?}");
    assert!(run.stdout.contains("vgpu-host install"), "{run:?}");
}

#[test]
fn status_compares_the_members_of_the_pool() {
    let hosts = three();
    let run = hosts[0].run("status --pool");
    assert_eq!((run.exit, run.stderr.as_str()), (0, ""), "{run:?}");
    assert_eq!(run.stdout.matches("ok  xcp-").count(), 3, "{run:?}");

    fs::write(hosts[1].path("package"), "qemu-4.2.1-2.x86_64\n").unwrap();
    fs::remove_file(hosts[2].path(PLUGIN)).unwrap();
    hosts[2].disable();
    let run = hosts[1].run("status --pool");
    assert_eq!(run.exit, 8, "{run:?}");
    assert!(run.stderr.contains("same package of QEMU"), "{run:?}");
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert!(lines[0].starts_with("ok  xcp-1  vgpu-host "), "{run:?}");
    assert!(lines[1].contains("qemu-4.2.1-2.x86_64"), "{run:?}");
    assert!(lines[2].starts_with("NO  xcp-3  "), "{run:?}");
    assert!(lines[2].contains("no plugin"), "{run:?}");

    let document = hosts[1].run("status --pool -J").json();
    let pool = &document["pool"];
    assert_eq!(pool["prepared"], false);
    let members = pool["members"].as_array().unwrap();
    let prepared: Vec<_> = members.iter().map(|it| &it["prepared"]).collect();
    assert_eq!(prepared, [true, true, false]);
    assert_eq!(members[2]["enabled"], false);
    assert_eq!(members[0]["uuid"], hosts[0].uuid);
}
