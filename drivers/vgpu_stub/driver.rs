// SPDX-License-Identifier: GPL-2.0

//! The driver: which devices it takes, and what it makes of them.

use kernel::{
    device::Core,
    pci,
    prelude::*, //
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
        Uevent, //
    },
    command::Slot,
    file,
    hw::Hw,
    identity::Identity,
    uapi, //
};

/// The driver, as the class layer knows it.
pub(crate) struct Vgpu;

/// What is known of a device for as long as anybody has a reference to it.
pub(crate) struct Data {
    /// The PCI revision.
    pub(crate) revision: u8,
    /// Who the host says that this virtual machine is.
    pub(crate) identity: Identity,
}

/// `/sys/class/vgpu`.
pub(crate) static CLASS: Class<Vgpu> = Class::new();

#[vtable]
impl class::Operations for Vgpu {
    type Data = Data;
    type State = Slot;
    type RegistrationData<'a> = Hw<'a>;

    const NAME: &'static CStr = c"vgpu";
    const ATTRIBUTES: &'static AttributeGroups = &attributes::ATTRIBUTES;

    fn class() -> &'static Class<Self> {
        &CLASS
    }

    fn uevent(device: &Device<Self>, event: &mut Uevent<'_>) -> Result {
        attributes::uevent(device, event)
    }

    fn ioctl(file: &File<'_, Self>, command: u32, arg: usize) -> Result {
        file::ioctl(file, command, arg)
    }

    fn read(file: &File<'_, Self>) -> Result<usize> {
        file::read(file)
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

    fn probe<'bound>(pdev: &'bound pci::Device<Core<'_>>) -> Result<(Data, Slot, Hw<'bound>)> {
        let hw = Hw::new(pdev)?;
        let identity = hw.read_identity().inspect_err(|_| {
            dev_err!(
                pdev,
                "All registers read all ones: the device does not answer.\n"
            )
        })?;
        warn_of_unknown(pdev, &identity);

        let data = Data {
            revision: pdev.revision_id(),
            identity,
        };
        Ok((data, Slot::new(), hw))
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
