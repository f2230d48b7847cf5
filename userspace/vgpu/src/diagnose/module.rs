// SPDX-License-Identifier: MIT OR Apache-2.0

//! Checks of the driver's module: that it is there, fits the kernel and is loaded.

use std::fs;
use std::path::{Path, PathBuf};

use super::image::Image;
use super::{Finding, Verdict, kernel, modprobe};
use crate::{DRIVER, Roots};

const CHECK: &str = "module";

/// Directory in which the package for DKMS says of a kernel why it has no module.
const SKIPPED: &str = "run/vgpu-stub-dkms";

/// Tells whether the driver is there to be bound, as a module or built in.
pub(super) fn is_loaded(roots: &Roots) -> bool {
    ["sys/bus/pci/drivers", "sys/module"]
        .iter()
        .any(|directory| roots.path(directory).join(DRIVER).exists())
}

/// Looks for the reason why the driver is not there, if it is not. Without a device that is no
/// problem as long as it could be loaded.
pub(super) fn examine(roots: &Roots, loaded: bool, needed: bool) -> Vec<Finding> {
    if loaded {
        return vec![loaded_one(roots)];
    }
    let Some(release) = kernel::release(roots) else {
        // A copied tree need not have any of this.
        let message = format!("{DRIVER} is not loaded");
        return match needed {
            true => vec![not_loaded(message)],
            false => vec![Finding::ok(CHECK, message)],
        };
    };
    let rust = kernel::rust(roots, &release);
    // Everything after this would be a consequence.
    if rust.verdict == Verdict::Problem {
        return vec![rust];
    }
    let module = match file(roots, &release) {
        None => not_installed(roots, &release),
        Some(path) => refused(roots, &release, &path).unwrap_or_else(|| {
            let message = format!("{} is installed and not loaded", path.display());
            match needed {
                true => modprobe::examine(CHECK, roots).unwrap_or_else(|| not_loaded(message)),
                false => Finding::ok(CHECK, message),
            }
        }),
    };
    vec![rust, module]
}

/// Tells whether the loaded module is the installed one, as far as they say.
fn loaded_one(roots: &Roots) -> Finding {
    let directory = roots.path("sys/module").join(DRIVER);
    let loaded = fs::read_to_string(directory.join("version")).ok();
    let loaded = loaded.as_deref().map(str::trim_end);
    let is = match loaded {
        Some(version) => format!("{DRIVER} {version} is loaded"),
        None => format!("{DRIVER} is loaded"),
    };
    // One that is built in, which has no state, is not to be replaced.
    if !directory.join("initstate").exists() {
        return Finding::ok(CHECK, is);
    }
    let image = kernel::release(roots)
        .and_then(|release| file(roots, &release))
        .and_then(|path| Image::read(&path));
    match image
        .as_ref()
        .and_then(|image| image.information("version"))
    {
        Some(installed) if loaded != Some(installed) => Finding::fault(
            CHECK,
            Verdict::Warning,
            "other_version",
            format!("{is}, and {installed} is installed"),
            format!("modprobe -r {DRIVER} && modprobe {DRIVER}, or reboot"),
        ),
        _ => Finding::ok(CHECK, is),
    }
}

fn not_loaded(message: String) -> Finding {
    let hint = format!("modprobe {DRIVER}; if it is refused, the kernel log says why");
    Finding::fault(CHECK, Verdict::Problem, "not_loaded", message, hint)
}

fn not_installed(roots: &Roots, release: &str) -> Finding {
    let directory = kernel::modules(roots, release);
    let mut message = format!("there is no {DRIVER}.ko in {}", directory.display());
    let mut hint = "install it for this kernel, then run depmod; as root, vgpuinfo does without \
                    the driver"
        .to_owned();
    // DKMS has tried, and what it lacks is known.
    let note = fs::read_to_string(roots.path(SKIPPED).join(release));
    let reason = note.ok().and_then(|note| {
        let (_, reason) = note.lines().next()?.split_once(&format!(" {release}: "))?;
        Some(reason.to_owned())
    });
    if let Some(reason) = reason {
        message = format!("{message}: DKMS has not built it: {reason}");
        hint = "see to that, and it is built".into();
    } else if let Some(others) = kernels_with_module(roots) {
        message =
            format!("{message}: the kernel is another one than it is installed for, {others}");
        hint = format!(
            "install vgpu-stub-modules-{release} or vgpu-stub-dkms, or boot one of those; as root, \
             vgpuinfo does without the driver"
        );
    }
    Finding::fault(CHECK, Verdict::Problem, "not_installed", message, hint)
}

/// The kernels that the module is installed for, in one line, if there are any.
fn kernels_with_module(roots: &Roots) -> Option<String> {
    let mut releases: Vec<String> = fs::read_dir(roots.path("lib/modules"))
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|release| file(roots, release).is_some())
        .collect();
    releases.sort_unstable();
    (!releases.is_empty()).then(|| releases.join(", "))
}

/// The file of the module, as modprobe finds it.
pub(super) fn file(roots: &Roots, release: &str) -> Option<PathBuf> {
    let directory = kernel::modules(roots, release);
    let list = fs::read_to_string(directory.join("modules.dep")).ok()?;
    let path = list
        .lines()
        .filter_map(|line| Some(line.split_once(':')?.0))
        .find(|path| {
            let name = path.rsplit('/').next().unwrap_or(path);
            let name = name.split('.').next().unwrap_or(name);
            name.replace('-', "_") == DRIVER
        })?;
    Some(directory.join(path)).filter(|path| path.exists())
}

/// Returns the reason for which the kernel would refuse the module, as far as its file tells.
fn refused(roots: &Roots, release: &str, path: &Path) -> Option<Finding> {
    // One that is closed to this user, or damaged, does not tell.
    let image = Image::read(path)?;
    let fault = |fault, message: String, hint: String| {
        let message = format!("{}: {message}", path.display());
        Some(Finding::fault(
            CHECK,
            Verdict::Problem,
            fault,
            message,
            hint,
        ))
    };
    let rebuild = || "build it for the kernel that runs".to_owned();
    match image.vermagic() {
        // A kernel with CONFIG_MODVERSIONS looks at the symbols instead.
        Some(magic) if magic.release != release && !magic.has_symbol_versions => {
            let message = format!("it is for the kernel {}, and {release} runs", magic.release);
            return fault("vermagic", message, rebuild());
        }
        _ => {}
    }
    match kernel::wants_signatures(roots) {
        Some((kind, reason)) if !image.is_signed() => fault(
            kind,
            format!("it is not signed, and {reason}"),
            "sign it with a key that the kernel trusts, or boot without that restriction; \
             as root, without lockdown, vgpuinfo does without the driver"
                .into(),
        ),
        Some((kind, reason)) if kernel::has_refused_key(roots) => {
            let key = image
                .signer()
                .unwrap_or_else(|| "a key without a name".into());
            let enroll = match certificate(roots, release, path) {
                Some(file) => format!("enroll it: mokutil --import {}", file.display()),
                None => format!("enroll the certificate of '{key}' with mokutil --import"),
            };
            let hint = format!(
                "{enroll}, and reboot; as root, without lockdown, vgpuinfo does without the driver"
            );
            fault(
                kind,
                format!("it is signed by '{key}', which the kernel does not trust, and {reason}"),
                hint,
            )
        }
        // Its word counts, but it may be that of an earlier try.
        _ => kernel::has_refused(roots, DRIVER).and_then(|said| {
            fault(
                "vermagic",
                format!("the kernel has said: {said}"),
                rebuild(),
            )
        }),
    }
}

/// The certificate of the key by which a module was signed, where its package puts it: that of
/// DKMS, which signs all that it builds by one key of its own, or that of a prebuilt module.
fn certificate(roots: &Roots, release: &str, module: &Path) -> Option<PathBuf> {
    let by_dkms = module
        .parent()
        .is_some_and(|directory| directory.ends_with("updates/dkms"));
    let file = match by_dkms {
        true => roots.path("var/lib/dkms/mok.pub"),
        false => roots.path(&format!(
            "usr/share/vgpu-stub-modules-{release}/certificate.der"
        )),
    };
    file.exists().then_some(file)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::super::tests::{faults, findings};
    use super::*;
    use crate::fixture::{Fixture, Stub};

    const RELEASE: &str = "7.3.4-cloud-amd64";

    /// A guest whose kernel has Rust, with a device and a module that fits.
    struct Guest(Fixture);

    impl Guest {
        fn new() -> Self {
            let guest = Guest(Fixture::new());
            guest.0.add(&Stub::at("0000:00:06.0"));
            guest.write("proc/sys/kernel/osrelease", format!("{RELEASE}\n"));
            guest.write(
                "proc/kallsyms",
                "0 T start_kernel\n0 T rust_helper_mutex_lock\n",
            );
            guest.install(&format!("vermagic={RELEASE} SMP preempt"), "");
            guest
        }

        fn write(&self, path: &str, content: impl AsRef<[u8]>) {
            let path = self.0.root().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }

        fn install(&self, vermagic: &str, signature: &str) {
            let directory = format!("lib/modules/{RELEASE}");
            let module = format!("\x7fELF\0{vermagic}\0{signature}");
            self.write(&format!("{directory}/updates/vgpu_stub.ko"), module);
            let list = "kernel/drivers/vgpu_stub_not.ko:\nupdates/vgpu_stub.ko:\n";
            self.write(&format!("{directory}/modules.dep"), list);
        }

        /// Installs it as DKMS does for these kernels: signed by its own key, and compressed.
        fn install_by_dkms(&self) {
            let directory = self.0.root().join(format!("lib/modules/{RELEASE}"));
            let key = "\x06\x03\x55\x04\x03\x0c\x17DKMS module signing key0";
            let magic = format!("vermagic={RELEASE} SMP preempt");
            self.install(&magic, &format!("{key}~Module signature appended~\n"));
            fs::create_dir_all(directory.join("updates/dkms")).unwrap();
            let module = directory.join("updates/dkms/vgpu_stub.ko");
            fs::rename(directory.join("updates/vgpu_stub.ko"), &module).unwrap();
            let mut xz = Command::new("xz");
            let status = xz.args(["--check=crc32", "--lzma2=dict=1MiB"]).arg(&module);
            assert!(status.status().unwrap().success());
            let list = "updates/dkms/vgpu_stub.ko.xz:\n";
            fs::write(directory.join("modules.dep"), list).unwrap();
        }

        fn faults(&self) -> Vec<&'static str> {
            faults(&self.0)
        }

        /// The message and the hint of the one fault that is found.
        fn fault(&self) -> (String, String) {
            let mut faults = findings(&self.0)
                .into_iter()
                .filter(|it| it.fault.is_some());
            let fault = faults.next().unwrap();
            assert!(faults.next().is_none());
            (fault.message, fault.hint.unwrap())
        }
    }

    #[test]
    fn a_module_that_fits_is_not_loaded() {
        assert_eq!(Guest::new().faults(), ["not_loaded"]);
    }

    #[test]
    fn without_a_device_a_module_that_could_be_loaded_is_fine() {
        let guest = Guest::new();
        guest.0.unplug("0000:00:06.0");
        assert_eq!(guest.faults(), ["no_device"]);
    }

    #[test]
    fn a_module_without_its_file_or_its_entry_is_not_installed() {
        for path in ["updates/vgpu_stub.ko", "modules.dep"] {
            let guest = Guest::new();
            let path = format!("lib/modules/{RELEASE}/{path}");
            fs::remove_file(guest.0.root().join(path)).unwrap();
            assert_eq!(guest.faults(), ["not_installed"]);
        }
    }

    #[test]
    fn a_module_for_another_kernel_is_named_with_both_releases() {
        let guest = Guest::new();
        guest.install("vermagic=7.2.1 SMP", "");
        assert_eq!(guest.faults(), ["vermagic"]);
        let findings = findings(&guest.0);
        let message = &findings
            .iter()
            .find(|it| it.fault.is_some())
            .unwrap()
            .message;
        assert!(message.contains("7.2.1") && message.contains(RELEASE));
    }

    #[test]
    fn with_symbol_versions_the_kernels_own_word_counts() {
        let guest = Guest::new();
        guest.install("vermagic=7.2.1 SMP modversions", "");
        assert_eq!(guest.faults(), ["not_loaded"]);
        let log = |text: &str| {
            let text = format!("6,1,1,-;Linux version 7\n3,2,2,-;vgpu_stub: {text}\n");
            guest.write("dev/kmsg", text);
        };
        log("loading out-of-tree module taints kernel.");
        assert_eq!(guest.faults(), ["not_loaded"]);
        for said in [
            "version magic '7.2.1 SMP' should be '7.3.4 SMP'",
            "disagrees about version of symbol module_layout",
            "Unknown symbol _printk (err -22)",
        ] {
            log(said);
            assert_eq!(guest.faults(), ["vermagic"]);
            let findings = findings(&guest.0);
            assert!(findings.iter().any(|it| it.message.contains(said)));
        }
    }

    #[test]
    fn an_unsigned_module_is_refused_where_signatures_are_enforced() {
        let guest = Guest::new();
        let parameter = "sys/module/module/parameters/sig_enforce";
        guest.write(parameter, "N\n");
        assert_eq!(guest.faults(), ["not_loaded"]);
        guest.write(parameter, "Y\n");
        assert_eq!(guest.faults(), ["signature"]);
        let magic = format!("vermagic={RELEASE} SMP");
        guest.install(&magic, "~Module signature appended~\n");
        // Whether the kernel trusts the key it does not say.
        assert_eq!(guest.faults(), ["not_loaded"]);
    }

    #[test]
    fn a_key_that_the_kernel_does_not_trust_is_named() {
        let guest = Guest::new();
        guest.write("sys/module/module/parameters/sig_enforce", "Y\n");
        let magic = format!("vermagic={RELEASE} SMP");
        let name = "\x06\x03\x55\x04\x03\x0c\x10Fleet module key";
        guest.install(&magic, &format!("{name}\x30~Module signature appended~\n"));
        assert_eq!(guest.faults(), ["not_loaded"]);
        let said = "Loading of module with unavailable key is rejected";
        guest.write("dev/kmsg", format!("5,1,1,-;{said}\n"));
        assert_eq!(guest.faults(), ["signature"]);
        assert!(findings(&guest.0).iter().any(|it| {
            it.message.contains("by 'Fleet module key'")
                && it
                    .hint
                    .as_ref()
                    .is_some_and(|hint| hint.contains("mokutil"))
        }));
    }

    #[test]
    fn the_certificate_of_a_key_that_the_kernel_does_not_trust_is_named_where_it_is() {
        const DKMS: &str = "var/lib/dkms/mok.pub";
        let own = format!("usr/share/vgpu-stub-modules-{RELEASE}/certificate.der");
        let key = "\x06\x03\x55\x04\x03\x0c\x10Fleet module key0~Module signature appended~\n";
        for (setting, value, fault, said) in [
            (
                "sys/module/module/parameters/sig_enforce",
                "Y\n",
                "signature",
                "Loading of module with unavailable key is rejected",
            ),
            (
                "sys/kernel/security/lockdown",
                "none [integrity] confidentiality\n",
                "lockdown",
                "Lockdown: modprobe: unsigned module loading is restricted; see man \
                 kernel_lockdown.7",
            ),
        ] {
            let guest = Guest::new();
            guest.write(setting, value);
            guest.install(&format!("vermagic={RELEASE} SMP"), key);
            // Both are there, and each is of its own module.
            guest.write(DKMS, "");
            guest.write(&own, "");
            assert_eq!(guest.faults(), ["not_loaded"]);
            guest.write("dev/kmsg", format!("5,1,1,-;{said}\n"));
            assert_eq!(guest.faults(), [fault]);
            let (message, hint) = guest.fault();
            assert!(message.contains("'Fleet module key'"), "{message}");
            assert!(hint.contains(&own) && !hint.contains(DKMS), "{hint}");

            guest.install_by_dkms();
            assert_eq!(guest.faults(), [fault]);
            let (message, hint) = guest.fault();
            assert!(message.contains("'DKMS module signing key'"), "{message}");
            assert!(hint.contains("mokutil --import /"), "{hint}");
            assert!(hint.contains(DKMS) && !hint.contains(&own), "{hint}");

            // It was built elsewhere, and who did that has the certificate.
            fs::remove_file(guest.0.root().join(DKMS)).unwrap();
            let (_, hint) = guest.fault();
            assert!(hint.contains("the certificate of 'DKMS"), "{hint}");
        }
    }

    #[test]
    fn the_kernels_that_the_module_is_installed_for_are_named() {
        let guest = Guest::new();
        guest.write("proc/sys/kernel/osrelease", "7.3.5-cloud-amd64\n");
        assert_eq!(guest.faults(), ["not_installed"]);
        let findings = findings(&guest.0);
        let finding = findings.iter().find(|it| it.fault.is_some()).unwrap();
        assert!(finding.message.ends_with(RELEASE), "{finding:?}");
        let hint = finding.hint.as_ref().unwrap();
        assert!(hint.contains("vgpu-stub-modules-7.3.5-cloud-amd64"));
    }

    #[test]
    fn what_dkms_lacks_is_told() {
        let guest = Guest::new();
        let path = format!("lib/modules/{RELEASE}/updates/vgpu_stub.ko");
        fs::remove_file(guest.0.root().join(path)).unwrap();
        let reason = "its source is missing: apt install linux-source-7.3=7.3.4-1";
        guest.write(
            &format!("run/vgpu-stub-dkms/{RELEASE}"),
            format!("vgpu-stub: no module for Linux {RELEASE}: {reason}\n"),
        );
        assert_eq!(guest.faults(), ["not_installed"]);
        assert!(
            findings(&guest.0)
                .iter()
                .any(|it| it.message.ends_with(reason))
        );
    }

    #[test]
    fn an_unsigned_module_is_refused_under_lockdown() {
        let guest = Guest::new();
        let lockdown = "sys/kernel/security/lockdown";
        guest.write(lockdown, "[none] integrity confidentiality\n");
        assert_eq!(guest.faults(), ["not_loaded"]);
        guest.write(lockdown, "none [integrity] confidentiality\n");
        assert_eq!(guest.faults(), ["lockdown"]);
    }

    #[test]
    fn a_module_that_modprobe_is_kept_from_loading_is_not_just_not_loaded() {
        let guest = Guest::new();
        guest.write("etc/modprobe.d/hardening.conf", "blacklist vgpu_stub\n");
        assert_eq!(guest.faults(), ["blacklisted"]);
        guest.write("proc/sys/kernel/modules_disabled", "1\n");
        assert_eq!(guest.faults(), ["modules_disabled"]);
        // A module that was loaded before is.
        fs::create_dir_all(guest.0.root().join("sys/module/vgpu_stub")).unwrap();
        assert_eq!(guest.faults(), ["not_bound"]);
    }

    #[test]
    fn a_damaged_module_is_not_judged() {
        let guest = Guest::new();
        guest.write("sys/module/module/parameters/sig_enforce", "Y\n");
        let path = format!("lib/modules/{RELEASE}/updates/vgpu_stub.ko");
        guest.write(&path, b"\xfd7zXZ\0");
        assert_eq!(guest.faults(), ["not_loaded"]);
    }

    #[test]
    fn a_module_that_is_loaded_and_another_one_than_is_installed_is_named() {
        let guest = Guest::new();
        let module = "sys/module/vgpu_stub";
        guest.write(&format!("{module}/initstate"), "live\n");
        let finding = |version: &str| {
            guest.install(&format!("{version}\0vermagic={RELEASE} SMP"), "");
            let mut findings = findings(&guest.0).into_iter();
            findings.find(|it| it.check == CHECK).unwrap()
        };
        // Neither of them says.
        assert_eq!(finding("license=GPL").verdict, Verdict::Ok);
        // The one that is loaded does not: it is of before 0.2.0.
        assert_eq!(finding("version=0.2.0").fault, Some("other_version"));
        guest.write(&format!("{module}/version"), "0.2.0\n");
        assert_eq!(finding("version=0.2.0").verdict, Verdict::Ok);
        assert_eq!(finding("license=GPL").verdict, Verdict::Ok);
        let finding = finding("version=0.2.1");
        assert_eq!(finding.verdict, Verdict::Warning);
        assert!(finding.message.contains("0.2.0 is loaded, and 0.2.1 is"));
        // One that is built in cannot be replaced.
        fs::remove_file(guest.0.root().join(format!("{module}/initstate"))).unwrap();
        assert!(!guest.faults().contains(&"other_version"));
    }

    #[test]
    fn a_kernel_without_rust_is_found_by_its_configuration_or_its_symbols() {
        let guest = Guest::new();
        guest.write("proc/kallsyms", "0 T start_kernel\n");
        assert_eq!(guest.faults(), ["no_rust"]);
        let config = format!("boot/config-{RELEASE}");
        guest.write(&config, "CONFIG_SMP=y\nCONFIG_RUST=y\n");
        assert_eq!(guest.faults(), ["not_loaded"]);
        guest.write(&config, "# CONFIG_RUST is not set\n");
        assert_eq!(guest.faults(), ["no_rust"]);
    }
}
