// SPDX-License-Identifier: GPL-2.0

//! What is seen of a VM along the way, collected once in the order in which one
//! would look: outside first, then inside without the driver, then with it.

use anyhow::{Result, anyhow};
use serde_json::Value;
use xen_tests::{Host, Vm};

use crate::site::KEY;

/// Something that was looked at, or why it could not be.
pub(crate) struct Fact<T = String>(Result<T, String>);

impl<T> Fact<T> {
    fn new(look: Result<T>) -> Self {
        Self(look.map_err(|error| format!("{error:?}")))
    }

    pub(crate) fn get(&self) -> Result<&T> {
        self.0.as_ref().map_err(|error| anyhow!("{error}"))
    }
}

/// What was seen.
pub(crate) struct Facts {
    /// The key, as `xenstore-read` prints it.
    pub(crate) key: Fact,
    /// The words that the stock wrapper was called with.
    pub(crate) wrapper: Fact<Vec<String>>,
    /// The words of the device model's process.
    pub(crate) process: Fact<Vec<String>>,
    /// What the hook wrote to the log.
    pub(crate) log: Fact,
    /// `info qtree` of the device model.
    pub(crate) qtree: Fact,
    /// `lspci -n`, `lspci` and the regions of `lspci -vvv` of the device in the guest.
    pub(crate) lspci_numeric: Fact,
    pub(crate) lspci: Fact,
    pub(crate) lspci_verbose: Fact,
    /// The device in `vgpuinfo -J --source bar` before the driver is there.
    pub(crate) registers: Fact<Value>,
    /// The attributes pool_id, priority and vm_id in sysfs.
    pub(crate) attributes: Fact,
    /// The device in `vgpuinfo -J` with the driver.
    pub(crate) with_driver: Fact<Value>,
    /// Whether the guest's kernel has complained.
    pub(crate) kernel_log: Fact<()>,
}

impl Facts {
    pub(crate) fn collect(host: &Host, vm: &Vm) -> Self {
        let domid = vm.domid().map_err(|error| error.to_string());
        let of_domain = |command: &dyn Fn(u32) -> String| {
            let domid = domid.clone().map_err(|error| anyhow!(error))?;
            host.check(&command(domid))
        };
        let words = |text: String| text.lines().map(str::to_owned).collect();
        let outside = (
            Fact::new(of_domain(&|id| {
                format!("xenstore-read /local/domain/{id}/platform/{KEY}")
            })),
            Fact::new(of_domain(&argv).map(words)),
            Fact::new(of_domain(&|id| {
                format!(
                    "tr '\\0' '\\n' </proc/$(xenstore-read /local/domain/{id}/image/device-model-pid)/cmdline"
                )
            }).map(words)),
            Fact::new(of_domain(&|id| {
                format!("grep 'vgpu-dm-hook.*domain {id} ' /var/log/daemon.log")
            })),
        );
        let (key, wrapper, process, log) = outside;
        let qtree = Fact::new(vm.monitor("info qtree"));

        // What is not up answers nothing, and says why only once.
        let up = vm.wait_up().map_err(|error| format!("{error:?}"));
        let inside = |command: &str| {
            up.clone().map_err(|error| anyhow!(error))?;
            vm.check(command)
        };
        Self {
            key,
            wrapper,
            process,
            log,
            qtree,
            lspci_numeric: Fact::new(inside("lspci -n -d 1af4:1111")),
            lspci: Fact::new(inside("lspci -d 1af4:1111")),
            lspci_verbose: Fact::new(inside("lspci -vvv -d 1af4:1111 | grep Region")),
            registers: Fact::new(inside("vgpuinfo -J --source bar").and_then(device)),
            attributes: Fact::new(inside(
                "modprobe vgpu_stub && cd /sys/class/vgpu/vgpu0 && cat pool_id priority vm_id",
            )),
            with_driver: Fact::new(inside("vgpuinfo -J").and_then(device)),
            kernel_log: Fact::new(vm.check_kernel_log()),
        }
    }
}

/// Prints what the stock wrapper of a domain was called with, a word on a line.
pub(crate) fn argv(domid: u32) -> String {
    format!("tr '\\0' '\\n' </run/vgpu-xen/{domid}.argv")
}

/// The only device of a document of vgpuinfo.
pub(crate) fn device(text: String) -> Result<Value> {
    let document: Value = serde_json::from_str(&text)?;
    match document["devices"].as_array().map(Vec::as_slice) {
        Some([device]) => Ok(device.clone()),
        _ => Err(anyhow!("not one device: {document}")),
    }
}
