// SPDX-License-Identifier: GPL-2.0

//! The driver: which devices it takes, and what it makes of them.

use kernel::{
    device::Core,
    pci,
    prelude::*,
    sync::aref::ARef,
    uaccess::UserSliceWriter, //
};

use crate::{
    attributes,
    class::{
        self,
        compat::pci_device_table,
        AttributeGroups,
        Class,
        Device,
        File,
        Line,
        Uevent,
        MAX_LINES, //
    },
    event::{
        Cursor,
        Seen, //
    },
    file,
    hw::Hw,
    identity::Identity,
    irq,
    state::State,
    uapi, //
};

/// The driver, as the class layer knows it.
pub(crate) struct Vgpu;

/// What is known of a device for as long as anybody has a reference to it.
pub(crate) struct Data {
    /// The PCI revision.
    pub(crate) revision: u8,
    /// What the device offers beyond revision 1.
    pub(crate) features: u32,
}

/// `/sys/class/vgpu`.
pub(crate) static CLASS: Class<Vgpu> = Class::new();

#[vtable]
impl class::Operations for Vgpu {
    type Data = Data;
    type State = State;
    type RegistrationData<'a> = Hw<'a>;
    type FileData = Cursor;
    type Handler<'a> = irq::Handler<'a>;

    const NAME: &'static CStr = c"vgpu";
    const ATTRIBUTES: &'static AttributeGroups = &attributes::ATTRIBUTES;

    fn class() -> &'static Class<Self> {
        &CLASS
    }

    fn lines<'a>(
        device: &ARef<Device<Self>>,
        hw: &'a Hw<'a>,
    ) -> Result<[Option<Line<'a, Self>>; MAX_LINES]> {
        irq::lines(device, hw)
    }

    fn start(device: &Device<Self>, hw: &Hw<'_>) {
        if hw.features() == 0 {
            return;
        }
        device.with_state(|state| state.rebase(hw.completed()));
        hw.enable_interrupts(irq::ALL);
        // What happened while nobody listened.
        irq::refresh(device, hw);
    }

    fn stop(hw: &Hw<'_>) {
        hw.mask_interrupts();
    }

    fn uevent(device: &Device<Self>, event: &mut Uevent<'_>) -> Result {
        attributes::uevent(device, event)
    }

    fn ioctl(file: &File<'_, Self>, command: u32, arg: usize) -> Result {
        file::ioctl(file, command, arg)
    }

    fn open(device: &Device<Self>) -> Cursor {
        Cursor::new(device.with_state(|state| Seen::of(state)))
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
    <Vgpu as class::pci::Driver>::IdInfo,
    [(
        pci::DeviceId::from_id(pci::Vendor::REDHAT_QUMRANET, uapi::VGPU_PCI_DEVICE_ID),
        ()
    )]
);

impl class::pci::Driver for Vgpu {
    type IdInfo = ();
    const ID_TABLE: pci::IdTable<Self::IdInfo> = &PCI_TABLE;

    fn probe<'bound>(pdev: &'bound pci::Device<Core<'_>>) -> Result<(Data, State, Hw<'bound>)> {
        let hw = Hw::new(pdev)?;
        let (identity, generation) = hw.read_identity().inspect_err(|error| {
            if *error == ENODEV {
                dev_err!(
                    pdev,
                    "All registers read all ones: the device does not answer.\n"
                );
            } else {
                dev_err!(pdev, "The identity does not stop changing.\n");
            }
        })?;
        warn_of_unknown(pdev, &identity);

        let data = Data {
            revision: pdev.revision_id(),
            features: hw.features(),
        };
        Ok((data, State::new(identity, generation), hw))
    }
}

/// Says once what the host means that this driver does not know; it is shown as it is.
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
