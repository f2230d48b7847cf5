/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The interfaces of QEMU 11 that vgpu-stub.c is written against, for every
 * QEMU from 4.2 on.
 *
 * What differs between versions is here and nowhere else, the oldest last: a
 * block goes when the versions below its number are no longer of interest.
 */

#ifndef HW_MISC_VGPU_STUB_COMPAT_H
#define HW_MISC_VGPU_STUB_COMPAT_H

/* 402 for 4.2, 1001 for 10.1. A tree with later interfaces may say so. */
#ifndef VGPU_STUB_QEMU
#define VGPU_STUB_QEMU (QEMU_VERSION_MAJOR * 100 + QEMU_VERSION_MINOR)
#endif

#if VGPU_STUB_QEMU < 402
#error "vgpu-stub needs QEMU 4.2 or later"
#endif

#if VGPU_STUB_QEMU >= 1100
#include "hw/core/qdev-properties.h"
#else
#include "hw/qdev-properties.h"
#endif

#if VGPU_STUB_QEMU >= 1100
#include "hw/core/qdev-properties-system.h"
#elif VGPU_STUB_QEMU >= 600
#include "hw/qdev-properties-system.h"
#endif

#if VGPU_STUB_QEMU >= 800
#include "hw/pci/pci_device.h"
#else
#include "hw/pci/pci.h"
#endif

#if VGPU_STUB_QEMU >= 1000
#include "system/dma.h"
#include "system/runstate.h"
#elif VGPU_STUB_QEMU >= 500
#include "sysemu/dma.h"
#include "sysemu/runstate.h"
#else
#include "sysemu/dma.h"
#include "sysemu/sysemu.h"
#endif

#include "chardev/char-fe.h"

#if VGPU_STUB_QEMU < 501
#include "qapi/error.h"
#include "qapi/visitor.h"
#endif

/* What -device vgpu-stub,help shows as the type of a property. */
#if VGPU_STUB_QEMU >= 1000
#define VGPU_STUB_PROP_TYPE type
#else
#define VGPU_STUB_PROP_TYPE name
#endif

/* Whether a property may be set later is up to it alone in older versions. */
#if VGPU_STUB_QEMU >= 600
#define VGPU_STUB_PROP_LIVE .realized_set_allowed = true,
#else
#define VGPU_STUB_PROP_LIVE
#endif

/* The data of class_init and the interfaces of a type. */
#if VGPU_STUB_QEMU >= 1001
#define VGPU_STUB_CONST const
#else
#define VGPU_STUB_CONST
#endif

#if VGPU_STUB_QEMU < 1000
/*
 * The list of properties is neither const nor counted, but ends with one that
 * has no name. It is made once, for the class, and lives as long as that.
 */
static inline void vgpu_stub_set_props_n(DeviceClass *dc,
                                         const Property *props, size_t n)
{
    Property *list = g_new0(Property, n + 1);

    memcpy(list, props, n * sizeof(*props));
#if VGPU_STUB_QEMU >= 500
    device_class_set_props(dc, list);
#else
    dc->props = list;
#endif
}

#define device_class_set_props(dc, props) \
    vgpu_stub_set_props_n(dc, props, ARRAY_SIZE(props))
#endif

#if VGPU_STUB_QEMU < 1002
#define CharFrontend CharBackend
#endif

#if VGPU_STUB_QEMU < 902
static inline void device_class_set_legacy_reset(DeviceClass *dc,
                                                 void (*reset)(DeviceState *))
{
    dc->reset = reset;
}
#endif

/*
 * A bottom half that is kept from its device's own registers. Older versions have
 * that as a fix of security, so their number does not tell.
 */
#ifndef qemu_bh_new_guarded
#define qemu_bh_new_guarded(cb, opaque, guard) qemu_bh_new(cb, opaque)
#endif

/*
 * Copies between a buffer and the guest's memory, as the device that asks for it sees
 * that: through its IOMMU, and only while it is a bus master. False if a part of it is
 * not RAM; parts before that may have been copied.
 */
#if VGPU_STUB_QEMU >= 700
static inline bool vgpu_stub_dma(PCIDevice *pci_dev, dma_addr_t addr, void *buf,
                                 dma_addr_t len, DMADirection dir)
{
    const MemTxAttrs attrs = { .memory = true };

    return dma_memory_rw(pci_get_address_space(pci_dev), addr, buf, len, dir,
                         attrs) == MEMTX_OK;
}
#else
static inline bool vgpu_stub_dma(PCIDevice *pci_dev, dma_addr_t addr, void *buf,
                                 dma_addr_t len, DMADirection dir)
{
    AddressSpace *as = pci_get_address_space(pci_dev);
    bool is_write = dir == DMA_DIRECTION_FROM_DEVICE;
    dma_addr_t done;
    hwaddr xlat, part;

    RCU_READ_LOCK_GUARD();
    for (done = 0; done < len; done += part) {
        MemoryRegion *mr;

        part = len - done;
        mr = address_space_translate(as, addr + done, &xlat, &part, is_write,
                                     MEMTXATTRS_UNSPECIFIED);
        if (!part || !memory_access_is_direct(mr, is_write)) {
            return false;
        }
    }
    return dma_memory_rw(as, addr, buf, len, dir) == 0;
}
#endif

#if VGPU_STUB_QEMU < 600
/* The type of a handler's argument that says whether the machine runs. */
#define VGPU_STUB_RUNNING int
/* The first argument of a chardev's watch, which is not used. */
#define VGPU_STUB_WATCH_SOURCE GIOChannel
#else
#define VGPU_STUB_RUNNING bool
#define VGPU_STUB_WATCH_SOURCE void
#endif

#if VGPU_STUB_QEMU >= 500
#define VGPU_STUB_CHR_EVENT QEMUChrEvent
#else
#define VGPU_STUB_CHR_EVENT int
#endif

#if VGPU_STUB_QEMU < 501
/* Visitors say by their error alone that they have failed. */
static inline bool vgpu_stub_visit_type_str(Visitor *v, const char *name,
                                            char **obj, Error **errp)
{
    Error *err = NULL;

    visit_type_str(v, name, obj, &err);
    error_propagate(errp, err);
    return !err;
}

static inline bool vgpu_stub_visit_type_uint32(Visitor *v, const char *name,
                                               uint32_t *obj, Error **errp)
{
    Error *err = NULL;

    visit_type_uint32(v, name, obj, &err);
    error_propagate(errp, err);
    return !err;
}

#define visit_type_str vgpu_stub_visit_type_str
#define visit_type_uint32 vgpu_stub_visit_type_uint32
#endif

#if VGPU_STUB_QEMU < 502
#define OBJECT_DECLARE_SIMPLE_TYPE(InstanceType, MODULE_OBJ_NAME) \
    typedef struct InstanceType InstanceType; \
    \
    static inline InstanceType *MODULE_OBJ_NAME(const void *obj) \
    { \
        return OBJECT_CHECK(InstanceType, obj, TYPE_ ## MODULE_OBJ_NAME); \
    }
#endif

#endif /* HW_MISC_VGPU_STUB_COMPAT_H */
