// SPDX-License-Identifier: GPL-2.0

//! What guests are made of, and where the environment says it is.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// The files that make a guest.
#[derive(Clone, Debug)]
pub struct Artifacts {
    /// `VGPU_QEMU`: qemu-system-x86_64.
    pub qemu: PathBuf,
    /// `VGPU_PLUGINS`: what it loads the device from, with a colon between them; none if
    /// the device is built in.
    pub plugins: Vec<PathBuf>,
    /// The kernel's image, in the directory `VGPU_KERNEL` that scripts/kernel prints.
    pub kernel: PathBuf,
    /// The kernel's release, from the same directory.
    pub release: String,
    /// `VGPU_INITRAMFS`: what scripts/initramfs made for that kernel.
    pub initramfs: PathBuf,
}

impl Artifacts {
    /// Takes the paths from the environment.
    ///
    /// # Errors
    ///
    /// A variable that is not set, or names something that is not there; the
    /// error says which `make` target makes it.
    pub fn from_env() -> Result<Self> {
        Self::from_lookup(|name| env::var_os(name).map(PathBuf::from))
    }

    /// The same with another kernel, which `scripts/kernel --without-rust` made and
    /// `VGPU_KERNEL_WITHOUT_RUST` names. None of the modules is for it.
    ///
    /// # Errors
    ///
    /// As [`Artifacts::from_env`].
    pub fn without_rust() -> Result<Self> {
        const KERNEL: &str = "VGPU_KERNEL_WITHOUT_RUST";

        let Some(kernel) = env::var_os(KERNEL) else {
            bail!(
                "{KERNEL} is not set: it says where a kernel is that the driver is not for. \
                 'scripts/kernel --without-rust' makes it, and prints where"
            );
        };
        Self::from_lookup(|name| match name {
            "VGPU_KERNEL" => Some(kernel.clone().into()),
            name => env::var_os(name).map(PathBuf::from),
        })
    }

    fn from_lookup(lookup: impl Fn(&str) -> Option<PathBuf>) -> Result<Self> {
        let qemu = required(&lookup, "VGPU_QEMU", "QEMU", "demo")?;
        let plugins = plugins(&lookup)?;
        let directory = required(&lookup, "VGPU_KERNEL", "the guest's kernel", "modules")?;
        let initramfs = required(&lookup, "VGPU_INITRAMFS", "the guest's files", "initramfs")?;
        let kernel = directory.join("vmlinuz");
        let release_file = directory.join("release");
        let release = fs::read_to_string(&release_file)
            .with_context(|| {
                format!(
                    "VGPU_KERNEL: {} cannot be read; 'make modules' makes it",
                    release_file.display()
                )
            })?
            .trim()
            .to_owned();
        exists(&kernel, "VGPU_KERNEL", "modules")?;
        Ok(Self {
            qemu,
            plugins,
            kernel,
            release,
            initramfs,
        })
    }
}

fn plugins(lookup: impl Fn(&str) -> Option<PathBuf>) -> Result<Vec<PathBuf>> {
    let list = lookup("VGPU_PLUGINS").unwrap_or_default();
    let plugins: Vec<_> = env::split_paths(&list)
        .filter(|path| !path.as_os_str().is_empty())
        .collect();
    for plugin in &plugins {
        exists(plugin, "VGPU_PLUGINS", "demo")?;
    }
    Ok(plugins)
}

fn required(
    lookup: impl Fn(&str) -> Option<PathBuf>,
    name: &str,
    what: &str,
    target: &str,
) -> Result<PathBuf> {
    let Some(path) = lookup(name).filter(|path| !path.as_os_str().is_empty()) else {
        bail!(
            "{name} is not set: it says where {what} is. 'make {target}' makes it; \
             'make check', 'make guest' and 'make demo' set it"
        );
    };
    exists(&path, name, target)?;
    Ok(path)
}

fn exists(path: &Path, name: &str, target: &str) -> Result<()> {
    if !path.exists() {
        bail!(
            "{name}: {} does not exist; 'make {target}' makes it",
            path.display()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_variable_is_named_with_its_target() {
        let error = Artifacts::from_lookup(|_| None).unwrap_err().to_string();
        assert!(error.starts_with("VGPU_QEMU is not set"), "{error}");
        assert!(error.contains("'make demo'"), "{error}");
    }

    #[test]
    fn an_empty_variable_is_a_missing_one() {
        let error = Artifacts::from_lookup(|_| Some(PathBuf::new())).unwrap_err();
        assert!(error.to_string().contains("is not set"), "{error}");
    }

    #[test]
    fn a_path_that_is_not_there_is_named() {
        let error = Artifacts::from_lookup(|_| Some("/nonexistent/qemu".into())).unwrap_err();
        assert_eq!(
            error.to_string(),
            "VGPU_QEMU: /nonexistent/qemu does not exist; 'make demo' makes it"
        );
    }

    #[test]
    fn each_plugin_has_to_be_there() {
        let error = Artifacts::from_lookup(|name| match name {
            "VGPU_PLUGINS" => Some("/dev/null:/nonexistent/vgpu-stub.so".into()),
            _ => Some("/dev/null".into()),
        });
        assert_eq!(
            error.unwrap_err().to_string(),
            "VGPU_PLUGINS: /nonexistent/vgpu-stub.so does not exist; 'make demo' makes it"
        );
    }

    #[test]
    fn without_plugins_the_device_is_built_in() {
        assert!(plugins(|_| None).unwrap().is_empty());
        assert!(plugins(|_| Some(PathBuf::new())).unwrap().is_empty());
    }

    #[test]
    fn a_kernel_directory_without_a_release_is_refused() {
        let empty = tempfile::tempdir().unwrap();
        let error = Artifacts::from_lookup(|name| match name {
            "VGPU_KERNEL" => Some(empty.path().into()),
            _ => Some("/dev/null".into()),
        })
        .unwrap_err();
        assert!(error.to_string().contains("release"), "{error}");
    }
}
