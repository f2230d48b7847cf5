// SPDX-License-Identifier: GPL-2.0

//! Class devices whose parent is a PCI device.

use core::marker::PhantomData;
use kernel::{
    bindings,
    device::{
        Bound,
        Core, //
    },
    pci,
    prelude::*, //
};

use super::{
    compat,
    Operations,
    Registration, //
};

/// A driver of PCI devices that shows each of them as one class device.
pub(crate) trait Driver: Operations {
    /// What the id table says of a device.
    type IdInfo: 'static;

    /// The devices that the driver is offered.
    const ID_TABLE: pci::IdTable<Self::IdInfo>;

    /// Looks at a device and takes hold of it.
    ///
    /// What it returns is what the class device is made of. The class device is registered after
    /// this and unregistered before any of it is dropped.
    fn probe<'bound>(
        pdev: &'bound pci::Device<Core<'_>>,
    ) -> Result<(Self::Data, Self::State, Self::RegistrationData<'bound>)>;
}

/// Makes a [`pci::Driver`] of a [`Driver`].
///
/// Nobody but the PCI bus gets hold of the [`Registration`], which is why that is sound without a
/// promise of the driver not to forget it.
pub(crate) struct Adapter<T>(PhantomData<T>);

impl<T: Driver> pci::Driver for Adapter<T> {
    type IdInfo = T::IdInfo;
    type Data<'bound> = Registration<'bound, T>;
    const ID_TABLE: pci::IdTable<Self::IdInfo> = T::ID_TABLE;

    fn probe<'bound>(
        pdev: &'bound pci::Device<Core<'_>>,
        _info: compat::IdInfo<'bound, Self::IdInfo>,
    ) -> impl PinInit<Self::Data<'bound>, Error> + 'bound {
        let parent: &'bound pci::Device<Bound> = pdev;
        T::probe(pdev).and_then(|(data, state, registration_data)| {
            // SAFETY: The PCI bus keeps what this makes for as long as the device is bound, and
            // drops it when that ends.
            unsafe { Registration::new(parent.as_ref(), data, state, registration_data) }
        })
    }
}

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
    /// What the platform says that cannot give the device its memory.
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
