/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device that claims to be a vGPU stub and answers what the test says.
 *
 * Only for testing guest drivers. It shares no code with the real model, so
 * that a fault of one cannot hide in the other, and it checks nothing: to give
 * wrong answers is its purpose. What a register reads and whether everything
 * reads as ones can be set at any time with qom-set; the shape of the device is
 * fixed when it is made. A reset leaves all of it as it is.
 *
 * What the reads from now on answer can be a script, too, see
 * vgpu-stub-hostile-script.h: that of the property script answers reads of
 * BAR0, wherever they are, and irq-script those of IRQ_STATUS that script has
 * no answer for. The random numbers are those of the property seed, again with
 * every script that is set. The property reads counts the reads since script
 * was set.
 *
 * A command completes after command-latency-us if completes is on, and else
 * never: STATUS stays as the test has set it.
 *
 * By itself it interrupts for completed commands only, as the real device does.
 * It also raises the interrupts of irq-bits, VGPU_IRQ_*,
 *
 *   at each read of the register irq-at-reads: an offset, any, or never
 *   irq-times times, the first one when that is set, and then irq-period-us
 *     after each other; 4294967295 is without end. What is left to come can be
 *     read there.
 *
 * Each is raised in IRQ_STATUS, which the guest clears, and signalled by MSI-X
 * or by the line as soon as IRQ_ENABLE has it, or at once if irq-obeys-enable
 * is off. Unlike the real device's, a vector is signalled each time, though
 * nobody has cleared its bit. With irq-mute nothing is signalled. irq-raised
 * counts the times that something was raised. Raising CONFIG_CHANGED adds
 * config-step to CONFIG_GENERATION and to VM_ID.
 *
 * With revision 3 and the feature, it has messages of the layout msg-layout. At a
 * doorbell it writes msg-state, msg-out-len and msg-status into the slot's header,
 * and msg-fill to each byte of the answer, if msg-writes is on; then it adds msg-done
 * to MSG_DONE, or the slot's bit if that is 0, and raises MESSAGE_DONE. MSG_ACTIVE
 * is msg-active, and enabling is refused unless msg-enables is on.
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/cutils.h"
#include "qemu/host-utils.h"
#include "qemu/timer.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "hw/pci/msix.h"
#include "standard-headers/linux/vgpu_stub.h"
#include "vgpu-stub-compat.h"
#include "vgpu-stub-hostile-script.h"

#define TYPE_VGPU_STUB_HOSTILE "vgpu-stub-hostile"
OBJECT_DECLARE_SIMPLE_TYPE(VGPUStubHostileState, VGPU_STUB_HOSTILE)

#define VGPU_STUB_HOSTILE_MSIX_BAR 1

/* Values of irq_at_reads that are no offset. */
#define AT_READS_NEVER -1
#define AT_READS_ANY -2

/* As irq_times: one after the other, without end. */
#define TIMES_WITHOUT_END UINT32_MAX

struct VGPUStubHostileState {
    PCIDevice parent_obj;

    MemoryRegion bar0;

    uint16_t class_id;
    uint8_t revision;
    uint32_t bar0_size;
    bool bar0_io;
    bool intx;
    bool msix;

    uint32_t command;
    uint32_t status;
    uint32_t pool_id;
    uint32_t priority;
    uint32_t vm_id;
    uint32_t features;
    uint32_t irq_status;
    uint32_t irq_enable;
    uint32_t submitted;
    uint32_t completed;
    uint32_t result;
    uint32_t config_generation;
    bool all_ones;

    VGPUStubHostileScript script;
    VGPUStubHostileScript irq_script;
    uint32_t seed;
    uint32_t reads;

    bool completes;
    uint32_t command_latency_us;
    QEMUTimer completion;

    uint32_t irq_bits;
    int64_t irq_at_reads;
    uint32_t irq_times;
    uint32_t irq_period_us;
    QEMUTimer irq_timer;
    bool irq_obeys_enable;
    bool irq_mute;
    uint32_t irq_raised;
    uint32_t config_step;

    uint32_t msg_layout;
    uint64_t msg_base;
    uint32_t msg_control;
    uint32_t msg_done_bits;
    uint32_t msg_active;
    bool msg_enables;
    bool msg_writes;
    uint32_t msg_state;
    uint32_t msg_out_len;
    uint32_t msg_status;
    uint32_t msg_fill;
    uint32_t msg_done;
};

/*
 * Callbacks can come before the device is realized and, from a vCPU that had
 * found it when it was unplugged, after it is not any more: none of them may
 * have an effect then.
 */
static bool vgpu_stub_hostile_is_there(VGPUStubHostileState *s)
{
    return DEVICE(s)->realized;
}

static void vgpu_stub_hostile_arm(QEMUTimer *timer, uint32_t us)
{
    timer_mod(timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
              (int64_t)us * SCALE_US);
}

/* The bits of IRQ_STATUS that may be signalled. */
static uint32_t vgpu_stub_hostile_enabled(VGPUStubHostileState *s)
{
    if (s->irq_mute) {
        return 0;
    }
    return s->irq_obeys_enable ? s->irq_enable : UINT32_MAX;
}

/* Sets the line to what the registers say, if interrupts come by it. */
static void vgpu_stub_hostile_update_line(VGPUStubHostileState *s)
{
    PCIDevice *pci_dev = PCI_DEVICE(s);

    if (s->intx && !msix_enabled(pci_dev)) {
        pci_set_irq(pci_dev,
                    (s->irq_status & vgpu_stub_hostile_enabled(s)) != 0);
    }
}

/* Signals the bits of IRQ_STATUS that may be. */
static void vgpu_stub_hostile_signal(VGPUStubHostileState *s, uint32_t bits)
{
    PCIDevice *pci_dev = PCI_DEVICE(s);

    if (!msix_enabled(pci_dev)) {
        vgpu_stub_hostile_update_line(s);
        return;
    }
    bits &= vgpu_stub_hostile_enabled(s);
    if (bits & VGPU_IRQ_COMMAND_DONE) {
        msix_notify(pci_dev, VGPU_MSIX_COMMAND_DONE);
    }
    if (bits & VGPU_IRQ_CONFIG_CHANGED) {
        msix_notify(pci_dev, VGPU_MSIX_CONFIG_CHANGED);
    }
    if (bits & VGPU_IRQ_MESSAGE_DONE && s->revision >= 3) {
        msix_notify(pci_dev, VGPU_MSIX_MESSAGE_DONE);
    }
}

static void vgpu_stub_hostile_raise(VGPUStubHostileState *s, uint32_t bits)
{
    if (bits & VGPU_IRQ_CONFIG_CHANGED) {
        s->config_generation += s->config_step;
        s->vm_id += s->config_step;
    }
    s->irq_status |= bits;
    s->irq_raised++;
    vgpu_stub_hostile_signal(s, bits);
}

/* Raises the next one of irq_times. */
static void vgpu_stub_hostile_tick(void *opaque)
{
    VGPUStubHostileState *s = opaque;

    if (!vgpu_stub_hostile_is_there(s) || !s->irq_times) {
        return;
    }
    vgpu_stub_hostile_raise(s, s->irq_bits);
    if (s->irq_times != TIMES_WITHOUT_END) {
        s->irq_times--;
    }
    if (s->irq_times) {
        vgpu_stub_hostile_arm(&s->irq_timer, MAX(s->irq_period_us, 1));
    }
}

static void vgpu_stub_hostile_complete(void *opaque)
{
    VGPUStubHostileState *s = opaque;

    if (!vgpu_stub_hostile_is_there(s)) {
        return;
    }
    s->status = VGPU_STATUS_DONE;
    s->completed++;
    vgpu_stub_hostile_raise(s, VGPU_IRQ_COMMAND_DONE);
}

static void vgpu_stub_hostile_submit(VGPUStubHostileState *s, uint32_t command)
{
    s->command = command;
    if (!s->completes) {
        return;
    }
    s->status = VGPU_STATUS_BUSY;
    s->submitted++;
    if (s->command_latency_us) {
        vgpu_stub_hostile_arm(&s->completion, s->command_latency_us);
    } else {
        vgpu_stub_hostile_complete(s);
    }
}

static void vgpu_stub_hostile_ring(VGPUStubHostileState *s, uint32_t slot)
{
    PCIDevice *pci_dev = PCI_DEVICE(s);
    uint64_t at = s->msg_base +
                  ((uint64_t)(slot % VGPU_MSG_SLOTS_MAX) << VGPU_MSG_SLOT_SHIFT);
    uint32_t header[] = {
        cpu_to_le32(s->msg_out_len), cpu_to_le32(s->msg_status),
        cpu_to_le32(s->msg_state),
    };
    uint8_t answer[VGPU_MSG_OUT_MAX];

    if (s->msg_writes) {
        memset(answer, s->msg_fill, sizeof(answer));
        vgpu_stub_dma(pci_dev, at + VGPU_MSG_OUT_OFFSET, answer, sizeof(answer),
                      DMA_DIRECTION_FROM_DEVICE);
        vgpu_stub_dma(pci_dev, at + offsetof(struct vgpu_msg_header, out_len),
                      header, sizeof(header), DMA_DIRECTION_FROM_DEVICE);
    }
    s->msg_done_bits &= ~(1U << (slot & 31));
    s->msg_done_bits |= s->msg_done ? s->msg_done : 1U << (slot & 31);
    vgpu_stub_hostile_raise(s, VGPU_IRQ_MESSAGE_DONE);
}

static uint32_t vgpu_stub_hostile_register(VGPUStubHostileState *s,
                                           hwaddr addr)
{
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
    case VGPU_REG_FEATURES:
        return s->features;
    case VGPU_REG_IRQ_STATUS:
        return s->irq_status;
    case VGPU_REG_IRQ_ENABLE:
        return s->irq_enable;
    case VGPU_REG_SUBMITTED:
        return s->submitted;
    case VGPU_REG_COMPLETED:
        return s->completed;
    case VGPU_REG_RESULT:
        return s->result;
    case VGPU_REG_CONFIG_GENERATION:
        return s->config_generation;
    case VGPU_REG_MSG_LAYOUT:
        return s->msg_layout;
    case VGPU_REG_MSG_BASE_LOW:
        return extract64(s->msg_base, 0, 32);
    case VGPU_REG_MSG_BASE_HIGH:
        return extract64(s->msg_base, 32, 32);
    case VGPU_REG_MSG_CONTROL:
        return s->msg_control;
    case VGPU_REG_MSG_ACTIVE:
        return s->msg_active;
    case VGPU_REG_MSG_DONE:
        return s->msg_done_bits;
    default:
        return 0;
    }
}

static uint32_t vgpu_stub_hostile_answer(VGPUStubHostileState *s, hwaddr addr)
{
    uint32_t val;

    if (s->all_ones) {
        return VGPU_REG_GONE;
    }
    if (vgpu_stub_hostile_script_answer(&s->script, &val)) {
        return val;
    }
    if (addr == VGPU_REG_IRQ_STATUS &&
        vgpu_stub_hostile_script_answer(&s->irq_script, &val)) {
        return val;
    }
    return vgpu_stub_hostile_register(s, addr);
}

static uint64_t vgpu_stub_hostile_read(void *opaque, hwaddr addr,
                                       unsigned size)
{
    VGPUStubHostileState *s = opaque;
    uint32_t val;

    if (!vgpu_stub_hostile_is_there(s)) {
        return 0;
    }
    s->reads++;
    val = vgpu_stub_hostile_answer(s, addr);
    if (s->irq_at_reads == AT_READS_ANY || s->irq_at_reads == addr) {
        vgpu_stub_hostile_raise(s, s->irq_bits);
    }
    return val;
}

static void vgpu_stub_hostile_write(void *opaque, hwaddr addr, uint64_t val,
                                    unsigned size)
{
    VGPUStubHostileState *s = opaque;
    uint32_t enabled = s->irq_enable;

    if (!vgpu_stub_hostile_is_there(s)) {
        return;
    }
    switch (addr) {
    case VGPU_REG_COMMAND:
        vgpu_stub_hostile_submit(s, val);
        break;
    case VGPU_REG_IRQ_STATUS:
        s->irq_status &= ~val;
        vgpu_stub_hostile_update_line(s);
        break;
    case VGPU_REG_IRQ_ENABLE:
        s->irq_enable = val;
        vgpu_stub_hostile_signal(s, s->irq_status & ~enabled);
        break;
    case VGPU_REG_MSG_BASE_LOW:
        s->msg_base = deposit64(s->msg_base, 0, 32, val);
        break;
    case VGPU_REG_MSG_BASE_HIGH:
        s->msg_base = deposit64(s->msg_base, 32, 32, val);
        break;
    case VGPU_REG_MSG_CONTROL:
        s->msg_control = s->msg_enables ? val : 0;
        s->msg_done_bits = 0;
        break;
    case VGPU_REG_MSG_DOORBELL:
        vgpu_stub_hostile_ring(s, val);
        break;
    case VGPU_REG_MSG_DONE:
        s->msg_done_bits &= ~val;
        break;
    default:
        break;
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

static bool vgpu_stub_hostile_init_msix(VGPUStubHostileState *s, Error **errp)
{
    PCIDevice *pci_dev = PCI_DEVICE(s);
    unsigned int vectors = s->revision >= 3 ? VGPU_MSIX_VECTORS_3
                                            : VGPU_MSIX_VECTORS;
    unsigned int i;

    if (msix_init_exclusive_bar(pci_dev, vectors, VGPU_STUB_HOSTILE_MSIX_BAR,
                                errp)) {
        return false;
    }
    for (i = 0; i < vectors; i++) {
        msix_vector_use(pci_dev, i);
    }
    return true;
}

static void vgpu_stub_hostile_realize(PCIDevice *pci_dev, Error **errp)
{
    VGPUStubHostileState *s = VGPU_STUB_HOSTILE(pci_dev);

    /* What PCI cannot express would end QEMU in an assertion. */
    if (!is_power_of_2(s->bar0_size) || s->bar0_size < 16) {
        error_setg(errp, "vgpu-stub-hostile: bar0-size must be a power of two "
                   "of at least 16, got %" PRIu32, s->bar0_size);
        return;
    }
    if (s->msix && !vgpu_stub_hostile_init_msix(s, errp)) {
        return;
    }

    pci_config_set_class(pci_dev->config, s->class_id);
    pci_config_set_revision(pci_dev->config, s->revision);
    pci_config_set_interrupt_pin(pci_dev->config, s->intx ? 1 : 0);

    memory_region_init_io(&s->bar0, OBJECT(s), &vgpu_stub_hostile_ops, s,
                          "vgpu-stub-hostile-bar0", s->bar0_size);
    pci_register_bar(pci_dev, 0,
                     s->bar0_io ? PCI_BASE_ADDRESS_SPACE_IO
                                : PCI_BASE_ADDRESS_SPACE_MEMORY,
                     &s->bar0);
    if (s->irq_times) {
        vgpu_stub_hostile_arm(&s->irq_timer, MAX(s->irq_period_us, 1));
    }
}

static void vgpu_stub_hostile_exit(PCIDevice *pci_dev)
{
    VGPUStubHostileState *s = VGPU_STUB_HOSTILE(pci_dev);

    timer_del(&s->completion);
    timer_del(&s->irq_timer);
    if (s->msix) {
        msix_uninit_exclusive_bar(pci_dev);
    }
}

static void vgpu_stub_hostile_get_bool(Object *obj, Visitor *v,
                                       const char *name, void *opaque,
                                       Error **errp)
{
    visit_type_bool(v, name, opaque, errp);
}

static void vgpu_stub_hostile_set_bool(Object *obj, Visitor *v,
                                       const char *name, void *opaque,
                                       Error **errp)
{
    visit_type_bool(v, name, opaque, errp);
}

static char *vgpu_stub_hostile_get_script(Object *obj, Error **errp)
{
    return g_strdup(VGPU_STUB_HOSTILE(obj)->script.text);
}

static void vgpu_stub_hostile_set_script(Object *obj, const char *value,
                                         Error **errp)
{
    ERRP_GUARD();
    VGPUStubHostileState *s = VGPU_STUB_HOSTILE(obj);

    vgpu_stub_hostile_script_set(&s->script, value, s->seed, errp);
    if (!*errp) {
        s->reads = 0;
    }
}

static char *vgpu_stub_hostile_get_irq_script(Object *obj, Error **errp)
{
    return g_strdup(VGPU_STUB_HOSTILE(obj)->irq_script.text);
}

static void vgpu_stub_hostile_set_irq_script(Object *obj, const char *value,
                                             Error **errp)
{
    VGPUStubHostileState *s = VGPU_STUB_HOSTILE(obj);

    vgpu_stub_hostile_script_set(&s->irq_script, value, s->seed, errp);
}

static char *vgpu_stub_hostile_get_irq_at_reads(Object *obj, Error **errp)
{
    int64_t at = VGPU_STUB_HOSTILE(obj)->irq_at_reads;

    switch (at) {
    case AT_READS_NEVER:
        return g_strdup("never");
    case AT_READS_ANY:
        return g_strdup("any");
    default:
        return g_strdup_printf("0x%03" PRIx64, at);
    }
}

static void vgpu_stub_hostile_set_irq_at_reads(Object *obj, const char *value,
                                               Error **errp)
{
    VGPUStubHostileState *s = VGPU_STUB_HOSTILE(obj);
    unsigned int offset;

    if (g_str_equal(value, "never")) {
        s->irq_at_reads = AT_READS_NEVER;
    } else if (g_str_equal(value, "any")) {
        s->irq_at_reads = AT_READS_ANY;
    } else if (!qemu_strtoui(value, NULL, 0, &offset)) {
        s->irq_at_reads = offset;
    } else {
        error_setg(errp, "vgpu-stub-hostile: irq-at-reads must be never, any "
                   "or an offset, got '%s'", value);
    }
}

static void vgpu_stub_hostile_get_irq_times(Object *obj, Visitor *v,
                                            const char *name, void *opaque,
                                            Error **errp)
{
    visit_type_uint32(v, name, &VGPU_STUB_HOSTILE(obj)->irq_times, errp);
}

/* The first one is raised now, or if there is no device yet, soon after. */
static void vgpu_stub_hostile_set_irq_times(Object *obj, Visitor *v,
                                            const char *name, void *opaque,
                                            Error **errp)
{
    VGPUStubHostileState *s = VGPU_STUB_HOSTILE(obj);

    if (visit_type_uint32(v, name, &s->irq_times, errp)) {
        timer_del(&s->irq_timer);
        vgpu_stub_hostile_tick(s);
    }
}

/* Numbers that can be set at any time and have no effect by themselves. */
static void vgpu_stub_hostile_add_numbers(VGPUStubHostileState *s)
{
    const struct {
        const char *name;
        uint32_t *value;
    } numbers[] = {
        { "command", &s->command },
        { "status", &s->status },
        { "pool-id", &s->pool_id },
        { "priority", &s->priority },
        { "vm-id", &s->vm_id },
        { "features", &s->features },
        { "irq-status", &s->irq_status },
        { "irq-enable", &s->irq_enable },
        { "submitted", &s->submitted },
        { "completed", &s->completed },
        { "result", &s->result },
        { "config-generation", &s->config_generation },
        { "seed", &s->seed },
        { "command-latency-us", &s->command_latency_us },
        { "irq-bits", &s->irq_bits },
        { "irq-period-us", &s->irq_period_us },
        { "config-step", &s->config_step },
        { "msg-layout", &s->msg_layout },
        { "msg-active", &s->msg_active },
        { "msg-state", &s->msg_state },
        { "msg-out-len", &s->msg_out_len },
        { "msg-status", &s->msg_status },
        { "msg-fill", &s->msg_fill },
        { "msg-done", &s->msg_done },
    };
    size_t i;

    for (i = 0; i < ARRAY_SIZE(numbers); i++) {
        object_property_add_uint32_ptr(OBJECT(s), numbers[i].name,
                                       numbers[i].value,
                                       OBJ_PROP_FLAG_READWRITE);
    }
}

/* The same for switches. */
static void vgpu_stub_hostile_add_switches(VGPUStubHostileState *s)
{
    const struct {
        const char *name;
        bool *value;
    } switches[] = {
        { "all-ones", &s->all_ones },
        { "completes", &s->completes },
        { "irq-obeys-enable", &s->irq_obeys_enable },
        { "irq-mute", &s->irq_mute },
        { "msg-enables", &s->msg_enables },
        { "msg-writes", &s->msg_writes },
    };
    size_t i;

    for (i = 0; i < ARRAY_SIZE(switches); i++) {
        object_property_add(OBJECT(s), switches[i].name, "bool",
                            vgpu_stub_hostile_get_bool,
                            vgpu_stub_hostile_set_bool, NULL,
                            switches[i].value);
    }
}

/* Not qdev properties: those refuse to change once the device is realized. */
static void vgpu_stub_hostile_init(Object *obj)
{
    VGPUStubHostileState *s = VGPU_STUB_HOSTILE(obj);

    s->pool_id = VGPU_POOL_ID_A;
    s->priority = VGPU_PRIORITY_MEDIUM;
    s->irq_bits = VGPU_IRQ_COMMAND_DONE;
    s->irq_at_reads = AT_READS_NEVER;
    s->irq_obeys_enable = true;
    s->config_step = 1;
    s->msg_layout = VGPU_MSG_SLOTS | VGPU_MSG_SLOT_SHIFT << 8;
    s->msg_enables = true;
    s->msg_writes = true;
    s->msg_state = VGPU_MSG_STATE_ANSWERED;
    vgpu_stub_hostile_script_init(&s->script);
    vgpu_stub_hostile_script_init(&s->irq_script);
    timer_init_ns(&s->completion, QEMU_CLOCK_VIRTUAL,
                  vgpu_stub_hostile_complete, s);
    timer_init_ns(&s->irq_timer, QEMU_CLOCK_VIRTUAL, vgpu_stub_hostile_tick, s);

    vgpu_stub_hostile_add_numbers(s);
    vgpu_stub_hostile_add_switches(s);
    object_property_add_str(obj, "script", vgpu_stub_hostile_get_script,
                            vgpu_stub_hostile_set_script);
    object_property_add_str(obj, "irq-script", vgpu_stub_hostile_get_irq_script,
                            vgpu_stub_hostile_set_irq_script);
    object_property_add_str(obj, "irq-at-reads",
                            vgpu_stub_hostile_get_irq_at_reads,
                            vgpu_stub_hostile_set_irq_at_reads);
    object_property_add(obj, "irq-times", "uint32",
                        vgpu_stub_hostile_get_irq_times,
                        vgpu_stub_hostile_set_irq_times, NULL, NULL);
    object_property_add_uint32_ptr(obj, "reads", &s->reads,
                                   OBJ_PROP_FLAG_READ);
    object_property_add_uint32_ptr(obj, "irq-raised", &s->irq_raised,
                                   OBJ_PROP_FLAG_READ);
}

static void vgpu_stub_hostile_finalize(Object *obj)
{
    VGPUStubHostileState *s = VGPU_STUB_HOSTILE(obj);

    timer_del(&s->completion);
    timer_del(&s->irq_timer);
    vgpu_stub_hostile_script_finalize(&s->script);
    vgpu_stub_hostile_script_finalize(&s->irq_script);
}

static const Property vgpu_stub_hostile_properties[] = {
    DEFINE_PROP_UINT16("class", VGPUStubHostileState, class_id,
                       VGPU_PCI_CLASS),
    DEFINE_PROP_UINT8("revision", VGPUStubHostileState, revision,
                      VGPU_PCI_REVISION_1),
    DEFINE_PROP_UINT32("bar0-size", VGPUStubHostileState, bar0_size,
                       VGPU_BAR0_SIZE),
    DEFINE_PROP_BOOL("bar0-io", VGPUStubHostileState, bar0_io, false),
    DEFINE_PROP_BOOL("intx", VGPUStubHostileState, intx, true),
    DEFINE_PROP_BOOL("msix", VGPUStubHostileState, msix, false),
};

static void vgpu_stub_hostile_class_init(ObjectClass *klass,
                                         VGPU_STUB_CONST void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *k = PCI_DEVICE_CLASS(klass);

    k->realize = vgpu_stub_hostile_realize;
    k->exit = vgpu_stub_hostile_exit;
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
        .instance_finalize = vgpu_stub_hostile_finalize,
        .class_init = vgpu_stub_hostile_class_init,
        .interfaces = (VGPU_STUB_CONST InterfaceInfo[]) {
            { INTERFACE_CONVENTIONAL_PCI_DEVICE },
            { },
        },
    },
};

DEFINE_TYPES(vgpu_stub_hostile_types)
