// SPDX-License-Identifier: GPL-2.0

//! Class devices whose parent is a PCI device.

use core::{
    marker::PhantomData,
    mem::offset_of, //
};
use kernel::{
    bindings,
    device::{
        Bound,
        Core,
        CoreInternal, //
    },
    driver,
    pci,
    prelude::*,
    types::Opaque,
    InPlaceModule, //
};

use crate::{
    class::{
        Device,
        Operations,
        Registered,
        Registration, //
    },
    compat, //
};

mod dma;
mod enabled;

pub(crate) use self::{
    dma::SharedMemory,
    enabled::EnabledDevice, //
};

/// A driver of PCI devices that shows each of them as one class device.
///
/// # Examples
///
/// The driver of the example at [`Operations`], and its module.
///
/// ```ignore
/// type Bar<'a> = kernel::pci::Bar<'a, 4096>;
///
/// pci_device_table!(
///     PCI_TABLE,
///     <Meter as pci::Driver>::IdInfo,
///     [(DeviceId::from_id(Vendor::REDHAT, 0x0001), ())]
/// );
///
/// impl pci::Driver for Meter {
///     type IdInfo = ();
///     const ID_TABLE: IdTable<Self::IdInfo> = &PCI_TABLE;
///
///     fn probe<'bound>(
///         pdev: &'bound kernel::pci::Device<Core<'_>>,
///     ) -> Result<((), (), Bar<'bound>)> {
///         pdev.enable_device_mem()?;
///         Ok(((), (), pdev.iomap_region_sized(0, c"meter")?))
///     }
/// }
///
/// type Module = pci::Module<Meter>;
///
/// module! {
///     type: Module,
///     name: "meter",
///     authors: ["You"],
///     description: "Driver for meters",
///     license: "GPL",
/// }
/// ```
pub(crate) trait Driver: Operations {
    /// The information that the id table has of a device.
    type IdInfo: 'static;

    /// The devices that the driver is offered.
    const ID_TABLE: pci::IdTable<Self::IdInfo>;

    /// Looks at a device and takes hold of it.
    ///
    /// The class device is made of what this returns. It is registered after this, and unregistered
    /// before any of that is dropped.
    fn probe<'bound>(
        pdev: &'bound pci::Device<Core<'_>>,
    ) -> Result<(Self::Data, Self::State, Self::RegistrationData<'bound>)>;
}

/// A module that is such a driver and has its class: what `module!` takes as its type.
#[pin_data]
pub(crate) struct Module<T: Driver> {
    // Fields are dropped in declaration order: the driver has to let go of all devices before
    // their class can go.
    #[pin]
    _driver: driver::Registration<BusDriver<T>>,
    _class: Registered<T>,
}

impl<T: Driver> InPlaceModule for Module<T> {
    fn init(module: &'static ThisModule) -> impl PinInit<Self, Error> {
        const NAME: &CStr = <crate::LocalModule as kernel::ModuleMetadata>::NAME;

        try_pin_init!(Self {
            // SAFETY: It is dropped with the module, which drops this type when it is unloaded.
            _class: unsafe { T::class().register()? },
            _driver <- driver::Registration::new(NAME, module),
        })
    }
}

/// Makes a [`pci::Driver`] of a [`Driver`].
///
/// Nobody but the PCI bus gets hold of the [`Registration`], which is why that is sound without a
/// promise of the driver not to forget it.
struct Adapter<T>(PhantomData<T>);

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

/// The PCI driver of the kernel crate, which has no hook for resets, with one.
struct BusDriver<T>(PhantomData<T>);

/// The driver of the kernel crate.
type Inner<T> = pci::Adapter<Adapter<T>>;

// SAFETY: `pci_driver` is a C type with a `device_driver` at that offset, and the private data is
// that of the driver of the kernel crate, which is what is registered.
unsafe impl<T: Driver> driver::DriverLayout for BusDriver<T> {
    type DriverType = bindings::pci_driver;
    type DriverData<'bound> = <Inner<T> as driver::DriverLayout>::DriverData<'bound>;
    const DEVICE_DRIVER_OFFSET: usize = offset_of!(bindings::pci_driver, driver);
}

// SAFETY: Both are those of the driver of the kernel crate.
unsafe impl<T: Driver> driver::RegistrationOps for BusDriver<T> {
    unsafe fn register(
        pdrv: &Opaque<Self::DriverType>,
        name: &'static CStr,
        module: &'static ThisModule,
    ) -> Result {
        // SAFETY: The driver is not registered yet, and the handlers are static.
        unsafe { (*pdrv.get()).err_handler = &raw const ResetHandlers::<T>::HANDLERS.0 };
        // SAFETY: By the caller. It sets other fields than that one.
        unsafe { Inner::<T>::register(pdrv, name, module) }
    }

    unsafe fn unregister(pdrv: &Opaque<Self::DriverType>) {
        // SAFETY: By the caller.
        unsafe { Inner::<T>::unregister(pdrv) }
    }
}

/// A `struct pci_error_handlers`.
struct ErrorHandlers(bindings::pci_error_handlers);

// SAFETY: It is never written to.
unsafe impl Sync for ErrorHandlers {}

/// The callbacks for a reset that the kernel makes while the driver is bound.
struct ResetHandlers<T>(PhantomData<T>);

impl<T: Driver> ResetHandlers<T> {
    const HANDLERS: &'static ErrorHandlers = &ErrorHandlers(bindings::pci_error_handlers {
        reset_prepare: Some(Self::reset_prepare),
        reset_done: Some(Self::reset_done),
        ..pin_init::zeroed()
    });

    /// # Safety
    ///
    /// Called by the PCI core only, with the lock held of a device that is bound to this driver.
    unsafe extern "C" fn reset_prepare(pdev: *mut bindings::pci_dev) {
        // SAFETY: By the caller.
        unsafe { Self::with_registration(pdev, T::prepare_reset) };
    }

    /// # Safety
    ///
    /// As for [`Self::reset_prepare`].
    unsafe extern "C" fn reset_done(pdev: *mut bindings::pci_dev) {
        // SAFETY: By the caller.
        unsafe { Self::with_registration(pdev, T::adopt) };
    }

    /// Calls `f` with the class device of a PCI device and its registration data.
    ///
    /// # Safety
    ///
    /// As for [`Self::reset_prepare`].
    unsafe fn with_registration(
        pdev: *mut bindings::pci_dev,
        f: fn(&Device<T>, &T::RegistrationData<'_>),
    ) {
        // SAFETY: By the caller. A `pci::Device` is a transparent wrapper of `struct pci_dev`.
        let pdev = unsafe { &*pdev.cast::<pci::Device<CoreInternal<'_>>>() };
        // SAFETY: Binding and unbinding take the lock of the device, too: the one is over and the
        // other has not begun. What the driver of the kernel crate keeps is the registration.
        let registration = unsafe { pdev.as_ref().drvdata_borrow::<Registration<'_, T>>() };
        registration.get_ref().device().if_registered(f);
    }
}
