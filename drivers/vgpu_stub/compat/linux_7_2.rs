// SPDX-License-Identifier: GPL-2.0

//! Linux 7.2: what its kernel crate lacks, over the C functions.

use core::marker::{
    PhantomData,
    PhantomPinned, //
};
use kernel::{
    bindings,
    device::Bound,
    dma::{
        Coherent,
        DmaAddress, //
    },
    error::to_result,
    irq::{
        IrqReturn,
        ThreadedIrqReturn, //
    },
    pci,
    prelude::*,
    sync::lock,
    types::{
        NotThreadSafe,
        Opaque, //
    }, //
};

/// Entry of the id table, as a PCI driver's probe gets it.
pub(crate) type IdInfo<'a, T> = &'a T;

/// Makes an error that is no constant of the crate, of a number of C's.
fn error(errno: u32) -> Error {
    // CAST: A small constant.
    match to_result(-(errno as c_int)) {
        Err(error) => error,
        Ok(()) => EIO,
    }
}

/// Returns `ECANCELED`.
pub(crate) fn ecanceled() -> Error {
    error(bindings::ECANCELED)
}

/// Returns `ENOTCONN`.
pub(crate) fn enotconn() -> Error {
    error(bindings::ENOTCONN)
}

/// Returns `EOPNOTSUPP`.
pub(crate) fn eopnotsupp() -> Error {
    error(bindings::EOPNOTSUPP)
}

/// Returns the address at which a device finds memory.
pub(crate) fn dma_address(memory: &Coherent<[u8]>) -> DmaAddress {
    memory.dma_handle()
}

/// The module that the implementation of a `#[vtable]` trait is in.
macro_rules! this_module {
    ($driver:ty) => {
        crate::THIS_MODULE.as_ptr()
    };
}
pub(crate) use this_module;

/// As that of the crate, which also wants a name for what modpost looks for.
macro_rules! pci_device_table {
    ($table:ident, $id_info:ty, $ids:expr $(,)?) => {
        kernel::pci_device_table!($table, MODULE_PCI_TABLE, $id_info, $ids);
    };
}
pub(crate) use pci_device_table;

#[cfg(not(CONFIG_RANDSTRUCT_NONE))]
compile_error!("The layout of struct cdev is not known.");

/// `struct cdev` of [`include/linux/cdev.h`](srctree/include/linux/cdev.h), whose header is not
/// among those that bindgen sees.
#[repr(C)]
pub(crate) struct cdev {
    kobj: bindings::kobject,
    pub(crate) owner: *mut bindings::module,
    ops: *const bindings::file_operations,
    list: bindings::list_head,
    dev: bindings::dev_t,
    count: c_uint,
}

// The empty structs that the lint is about are lockdep's, and are so in C, too.
#[expect(improper_ctypes)]
extern "C" {
    pub(crate) fn cdev_init(cdev: *mut cdev, fops: *const bindings::file_operations);
    pub(crate) fn cdev_device_add(cdev: *mut cdev, dev: *mut bindings::device) -> c_int;
    pub(crate) fn cdev_device_del(cdev: *mut cdev, dev: *mut bindings::device);
}

/// Creates an initialiser of [`SpinLockIrq`].
macro_rules! new_spinlock_irq {
    ($inner:expr, $name:literal $(,)?) => {
        $crate::compat::SpinLockIrq::new(
            $inner,
            kernel::c_str!($name),
            kernel::static_lock_class!(),
        )
    };
}
pub(crate) use new_spinlock_irq;

/// A spin lock that is held with the interrupts of the processor off.
pub(crate) type SpinLockIrq<T> = lock::Lock<T, SpinLockIrqBackend>;

/// The backend of [`SpinLockIrq`].
pub(crate) struct SpinLockIrqBackend;

// SAFETY: It is a `spinlock_t`, which excludes all others. `relock` locks in the same way.
unsafe impl lock::Backend for SpinLockIrqBackend {
    type State = bindings::spinlock_t;
    /// State of the interrupts before they were switched off.
    type GuardState = c_ulong;

    unsafe fn init(ptr: *mut Self::State, name: *const c_char, key: *mut bindings::lock_class_key) {
        // SAFETY: By the caller.
        unsafe { bindings::__spin_lock_init(ptr, name, key) }
    }

    unsafe fn lock(ptr: *mut Self::State) -> Self::GuardState {
        // SAFETY: By the caller. A `spinlock_t` begins with its `raw_spinlock_t`.
        unsafe { bindings::_raw_spin_lock_irqsave(ptr.cast()) }
    }

    unsafe fn unlock(ptr: *mut Self::State, flags: &Self::GuardState) {
        // SAFETY: By the caller, and the flags are what `lock` returned.
        unsafe { bindings::_raw_spin_unlock_irqrestore(ptr.cast(), *flags) }
    }

    unsafe fn try_lock(_ptr: *mut Self::State) -> Option<Self::GuardState> {
        // Nobody tries.
        None
    }

    unsafe fn assert_is_held(ptr: *mut Self::State) {
        // SAFETY: By the caller.
        unsafe { bindings::spin_assert_is_held(ptr) }
    }
}

/// Creates an initialiser of [`Srcu`].
macro_rules! new_srcu {
    () => {
        $crate::compat::Srcu::new()
    };
}
pub(crate) use new_srcu;

/// Sleepable read-copy update.
///
/// # Invariants
///
/// `inner` was initialised by `init_srcu_struct`, which is a function as long as there is no
/// lockdep; with it, there is none of that name to be found.
#[pin_data(PinnedDrop)]
pub(crate) struct Srcu {
    #[pin]
    inner: Opaque<bindings::srcu_struct>,
}

// SAFETY: The C functions may be called from any thread.
unsafe impl Send for Srcu {}

// SAFETY: They do their own locking.
unsafe impl Sync for Srcu {}

impl Srcu {
    /// Makes one that nobody reads.
    pub(crate) fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            // INVARIANT: It is initialised by that very function.
            inner <- Opaque::try_ffi_init(|inner| {
                // SAFETY: `inner` is memory for a `struct srcu_struct`.
                to_result(unsafe { bindings::init_srcu_struct(inner) })
            }),
        })
    }

    /// Holds up [`Self::synchronize`] for as long as the guard lives.
    pub(crate) fn read_lock(&self) -> SrcuGuard<'_> {
        // SAFETY: By the type invariant. Without lockdep, `srcu_read_lock` is no more than
        // this.
        let index = unsafe { bindings::__srcu_read_lock(self.inner.get()) };
        // INVARIANT: That is where the index is from.
        SrcuGuard {
            srcu: self,
            index,
            _not_send: NotThreadSafe,
        }
    }

    /// Waits until the guards are gone that are there now.
    pub(crate) fn synchronize(&self) {
        // SAFETY: By the type invariant.
        unsafe { bindings::synchronize_srcu(self.inner.get()) };
    }
}

#[pinned_drop]
impl PinnedDrop for Srcu {
    fn drop(self: Pin<&mut Self>) {
        // A guard that was forgotten makes this wait forever, and what it protects is kept.
        self.synchronize();
        // SAFETY: By the type invariant. There are no readers, and there never were callbacks.
        unsafe { bindings::cleanup_srcu_struct(self.inner.get()) };
    }
}

/// A reader of an [`Srcu`].
///
/// # Invariants
///
/// `index` is what `__srcu_read_lock` returned for `srcu`.
pub(crate) struct SrcuGuard<'a> {
    srcu: &'a Srcu,
    index: c_int,
    _not_send: NotThreadSafe,
}

impl Drop for SrcuGuard<'_> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant, and it is given back once.
        unsafe { bindings::__srcu_read_unlock(self.srcu.inner.get(), self.index) };
    }
}

/// Takes as many interrupt vectors of a type.
///
/// The crate keeps them until the device is unbound, whoever has them: there is no giving them
/// back before the memory of the device.
pub(crate) fn alloc_irq_vectors<'a>(
    pdev: &'a pci::Device<Bound>,
    count: u32,
    irq_type: pci::IrqType,
) -> Result<IrqVectorRegistration<'a>> {
    let flags = match irq_type {
        pci::IrqType::Intx => bindings::PCI_IRQ_INTX,
        pci::IrqType::Msi => bindings::PCI_IRQ_MSI,
        pci::IrqType::MsiX => bindings::PCI_IRQ_MSIX,
    };
    let dev = core::ptr::from_ref(pdev).cast_mut().cast();
    // SAFETY: A `pci::Device` is a transparent wrapper of `struct pci_dev`.
    let taken = unsafe { bindings::pci_alloc_irq_vectors(dev, count, count, flags) };
    to_result(taken)?;
    // INVARIANT: It just got them.
    Ok(IrqVectorRegistration {
        pdev,
        count,
        irq_type,
    })
}

/// Interrupt vectors of a PCI device.
///
/// # Invariants
///
/// The device has `count` vectors of this type.
pub(crate) struct IrqVectorRegistration<'a> {
    pdev: &'a pci::Device<Bound>,
    count: u32,
    irq_type: pci::IrqType,
}

impl IrqVectorRegistration<'_> {
    /// Returns the number of vectors.
    pub(crate) fn len(&self) -> usize {
        // CAST: Wider.
        self.count as usize
    }

    /// Returns one of the vectors.
    pub(crate) fn index(&self, index: usize) -> Result<IrqVector<'_>> {
        let index = u32::try_from(index)?;
        let dev = core::ptr::from_ref(self.pdev).cast_mut().cast();
        // SAFETY: A `pci::Device` is a transparent wrapper of `struct pci_dev`.
        let irq = unsafe { bindings::pci_irq_vector(dev, index) };
        to_result(irq.min(0))?;
        // INVARIANT: That is where the number is from.
        Ok(IrqVector {
            irq: irq.unsigned_abs(),
            irq_type: self.irq_type,
            _vectors: PhantomData,
        })
    }
}

impl Drop for IrqVectorRegistration<'_> {
    fn drop(&mut self) {
        let dev = core::ptr::from_ref(self.pdev).cast_mut().cast();
        // SAFETY: By the type invariant, and nobody has one of the vectors, which borrow this.
        unsafe { bindings::pci_free_irq_vectors(dev) };
    }
}

/// One interrupt vector.
///
/// # Invariants
///
/// `irq` is the number of an interrupt that its device has for `'a`.
pub(crate) struct IrqVector<'a> {
    irq: c_uint,
    irq_type: pci::IrqType,
    _vectors: PhantomData<&'a ()>,
}

impl IrqVector<'_> {
    /// Returns the kind of interrupt.
    pub(crate) fn irq_type(&self) -> pci::IrqType {
        self.irq_type
    }
}

/// A request for an interrupt; that of the crate is made by its own vectors only.
///
/// # Invariants
///
/// `irq` is the number of an interrupt that its device has for `'a`.
pub(crate) struct IrqRequest<'a> {
    irq: c_uint,
    _vectors: PhantomData<&'a ()>,
}

impl<'a> From<IrqVector<'a>> for IrqRequest<'a> {
    fn from(vector: IrqVector<'a>) -> Self {
        // INVARIANT: It is that of a vector.
        Self {
            irq: vector.irq,
            _vectors: PhantomData,
        }
    }
}

/// Flags of a requested interrupt; the crate does not give out those in its own type.
pub(crate) struct Flags(c_ulong);

impl Flags {
    // CAST: Wider, here and below.
    /// Other devices have it, too.
    pub(crate) const SHARED: Self = Self(bindings::IRQF_SHARED as c_ulong);
    /// Nothing special.
    pub(crate) const TRIGGER_NONE: Self = Self(bindings::IRQF_TRIGGER_NONE as c_ulong);
}

/// Handler of an interrupt; that of the crate may not borrow.
pub(crate) trait ThreadedHandler: Sync {
    /// Looks whose it is, in interrupt context.
    fn handle(&self) -> ThreadedIrqReturn;

    /// Does what may sleep.
    fn handle_threaded(&self) -> IrqReturn;
}

/// An interrupt with a handler and a thread.
///
/// # Invariants
///
/// The interrupt was requested with a pointer to this.
#[pin_data(PinnedDrop)]
pub(crate) struct ThreadedRegistration<'a, T: ThreadedHandler> {
    request: IrqRequest<'a>,
    #[pin]
    handler: T,
    #[pin]
    _pin: PhantomPinned,
}

impl<'a, T: ThreadedHandler + 'a> ThreadedRegistration<'a, T> {
    /// Requests the interrupt.
    ///
    /// # Safety
    ///
    /// The initialized value must not be forgotten.
    pub(crate) unsafe fn new(
        request: IrqRequest<'a>,
        flags: Flags,
        name: &'static CStr,
        handler: Result<T>,
    ) -> impl PinInit<Self, Error> + 'a {
        let irq = request.irq;
        // INVARIANT: It exists only if the request succeeded.
        try_pin_init!(&this in Self {
            handler <- handler,
            request,
            _pin: PhantomPinned,
            _: {
                // SAFETY: All that the callbacks use is there, and stays there until `drop`
                // has taken them away.
                to_result(unsafe {
                    bindings::request_threaded_irq(
                        irq,
                        Some(handle_callback::<T>),
                        Some(thread_callback::<T>),
                        flags.0,
                        name.as_char_ptr(),
                        this.as_ptr().cast(),
                    )
                })?;
            },
        })
    }
}

#[pinned_drop]
impl<T: ThreadedHandler> PinnedDrop for ThreadedRegistration<'_, T> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariant. It returns when the handlers have.
        unsafe {
            bindings::free_irq(
                self.request.irq,
                core::ptr::from_ref(&*self).cast_mut().cast(),
            )
        };
    }
}

/// # Safety
///
/// Called by the interrupt core only, with the pointer to a live `ThreadedRegistration<T>`.
unsafe extern "C" fn handle_callback<T: ThreadedHandler>(_irq: c_int, this: *mut c_void) -> c_uint {
    // SAFETY: By the caller.
    let this = unsafe { &*this.cast::<ThreadedRegistration<'_, T>>() };
    // CAST: To the C enum that the numbers are of.
    this.handler.handle() as c_uint
}

/// # Safety
///
/// As for [`handle_callback`].
unsafe extern "C" fn thread_callback<T: ThreadedHandler>(_irq: c_int, this: *mut c_void) -> c_uint {
    // SAFETY: By the caller.
    let this = unsafe { &*this.cast::<ThreadedRegistration<'_, T>>() };
    // CAST: As above.
    this.handler.handle_threaded() as c_uint
}
