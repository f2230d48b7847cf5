// SPDX-License-Identifier: GPL-2.0

//! What one of the supported kernels has under another name than the newest one, or not at all.
//!
//! It is here and nowhere else, under the names of the newest. A block goes when its kernel is no
//! longer supported; the build defines `linux_7_2` for that one.

pub(crate) use self::imp::*;

#[cfg(not(linux_7_2))]
mod imp {
    use kernel::bindings;
    pub(crate) use kernel::{
        new_srcu,
        pci_device_table,
        sync::{
            srcu::Guard as SrcuGuard,
            Srcu, //
        }, //
    };

    use crate::class::Operations;

    pub(crate) use bindings::{
        cdev,
        cdev_device_add,
        cdev_device_del,
        cdev_init, //
    };

    /// What a PCI driver's probe gets of its id table.
    pub(crate) type IdInfo<'a, T> = Option<&'a T>;

    /// The module that a driver is in.
    pub(crate) const fn this_module<T: Operations>() -> *mut bindings::module {
        kernel::module::this_module::<T::OwnerModule>().as_ptr()
    }
}

#[cfg(linux_7_2)]
mod imp {
    use kernel::{
        bindings,
        error::to_result,
        prelude::*,
        types::{
            NotThreadSafe,
            Opaque, //
        }, //
    };

    use crate::class::Operations;

    /// What a PCI driver's probe gets of its id table.
    pub(crate) type IdInfo<'a, T> = &'a T;

    /// The module that a driver is in.
    pub(crate) const fn this_module<T: Operations>() -> *mut bindings::module {
        crate::THIS_MODULE.as_ptr()
    }

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

    /// Creates an initialiser of [`Srcu`].
    macro_rules! new_srcu {
        () => {
            $crate::class::compat::Srcu::new()
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
}
