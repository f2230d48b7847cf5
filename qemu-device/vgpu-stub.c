/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vGPU stub: tells a guest which GPU pool it belongs to, at which priority and
 * under which VM id.
 *
 * A conventional PCI device with one page of registers and no other function.
 * The register map is in standard-headers/linux/vgpu_stub.h.
 *
 * Revision 1 executes a command at once and says it when asked. Revision 2
 * takes its time if it is told to, interrupts, and lets the host change what
 * the guest sees while it runs: by qom-set. Revision 3 takes the guest's messages
 * to a backend on the host, and its answers back: vgpu-stub-messages.c.
 */

#include "qemu/osdep.h"
#include "qemu/log.h"
#include "qemu/module.h"
#include "qemu/timer.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "hw/pci/msix.h"
#include "migration/vmstate.h"
#include "standard-headers/linux/vgpu_stub.h"
#include "vgpu-stub-compat.h"
#include "vgpu-stub-messages.h"

#define TYPE_VGPU_STUB "vgpu-stub"
OBJECT_DECLARE_SIMPLE_TYPE(VGPUStubState, VGPU_STUB)

#define VGPU_STUB_MSIX_BAR 1

struct VGPUStubState {
    PCIDevice parent_obj;

    MemoryRegion mmio;
    /* The pending command's completion, in the guest's time. */
    QEMUTimer completion;

    /* Properties that never change. */
    uint32_t revision;
    uint32_t command_latency_us;
    OnOffAuto msix;

    /* Those that do on revision 2, as the registers give them. */
    uint32_t pool_id;
    uint32_t priority;
    uint32_t vm_id;
    uint32_t config_generation;

    uint32_t command;
    uint32_t status;

    /* All 0 on revision 1. */
    uint32_t irq_status;
    uint32_t irq_enable;
    uint32_t submitted;
    uint32_t completed;
    uint32_t result;
    /* The interrupts that were asserted last. */
    uint32_t irq_active;

    /* In a stream only: until the completion, or less than 0. */
    int64_t remaining_ns;

    /* Of revision 3. */
    VGPUMessages messages;
};

/*
 * A vCPU that waits for the big lock has translated its access already: the
 * handlers are entered after exit, too, when the device has neither a bus nor
 * a configuration space. None of them may have an effect then.
 */
static bool vgpu_stub_is_realized(VGPUStubState *s)
{
    return DEVICE(s)->realized;
}

/* The interrupts of each vector. */
static const uint32_t vgpu_stub_irqs[] = {
    [VGPU_MSIX_COMMAND_DONE] = VGPU_IRQ_COMMAND_DONE,
    [VGPU_MSIX_CONFIG_CHANGED] = VGPU_IRQ_CONFIG_CHANGED,
    [VGPU_MSIX_MESSAGE_DONE] = VGPU_IRQ_MESSAGE_DONE,
};

static unsigned int vgpu_stub_vectors(VGPUStubState *s)
{
    return s->revision >= 3 ? VGPU_MSIX_VECTORS_3 : VGPU_MSIX_VECTORS;
}

/*
 * Sends the message of a vector, if the interrupt is still active: a message is
 * a write to wherever the guest says, and that of the other vector may have
 * reset the device, or unplugged it.
 */
static void vgpu_stub_notify(VGPUStubState *s, unsigned int vector)
{
    if (vgpu_stub_is_realized(s) && (s->irq_active & vgpu_stub_irqs[vector])) {
        msix_notify(PCI_DEVICE(s), vector);
    }
}

/*
 * By MSI-X, an interrupt is sent when it becomes active; by INTx, the line is
 * as active as any of them.
 */
static void vgpu_stub_update_irq(VGPUStubState *s)
{
    PCIDevice *pci_dev = PCI_DEVICE(s);
    uint32_t active = s->irq_status & s->irq_enable;
    uint32_t rising = active & ~s->irq_active;
    unsigned int vector;

    if (!vgpu_stub_is_realized(s)) {
        return;
    }
    s->irq_active = active;
    if (!msix_enabled(pci_dev)) {
        pci_set_irq(pci_dev, active != 0);
        return;
    }
    for (vector = 0; vector < vgpu_stub_vectors(s); vector++) {
        if (rising & vgpu_stub_irqs[vector]) {
            vgpu_stub_notify(s, vector);
        }
    }
}

static void vgpu_stub_raise_irq(VGPUStubState *s, uint32_t irq)
{
    s->irq_status |= irq;
    vgpu_stub_update_irq(s);
}

static void vgpu_stub_message_done(PCIDevice *pci_dev)
{
    vgpu_stub_raise_irq(VGPU_STUB(pci_dev), VGPU_IRQ_MESSAGE_DONE);
}

static void vgpu_stub_complete(void *opaque)
{
    VGPUStubState *s = opaque;

    if (!vgpu_stub_is_realized(s)) {
        return;
    }
    s->status &= ~VGPU_STATUS_BUSY;
    s->status |= VGPU_STATUS_DONE;
    s->result = 0;
    s->completed++;
    vgpu_stub_raise_irq(s, VGPU_IRQ_COMMAND_DONE);
}

static void vgpu_stub_submit(VGPUStubState *s, uint32_t command)
{
    if (s->revision < 2) {
        s->command = command;
        s->status = VGPU_STATUS_DONE;
        return;
    }
    if (s->status & VGPU_STATUS_BUSY) {
        s->status |= VGPU_STATUS_DROPPED;
        return;
    }
    s->command = command;
    s->status = VGPU_STATUS_BUSY;
    s->submitted++;
    if (s->command_latency_us) {
        timer_mod(&s->completion,
                  qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
                  (int64_t)s->command_latency_us * SCALE_US);
    } else {
        vgpu_stub_complete(s);
    }
}

/* What revision 2 has beyond revision 1; false for all other registers. */
static bool vgpu_stub_read_2(VGPUStubState *s, hwaddr addr, uint32_t *val)
{
    switch (addr) {
    case VGPU_REG_FEATURES:
        *val = VGPU_FEATURE_IRQ | VGPU_FEATURE_ASYNC | VGPU_FEATURE_LIVE_CONFIG |
               (s->revision >= 3 ? VGPU_FEATURE_MESSAGES : 0);
        return true;
    case VGPU_REG_IRQ_STATUS:
        *val = s->irq_status;
        return true;
    case VGPU_REG_IRQ_ENABLE:
        *val = s->irq_enable;
        return true;
    case VGPU_REG_SUBMITTED:
        *val = s->submitted;
        return true;
    case VGPU_REG_COMPLETED:
        *val = s->completed;
        return true;
    case VGPU_REG_RESULT:
        *val = s->result;
        return true;
    case VGPU_REG_CONFIG_GENERATION:
        *val = s->config_generation;
        return true;
    default:
        return false;
    }
}

static bool vgpu_stub_write_2(VGPUStubState *s, hwaddr addr, uint32_t val)
{
    switch (addr) {
    case VGPU_REG_IRQ_STATUS:
        s->irq_status &= ~val;
        break;
    case VGPU_REG_IRQ_ENABLE:
        s->irq_enable = val & (VGPU_IRQ_COMMAND_DONE | VGPU_IRQ_CONFIG_CHANGED |
                               (s->revision >= 3 ? VGPU_IRQ_MESSAGE_DONE : 0));
        break;
    default:
        return false;
    }
    vgpu_stub_update_irq(s);
    return true;
}

/* Answers as PCI hardware does where there is no device. */
static uint64_t vgpu_stub_gone_read(void *opaque, hwaddr addr, unsigned size)
{
    return VGPU_REG_GONE;
}

static void vgpu_stub_gone_write(void *opaque, hwaddr addr, uint64_t val,
                                 unsigned size)
{
    qemu_log_mask(LOG_GUEST_ERROR,
                  "vgpu-stub: write of 0x%" PRIx64 " to offset 0x%03"
                  HWADDR_PRIx " of an unplugged device ignored\n", val, addr);
}

static const MemoryRegionOps vgpu_stub_gone_ops = {
    .read = vgpu_stub_gone_read,
    .write = vgpu_stub_gone_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .impl = {
        .min_access_size = 4,
        .max_access_size = 4,
    },
};

/*
 * The memory core gives every access as one of 4 bytes at the guest's address:
 * a narrow one keeps the low bytes, a wide one comes as several. An address
 * inside a register matches none.
 */
static uint64_t vgpu_stub_read(void *opaque, hwaddr addr, unsigned size)
{
    VGPUStubState *s = opaque;
    uint32_t val;

    if (!vgpu_stub_is_realized(s)) {
        return vgpu_stub_gone_read(s, addr, size);
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
        if (s->revision >= 2 && vgpu_stub_read_2(s, addr, &val)) {
            return val;
        }
        if (s->revision >= 3 && vgpu_messages_read(&s->messages, addr, &val)) {
            return val;
        }
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

    if (!vgpu_stub_is_realized(s)) {
        vgpu_stub_gone_write(s, addr, val, size);
        return;
    }
    switch (addr) {
    case VGPU_REG_COMMAND:
        vgpu_stub_submit(s, val);
        break;
    default:
        if (s->revision >= 2 && vgpu_stub_write_2(s, addr, val)) {
            break;
        }
        if (s->revision >= 3 && vgpu_messages_write(&s->messages, addr, val)) {
            break;
        }
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

static void vgpu_stub_identify(VGPUStubState *s)
{
    vgpu_messages_identify(&s->messages, s->vm_id, s->pool_id, s->priority);
}

/*
 * Sets one of the registers that the host defines. A change of a device that
 * runs is one that its guest is told about.
 */
static void vgpu_stub_configure(Object *obj, const char *name, uint32_t *reg,
                                uint32_t val, Error **errp)
{
    VGPUStubState *s = VGPU_STUB(obj);
    DeviceState *dev = DEVICE(obj);

    if (!vgpu_stub_is_realized(s)) {
        *reg = val;
        return;
    }
    if (s->revision < 2) {
        /* In the words of QEMU's own properties. */
        if (dev->id) {
            error_setg(errp, "Attempt to set property '%s' on device '%s' "
                       "(type '%s') after it was realized", name, dev->id,
                       object_get_typename(obj));
        } else {
            error_setg(errp, "Attempt to set property '%s' on anonymous device "
                       "(type '%s') after it was realized", name,
                       object_get_typename(obj));
        }
        return;
    }
    if (*reg != val) {
        *reg = val;
        s->config_generation++;
        vgpu_stub_identify(s);
        vgpu_stub_raise_irq(s, VGPU_IRQ_CONFIG_CHANGED);
    }
}

/* An empty string is the default, and reads back as such. */
static void vgpu_stub_set_pool_id(Object *obj, Visitor *v, const char *name,
                                  void *opaque, Error **errp)
{
    g_autofree char *pool = NULL;

    if (!visit_type_str(v, name, &pool, errp)) {
        return;
    }
    if (g_str_equal(pool, "A") || !*pool) {
        vgpu_stub_configure(obj, name, &VGPU_STUB(obj)->pool_id,
                            VGPU_POOL_ID_A, errp);
    } else if (g_str_equal(pool, "B")) {
        vgpu_stub_configure(obj, name, &VGPU_STUB(obj)->pool_id,
                            VGPU_POOL_ID_B, errp);
    } else {
        error_setg(errp, "vgpu-stub: pool_id must be 'A' or 'B', got '%s'",
                   pool);
    }
}

static void vgpu_stub_get_pool_id(Object *obj, Visitor *v, const char *name,
                                  void *opaque, Error **errp)
{
    char pool[] = { VGPU_STUB(obj)->pool_id, '\0' };
    char *value = pool;

    visit_type_str(v, name, &value, errp);
}

static const char *const vgpu_stub_priorities[] = {
    [VGPU_PRIORITY_LOW] = "low",
    [VGPU_PRIORITY_MEDIUM] = "medium",
    [VGPU_PRIORITY_HIGH] = "high",
};

static void vgpu_stub_set_priority(Object *obj, Visitor *v, const char *name,
                                   void *opaque, Error **errp)
{
    g_autofree char *priority = NULL;
    const char *wanted;
    uint32_t i;

    if (!visit_type_str(v, name, &priority, errp)) {
        return;
    }
    wanted = *priority ? priority : vgpu_stub_priorities[VGPU_PRIORITY_MEDIUM];
    for (i = 0; i < ARRAY_SIZE(vgpu_stub_priorities); i++) {
        if (g_str_equal(wanted, vgpu_stub_priorities[i])) {
            vgpu_stub_configure(obj, name, &VGPU_STUB(obj)->priority, i, errp);
            return;
        }
    }
    error_setg(errp, "vgpu-stub: priority must be 'low', 'medium', or 'high', "
               "got '%s'", priority);
}

static void vgpu_stub_get_priority(Object *obj, Visitor *v, const char *name,
                                   void *opaque, Error **errp)
{
    const char *priority = vgpu_stub_priorities[VGPU_STUB(obj)->priority];

    visit_type_str(v, name, (char **)&priority, errp);
}

static void vgpu_stub_set_vm_id(Object *obj, Visitor *v, const char *name,
                                void *opaque, Error **errp)
{
    uint32_t vm_id;

    if (visit_type_uint32(v, name, &vm_id, errp)) {
        vgpu_stub_configure(obj, name, &VGPU_STUB(obj)->vm_id, vm_id, errp);
    }
}

static void vgpu_stub_get_vm_id(Object *obj, Visitor *v, const char *name,
                                void *opaque, Error **errp)
{
    visit_type_uint32(v, name, &VGPU_STUB(obj)->vm_id, errp);
}

static const PropertyInfo vgpu_stub_pool_id_info = {
    .VGPU_STUB_PROP_TYPE = "str",
    .description = "A or B",
    VGPU_STUB_PROP_LIVE
    .get = vgpu_stub_get_pool_id,
    .set = vgpu_stub_set_pool_id,
};

static const PropertyInfo vgpu_stub_priority_info = {
    .VGPU_STUB_PROP_TYPE = "str",
    .description = "low, medium or high",
    VGPU_STUB_PROP_LIVE
    .get = vgpu_stub_get_priority,
    .set = vgpu_stub_set_priority,
};

static const PropertyInfo vgpu_stub_vm_id_info = {
    .VGPU_STUB_PROP_TYPE = "uint32",
    .description = "Number of the virtual machine",
    VGPU_STUB_PROP_LIVE
    .get = vgpu_stub_get_vm_id,
    .set = vgpu_stub_set_vm_id,
};

static bool vgpu_stub_check_revision(VGPUStubState *s, Error **errp)
{
    if (s->revision < 1 || s->revision > 3) {
        error_setg(errp, "vgpu-stub: revision must be 1, 2 or 3, got %" PRIu32,
                   s->revision);
        return false;
    }
    if (s->revision == 1 && s->command_latency_us) {
        error_setg(errp, "vgpu-stub: command-latency-us needs revision=2");
        return false;
    }
    if (s->revision == 1 && s->msix == ON_OFF_AUTO_ON) {
        error_setg(errp, "vgpu-stub: msix needs revision=2");
        return false;
    }
    if (s->revision < 3 &&
        qemu_chr_fe_backend_connected(&s->messages.backend.chr)) {
        error_setg(errp, "vgpu-stub: chardev needs revision=3");
        return false;
    }
    return true;
}

/* False if the device has to have MSI-X and cannot. */
static bool vgpu_stub_init_msix(VGPUStubState *s, Error **errp)
{
    PCIDevice *pci_dev = PCI_DEVICE(s);
    Error *err = NULL;
    unsigned int i;

    if (s->revision < 2 || s->msix == ON_OFF_AUTO_OFF) {
        return true;
    }
    if (msix_init_exclusive_bar(pci_dev, vgpu_stub_vectors(s),
                                VGPU_STUB_MSIX_BAR, &err)) {
        if (s->msix == ON_OFF_AUTO_ON) {
            error_propagate(errp, err);
            return false;
        }
        /* A board without MSI has INTx. */
        error_free(err);
        return true;
    }
    for (i = 0; i < vgpu_stub_vectors(s); i++) {
        msix_vector_use(pci_dev, i);
    }
    return true;
}

static void vgpu_stub_realize(PCIDevice *pci_dev, Error **errp)
{
    VGPUStubState *s = VGPU_STUB(pci_dev);

    if (!vgpu_stub_check_revision(s, errp) || !vgpu_stub_init_msix(s, errp)) {
        return;
    }

    pci_dev->config[PCI_REVISION_ID] = s->revision;
    pci_config_set_interrupt_pin(pci_dev->config, 1);

    /* Both go with the object and its PCI parent. */
    memory_region_init_io(&s->mmio, OBJECT(s), &vgpu_stub_mmio_ops, s,
                          "vgpu-stub-mmio", VGPU_BAR0_SIZE);
    pci_register_bar(pci_dev, 0, PCI_BASE_ADDRESS_SPACE_MEMORY, &s->mmio);

    if (s->revision >= 3) {
        vgpu_messages_realize(&s->messages, pci_dev, vgpu_stub_message_done);
        vgpu_stub_identify(s);
    }
}

/*
 * The handlers of the MSI-X table and of the pending bits are QEMU's. They do
 * not check whether the device is realized: entered after msix_uninit(), they
 * fail an assertion or dereference NULL.
 */
static void vgpu_stub_exit(PCIDevice *pci_dev)
{
    timer_del(&VGPU_STUB(pci_dev)->completion);
    vgpu_messages_unrealize(&VGPU_STUB(pci_dev)->messages);
    if (msix_present(pci_dev)) {
        pci_dev->msix_table_mmio.ops = &vgpu_stub_gone_ops;
        pci_dev->msix_pba_mmio.ops = &vgpu_stub_gone_ops;
    }
    msix_uninit_exclusive_bar(pci_dev);
}

/* With MSI-X on or off, an interrupt that is active goes another way. */
static void vgpu_stub_config_write(PCIDevice *pci_dev, uint32_t addr,
                                   uint32_t val, int len)
{
    VGPUStubState *s = VGPU_STUB(pci_dev);

    if (!vgpu_stub_is_realized(s)) {
        return;
    }
    pci_default_write_config(pci_dev, addr, val, len);
    vgpu_stub_update_irq(s);
}

/* The PCI core deasserts the interrupt. */
static void vgpu_stub_reset(DeviceState *dev)
{
    VGPUStubState *s = VGPU_STUB(dev);

    timer_del(&s->completion);
    s->command = 0;
    s->status = 0;
    s->irq_status = 0;
    s->irq_enable = 0;
    s->irq_active = 0;
    s->submitted = 0;
    s->completed = 0;
    s->result = 0;
    vgpu_messages_reset(&s->messages);
}

static bool vgpu_stub_has_revision_2(void *opaque)
{
    VGPUStubState *s = opaque;

    return s->revision >= 2;
}

static int vgpu_stub_pre_save_2(void *opaque)
{
    VGPUStubState *s = opaque;

    s->remaining_ns = -1;
    if (timer_pending(&s->completion)) {
        s->remaining_ns = MAX(timer_expire_time_ns(&s->completion) -
                              qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL), 0);
    }
    return 0;
}

/* A stream may come from anywhere: what is out of range is no index. */
static int vgpu_stub_post_load_2(void *opaque, int version_id)
{
    VGPUStubState *s = opaque;
    int64_t longest_ns = (int64_t)UINT32_MAX * SCALE_US;

    if (!vgpu_stub_is_realized(s)) {
        return -ENODEV;
    }
    if ((s->pool_id != VGPU_POOL_ID_A && s->pool_id != VGPU_POOL_ID_B) ||
        s->priority > VGPU_PRIORITY_HIGH || s->remaining_ns > longest_ns) {
        return -EINVAL;
    }
    timer_del(&s->completion);
    if (s->remaining_ns >= 0) {
        timer_mod(&s->completion,
                  qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + s->remaining_ns);
    }
    s->irq_active = s->irq_status & s->irq_enable;
    vgpu_stub_identify(s);
    return 0;
}

/*
 * What the guest was told last goes with it: a change that it does not hear of
 * is none.
 */
static const VMStateDescription vgpu_stub_vmstate_2 = {
    .name = TYPE_VGPU_STUB "/revision-2",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = vgpu_stub_has_revision_2,
    .pre_save = vgpu_stub_pre_save_2,
    .post_load = vgpu_stub_post_load_2,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32(pool_id, VGPUStubState),
        VMSTATE_UINT32(priority, VGPUStubState),
        VMSTATE_UINT32(vm_id, VGPUStubState),
        VMSTATE_UINT32(config_generation, VGPUStubState),
        VMSTATE_UINT32(irq_status, VGPUStubState),
        VMSTATE_UINT32(irq_enable, VGPUStubState),
        VMSTATE_UINT32(submitted, VGPUStubState),
        VMSTATE_UINT32(completed, VGPUStubState),
        VMSTATE_UINT32(result, VGPUStubState),
        VMSTATE_INT64(remaining_ns, VGPUStubState),
        VMSTATE_MSIX(parent_obj, VGPUStubState),
        VMSTATE_END_OF_LIST()
    },
};

static bool vgpu_stub_has_revision_3(void *opaque)
{
    VGPUStubState *s = opaque;

    return s->revision >= 3;
}

static int vgpu_stub_post_load_3(void *opaque, int version_id)
{
    return vgpu_stub_is_realized(opaque) ? 0 : -ENODEV;
}

static const VMStateDescription vgpu_stub_vmstate_3 = {
    .name = TYPE_VGPU_STUB "/revision-3",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = vgpu_stub_has_revision_3,
    .post_load = vgpu_stub_post_load_3,
    .fields = (const VMStateField[]) {
        VMSTATE_STRUCT(messages, VGPUStubState, 1, vgpu_messages_vmstate,
                       VGPUMessages),
        VMSTATE_END_OF_LIST()
    },
};

static const VMStateDescription *vgpu_stub_subsections[] = {
    &vgpu_stub_vmstate_2,
    &vgpu_stub_vmstate_3,
    NULL
};

/* Revision 1's identity is configuration: the target's command line has it. */
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
    .subsections = vgpu_stub_subsections,
};

static const Property vgpu_stub_properties[] = {
    DEFINE_PROP("pool_id", VGPUStubState, pool_id, vgpu_stub_pool_id_info,
                uint32_t),
    DEFINE_PROP("priority", VGPUStubState, priority, vgpu_stub_priority_info,
                uint32_t),
    DEFINE_PROP("vm_id", VGPUStubState, vm_id, vgpu_stub_vm_id_info, uint32_t),
    DEFINE_PROP_UINT32("revision", VGPUStubState, revision, 1),
    DEFINE_PROP_UINT32("command-latency-us", VGPUStubState, command_latency_us,
                       0),
    DEFINE_PROP_ON_OFF_AUTO("msix", VGPUStubState, msix, ON_OFF_AUTO_AUTO),
    DEFINE_PROP_CHR("chardev", VGPUStubState, messages.backend.chr),
};

/* What is not given has these values. */
static void vgpu_stub_instance_init(Object *obj)
{
    VGPUStubState *s = VGPU_STUB(obj);

    s->pool_id = VGPU_POOL_ID_A;
    s->priority = VGPU_PRIORITY_MEDIUM;

    timer_init_ns(&s->completion, QEMU_CLOCK_VIRTUAL, vgpu_stub_complete, s);
}

/* A timer that is pending must not outlive the memory it is in. */
static void vgpu_stub_instance_finalize(Object *obj)
{
    timer_del(&VGPU_STUB(obj)->completion);
}

static void vgpu_stub_class_init(ObjectClass *klass,
                                 VGPU_STUB_CONST void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *k = PCI_DEVICE_CLASS(klass);

    k->realize = vgpu_stub_realize;
    k->exit = vgpu_stub_exit;
    k->config_write = vgpu_stub_config_write;
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
        .instance_init = vgpu_stub_instance_init,
        .instance_finalize = vgpu_stub_instance_finalize,
        .class_init = vgpu_stub_class_init,
        .interfaces = (VGPU_STUB_CONST InterfaceInfo[]) {
            { INTERFACE_CONVENTIONAL_PCI_DEVICE },
            { },
        },
    },
};

DEFINE_TYPES(vgpu_stub_types)
