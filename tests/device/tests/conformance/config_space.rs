// SPDX-License-Identifier: GPL-2.0

//! How the device looks to a guest that enumerates the bus.

use device_tests::pci::{self, Slot};
use device_tests::{Chipset, Machine};
use vgpu::uapi::*;

const SLOT: Slot = Slot::root(4);

fn machine(chipset: Chipset) -> Machine {
    Machine::start(chipset, &["-device", "vgpu-stub,addr=4"])
}

#[test]
fn the_ids_are_those_of_the_contract_on_both_chipsets() {
    for chipset in [Chipset::Pc, Chipset::Q35] {
        let cpu = &mut machine(chipset).cpu;
        let read16 = |cpu: &mut _, offset| SLOT.read16(cpu, offset);
        assert_eq!(read16(cpu, pci::VENDOR_ID), VGPU_PCI_VENDOR_ID);
        assert_eq!(read16(cpu, pci::DEVICE_ID), VGPU_PCI_DEVICE_ID);
        assert_eq!(
            read16(cpu, pci::SUBSYSTEM_VENDOR_ID),
            VGPU_PCI_SUBSYSTEM_VENDOR_ID
        );
        assert_eq!(read16(cpu, pci::SUBSYSTEM_ID), VGPU_PCI_SUBSYSTEM_ID);
        assert_eq!(read16(cpu, pci::CLASS), VGPU_PCI_CLASS);
        assert_eq!(SLOT.read8(cpu, pci::PROGRAMMING_INTERFACE), 0);
        assert_eq!(SLOT.read8(cpu, pci::REVISION_ID), VGPU_PCI_REVISION_1);
    }
}

#[test]
fn the_header_is_that_of_a_single_function_endpoint_with_pin_a() {
    let cpu = &mut machine(Chipset::Pc).cpu;
    assert_eq!(SLOT.read8(cpu, pci::HEADER_TYPE), 0);
    assert_eq!(SLOT.read8(cpu, pci::INTERRUPT_PIN), 1);
    assert_eq!(SLOT.read8(cpu, pci::CAPABILITIES), 0);
}

#[test]
fn bar0_is_one_page_of_32_bit_non_prefetchable_memory() {
    let cpu = &mut machine(Chipset::Pc).cpu;
    SLOT.write(cpu, pci::BAR0, u32::MAX);
    // All type bits 0: memory, 32 bits, non-prefetchable.
    assert_eq!(SLOT.read(cpu, pci::BAR0), !(VGPU_BAR0_SIZE - 1));
}

#[test]
fn there_is_no_other_bar_and_no_rom() {
    let cpu = &mut machine(Chipset::Pc).cpu;
    let others = (1..6).map(|n| pci::BAR0 + 4 * n);
    for offset in others.chain([pci::EXPANSION_ROM]) {
        SLOT.write(cpu, offset, u32::MAX);
        assert_eq!(SLOT.read(cpu, offset), 0, "at {offset:#x}");
    }
}

#[test]
fn the_registers_answer_only_while_memory_decoding_is_on() {
    let mut machine = machine(Chipset::Pc);
    let bar0 = SLOT.enable(&mut machine.cpu);
    assert_eq!(
        bar0.register(&mut machine, VGPU_REG_POOL_ID),
        VGPU_POOL_ID_A
    );
    SLOT.write16(&mut machine.cpu, pci::COMMAND, 0);
    // What nobody answers is the machine's matter: QEMU gives 0, hardware all ones.
    assert_ne!(
        bar0.register(&mut machine, VGPU_REG_POOL_ID),
        VGPU_POOL_ID_A
    );
    bar0.set_register(&mut machine, VGPU_REG_COMMAND, 7);
    SLOT.write16(&mut machine.cpu, pci::COMMAND, pci::COMMAND_ENABLE);
    assert_eq!(bar0.register(&mut machine, VGPU_REG_COMMAND), 0);
}
