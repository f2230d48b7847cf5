// SPDX-License-Identifier: GPL-2.0

//! The driver: which devices it binds, and what the class layer and the PCI bus call it for.

use kernel::{
    device::Core,
    irq::ThreadedIrqReturn,
    pci,
    prelude::*,
    uaccess::UserSliceWriter, //
};

use crate::{
    attributes,
    class::{
        self,
        AttributeGroups,
        Class,
        Device,
        File,
        Interrupt,
        Uevent, //
    },
    compat::pci_device_table,
    event::Cursor,
    file,
    hw::Hw,
    identity::Identity,
    irq,
    live_config,
    state::State,
    uapi,
    vgpu::{
        Data,
        Reason,
        Vgpu, //
    }, //
};

/// `/sys/class/vgpu`.
static CLASS: Class<Vgpu> = Class::new();

#[vtable]
impl class::Operations for Vgpu {
    type Data = Data;
    type State = State;
    type Reason = Reason;
    type RegistrationData<'a> = Hw<'a>;
    type FileData = Cursor;

    const NAME: &'static CStr = c"vgpu";
    const ATTRIBUTES: &'static AttributeGroups<Self> = &attributes::ATTRIBUTES;

    fn class() -> &'static Class<Self> {
        &CLASS
    }

    fn interrupt<'b>(hw: &'b Hw<'_>, index: usize) -> Option<Interrupt<'b>> {
        hw.interrupt(index)
    }

    fn handle(device: &Device<Self>, hw: &Hw<'_>, index: usize) -> ThreadedIrqReturn {
        irq::handle(device, hw, index)
    }

    fn handle_threaded(device: &Device<Self>, hw: &Hw<'_>, _index: usize) {
        irq::handle_threaded(device, hw);
    }

    fn start(device: &Device<Self>, hw: &Hw<'_>, have_interrupts: bool) {
        live_config::start(device, hw, have_interrupts);
    }

    fn prepare_reset(device: &Device<Self>, _hw: &Hw<'_>) {
        live_config::prepare_reset(device);
    }

    fn adopt(device: &Device<Self>, hw: &Hw<'_>) {
        live_config::adopt(device, hw);
    }

    fn stop(hw: &Hw<'_>) {
        hw.disable_interrupts();
        // The memory of the window may be somebody else's soon.
        hw.disable_messages();
    }

    fn uevent(device: &Device<Self>, event: &mut Uevent<'_>) -> Result {
        attributes::uevent(device, event)
    }

    fn ioctl(file: &File<'_, Self>, command: u32, arg: usize) -> Result {
        file::ioctl(file, command, arg)
    }

    fn open(device: &Device<Self>) -> Cursor {
        Cursor::new(device.data().position())
    }

    fn read(file: &File<'_, Self>, buffer: UserSliceWriter) -> Result<usize> {
        file::read(file, buffer)
    }

    fn is_readable(file: &File<'_, Self>) -> bool {
        file::is_readable(file)
    }
}

pci_device_table!(
    PCI_TABLE,
    <Vgpu as crate::pci::Driver>::IdInfo,
    [(
        pci::DeviceId::from_id(pci::Vendor::REDHAT_QUMRANET, uapi::VGPU_PCI_DEVICE_ID),
        ()
    )]
);

impl crate::pci::Driver for Vgpu {
    type IdInfo = ();
    const ID_TABLE: pci::IdTable<Self::IdInfo> = &PCI_TABLE;

    fn probe<'bound>(pdev: &'bound pci::Device<Core<'_>>) -> Result<(Data, State, Hw<'bound>)> {
        let hw = Hw::new(pdev)?;
        let (identity, generation) = hw.read_identity().inspect_err(|error| {
            if *error == ENODEV {
                dev_err!(
                    pdev,
                    "The device does not answer: POOL_ID reads 0 or all ones.\n"
                );
            } else {
                dev_err!(pdev, "The identity does not stop changing.\n");
            }
        })?;
        warn_of_unknown(pdev, &identity);

        let data = Data::new(pdev.revision_id(), hw.features())?;
        let slots = hw.message_slots();
        Ok((data, State::new(identity, generation, slots), hw))
    }
}

/// Warns about a pool id and a priority that have no name; they are shown as they are.
fn warn_of_unknown(pdev: &pci::Device<Core<'_>>, identity: &Identity) {
    if identity.pool_letter().is_none() {
        dev_warn!(
            pdev,
            "Pool id 0x{:02x} is no ASCII letter or digit.\n",
            identity.pool_id
        );
    }
    if identity.priority_name().is_none() {
        dev_warn!(
            pdev,
            "Priority {} is none of those that revision 1 has.\n",
            identity.priority
        );
    }
}
