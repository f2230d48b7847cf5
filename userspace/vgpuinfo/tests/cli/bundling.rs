// SPDX-License-Identifier: GPL-2.0

//! What `vgpuinfo doctor --bundle` puts together. The text of a guest that has everything is
//! in tests/golden; VGPUINFO_GOLDEN=write in the environment makes it anew.

use std::path::Path;
use std::{env, fs};

use crate::guest::{Fixture, close, one, run, run_unprivileged, two};

const RELEASE: &str = "7.3.4-cloud-amd64";

/// What a guest has in places of which some are read, and nobody else is to know.
const SECRETS: [&str; 4] = ["web-1", "example.com", "alice", "10.0.0.7"];

fn write(fixture: &Fixture, path: &str, content: impl AsRef<[u8]>) {
    let path = fixture.root().join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// A guest whose device has the driver, which has been upgraded since.
fn whole() -> Fixture {
    let fixture = one();
    fixture.link_node("vgpu0");
    let device = "sys/devices/pci0000:00/0000:00:06.0";
    let memory = "0x00000000fea00000 0x00000000fea00fff 0x0000000000040200\n";
    let none = "0x0000000000000000 0x0000000000000000 0x0000000000000000\n";
    let installed = format!(
        "\x7fELF\0version=0.2.1\0srcversion=0011223344\0vermagic={RELEASE} SMP preempt\0\
         \x06\x03\x55\x04\x03\x0c\x1aweb-1 module signature key0~Module signature appended~\n"
    );
    let log = "6,1,900000,-;Linux version 7.3.4 (alice@web-1.example.com)\n\
               6,2,1000001,-;pci 0000:00:06.0: [1af4:1111] type 00 class 0x120000\n \
               SUBSYSTEM=pci\n DEVICE=+pci:0000:00:06.0\n\
               6,3,1500000,-;eth0: 10.0.0.7\n\
               4,4,12345678,-;vgpu_stub: loading out-of-tree module taints kernel.\n\
               6,5,12400000,-;vgpu_stub 0000:00:06.0: Revision 1, polling for completions.\n";
    let interrupts = "           CPU0       CPU1\n  0:  12  0  IO-APIC  2-edge  timer\n \
                      10:  3  4  IO-APIC  10-fasteoi  virtio0, vgpu0\nNMI:  0  0  Non-maskable\n";
    for (path, content) in [
        (
            "etc/os-release",
            "NAME=x\nPRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\n",
        ),
        ("etc/hostname", "web-1\n"),
        ("proc/sys/kernel/hostname", "web-1.example.com\n"),
        ("proc/sys/kernel/osrelease", "7.3.4-cloud-amd64\n"),
        ("proc/sys/kernel/tainted", "12288\n"),
        ("proc/cmdline", "root=/dev/vda user=alice\n"),
        ("proc/interrupts", interrupts),
        (
            "sys/kernel/security/lockdown",
            "none [integrity] confidentiality\n",
        ),
        ("sys/module/module/parameters/sig_enforce", "Y\n"),
        (
            "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c",
            "\x06\0\0\0\x01",
        ),
        ("sys/module/vgpu_stub/version", "0.2.0\n"),
        ("sys/module/vgpu_stub/srcversion", "AABBCCDD\n"),
        ("sys/module/vgpu_stub/taint", "OE\n"),
        ("sys/module/vgpu_stub/initstate", "live\n"),
        ("sys/module/vgpu_stub/refcnt", "0\n"),
        ("sys/module/vgpu_stub/parameters/timeout", "5\n"),
        ("dev/kmsg", log),
        (
            &format!("lib/modules/{RELEASE}/modules.dep"),
            "updates/vgpu_stub.ko:\n",
        ),
        (
            &format!("lib/modules/{RELEASE}/updates/vgpu_stub.ko"),
            &installed,
        ),
        (&format!("{device}/resource"), &format!("{memory}{none}")),
    ] {
        write(&fixture, path, content);
    }
    fixture
}

#[test]
fn the_text_is_the_one_that_was_promised() {
    let run = run(&whole(), "doctor --bundle");
    assert_eq!((run.exit, run.stderr.as_str()), (0, ""));
    let version = format!("vgpuinfo {}\n", env!("CARGO_PKG_VERSION"));
    let text = run.stdout.replace(&version, "vgpuinfo VERSION\n");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/bundle");
    if env::var_os("VGPUINFO_GOLDEN").is_some() {
        fs::write(&path, &text).unwrap();
    }
    assert_eq!(text, fs::read_to_string(&path).unwrap());
}

#[test]
fn nothing_in_it_names_the_host_its_users_or_where_the_tree_is() {
    let fixture = whole();
    // Refused for its key, whose name is in the doctor's message then.
    fixture.unbind("0000:00:06.0");
    fs::remove_dir_all(fixture.root().join("sys/module/vgpu_stub")).unwrap();
    let refused = "5,1,1,-;Loading of module with unavailable key is rejected\n";
    write(&fixture, "dev/kmsg", refused);
    let doctor = run(&fixture, "doctor");
    assert!(doctor.stdout.contains("web-1 module signature key"));
    for text in [
        run(&fixture, "doctor --bundle").stdout,
        run(&whole(), "doctor --bundle").stdout,
    ] {
        assert!(text.contains("HOST module signature key"), "{text}");
        for secret in SECRETS {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
        assert!(!text.contains(fixture.root().to_str().unwrap()), "{text}");
    }
}

#[test]
fn it_ends_as_the_doctor_does_and_has_what_the_doctor_says() {
    let empty = Fixture::new();
    fs::remove_dir_all(empty.root().join("sys")).unwrap();
    for fixture in [whole(), one(), two(), Fixture::new(), empty] {
        for device in ["", "-d 0000:00:06.0"] {
            let doctor = run(&fixture, &format!("doctor {device}"));
            let bundle = run(&fixture, &format!("doctor --bundle {device}"));
            assert_eq!(
                (bundle.exit, &bundle.stderr),
                (doctor.exit, &doctor.stderr),
                "{}",
                bundle.stdout
            );
            let root = format!("{}/", fixture.root().display());
            let said = doctor.stdout.replace(&root, "/");
            let part = bundle.stdout.split("\n== ").find(|part| {
                let text = part.strip_prefix("Doctor ==\n");
                text.is_some_and(|text| text == said)
            });
            assert!(part.is_some(), "{said}\n{}", bundle.stdout);
        }
    }
}

#[test]
fn what_cannot_be_read_says_why_in_its_place() {
    let empty = run(&Fixture::new(), "doctor --bundle").stdout;
    for line in [
        "kernel: not known (/proc/sys/kernel/osrelease cannot be read: No such file",
        "distribution: not known (/usr/lib/os-release cannot be read: No such file",
        "lockdown: not known (",
        "secure boot: off (not booted by UEFI)",
        "== Loaded module ==\nnothing: vgpu_stub is not loaded\n",
        "== Installed module ==\nnothing: /proc/sys/kernel/osrelease cannot be read",
        "== Interrupts ==\nnothing: /proc/interrupts cannot be read",
        "== Kernel log ==\nnothing: /dev/kmsg cannot be read: No such file",
    ] {
        assert!(empty.contains(line), "{line}: {empty}");
    }

    let fixture = whole();
    close(fixture.root().join("dev/kmsg"));
    fs::remove_file(
        fixture
            .root()
            .join("sys/bus/pci/devices/0000:00:06.0/config"),
    )
    .unwrap();
    fs::remove_file(fixture.root().join("proc/interrupts")).unwrap();
    write(&fixture, "proc/interrupts", "CPU0\n 0: 12 timer\n");
    let text = run_unprivileged(&fixture, "doctor --bundle").stdout;
    for line in [
        "== Kernel log ==\nnothing: /dev/kmsg cannot be read: Permission denied (os error 13): \
         it takes root\n",
        "== PCI function 0000:00:06.0 ==\nnothing: its configuration space cannot be read: No such",
        "== Interrupts ==\nnothing: no interrupt is a device's\n",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
}

#[test]
fn it_is_about_the_devices_that_are_named() {
    let run = run(&two(), "doctor --bundle -d vgpu0");
    assert!(run.stdout.contains("== PCI function 0000:00:06.0 =="));
    assert!(!run.stdout.contains("0000:00:07.0"), "{}", run.stdout);
}

#[test]
fn it_is_no_document() {
    let run = run(&one(), "doctor --bundle -J");
    assert_eq!(run.exit, 2);
    assert_eq!(run.json()["error"]["kind"], "usage");
}
