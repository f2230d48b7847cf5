/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device that claims to be a vGPU stub and answers what the test says.
 *
 * Only for testing guest drivers. It shares no code with the real model, so
 * that a fault of one cannot hide in the other, and it checks nothing: to give
 * wrong answers is its purpose. What a register reads and whether everything
 * reads as ones can be set at any time with qom-set; the shape of the device is
 * fixed when it is made.
 *
 * What the reads from now on answer can be a script, too: words of which each
 * is the answer to one read of BAR0, wherever that is, and the last one to all
 * that follow.
 *
 *   true      what the register holds
 *   ones      all ones, as from a device that is gone
 *   random    a number, often one of those that mean something
 *   0x41      this number
 *   3*ones    the same three times
 *
 * The random numbers are those of the property seed, again with every script
 * that is set. The property reads counts the reads since then.
 */

#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "qemu/host-utils.h"
#include "qapi/error.h"
#include "hw/pci/pci_device.h"
#include "hw/qdev-properties.h"
#include "standard-headers/linux/vgpu_stub.h"

#define TYPE_VGPU_STUB_HOSTILE "vgpu-stub-hostile"
OBJECT_DECLARE_SIMPLE_TYPE(VGPUStubHostileState, VGPU_STUB_HOSTILE)

typedef enum {
    ANSWER_TRUE,
    ANSWER_ONES,
    ANSWER_RANDOM,
    ANSWER_NUMBER,
} VGPUStubHostileKind;

typedef struct {
    VGPUStubHostileKind kind;
    uint32_t number;
    /* The reads that it answers. */
    uint32_t times;
} VGPUStubHostileAnswer;

struct VGPUStubHostileState {
    PCIDevice parent_obj;

    MemoryRegion bar0;

    uint16_t class_id;
    uint8_t revision;
    uint32_t bar0_size;
    bool bar0_io;
    bool intx;

    uint32_t command;
    uint32_t status;
    uint32_t pool_id;
    uint32_t priority;
    uint32_t vm_id;
    uint32_t features;
    uint32_t config_generation;
    bool all_ones;

    char *script;
    /* What it says, or nothing; which answer is next, and how often it was. */
    GArray *answers;
    guint answer;
    uint32_t answered;
    uint32_t seed;
    uint32_t random;
    uint32_t reads;
};

/* Marsaglia's xorshift, which never comes to 0 unless it begins there. */
static uint32_t vgpu_stub_hostile_next(VGPUStubHostileState *s)
{
    uint32_t x = s->random;

    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    s->random = x;
    return x;
}

static uint32_t vgpu_stub_hostile_random(VGPUStubHostileState *s)
{
    static const uint32_t meaningful[] = {
        0, VGPU_STATUS_DONE, VGPU_PRIORITY_HIGH, VGPU_PRIORITY_HIGH + 1,
        VGPU_POOL_ID_A, VGPU_POOL_ID_B, 0x7f, 0x80, 0x100, 0xd800, 0x10ffff,
        0x110000, INT32_MAX, 0x80000000, VGPU_REG_GONE - 1, VGPU_REG_GONE,
    };
    uint32_t choice = vgpu_stub_hostile_next(s);

    if (choice & 1) {
        return vgpu_stub_hostile_next(s);
    }
    return meaningful[(choice >> 1) % ARRAY_SIZE(meaningful)];
}

static uint64_t vgpu_stub_hostile_read(void *opaque, hwaddr addr,
                                       unsigned size)
{
    VGPUStubHostileState *s = opaque;
    VGPUStubHostileAnswer *answer;

    s->reads++;
    if (s->all_ones) {
        return VGPU_REG_GONE;
    }
    if (s->answers->len) {
        answer = &g_array_index(s->answers, VGPUStubHostileAnswer, s->answer);
        if (++s->answered >= answer->times &&
            s->answer + 1 < s->answers->len) {
            s->answer++;
            s->answered = 0;
        }
        switch (answer->kind) {
        case ANSWER_ONES:
            return VGPU_REG_GONE;
        case ANSWER_RANDOM:
            return vgpu_stub_hostile_random(s);
        case ANSWER_NUMBER:
            return answer->number;
        case ANSWER_TRUE:
            break;
        }
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
    case VGPU_REG_FEATURES:
        return s->features;
    case VGPU_REG_CONFIG_GENERATION:
        return s->config_generation;
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
    /* Without a pin there is no interrupt to be had: it has no MSI-X either. */
    pci_config_set_interrupt_pin(pci_dev->config, s->intx ? 1 : 0);

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

/* One word of a script. */
static bool vgpu_stub_hostile_parse(const char *word,
                                    VGPUStubHostileAnswer *answer,
                                    Error **errp)
{
    const char *what = word;
    const char *star = strchr(word, '*');
    g_autofree char *times = NULL;
    unsigned int number;

    answer->times = 1;
    if (star) {
        times = g_strndup(word, star - word);
        if (!g_ascii_isdigit(*times) ||
            qemu_strtoui(times, NULL, 10, &answer->times) ||
            !answer->times) {
            error_setg(errp, "vgpu-stub-hostile: '%s' is not to be answered "
                       "a number of times", word);
            return false;
        }
        what = star + 1;
    }
    if (g_str_equal(what, "true")) {
        answer->kind = ANSWER_TRUE;
    } else if (g_str_equal(what, "ones")) {
        answer->kind = ANSWER_ONES;
    } else if (g_str_equal(what, "random")) {
        answer->kind = ANSWER_RANDOM;
    } else if (!qemu_strtoui(what, NULL, 0, &number)) {
        answer->kind = ANSWER_NUMBER;
        answer->number = number;
    } else {
        error_setg(errp, "vgpu-stub-hostile: '%s' is no answer: true, ones, "
                   "random or a number", word);
        return false;
    }
    return true;
}

static char *vgpu_stub_hostile_get_script(Object *obj, Error **errp)
{
    return g_strdup(VGPU_STUB_HOSTILE(obj)->script);
}

static void vgpu_stub_hostile_set_script(Object *obj, const char *value,
                                         Error **errp)
{
    VGPUStubHostileState *s = VGPU_STUB_HOSTILE(obj);
    g_auto(GStrv) words = g_strsplit(value, " ", -1);
    GArray *answers = g_array_new(false, false, sizeof(VGPUStubHostileAnswer));
    VGPUStubHostileAnswer answer;
    char **word;

    for (word = words; *word; word++) {
        if (!**word) {
            continue;
        }
        if (!vgpu_stub_hostile_parse(*word, &answer, errp)) {
            g_array_unref(answers);
            return;
        }
        g_array_append_val(answers, answer);
    }
    g_array_unref(s->answers);
    s->answers = answers;
    g_free(s->script);
    s->script = g_strdup(value);
    s->answer = 0;
    s->answered = 0;
    s->random = s->seed ? s->seed : 1;
    s->reads = 0;
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
    object_property_add_uint32_ptr(obj, "features", &s->features,
                                   OBJ_PROP_FLAG_READWRITE);
    object_property_add_uint32_ptr(obj, "config-generation",
                                   &s->config_generation,
                                   OBJ_PROP_FLAG_READWRITE);
    object_property_add_bool(obj, "all-ones", vgpu_stub_hostile_get_all_ones,
                             vgpu_stub_hostile_set_all_ones);

    s->script = g_strdup("");
    s->answers = g_array_new(false, false, sizeof(VGPUStubHostileAnswer));
    object_property_add_str(obj, "script", vgpu_stub_hostile_get_script,
                            vgpu_stub_hostile_set_script);
    object_property_add_uint32_ptr(obj, "seed", &s->seed,
                                   OBJ_PROP_FLAG_READWRITE);
    object_property_add_uint32_ptr(obj, "reads", &s->reads,
                                   OBJ_PROP_FLAG_READ);
}

static void vgpu_stub_hostile_finalize(Object *obj)
{
    VGPUStubHostileState *s = VGPU_STUB_HOSTILE(obj);

    g_array_unref(s->answers);
    g_free(s->script);
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
        .instance_finalize = vgpu_stub_hostile_finalize,
        .class_init = vgpu_stub_hostile_class_init,
        .interfaces = (InterfaceInfo[]) {
            { INTERFACE_CONVENTIONAL_PCI_DEVICE },
            { },
        },
    },
};

DEFINE_TYPES(vgpu_stub_hostile_types)
