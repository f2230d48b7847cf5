// SPDX-License-Identifier: GPL-2.0

//! Attributes of class devices.
//!
//! They are part of the class's default groups, so that they are there before user space hears of
//! the device.

use core::marker::PhantomData;
use kernel::{
    bindings,
    fmt,
    page::PAGE_SIZE,
    prelude::*,
    str::Formatter, //
};

use super::{
    Device,
    Operations, //
};

/// An attribute of the devices of driver `T`: one file, one value.
///
/// The type that implements it has no other purpose.
#[vtable]
pub(crate) trait Attribute<T: Operations>: 'static {
    /// Name of the file.
    const NAME: &'static CStr;

    /// Writes the value, without a newline.
    ///
    /// The registration cannot end while this runs.
    fn show(
        device: &Device<T>,
        registration_data: &T::RegistrationData<'_>,
        out: &mut dyn fmt::Write,
    ) -> Result;

    /// Takes a new value, as it was written.
    ///
    /// The registration cannot end while this runs, so it must not wait but by [`Device::wait`].
    fn store(
        _device: &Device<T>,
        _registration_data: &T::RegistrationData<'_>,
        _text: &[u8],
    ) -> Result {
        build_error!(kernel::error::VTABLE_DEFAULT_ERROR)
    }
}

/// The type of [`Attribute::show`].
type Show<T> =
    fn(&Device<T>, &<T as Operations>::RegistrationData<'_>, &mut dyn fmt::Write) -> Result;

/// The type of [`Attribute::store`].
type Store<T> = fn(&Device<T>, &<T as Operations>::RegistrationData<'_>, &[u8]) -> Result;

/// A `struct device_attribute` of a static list, for devices of `T` only, and the functions of the
/// driver that its callbacks call: those are the same for all attributes.
#[repr(C)]
pub(crate) struct DeviceAttribute<T: Operations> {
    inner: bindings::device_attribute,
    show: Show<T>,
    store: Option<Store<T>>,
}

// SAFETY: It is never written to.
unsafe impl<T: Operations> Sync for DeviceAttribute<T> {}

impl<T: Operations> DeviceAttribute<T> {
    /// Creates the attribute that `A` implements: readable by all, and writable by root if it has a
    /// `store`.
    pub(crate) const fn new<A: Attribute<T>>() -> Self {
        // With lockdep it has more fields than these.
        let mut attr: bindings::attribute = pin_init::zeroed();
        attr.name = kernel::str::as_char_ptr_in_const_context(A::NAME);
        attr.mode = if A::HAS_STORE { 0o644 } else { 0o444 };

        let inner = bindings::device_attribute {
            attr,
            __bindgen_anon_1: bindings::device_attribute__bindgen_ty_1 {
                show: Some(Self::show_callback),
            },
            __bindgen_anon_2: bindings::device_attribute__bindgen_ty_2 {
                store: if A::HAS_STORE {
                    Some(Self::store_callback)
                } else {
                    None
                },
            },
        };
        Self {
            inner,
            show: A::show,
            store: if A::HAS_STORE { Some(A::store) } else { None },
        }
    }

    /// # Safety
    ///
    /// `attribute` must be the `inner` of a static `Self`.
    unsafe fn from_raw(attribute: *mut bindings::device_attribute) -> &'static Self {
        // SAFETY: By the caller.
        unsafe { &*kernel::container_of!(attribute, Self, inner) }
    }

    /// # Safety
    ///
    /// Called by sysfs only, with the `struct device` of a `Device<T>` whose attributes are there,
    /// one of them and a page of its own.
    unsafe extern "C" fn show_callback(
        dev: *mut bindings::device,
        attribute: *mut bindings::device_attribute,
        page: *mut c_char,
    ) -> isize {
        // SAFETY: By the caller. sysfs lets no removal of the attribute complete while this runs,
        // and the registration ends after the removal.
        let (device, this, page) = unsafe {
            (
                Device::<T>::from_raw(dev),
                Self::from_raw(attribute),
                &mut *page.cast::<[u8; PAGE_SIZE]>(),
            )
        };
        // SAFETY: As above, and `show` works for any two lifetimes.
        let registration_data = unsafe { device.registration_data_unchecked() };

        let mut out = Formatter::new(page);
        let result = (this.show)(device, registration_data, &mut out)
            .and_then(|()| fmt::Write::write_char(&mut out, '\n').map_err(Error::from));
        match result {
            // CAST: Not more than a page.
            Ok(()) => out.bytes_written() as isize,
            // CAST: An errno fits.
            Err(error) => error.to_errno() as isize,
        }
    }

    /// # Safety
    ///
    /// Called by sysfs only, with the `struct device` of a `Device<T>` whose attributes are there,
    /// one of them and `count` bytes at `text`.
    unsafe extern "C" fn store_callback(
        dev: *mut bindings::device,
        attribute: *mut bindings::device_attribute,
        text: *const c_char,
        count: usize,
    ) -> isize {
        // SAFETY: By the caller, and as in `show_callback`.
        let (device, this, text) = unsafe {
            (
                Device::<T>::from_raw(dev),
                Self::from_raw(attribute),
                core::slice::from_raw_parts(text.cast::<u8>(), count),
            )
        };
        // SAFETY: As in `show_callback`; so does `store`.
        let registration_data = unsafe { device.registration_data_unchecked() };

        let result = match this.store {
            Some(store) => store(device, registration_data, text),
            None => Err(EIO),
        };
        match result {
            // CAST: sysfs hands over at most a page.
            Ok(()) => count as isize,
            // CAST: An errno fits.
            Err(error) => error.to_errno() as isize,
        }
    }
}

/// A null-terminated list of pointers to attributes.
#[repr(transparent)]
pub(crate) struct AttributeList<T, const N: usize>([*const bindings::attribute; N], PhantomData<T>);

// SAFETY: It is never written to.
unsafe impl<T, const N: usize> Sync for AttributeList<T, N> {}

impl<T: Operations, const N: usize> AttributeList<T, N> {
    /// Creates a list; `N` is one more than the number of attributes.
    pub(crate) const fn new<const ATTRIBUTES: usize>(
        attributes: &'static [DeviceAttribute<T>; ATTRIBUTES],
    ) -> Self {
        assert!(N == ATTRIBUTES + 1);
        let mut list = [core::ptr::null(); N];
        let mut index = 0;
        while index < ATTRIBUTES {
            list[index] = &raw const attributes[index].inner.attr;
            index += 1;
        }
        Self(list, PhantomData)
    }
}

/// A `struct attribute_group` of a static list.
#[repr(transparent)]
pub(crate) struct Group<T>(bindings::attribute_group, PhantomData<T>);

// SAFETY: It is never written to.
unsafe impl<T> Sync for Group<T> {}

impl<T: Operations> Group<T> {
    /// Creates the unnamed group of `list`: its files lie in the directory of those devices that
    /// `V` says have it.
    pub(crate) const fn new<V: Visibility<T>, const N: usize>(
        list: &'static AttributeList<T, N>,
    ) -> Self {
        let group = bindings::attribute_group {
            __bindgen_anon_1: bindings::attribute_group__bindgen_ty_1 {
                is_visible_const: Some(is_visible_callback::<T, V>),
            },
            __bindgen_anon_2: bindings::attribute_group__bindgen_ty_2 {
                attrs_const: list.0.as_ptr(),
            },
            ..pin_init::zeroed()
        };
        Self(group, PhantomData)
    }
}

/// Which devices have the attributes of a group. The type that implements it has no other purpose.
pub(crate) trait Visibility<T: Operations>: 'static {
    /// Checks whether this one has. Called once, when the device is registered.
    fn is_visible(device: &Device<T>) -> bool;
}

/// All devices have them.
pub(crate) struct Always;

impl<T: Operations> Visibility<T> for Always {
    fn is_visible(_device: &Device<T>) -> bool {
        true
    }
}

/// # Safety
///
/// Called by sysfs only, with the kobject of the `struct device` of a `Device<T>` and an attribute
/// of its groups.
unsafe extern "C" fn is_visible_callback<T: Operations, V: Visibility<T>>(
    kobj: *mut bindings::kobject,
    attribute: *const bindings::attribute,
    _index: c_int,
) -> bindings::umode_t {
    // SAFETY: By the caller.
    let (device, mode) = unsafe {
        let dev = kernel::container_of!(kobj, bindings::device, kobj);
        (Device::<T>::from_raw(dev), (*attribute).mode)
    };
    if V::is_visible(device) {
        mode
    } else {
        0
    }
}

/// The most attribute groups that a class can have.
const GROUPS: usize = 3;

/// The attribute groups of the class of `T`, null-terminated.
#[repr(transparent)]
pub(crate) struct AttributeGroups<T>(
    [*const bindings::attribute_group; GROUPS + 1],
    PhantomData<T>,
);

// SAFETY: It is never written to.
unsafe impl<T> Sync for AttributeGroups<T> {}

impl<T> AttributeGroups<T> {
    /// Creates those of a class with attributes that all devices have, and some that only some
    /// have.
    pub(crate) const fn new<const N: usize>(
        all: &'static Group<T>,
        some: [&'static Group<T>; N],
    ) -> Self {
        let mut groups = [core::ptr::null(); GROUPS + 1];
        groups[0] = &raw const all.0;
        let mut index = 0;
        while index < N {
            groups[index + 1] = &raw const some[index].0;
            index += 1;
        }
        assert!(groups[GROUPS].is_null());
        Self(groups, PhantomData)
    }

    pub(super) const fn as_ptr(&'static self) -> *const *const bindings::attribute_group {
        self.0.as_ptr()
    }
}

/// Makes the attribute groups of a driver out of the types that implement its attributes: those
/// that all devices have, and those that only the devices have that a [`Visibility`] says.
///
/// ```ignore
/// attribute_groups! {
///     pub(crate) static ATTRIBUTES: MyDriver =
///         [Size, Colour], if HasWheels [Wheels], if HasDoors [Doors];
/// }
/// ```
macro_rules! attribute_groups {
    (@group $driver:ty, $visibility:ty, [$($attribute:ty),+ $(,)?]) => {{
        const COUNT: usize = [$(stringify!($attribute)),+].len();
        static ATTRIBUTES: [DeviceAttribute<$driver>; COUNT] =
            [$(DeviceAttribute::new::<$attribute>()),+];
        static LIST: AttributeList<$driver, { COUNT + 1 }> = AttributeList::new(&ATTRIBUTES);
        static GROUP: Group<$driver> = Group::new::<$visibility, _>(&LIST);
        &GROUP
    }};
    ($vis:vis static $name:ident: $driver:ty = $all:tt $(, if $visibility:ident $some:tt)*;) => {
        $vis static $name: $crate::class::AttributeGroups<$driver> = {
            use $crate::class::attribute::{
                Always,
                AttributeList,
                DeviceAttribute,
                Group, //
            };

            $crate::class::AttributeGroups::new(
                $crate::class::attribute_groups!(@group $driver, Always, $all),
                [$($crate::class::attribute_groups!(@group $driver, $visibility, $some)),*],
            )
        };
    };
}
pub(crate) use attribute_groups;
