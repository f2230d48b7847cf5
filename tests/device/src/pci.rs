// SPDX-License-Identifier: GPL-2.0

//! PCI as firmware and a guest use it: configuration space and BAR0.

use crate::{Machine, Qtest, Width};

/// Vendor id, 2 bytes.
pub const VENDOR_ID: u8 = 0x00;
/// Device id, 2 bytes.
pub const DEVICE_ID: u8 = 0x02;
/// Command, 2 bytes.
pub const COMMAND: u8 = 0x04;
/// Status, 2 bytes.
pub const STATUS: u8 = 0x06;
/// The interrupt line is active, in [`STATUS`].
pub const STATUS_INTERRUPT: u32 = 0x8;
/// Revision id, 1 byte.
pub const REVISION_ID: u8 = 0x08;
/// Programming interface, 1 byte; the two bytes of the class follow.
pub const PROGRAMMING_INTERFACE: u8 = 0x09;
/// Subclass and base class, 2 bytes.
pub const CLASS: u8 = 0x0a;
/// Header type, 1 byte.
pub const HEADER_TYPE: u8 = 0x0e;
/// The first of six BARs, 4 bytes each.
pub const BAR0: u8 = 0x10;
/// Subsystem vendor id, 2 bytes.
pub const SUBSYSTEM_VENDOR_ID: u8 = 0x2c;
/// Subsystem id, 2 bytes.
pub const SUBSYSTEM_ID: u8 = 0x2e;
/// Expansion ROM address, 4 bytes.
pub const EXPANSION_ROM: u8 = 0x30;
/// Offset of the first capability, 1 byte.
pub const CAPABILITIES: u8 = 0x34;
/// Interrupt pin, 1 byte.
pub const INTERRUPT_PIN: u8 = 0x3d;

/// Of a bridge: primary, secondary and subordinate bus number, 1 byte each.
pub const BRIDGE_BUSES: u8 = 0x18;
/// Of a bridge: base and limit of its memory window, 2 bytes each.
pub const BRIDGE_WINDOW: u8 = 0x20;
/// Of a bridge: bridge control, 2 bytes.
pub const BRIDGE_CONTROL: u8 = 0x3e;
/// Of bridge control: reset of the bus behind the bridge.
pub const BRIDGE_CONTROL_RESET: u32 = 0x40;

/// Memory decoding and bus mastering, in [`COMMAND`].
pub const COMMAND_ENABLE: u32 = 0x6;

const CONFIG_ADDRESS: u16 = 0xcf8;
const CONFIG_DATA: u16 = 0xcfc;

/// Where the bench puts BARs: in the PCI hole of both machine types, away from
/// anything else.
const WINDOW: u64 = 0xe000_0000;

/// The first function of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Bus number.
    pub bus: u8,
    /// Device number, below 32.
    pub device: u8,
}

impl Slot {
    /// A slot of the bus that is always there.
    pub const fn root(device: u8) -> Self {
        Self { bus: 0, device }
    }

    fn select(self, cpu: &mut Qtest, offset: u8) {
        let address = (1 << 31)
            | (u32::from(self.bus) << 16)
            | (u32::from(self.device) << 11)
            | u32::from(offset & !3);
        cpu.outl(CONFIG_ADDRESS, address);
    }

    /// Reads the aligned 4 bytes at `offset`.
    pub fn read(self, cpu: &mut Qtest, offset: u8) -> u32 {
        self.select(cpu, offset);
        cpu.inl(CONFIG_DATA)
    }

    /// Reads 2 bytes.
    pub fn read16(self, cpu: &mut Qtest, offset: u8) -> u32 {
        (self.read(cpu, offset) >> (8 * u32::from(offset & 2))) & 0xffff
    }

    /// Reads 1 byte.
    pub fn read8(self, cpu: &mut Qtest, offset: u8) -> u32 {
        (self.read(cpu, offset) >> (8 * u32::from(offset & 3))) & 0xff
    }

    /// Writes the aligned 4 bytes at `offset`.
    pub fn write(self, cpu: &mut Qtest, offset: u8, value: u32) {
        self.select(cpu, offset);
        cpu.outl(CONFIG_DATA, value);
    }

    /// Writes 2 bytes and keeps the other two.
    pub fn write16(self, cpu: &mut Qtest, offset: u8, value: u32) {
        let shift = 8 * u32::from(offset & 2);
        let kept = self.read(cpu, offset) & !(0xffff << shift);
        self.write(cpu, offset, kept | (value << shift));
    }

    /// Where this capability is.
    ///
    /// # Panics
    ///
    /// When the device has none of this id.
    pub fn capability(self, cpu: &mut Qtest, id: u8) -> u8 {
        let mut at = self.read8(cpu, CAPABILITIES);
        while at != 0 {
            let offset = u8::try_from(at).expect("an offset of one byte");
            if self.read8(cpu, offset) == u32::from(id) {
                return offset;
            }
            at = self.read8(cpu, offset + 1);
        }
        panic!("{self:?} has no capability {id:#x}");
    }

    /// Whether the device pulls its interrupt line.
    pub fn interrupts(self, cpu: &mut Qtest) -> bool {
        self.read16(cpu, STATUS) & STATUS_INTERRUPT != 0
    }

    /// Gives BAR0 an address and turns memory decoding on, as firmware does.
    pub fn enable(self, cpu: &mut Qtest) -> Bar0 {
        self.enable_at(cpu, self.device)
    }

    /// Does so with another page of the bus's part of the PCI hole than its own.
    pub fn enable_at(self, cpu: &mut Qtest, page: u8) -> Bar0 {
        let base = WINDOW + (u64::from(self.bus) << 20) + u64::from(page) * 0x1000;
        let address = u32::try_from(base).expect("a 32-bit address");
        self.write(cpu, BAR0, address);
        self.write16(cpu, COMMAND, COMMAND_ENABLE);
        Bar0 { base }
    }

    /// Numbers the bus behind this bridge, and lets through the addresses that
    /// [`enable`](Self::enable) gives on that bus.
    pub fn open_bridge(self, cpu: &mut Qtest, bus: u8) {
        let bus = u32::from(bus);
        self.write(cpu, BRIDGE_BUSES, (bus << 16) | (bus << 8));
        let window = u32::try_from(WINDOW >> 16).expect("a 32-bit address") + (bus << 4);
        self.write(cpu, BRIDGE_WINDOW, (window << 16) | window);
        self.write16(cpu, COMMAND, COMMAND_ENABLE);
    }
}

/// The registers of a device, mapped.
#[derive(Clone, Copy, Debug)]
pub struct Bar0 {
    base: u64,
}

impl Bar0 {
    /// The registers at this address.
    pub(crate) const fn at(base: u64) -> Self {
        Self { base }
    }

    /// Where in memory the byte at `offset` is.
    pub fn address(self, offset: u64) -> u64 {
        self.base + offset
    }

    /// Reads at any offset and width.
    pub fn read(self, cpu: &mut Qtest, width: Width, offset: u64) -> u64 {
        cpu.read(width, self.address(offset))
    }

    /// Writes at any offset and width.
    pub fn write(self, cpu: &mut Qtest, width: Width, offset: u64, value: u64) {
        cpu.write(width, self.address(offset), value);
    }

    /// Reads a register.
    pub fn register(self, machine: &mut Machine, offset: u32) -> u32 {
        let value = self.read(&mut machine.cpu, Width::Long, offset.into());
        u32::try_from(value).expect("readl gave more than 32 bits")
    }

    /// Writes a register.
    pub fn set_register(self, machine: &mut Machine, offset: u32, value: u32) {
        self.write(&mut machine.cpu, Width::Long, offset.into(), value.into());
    }
}
