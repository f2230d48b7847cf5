// SPDX-License-Identifier: GPL-2.0

//! A driver over the class layer that has no use, and without `unsafe` tries to do harm.
//!
//! It compiles as it is. With one of the `cfg`s named `harm_*` it does what would make it unsound,
//! and must not compile: `tests/scripts/class.sh` tries each.

use kernel::{
    device::Core,
    fmt,
    irq::ThreadedIrqReturn,
    prelude::*,
    sync::SetOnce,
    uaccess::UserSliceWriter, //
};

mod class;
mod compat;
mod pci;

use class::{
    attribute_groups,
    Attribute,
    AttributeGroups,
    Class,
    Device,
    File,
    Interrupt,
    Uevent,
    Visibility, //
};
use compat::pci_device_table;

struct Toy;
static CLASS: Class<Toy> = Class::new();

/// Data that could keep a reference of any lifetime that it can get, to itself, too.
struct ToyData<'a> {
    kept: SetOnce<&'a ToyData<'a>>,
    number: u32,
}

impl Drop for ToyData<'_> {
    fn drop(&mut self) {
        // By now what is kept could be gone.
        if let Some(kept) = self.kept.as_ref() {
            pr_info!("{}\n", kept.number);
        }
    }
}

struct Number;

#[vtable]
impl Attribute<Toy> for Number {
    const NAME: &'static CStr = c"number";

    fn show(_device: &Device<Toy>, data: &ToyData<'_>, out: &mut dyn fmt::Write) -> Result {
        #[cfg(harm_attribute_keeps_the_data)]
        data.kept.populate(data);
        Ok(write!(out, "{}", data.number)?)
    }
}

struct Never;

impl Visibility<Toy> for Never {
    fn is_visible(_device: &Device<Toy>) -> bool {
        false
    }
}

attribute_groups! {
    static ATTRIBUTES: Toy = [Number], if Never [Number];
}

#[vtable]
impl class::Operations for Toy {
    type Data = ();
    type State = u32;
    type Reason = ();
    type RegistrationData<'a> = ToyData<'a>;
    type FileData = ();

    const NAME: &'static CStr = c"toy";
    const ATTRIBUTES: &'static AttributeGroups<Self> = &ATTRIBUTES;

    fn class() -> &'static Class<Self> {
        &CLASS
    }

    fn interrupt<'b>(_data: &'b ToyData<'_>, _index: usize) -> Option<Interrupt<'b>> {
        #[cfg(harm_interrupt_keeps_the_data)]
        _data.kept.populate(_data);
        None
    }

    fn handle(_device: &Device<Self>, _data: &ToyData<'_>, _index: usize) -> ThreadedIrqReturn {
        #[cfg(harm_handler_keeps_the_data)]
        _data.kept.populate(_data);
        ThreadedIrqReturn::None
    }

    fn handle_threaded(_device: &Device<Self>, _data: &ToyData<'_>, _index: usize) {}

    fn start(_device: &Device<Self>, _data: &ToyData<'_>, _have_interrupts: bool) {
        #[cfg(harm_start_keeps_the_data)]
        _data.kept.populate(_data);
    }

    fn prepare_reset(_device: &Device<Self>, _data: &ToyData<'_>) {}
    fn adopt(_device: &Device<Self>, _data: &ToyData<'_>) {}
    fn stop(_data: &ToyData<'_>) {}

    fn uevent(_device: &Device<Self>, _event: &mut Uevent<'_>) -> Result {
        Ok(())
    }

    fn ioctl(file: &File<'_, Self>, _command: u32, _arg: usize) -> Result {
        let guard = file.device().enter()?;
        #[cfg(harm_data_leaves_the_guard)]
        let _data = guard.with(|data| data);
        #[cfg(harm_guard_keeps_the_data)]
        guard.with(|data| data.kept.populate(data));
        #[cfg(harm_guard_outlives_the_device)]
        let _guard: class::Guard<'static, Self> = guard;
        #[cfg(not(harm_guard_outlives_the_device))]
        drop(guard);
        Err(ENOTTY)
    }

    fn open(_device: &Device<Self>) {}

    fn read(_file: &File<'_, Self>, _buffer: UserSliceWriter) -> Result<usize> {
        Ok(0)
    }

    fn is_readable(_file: &File<'_, Self>) -> bool {
        true
    }
}

pci_device_table!(
    PCI_TABLE,
    <Toy as pci::Driver>::IdInfo,
    [(kernel::pci::DeviceId::from_id(kernel::pci::Vendor::REDHAT_QUMRANET, 0x1111), ())]
);

impl pci::Driver for Toy {
    type IdInfo = ();
    const ID_TABLE: kernel::pci::IdTable<Self::IdInfo> = &PCI_TABLE;

    fn probe<'bound>(
        _pdev: &'bound kernel::pci::Device<Core<'_>>,
    ) -> Result<((), u32, ToyData<'bound>)> {
        #[cfg(harm_class_is_registered_twice)]
        core::mem::forget(CLASS.register());
        #[cfg(harm_registration_is_forgotten)]
        core::mem::forget(<pci::Adapter<Toy> as kernel::pci::Driver>::probe(_pdev, None));
        #[cfg(harm_device_of_no_class)]
        let _device = Device::<Toy>::new(&CLASS, _pdev.as_ref(), (), 0);
        Ok((
            (),
            0,
            ToyData {
                kept: SetOnce::new(),
                number: 7,
            },
        ))
    }
}

/// Another driver, whose devices are other ones.
#[cfg(harm_attributes_of_another_driver)]
mod other {
    use super::*;

    pub(crate) struct Other;

    pub(crate) const STOLEN: &AttributeGroups<Other> = &ATTRIBUTES;
}

type Module = pci::Module<Toy>;

module! {
    type: Module,
    name: "toy",
    authors: ["The vgpu-stub developers"],
    description: "Driver that tries to do harm",
    license: "GPL",
}
