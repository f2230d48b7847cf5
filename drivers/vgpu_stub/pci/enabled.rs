// SPDX-License-Identifier: GPL-2.0

//! Enabling a PCI device for as long as it is bound.

use kernel::{
    bindings,
    device::{
        Bound,
        Core, //
    },
    pci,
    prelude::*, //
};

/// Memory decoding of a PCI device, switched on.
///
/// The kernel crate can enable a device but not disable it, and then every unbind leaves its count
/// of users (`enable` in sysfs) one too high.
///
/// # Invariants
///
/// The device was enabled once for this.
pub(crate) struct EnabledDevice<'bound>(&'bound pci::Device<Bound>);

impl<'bound> EnabledDevice<'bound> {
    /// Switches on memory decoding.
    ///
    /// # Errors
    ///
    /// Those of `pci_enable_device_mem`.
    pub(crate) fn new(pdev: &'bound pci::Device<Core<'_>>) -> Result<Self> {
        pdev.enable_device_mem()?;
        // INVARIANT: It just was.
        Ok(Self(pdev))
    }
}

impl Drop for EnabledDevice<'_> {
    fn drop(&mut self) {
        let pdev: *const pci::Device<Bound> = self.0;
        // SAFETY: A `pci::Device` is a transparent wrapper of `struct pci_dev`, it is bound, and by
        // the type invariant this is the counterpart of one `pci_enable_device_mem`.
        unsafe { bindings::pci_disable_device(pdev.cast_mut().cast()) };
    }
}
