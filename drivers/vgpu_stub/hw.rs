// SPDX-License-Identifier: GPL-2.0

//! The bound hardware.
//!
//! A device is not to be trusted: what it answers is read once and checked before it is used. One
//! that is gone answers all ones, or 0 where QEMU has nothing any more. Neither is an answer of
//! POOL_ID, so that register proves any other one that reads so.

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
        Bytes,
        Interrupt, //
    },
    compat,
    identity::{
        Identity,
        Part, //
    },
    pci::EnabledDevice,
    regs::{
        COMMAND,
        COMPLETED,
        CONFIG_GENERATION,
        FEATURES,
        IRQ_ENABLE,
        IRQ_STATUS,
        MSG_ACTIVE,
        MSG_BASE_HIGH,
        MSG_BASE_LOW,
        MSG_CANCEL,
        MSG_CONTROL,
        MSG_DONE,
        MSG_DOORBELL,
        MSG_LAYOUT,
        MSG_STATUS,
        POOL_ID,
        PRIORITY,
        RESULT,
        STATUS,
        SUBMITTED,
        VM_ID, //
    },
    uapi::{
        self,
        VGPU_IRQ_COMMAND_DONE,
        VGPU_IRQ_CONFIG_CHANGED,
        VGPU_IRQ_MESSAGE_DONE,
        VGPU_REG_GONE, //
    },
    window::{
        Answer,
        Window, //
    }, //
};

/// CAST: A small constant.
const BAR0_SIZE: usize = uapi::VGPU_BAR0_SIZE as usize;
/// CAST: A small constant.
const REVISION_2: u8 = uapi::VGPU_PCI_REVISION_2 as u8;

/// The interrupt of each vector. The last one is not there without messages.
const INTERRUPTS: [(u32, &CStr); 3] = [
    (VGPU_IRQ_COMMAND_DONE, c"command"),
    (VGPU_IRQ_CONFIG_CHANGED, c"config"),
    (VGPU_IRQ_MESSAGE_DONE, c"message"),
];

/// Times that the identity is read if the host changes it while it is being read. The compiler
/// writes a loop of up to 8 rounds out.
const MOST_ATTEMPTS: usize = 10;

/// The registers of a bound device, and its interrupt vectors.
pub(crate) struct Hw<'bound> {
    // Fields are dropped in declaration order: unmap before decoding is switched off.
    vectors: Option<compat::IrqVectorRegistration<'bound>>,
    features: FEATURES,
    /// `None` if there are no messages.
    window: Option<Window>,
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
            window: None,
            bar,
            _enabled: enabled,
        };
        if pdev.revision_id() >= REVISION_2 {
            let features = hw.bar.read(FEATURES);
            // Check that the device answers before trusting FEATURES.
            hw.prove(features.into_raw())
                .inspect_err(|_| dev_err!(pdev, "The device does not answer.\n"))?;
            hw.features = features;
        }
        if hw.features.messages() {
            hw.take_window(pdev);
        }
        if hw.features.irq() {
            hw.disable_interrupts();
            hw.vectors = hw.allocate_vectors(pdev);
        }
        Ok(hw)
    }

    /// Allocates the window of messages. Without one, the device has no messages.
    fn take_window(&mut self, pdev: &pci::Device<Core<'_>>) {
        // A driver before this one may have left them enabled.
        self.bar.write_reg(MSG_CONTROL::from_raw(0));
        match Window::new(pdev, self.bar.read(MSG_LAYOUT)) {
            Ok(window) => {
                pdev.set_master();
                self.window = Some(window);
            }
            Err(error) => {
                dev_warn!(
                    pdev,
                    "No window for messages ({:?}): there are none.\n",
                    error
                );
                self.features = self.features.with_messages(false);
            }
        }
    }

    /// Takes a vector for each kind of interrupt, else one for all, else none.
    fn allocate_vectors(
        &self,
        pdev: &'bound pci::Device<Core<'_>>,
    ) -> Option<compat::IrqVectorRegistration<'bound>> {
        let bound: &'bound pci::Device<Bound> = pdev;
        let kinds = match self.features.messages() {
            true => uapi::VGPU_MSIX_VECTORS_3,
            false => uapi::VGPU_MSIX_VECTORS,
        };
        let vectors = compat::alloc_irq_vectors(bound, kinds, pci::IrqType::MsiX)
            .inspect(|_| {
                // Such an interrupt is a write of the device's to memory.
                pdev.set_master();
            })
            .or_else(|_| compat::alloc_irq_vectors(bound, 1, pci::IrqType::Intx));
        if let Err(error) = &vectors {
            dev_warn!(
                pdev,
                "No interrupts ({:?}): polling for completions; changes are noticed when somebody \
                 asks.\n",
                error
            );
        }
        vectors.ok()
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
        if size == 0 {
            // A bridge without a window that is large enough, or no BAR0 at all: the core has
            // cleared the resource in either case.
            dev_err!(pdev, "BAR0 has no memory: none was assigned to it.\n");
            return Err(ENODEV);
        }
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

    /// Returns the features beyond revision 1, `VGPU_FEATURE_*`.
    pub(crate) fn features(&self) -> u32 {
        self.features.into_raw()
    }

    /// Returns interrupt `index`: one for each kind with MSI-X, else one for all, if there are any.
    pub(crate) fn interrupt(&self, index: usize) -> Option<Interrupt<'_>> {
        let vectors = self.vectors.as_ref()?;
        if index >= vectors.len() {
            return None;
        }
        let purpose = match vectors.len() {
            1 => None,
            _ => Some(INTERRUPTS.get(index)?.1),
        };
        let vector = vectors.index(index).ok()?;
        Some(Interrupt {
            is_shared: matches!(vector.irq_type(), pci::IrqType::Intx),
            request: vector.into(),
            purpose,
        })
    }

    /// Returns the bit of `VGPU_IRQ_*` that interrupt `index` is for; `None` if it is for all.
    pub(crate) fn interrupt_bit(&self, index: usize) -> Option<u32> {
        match self.vectors.as_ref()?.len() {
            1 => None,
            _ => INTERRUPTS.get(index).map(|(bit, _)| *bit),
        }
    }

    /// Returns all interrupts that the device has, `VGPU_IRQ_*`.
    fn all_interrupts(&self) -> u32 {
        let messages = match self.window {
            Some(_) => VGPU_IRQ_MESSAGE_DONE,
            None => 0,
        };
        VGPU_IRQ_COMMAND_DONE | VGPU_IRQ_CONFIG_CHANGED | messages
    }

    /// Enables all interrupts.
    pub(crate) fn enable_interrupts(&self) {
        self.bar
            .write_reg(IRQ_ENABLE::from_raw(self.all_interrupts()));
    }

    /// Checks whether they are still enabled, as far as the device says.
    pub(crate) fn are_interrupts_enabled(&self) -> bool {
        self.bar.read(IRQ_ENABLE).into_raw() == self.all_interrupts()
    }

    /// Disables all interrupts and clears those that are pending.
    pub(crate) fn disable_interrupts(&self) {
        if self.features.irq() {
            self.bar.write_reg(IRQ_ENABLE::from_raw(0));
            self.bar.write_reg(IRQ_STATUS::from_raw(!0));
        }
    }

    /// Returns the pending interrupts; 0 if the device does not answer.
    pub(crate) fn pending_interrupts(&self) -> u32 {
        match self.bar.read(IRQ_STATUS).into_raw() {
            VGPU_REG_GONE => 0,
            bits => bits & self.all_interrupts(),
        }
    }

    /// Acknowledges pending interrupts.
    pub(crate) fn acknowledge(&self, bits: u32) {
        self.bar.write_reg(IRQ_STATUS::from_raw(bits));
    }

    /// Returns a value that was read, if the device has answered.
    ///
    /// # Errors
    ///
    /// `ENODEV` if it does not answer.
    fn prove(&self, value: u32) -> Result<u32> {
        if value == 0 || value == VGPU_REG_GONE {
            self.pool_id()?;
        }
        Ok(value)
    }

    /// Reads the code of the pool.
    ///
    /// # Errors
    ///
    /// `ENODEV` if the device does not answer: no pool has the code 0 or all ones.
    fn pool_id(&self) -> Result<u32> {
        match self.bar.read(POOL_ID).into_raw() {
            0 | VGPU_REG_GONE => Err(ENODEV),
            pool_id => Ok(pool_id),
        }
    }

    /// Reads one part of the identity.
    ///
    /// # Errors
    ///
    /// `ENODEV` if the device does not answer; so do all of the following.
    pub(crate) fn part(&self, part: Part) -> Result<u32> {
        self.prove(match part {
            Part::PoolId => return self.pool_id(),
            Part::Priority => self.bar.read(PRIORITY).into_raw(),
            Part::VmId => self.bar.read(VM_ID).into_raw(),
        })
    }

    /// Reads the last command.
    pub(crate) fn command(&self) -> Result<u32> {
        self.prove(self.bar.read(COMMAND).into_raw())
    }

    /// Reads the status.
    pub(crate) fn status(&self) -> Result<STATUS> {
        let status = self.bar.read(STATUS);
        self.prove(status.into_raw())?;
        Ok(status)
    }

    /// Checks whether a command seems to be in flight: a quick look, which proves nothing.
    pub(crate) fn is_busy(&self) -> bool {
        let status = self.bar.read(STATUS);
        status.busy() && status.into_raw() != VGPU_REG_GONE
    }

    /// Reads the last command and the status. The status comes last, so that it proves both, unless
    /// it needs a proof itself.
    pub(crate) fn command_and_status(&self) -> Result<(u32, STATUS)> {
        let command = self.bar.read(COMMAND).into_raw();
        Ok((command, self.status()?))
    }

    /// Reads the result of the last command that was completed, 0 on revision 1, and the status.
    /// The status comes last, as above.
    pub(crate) fn result_and_status(&self) -> Result<(u32, STATUS)> {
        let result = match self.features() {
            0 => 0,
            _ => self.bar.read(RESULT).into_raw(),
        };
        Ok((result, self.status()?))
    }

    /// Reads the result of the last command that was completed. Not there on revision 1.
    pub(crate) fn result(&self) -> Result<u32> {
        self.prove(self.bar.read(RESULT).into_raw())
    }

    /// Reads the number of commands accepted since reset, wrapping. Not there on revision 1.
    pub(crate) fn submitted(&self) -> Result<u32> {
        self.prove(self.bar.read(SUBMITTED).into_raw())
    }

    /// Reads the number of commands completed since reset, wrapping. Not there on revision 1.
    pub(crate) fn completed(&self) -> Result<u32> {
        self.prove(self.bar.read(COMPLETED).into_raw())
    }

    /// Reads the number of changes of the identity, wrapping; 0 if the device does not count them.
    ///
    /// A device that does not answer seems to have a number, too: it proves nothing.
    pub(crate) fn generation(&self) -> u32 {
        match self.features.live_config() {
            true => self.bar.read(CONFIG_GENERATION).into_raw(),
            false => 0,
        }
    }

    /// Reads the identity, and the generation that it is of.
    ///
    /// # Errors
    ///
    /// `ENODEV` if the device does not answer, `EIO` if it never stops changing, and so cannot be
    /// believed.
    pub(crate) fn read_identity(&self) -> Result<(Identity, u32)> {
        let mut generation = self.generation();
        for _ in 0..MOST_ATTEMPTS {
            let priority = self.bar.read(PRIORITY).into_raw();
            let vm_id = self.bar.read(VM_ID).into_raw();
            let identity = Identity {
                priority,
                vm_id,
                // Last: it proves the others.
                pool_id: self.pool_id()?,
            };
            let now = self.generation();
            if now == generation {
                return Ok((identity, generation));
            }
            generation = now;
        }
        Err(EIO)
    }

    /// Hands a command to the device.
    pub(crate) fn submit(&self, command: u32) {
        self.bar.write_reg(COMMAND::from_raw(command));
    }

    /// Returns a bit for each slot of messages; 0 if there are none.
    pub(crate) fn message_slots(&self) -> u32 {
        self.window.as_ref().map_or(0, Window::all)
    }

    /// Checks whether messages are enabled, with the window where it is.
    pub(crate) fn are_messages_enabled(&self) -> bool {
        let (low, high) = self.window_address();
        self.bar.read(MSG_CONTROL).enable()
            && self.bar.read(MSG_BASE_LOW).into_raw() == low
            && self.bar.read(MSG_BASE_HIGH).into_raw() == high
    }

    /// Enables messages. The device gives up the slots that it has, if any.
    pub(crate) fn enable_messages(&self) {
        let (low, high) = self.window_address();
        self.bar.write_reg(MSG_CONTROL::from_raw(0));
        self.bar.write_reg(MSG_BASE_LOW::from_raw(low));
        self.bar.write_reg(MSG_BASE_HIGH::from_raw(high));
        self.bar
            .write_reg(MSG_CONTROL::from_raw(0).with_enable(true));
    }

    /// Disables messages: after this, the device does not access the window any more.
    pub(crate) fn disable_messages(&self) {
        if self.window.is_some() {
            self.bar.write_reg(MSG_CONTROL::from_raw(0));
        }
    }

    /// Returns the two halves of the window's bus address.
    fn window_address(&self) -> (u32, u32) {
        let address = self.window.as_ref().map_or(0, Window::address);
        // CAST: The halves.
        (address as u32, (address >> 32) as u32)
    }

    /// Checks whether somebody on the host answers messages.
    pub(crate) fn link(&self) -> Result<bool> {
        let status = self.bar.read(MSG_STATUS);
        self.prove(status.into_raw())?;
        Ok(status.link())
    }

    /// Puts a message into a slot that the device does not have.
    pub(crate) fn put_message(&self, slot: u32, message: &[u8]) -> Result {
        self.window.as_ref().ok_or(EIO)?.put(slot, message)
    }

    /// Gives a slot to the device.
    pub(crate) fn ring(&self, slot: u32) {
        self.bar.write_reg(MSG_DOORBELL::from_raw(slot));
    }

    /// Takes slots back from the device, which does not access them any more after this.
    pub(crate) fn cancel_messages(&self, slots: u32) {
        self.bar.write_reg(MSG_CANCEL::from_raw(slots));
    }

    /// Returns the slots that the device has; all if it does not answer.
    pub(crate) fn messages_active(&self) -> u32 {
        self.bar.read(MSG_ACTIVE).into_raw()
    }

    /// Returns the slots that the device has given back since they were rung last; none if it does
    /// not answer. Ringing clears a slot's bit, so nobody else has to: accesses take long.
    pub(crate) fn messages_done(&self) -> u32 {
        match self.bar.read(MSG_DONE).into_raw() {
            VGPU_REG_GONE => 0,
            slots => slots,
        }
    }

    /// Takes the answer out of a slot that the device has given back.
    pub(crate) fn take_answer(&self, slot: u32, answer: &mut Bytes) -> Result<Answer> {
        self.window.as_ref().ok_or(EIO)?.take(slot, answer)
    }
}

impl Drop for Hw<'_> {
    fn drop(&mut self) {
        // Before the memory of the window goes.
        self.disable_messages();
    }
}
