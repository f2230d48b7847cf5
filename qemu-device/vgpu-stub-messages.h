/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The messages of a vGPU stub of revision 3: slots in the guest's memory, which the
 * device reads and writes, and a backend that answers what is in them.
 */

#ifndef HW_MISC_VGPU_STUB_MESSAGES_H
#define HW_MISC_VGPU_STUB_MESSAGES_H

#include "migration/vmstate.h"
#include "vgpu-stub-backend.h"

typedef enum VGPUSlotState {
    /* The guest's. */
    VGPU_SLOT_FREE,
    /* The device's, which has not read it. */
    VGPU_SLOT_RUNG,
    /* Sent to the backend, or being sent. */
    VGPU_SLOT_SENT,
    /* There will be no answer, but the guest has not been told. */
    VGPU_SLOT_LOST,
} VGPUSlotState;

typedef struct VGPUSlot {
    VGPUSlotState state;
    /* Number of the doorbell that gave it to the device. */
    uint32_t sequence;
    /* The backend is to be told that the request of this sequence is cancelled. */
    bool cancel;
    uint32_t cancelled;
} VGPUSlot;

typedef struct VGPUMessages {
    PCIDevice *pci_dev;
    /* Tells the guest that a bit of MSG_DONE was set. */
    void (*done_cb)(PCIDevice *pci_dev);
    VGPUBackend backend;
    /* All access to the guest's memory is from here. NULL while not realized. */
    QEMUBH *bh;
    VMChangeStateEntry *vm_change;

    /* Registers. */
    uint64_t base;
    uint32_t control;
    uint32_t done;
    uint32_t fault;

    VGPUSlot slots[VGPU_MSG_SLOTS];
    /* Never starts again: no answer to an earlier message fits a later one. */
    uint32_t next_sequence;
    /* What the backend is told, and whether it has to be. */
    struct vgpu_hello hello;
    bool hello_due;

    /* In a stream only: bitmaps of the slots that are the device's. */
    uint32_t rung;
    uint32_t lost;
} VGPUMessages;

void vgpu_messages_realize(VGPUMessages *m, PCIDevice *pci_dev,
                           void (*done_cb)(PCIDevice *pci_dev));
void vgpu_messages_unrealize(VGPUMessages *m);
void vgpu_messages_reset(VGPUMessages *m);

/* Tells the backend who the device is, now and on each connection. */
void vgpu_messages_identify(VGPUMessages *m, uint32_t vm_id, uint32_t pool_id,
                            uint32_t priority);

/* Accesses to the registers of revision 3; false for all others. */
bool vgpu_messages_read(VGPUMessages *m, hwaddr addr, uint32_t *val);
bool vgpu_messages_write(VGPUMessages *m, hwaddr addr, uint32_t val);

extern const VMStateDescription vgpu_messages_vmstate;

#endif /* HW_MISC_VGPU_STUB_MESSAGES_H */
