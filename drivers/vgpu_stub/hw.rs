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
    class::pci::EnabledDevice,
    identity::Identity,
    regs::{
        COMMAND,
        POOL_ID,
        PRIORITY,
        STATUS,
        VM_ID, //
    },
    uapi, //
};

/// CAST: A small constant.
const BAR0_SIZE: usize = uapi::VGPU_BAR0_SIZE as usize;

/// The registers of a bound device.
pub(crate) struct Hw<'bound> {
    // Fields are dropped in declaration order: unmap before decoding is switched off.
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
        Ok(Self {
            bar,
            _enabled: enabled,
        })
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

    /// Reads who the host says that this virtual machine is.
    ///
    /// # Errors
    ///
    /// `ENODEV` if the device does not answer.
    pub(crate) fn read_identity(&self) -> Result<Identity> {
        let identity = Identity {
            pool_id: self.bar.read(POOL_ID).into_raw(),
            priority: self.bar.read(PRIORITY).into_raw(),
            vm_id: self.bar.read(VM_ID).into_raw(),
        };
        // A VM may have any id, all ones too; the status register never reads so.
        self.status()?;
        Ok(identity)
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
