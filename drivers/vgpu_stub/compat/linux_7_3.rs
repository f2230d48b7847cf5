// SPDX-License-Identifier: GPL-2.0

//! Linux 7.3 and later: most of it is the kernel crate's own.

use kernel::{
    device::Bound,
    dma::{
        Coherent,
        DmaAddress, //
    },
    pci,
    prelude::*, //
};
pub(crate) use kernel::{
    irq::{
        Flags,
        IrqRequest,
        ThreadedHandler,
        ThreadedRegistration, //
    },
    new_spinlock_irq,
    new_srcu,
    pci::IrqVectorRegistration,
    pci_device_table,
    sync::{
        lock::spinlock::SpinLockIrqBackend,
        srcu::Guard as SrcuGuard,
        SpinLockIrq,
        Srcu, //
    }, //
};

pub(crate) use kernel::bindings::{
    cdev,
    cdev_device_add,
    cdev_device_del,
    cdev_init, //
};

/// Entry of the id table, as a PCI driver's probe gets it.
pub(crate) type IdInfo<'a, T> = Option<&'a T>;

/// Returns `ECANCELED`.
pub(crate) fn ecanceled() -> Error {
    ECANCELED
}

/// Returns `ENOTCONN`.
pub(crate) fn enotconn() -> Error {
    ENOTCONN
}

/// Returns `EOPNOTSUPP`.
pub(crate) fn eopnotsupp() -> Error {
    EOPNOTSUPP
}

/// Returns the address at which a device finds memory.
pub(crate) fn dma_address(memory: &Coherent<[u8]>) -> DmaAddress {
    memory.dma_address()
}

/// The module that the implementation of a `#[vtable]` trait is in.
macro_rules! this_module {
    ($driver:ty) => {
        kernel::module::this_module::<<$driver>::OwnerModule>().as_ptr()
    };
}
pub(crate) use this_module;

/// Takes as many interrupt vectors of a type.
pub(crate) fn alloc_irq_vectors<'a>(
    pdev: &'a pci::Device<Bound>,
    count: u32,
    irq_type: pci::IrqType,
) -> Result<IrqVectorRegistration<'a>> {
    pdev.alloc_irq_vectors(count, count, pci::IrqTypes::default().with(irq_type))
}
