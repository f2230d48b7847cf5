/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vGPU stub: tells a guest which GPU pool it belongs to, at which priority and
 * under which VM id.
 *
 * A conventional PCI device with one page of registers and no other function.
 * The register map is in standard-headers/linux/vgpu_stub.h.
 */

#include "qemu/osdep.h"
#include "qemu/log.h"
#include "qemu/module.h"
#include "qapi/error.h"
#include "migration/vmstate.h"
#include "standard-headers/linux/vgpu_stub.h"
#include "vgpu-stub-compat.h"

#define TYPE_VGPU_STUB "vgpu-stub"
OBJECT_DECLARE_SIMPLE_TYPE(VGPUStubState, VGPU_STUB)

struct VGPUStubState {
    PCIDevice parent_obj;

    MemoryRegion mmio;

    /* Properties as the user gave them; QOM frees the strings. */
    char *pool_id;
    char *priority;
    uint32_t vm_id;

    /* What the properties mean, as the registers give it. */
    uint32_t pool_id_reg;
    uint32_t priority_reg;

    uint32_t command;
    uint32_t status;
};

/*
 * The memory core gives every access as one of 4 bytes at the guest's address:
 * a narrow one keeps the low bytes, a wide one comes as several. An address
 * inside a register matches none.
 */
static uint64_t vgpu_stub_read(void *opaque, hwaddr addr, unsigned size)
{
    VGPUStubState *s = opaque;

    switch (addr) {
    case VGPU_REG_COMMAND:
        return s->command;
    case VGPU_REG_STATUS:
        return s->status;
    case VGPU_REG_POOL_ID:
        return s->pool_id_reg;
    case VGPU_REG_PRIORITY:
        return s->priority_reg;
    case VGPU_REG_VM_ID:
        return s->vm_id;
    default:
        if (!QEMU_IS_ALIGNED(addr, size)) {
            qemu_log_mask(LOG_GUEST_ERROR,
                          "vgpu-stub: read of unaligned offset 0x%03"
                          HWADDR_PRIx "\n", addr);
        }
        return 0;
    }
}

static void vgpu_stub_write(void *opaque, hwaddr addr, uint64_t val,
                            unsigned size)
{
    VGPUStubState *s = opaque;

    switch (addr) {
    case VGPU_REG_COMMAND:
        s->command = val;
        s->status = VGPU_STATUS_DONE;
        break;
    default:
        qemu_log_mask(LOG_GUEST_ERROR,
                      "vgpu-stub: write of 0x%" PRIx64 " to %s offset 0x%03"
                      HWADDR_PRIx " ignored\n", val,
                      QEMU_IS_ALIGNED(addr, size) ? "read-only" : "unaligned",
                      addr);
        break;
    }
}

static const MemoryRegionOps vgpu_stub_mmio_ops = {
    .read = vgpu_stub_read,
    .write = vgpu_stub_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .impl = {
        .min_access_size = 4,
        .max_access_size = 4,
    },
};

static bool vgpu_stub_parse_pool_id(const char *name, uint32_t *reg,
                                    Error **errp)
{
    if (g_str_equal(name, "A")) {
        *reg = VGPU_POOL_ID_A;
    } else if (g_str_equal(name, "B")) {
        *reg = VGPU_POOL_ID_B;
    } else {
        error_setg(errp, "vgpu-stub: pool_id must be 'A' or 'B', got '%s'",
                   name);
        return false;
    }
    return true;
}

static bool vgpu_stub_parse_priority(const char *name, uint32_t *reg,
                                     Error **errp)
{
    if (g_str_equal(name, "low")) {
        *reg = VGPU_PRIORITY_LOW;
    } else if (g_str_equal(name, "medium")) {
        *reg = VGPU_PRIORITY_MEDIUM;
    } else if (g_str_equal(name, "high")) {
        *reg = VGPU_PRIORITY_HIGH;
    } else {
        error_setg(errp, "vgpu-stub: priority must be 'low', 'medium', or "
                   "'high', got '%s'", name);
        return false;
    }
    return true;
}

/* An absent or empty string is the default, and reads back as such. */
static void vgpu_stub_set_default(char **prop, const char *value)
{
    if (!*prop || !**prop) {
        g_free(*prop);
        *prop = g_strdup(value);
    }
}

static void vgpu_stub_realize(PCIDevice *pci_dev, Error **errp)
{
    VGPUStubState *s = VGPU_STUB(pci_dev);

    vgpu_stub_set_default(&s->pool_id, "A");
    vgpu_stub_set_default(&s->priority, "medium");
    if (!vgpu_stub_parse_pool_id(s->pool_id, &s->pool_id_reg, errp) ||
        !vgpu_stub_parse_priority(s->priority, &s->priority_reg, errp)) {
        return;
    }

    pci_config_set_interrupt_pin(pci_dev->config, 1);

    /* Both go with the object and its PCI parent: no exit handler. */
    memory_region_init_io(&s->mmio, OBJECT(s), &vgpu_stub_mmio_ops, s,
                          "vgpu-stub-mmio", VGPU_BAR0_SIZE);
    pci_register_bar(pci_dev, 0, PCI_BASE_ADDRESS_SPACE_MEMORY, &s->mmio);
}

static void vgpu_stub_reset(DeviceState *dev)
{
    VGPUStubState *s = VGPU_STUB(dev);

    s->command = 0;
    s->status = 0;
}

/* Identity is configuration: the target's own command line gives it. */
static const VMStateDescription vgpu_stub_vmstate = {
    .name = TYPE_VGPU_STUB,
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_PCI_DEVICE(parent_obj, VGPUStubState),
        VMSTATE_UINT32(command, VGPUStubState),
        VMSTATE_UINT32(status, VGPUStubState),
        VMSTATE_END_OF_LIST()
    },
};

static const Property vgpu_stub_properties[] = {
    DEFINE_PROP_STRING("pool_id", VGPUStubState, pool_id),
    DEFINE_PROP_STRING("priority", VGPUStubState, priority),
    DEFINE_PROP_UINT32("vm_id", VGPUStubState, vm_id, 0),
};

static void vgpu_stub_class_init(ObjectClass *klass,
                                 VGPU_STUB_CONST void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *k = PCI_DEVICE_CLASS(klass);

    k->realize = vgpu_stub_realize;
    k->vendor_id = VGPU_PCI_VENDOR_ID;
    k->device_id = VGPU_PCI_DEVICE_ID;
    k->revision = VGPU_PCI_REVISION_1;
    k->class_id = VGPU_PCI_CLASS;

    dc->desc = "Virtual GPU Stub Device (Processing Accelerator)";
    dc->vmsd = &vgpu_stub_vmstate;
    device_class_set_legacy_reset(dc, vgpu_stub_reset);
    device_class_set_props(dc, vgpu_stub_properties);
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
}

static const TypeInfo vgpu_stub_types[] = {
    {
        .name = TYPE_VGPU_STUB,
        .parent = TYPE_PCI_DEVICE,
        .instance_size = sizeof(VGPUStubState),
        .class_init = vgpu_stub_class_init,
        .interfaces = (VGPU_STUB_CONST InterfaceInfo[]) {
            { INTERFACE_CONVENTIONAL_PCI_DEVICE },
            { },
        },
    },
};

DEFINE_TYPES(vgpu_stub_types)
