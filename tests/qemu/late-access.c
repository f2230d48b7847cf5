/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Accesses to a PCI device that has been unplugged.
 *
 * A vCPU that waits for the big lock while its device is unplugged enters the
 * device's handlers afterwards, with the address translated before. That takes
 * two vCPUs and luck. This object does the same at any time: it holds a
 * device, and lets a test reach it whether or not it is still plugged in.
 *
 *     -device late-access,id=late
 *     qom-set late device /machine/peripheral/gpu
 *
 * From then on the handlers of these regions are dispatched to at addresses of
 * their own, until another device is held, or none ("").
 *
 *     0xe8000000    BAR0
 *     0xe8001000    the MSI-X table
 *     0xe8002000    the MSI-X pending bits
 *
 * Other callbacks are called by qom-set of "call":
 *
 *     config OFFSET VALUE    writes 4 bytes to configuration space
 *     set PROPERTY VALUE     sets a property
 *     reset                  resets the device
 *     load                   has the state loaded that the device is in
 *
 * Only for tests. It builds in every QEMU from 5.2 on.
 */

#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "qemu/module.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "hw/pci/msix.h"
#include "migration/vmstate.h"
#include "vgpu-stub-compat.h"

#define TYPE_LATE_ACCESS "late-access"
OBJECT_DECLARE_SIMPLE_TYPE(LateAccessState, LATE_ACCESS)

#define LATE_ACCESS_BASE 0xe8000000
#define LATE_ACCESS_SIZE 0x1000
#define LATE_ACCESS_REGIONS 3

struct LateAccessState {
    DeviceState parent_obj;

    /* Referenced, as by a vCPU that uses one of its regions. */
    PCIDevice *device;
    /* Where the device's memory is mapped. */
    MemoryRegion *space;
    MemoryRegion aliases[LATE_ACCESS_REGIONS];
};

static void late_access_release(LateAccessState *s)
{
    unsigned int i;

    if (!s->device) {
        return;
    }
    for (i = 0; i < LATE_ACCESS_REGIONS; i++) {
        if (s->aliases[i].container) {
            memory_region_del_subregion(s->space, &s->aliases[i]);
            object_unparent(OBJECT(&s->aliases[i]));
        }
    }
    object_unref(OBJECT(s->device));
    s->device = NULL;
}

static void late_access_hold(LateAccessState *s, PCIDevice *device)
{
    MemoryRegion *regions[LATE_ACCESS_REGIONS] = {
        device->io_regions[0].memory,
    };
    unsigned int i;

    if (msix_present(device)) {
        regions[1] = &device->msix_table_mmio;
        regions[2] = &device->msix_pba_mmio;
    }
    object_ref(OBJECT(device));
    s->device = device;
    s->space = pci_address_space(device);
    for (i = 0; i < LATE_ACCESS_REGIONS; i++) {
        if (!regions[i]) {
            continue;
        }
        memory_region_init_alias(&s->aliases[i], OBJECT(s), "late-access",
                                 regions[i], 0, LATE_ACCESS_SIZE);
        memory_region_add_subregion_overlap(s->space, LATE_ACCESS_BASE +
                                            i * LATE_ACCESS_SIZE,
                                            &s->aliases[i], 1);
    }
}

static void late_access_set_device(Object *obj, Visitor *v, const char *name,
                                   void *opaque, Error **errp)
{
    LateAccessState *s = LATE_ACCESS(obj);
    g_autofree char *path = NULL;
    Object *device = NULL;

    if (!visit_type_str(v, name, &path, errp)) {
        return;
    }
    if (*path) {
        device = object_resolve_path_type(path, TYPE_PCI_DEVICE, NULL);
        if (!device) {
            error_setg(errp, "late-access: there is no PCI device '%s'", path);
            return;
        }
    }
    late_access_release(s);
    if (device) {
        late_access_hold(s, PCI_DEVICE(device));
    }
}

/* Has the state loaded that is there, as if it had come in a stream. */
static void late_access_load(PCIDevice *device, Error **errp)
{
    const VMStateDescription *vmsd = DEVICE_GET_CLASS(device)->vmsd;
    const VMStateDescription *const *sub = vmsd->subsections;
    int ret = 0;

    if (vmsd->post_load) {
        ret = vmsd->post_load(device, vmsd->version_id);
    }
    for (; !ret && sub && *sub; sub++) {
        if ((*sub)->post_load && (*sub)->needed(device)) {
            ret = (*sub)->post_load(device, (*sub)->version_id);
        }
    }
    if (ret) {
        error_setg_errno(errp, -ret, "late-access: the state is refused");
    }
}

static void late_access_set_call(Object *obj, Visitor *v, const char *name,
                                 void *opaque, Error **errp)
{
    PCIDevice *device = LATE_ACCESS(obj)->device;
    g_autofree char *call = NULL;
    g_auto(GStrv) words = NULL;
    unsigned int offset, value;
    guint count;

    if (!visit_type_str(v, name, &call, errp)) {
        return;
    }
    words = g_strsplit(call, " ", -1);
    count = g_strv_length(words);
    if (!device) {
        error_setg(errp, "late-access: no device is held");
    } else if (count == 3 && g_str_equal(words[0], "config") &&
               !qemu_strtoui(words[1], NULL, 0, &offset) &&
               !qemu_strtoui(words[2], NULL, 0, &value)) {
        device->config_write(device, offset, value, sizeof(value));
    } else if (count == 3 && g_str_equal(words[0], "set")) {
        object_set_props(OBJECT(device), errp, words[1], words[2], NULL);
    } else if (count == 1 && g_str_equal(words[0], "reset")) {
        device_cold_reset(DEVICE(device));
    } else if (count == 1 && g_str_equal(words[0], "load")) {
        late_access_load(device, errp);
    } else {
        error_setg(errp, "late-access: '%s' is no call", call);
    }
}

static const PropertyInfo late_access_device_info = {
    .VGPU_STUB_PROP_TYPE = "str",
    .description = "path of the device to hold",
    VGPU_STUB_PROP_LIVE
    .set = late_access_set_device,
};

static const PropertyInfo late_access_call_info = {
    .VGPU_STUB_PROP_TYPE = "str",
    .description = "callback to call",
    VGPU_STUB_PROP_LIVE
    .set = late_access_set_call,
};

static const Property late_access_properties[] = {
    DEFINE_PROP("device", LateAccessState, device, late_access_device_info,
                PCIDevice *),
    DEFINE_PROP("call", LateAccessState, device, late_access_call_info,
                PCIDevice *),
};

static void late_access_class_init(ObjectClass *klass,
                                   VGPU_STUB_CONST void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);

    dc->desc = "Accesses to a PCI device that has been unplugged";
    dc->user_creatable = true;
    dc->hotpluggable = false;
    device_class_set_props(dc, late_access_properties);
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
}

static const TypeInfo late_access_types[] = {
    {
        .name = TYPE_LATE_ACCESS,
        .parent = TYPE_DEVICE,
        .instance_size = sizeof(LateAccessState),
        .class_init = late_access_class_init,
    },
};

DEFINE_TYPES(late_access_types)
