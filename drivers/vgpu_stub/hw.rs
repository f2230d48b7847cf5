// SPDX-License-Identifier: GPL-2.0

//! The bound hardware.
//!
//! A device is not to be trusted: what it answers is read once and looked at before it is used, and
//! all ones is the answer of a device that is not there any more.

use kernel::{
    device::{
        Bound,
        Core, //
    },
    io::Io,
    pci,
    prelude::*, //
};

use crate::{
    class::{
        compat,
        pci::EnabledDevice, //
    },
    identity::Identity,
    regs::{
        COMMAND,
        COMPLETED,
        CONFIG_GENERATION,
        FEATURES,
        IRQ_ENABLE,
        IRQ_STATUS,
        POOL_ID,
        PRIORITY,
        RESULT,
        STATUS,
        SUBMITTED,
        VM_ID, //
    },
    uapi, //
};

/// CAST: A small constant.
const BAR0_SIZE: usize = uapi::VGPU_BAR0_SIZE as usize;
/// CAST: A small constant.
const REVISION_2: u8 = uapi::VGPU_PCI_REVISION_2 as u8;

/// How often the identity is read again that the host changes while it is being read.
const MOST_ATTEMPTS: usize = 8;

/// The registers of a bound device, and its interrupt vectors.
pub(crate) struct Hw<'bound> {
    // Fields are dropped in declaration order: unmap before decoding is switched off.
    vectors: Option<compat::IrqVectorRegistration<'bound>>,
    features: FEATURES,
    bar: pci::Bar<'bound, BAR0_SIZE>,
    _enabled: EnabledDevice<'bound>,
}

impl<'bound> Hw<'bound> {
    /// Checks that a device looks like a vGPU stub, and maps its registers.
    ///
    /// The vendor's registry reserves the device id without giving it to anybody, so the id alone
    /// proves little.
    ///
    /// # Errors
    ///
    /// `ENODEV` with a line in the log if it is something else, or what the PCI core says.
    pub(crate) fn new(pdev: &'bound pci::Device<Core<'_>>) -> Result<Self> {
        let class = pdev.pci_class().as_raw() >> 8;
        if class != uapi::VGPU_PCI_CLASS {
            dev_err!(
                pdev,
                "Class is 0x{:04x} and not 0x{:04x}: not a vGPU stub.\n",
                class,
                uapi::VGPU_PCI_CLASS
            );
            return Err(ENODEV);
        }
        Self::check_bar0(pdev)?;

        let enabled = EnabledDevice::new(pdev)
            .inspect_err(|e| dev_err!(pdev, "The device cannot be enabled: {:?}.\n", e))?;
        let bar = pdev
            .iomap_region_sized(0, c"vgpu_stub")
            .inspect_err(|e| dev_err!(pdev, "BAR0 cannot be mapped: {:?}.\n", e))?;
        let mut hw = Self {
            vectors: None,
            features: FEATURES::from_raw(0),
            bar,
            _enabled: enabled,
        };
        if pdev.revision_id() >= REVISION_2 {
            hw.features = hw.bar.read(FEATURES);
            // Else the registers below are not what they seem.
            hw.status()
                .inspect_err(|_| dev_err!(pdev, "The device does not answer.\n"))?;
        }
        if hw.features.irq() {
            hw.mask_interrupts();
            hw.vectors = Self::allocate_vectors(pdev);
        }
        Ok(hw)
    }

    /// Takes a vector for each kind of interrupt, else one for both, else none.
    fn allocate_vectors(
        pdev: &'bound pci::Device<Core<'_>>,
    ) -> Option<compat::IrqVectorRegistration<'bound>> {
        let bound: &'bound pci::Device<Bound> = pdev;
        let kinds = uapi::VGPU_MSIX_VECTORS;
        let vectors = compat::alloc_irq_vectors(bound, kinds, pci::IrqType::MsiX)
            .inspect(|_| {
                // Such an interrupt is a write of the device's to memory.
                pdev.set_master();
            })
            .or_else(|_| compat::alloc_irq_vectors(bound, 1, pci::IrqType::Intx));
        if let Err(error) = &vectors {
            dev_warn!(
                pdev,
                "No interrupts ({:?}): the status is asked for, changes show when they are.\n",
                error
            );
        }
        vectors.ok()
    }

    /// What the device offers beyond revision 1.
    pub(crate) fn features(&self) -> u32 {
        self.features.into_raw()
    }

    /// Whether the host can change the identity.
    pub(crate) fn has_live_config(&self) -> bool {
        self.features.live_config()
    }

    /// How many interrupt vectors there are.
    pub(crate) fn vectors(&self) -> usize {
        self.vectors.as_ref().map_or(0, |vectors| vectors.len())
    }

    /// One of them.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is none of that number.
    pub(crate) fn vector(&self, index: usize) -> Result<compat::IrqVector<'_>> {
        self.vectors.as_ref().ok_or(EINVAL)?.index(index)
    }

    /// Has the device interrupt for these.
    pub(crate) fn enable_interrupts(&self, bits: u32) {
        if self.vectors.is_some() {
            self.bar.write_reg(IRQ_ENABLE::from_raw(bits));
        }
    }

    /// Has it interrupt for nothing, and forget what has happened.
    pub(crate) fn mask_interrupts(&self) {
        if self.features.irq() {
            self.bar.write_reg(IRQ_ENABLE::from_raw(0));
            self.bar.write_reg(IRQ_STATUS::from_raw(!0));
        }
    }

    /// What has happened.
    ///
    /// # Errors
    ///
    /// `ENODEV` if the device does not answer.
    pub(crate) fn irq_status(&self) -> Result<u32> {
        match self.bar.read(IRQ_STATUS).into_raw() {
            uapi::VGPU_REG_GONE => Err(ENODEV),
            bits => Ok(bits),
        }
    }

    /// Clears bits of what has happened.
    pub(crate) fn acknowledge(&self, bits: u32) {
        self.bar.write_reg(IRQ_STATUS::from_raw(bits));
    }

    /// Number of commands that were accepted since reset; 0 on revision 1.
    pub(crate) fn submitted(&self) -> u32 {
        self.bar.read(SUBMITTED).into_raw()
    }

    /// Number of commands that were completed since reset; 0 on revision 1.
    pub(crate) fn completed(&self) -> u32 {
        self.bar.read(COMPLETED).into_raw()
    }

    /// Result of the last command that was completed; 0 on revision 1.
    pub(crate) fn result(&self) -> u32 {
        self.bar.read(RESULT).into_raw()
    }

    /// Checks that BAR0 is memory and long enough for the registers.
    fn check_bar0(pdev: &pci::Device<Bound>) -> Result {
        /// PCI configuration space: BAR0, and the bit of a BAR that says I/O ports.
        const PCI_BASE_ADDRESS_0: usize = 0x10;
        const PCI_BASE_ADDRESS_SPACE_IO: u32 = 0x01;

        let bar0 = pdev.config_space().try_read32(PCI_BASE_ADDRESS_0)?;
        if bar0 & PCI_BASE_ADDRESS_SPACE_IO != 0 {
            dev_err!(pdev, "BAR0 is I/O ports and not memory: not a vGPU stub.\n");
            return Err(ENODEV);
        }
        let size = pdev.resource_len(0)?;
        // CAST: A small constant.
        if size < BAR0_SIZE as u64 {
            dev_err!(
                pdev,
                "BAR0 has {} bytes and not {}: not a vGPU stub.\n",
                size,
                BAR0_SIZE
            );
            return Err(ENODEV);
        }
        Ok(())
    }

    /// Reads who the host says that this virtual machine is, and how often it has changed that.
    ///
    /// # Errors
    ///
    /// `ENODEV` if the device does not answer.
    pub(crate) fn read_identity(&self) -> Result<(Identity, u32)> {
        let mut generation = self.generation();
        for _ in 0..MOST_ATTEMPTS {
            let identity = Identity {
                pool_id: self.bar.read(POOL_ID).into_raw(),
                priority: self.bar.read(PRIORITY).into_raw(),
                vm_id: self.bar.read(VM_ID).into_raw(),
            };
            // A VM may have any id, all ones too; the status register never reads so.
            self.status()?;
            let now = self.generation();
            if now == generation {
                return Ok((identity, generation));
            }
            generation = now;
        }
        // A device that never stops changing is not one that can be believed.
        Err(EIO)
    }

    /// How often the host has changed the identity; 0 if it cannot.
    fn generation(&self) -> u32 {
        match self.has_live_config() {
            true => self.bar.read(CONFIG_GENERATION).into_raw(),
            false => 0,
        }
    }

    /// Reads the status.
    ///
    /// # Errors
    ///
    /// `ENODEV` if the device does not answer.
    pub(crate) fn status(&self) -> Result<STATUS> {
        let status = self.bar.read(STATUS);
        if status.into_raw() == uapi::VGPU_REG_GONE {
            return Err(ENODEV);
        }
        Ok(status)
    }

    /// Reads the last command.
    ///
    /// # Errors
    ///
    /// `ENODEV` if the device does not answer.
    pub(crate) fn command(&self) -> Result<u32> {
        let command = self.bar.read(COMMAND).into_raw();
        if command == uapi::VGPU_REG_GONE {
            // That is a command like any other, unless the status reads so too.
            self.status()?;
        }
        Ok(command)
    }

    /// Hands a command to the device.
    pub(crate) fn submit(&self, command: u32) {
        self.bar.write_reg(COMMAND::from_raw(command));
    }
}
