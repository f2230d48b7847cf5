/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device that claims to be a vGPU stub and answers what the test says.
 *
 * Only for testing guest drivers. It shares no code with the real model, so
 * that a fault of one cannot hide in the other, and it checks nothing: to give
 * wrong answers is its purpose. What a register reads and whether everything
 * reads as ones can be set at any time with qom-set; the shape of the device is
 * fixed when it is made.
 */

#include "qemu/osdep.h"
#include "qemu/host-utils.h"
#include "qapi/error.h"
#include "hw/pci/pci_device.h"
#include "hw/qdev-properties.h"
#include "standard-headers/linux/vgpu_stub.h"

#define TYPE_VGPU_STUB_HOSTILE "vgpu-stub-hostile"
OBJECT_DECLARE_SIMPLE_TYPE(VGPUStubHostileState, VGPU_STUB_HOSTILE)

struct VGPUStubHostileState {
    PCIDevice parent_obj;

    MemoryRegion bar0;

    uint16_t class_id;
    uint8_t revision;
    uint32_t bar0_size;
    bool bar0_io;

    uint32_t command;
    uint32_t status;
    uint32_t pool_id;
    uint32_t priority;
    uint32_t vm_id;
    bool all_ones;
};

static uint64_t vgpu_stub_hostile_read(void *opaque, hwaddr addr,
                                       unsigned size)
{
    VGPUStubHostileState *s = opaque;

    if (s->all_ones) {
        return VGPU_REG_GONE;
    }
    switch (addr) {
    case VGPU_REG_COMMAND:
        return s->command;
    case VGPU_REG_STATUS:
        return s->status;
    case VGPU_REG_POOL_ID:
        return s->pool_id;
    case VGPU_REG_PRIORITY:
        return s->priority;
    case VGPU_REG_VM_ID:
        return s->vm_id;
    default:
        return 0;
    }
}

/* STATUS stays as the test set it: by default, no command ever completes. */
static void vgpu_stub_hostile_write(void *opaque, hwaddr addr, uint64_t val,
                                    unsigned size)
{
    VGPUStubHostileState *s = opaque;

    if (addr == VGPU_REG_COMMAND) {
        s->command = val;
    }
}

static const MemoryRegionOps vgpu_stub_hostile_ops = {
    .read = vgpu_stub_hostile_read,
    .write = vgpu_stub_hostile_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .impl = {
        .min_access_size = 4,
        .max_access_size = 4,
    },
};

static void vgpu_stub_hostile_realize(PCIDevice *pci_dev, Error **errp)
{
    VGPUStubHostileState *s = VGPU_STUB_HOSTILE(pci_dev);

    /* What PCI cannot express would end QEMU in an assertion. */
    if (!is_power_of_2(s->bar0_size) || s->bar0_size < 16) {
        error_setg(errp, "vgpu-stub-hostile: bar0-size must be a power of two "
                   "of at least 16, got %" PRIu32, s->bar0_size);
        return;
    }

    pci_config_set_class(pci_dev->config, s->class_id);
    pci_config_set_revision(pci_dev->config, s->revision);
    pci_config_set_interrupt_pin(pci_dev->config, 1);

    memory_region_init_io(&s->bar0, OBJECT(s), &vgpu_stub_hostile_ops, s,
                          "vgpu-stub-hostile-bar0", s->bar0_size);
    pci_register_bar(pci_dev, 0,
                     s->bar0_io ? PCI_BASE_ADDRESS_SPACE_IO
                                : PCI_BASE_ADDRESS_SPACE_MEMORY,
                     &s->bar0);
}

static bool vgpu_stub_hostile_get_all_ones(Object *obj, Error **errp)
{
    return VGPU_STUB_HOSTILE(obj)->all_ones;
}

static void vgpu_stub_hostile_set_all_ones(Object *obj, bool value,
                                           Error **errp)
{
    VGPU_STUB_HOSTILE(obj)->all_ones = value;
}

/* Not qdev properties: those refuse to change once the device is realized. */
static void vgpu_stub_hostile_init(Object *obj)
{
    VGPUStubHostileState *s = VGPU_STUB_HOSTILE(obj);

    s->pool_id = VGPU_POOL_ID_A;
    s->priority = VGPU_PRIORITY_MEDIUM;
    object_property_add_uint32_ptr(obj, "command", &s->command,
                                   OBJ_PROP_FLAG_READWRITE);
    object_property_add_uint32_ptr(obj, "status", &s->status,
                                   OBJ_PROP_FLAG_READWRITE);
    object_property_add_uint32_ptr(obj, "pool-id", &s->pool_id,
                                   OBJ_PROP_FLAG_READWRITE);
    object_property_add_uint32_ptr(obj, "priority", &s->priority,
                                   OBJ_PROP_FLAG_READWRITE);
    object_property_add_uint32_ptr(obj, "vm-id", &s->vm_id,
                                   OBJ_PROP_FLAG_READWRITE);
    object_property_add_bool(obj, "all-ones", vgpu_stub_hostile_get_all_ones,
                             vgpu_stub_hostile_set_all_ones);
}

static const Property vgpu_stub_hostile_properties[] = {
    DEFINE_PROP_UINT16("class", VGPUStubHostileState, class_id,
                       VGPU_PCI_CLASS),
    DEFINE_PROP_UINT8("revision", VGPUStubHostileState, revision,
                      VGPU_PCI_REVISION_1),
    DEFINE_PROP_UINT32("bar0-size", VGPUStubHostileState, bar0_size,
                       VGPU_BAR0_SIZE),
    DEFINE_PROP_BOOL("bar0-io", VGPUStubHostileState, bar0_io, false),
};

static void vgpu_stub_hostile_class_init(ObjectClass *klass, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *k = PCI_DEVICE_CLASS(klass);

    k->realize = vgpu_stub_hostile_realize;
    k->vendor_id = VGPU_PCI_VENDOR_ID;
    k->device_id = VGPU_PCI_DEVICE_ID;
    k->revision = VGPU_PCI_REVISION_1;
    k->class_id = VGPU_PCI_CLASS;

    dc->desc = "vGPU stub that gives the answers a test asks for";
    device_class_set_props(dc, vgpu_stub_hostile_properties);
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
}

static const TypeInfo vgpu_stub_hostile_types[] = {
    {
        .name = TYPE_VGPU_STUB_HOSTILE,
        .parent = TYPE_PCI_DEVICE,
        .instance_size = sizeof(VGPUStubHostileState),
        .instance_init = vgpu_stub_hostile_init,
        .class_init = vgpu_stub_hostile_class_init,
        .interfaces = (InterfaceInfo[]) {
            { INTERFACE_CONVENTIONAL_PCI_DEVICE },
            { },
        },
    },
};

DEFINE_TYPES(vgpu_stub_hostile_types)
