/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The protocol between a vGPU stub and its backend, which answers the messages of
 * the guest: version 1. Documentation/messages-protocol.md specifies it.
 *
 * Frames go both ways, one after the other: this header, all of it little-endian,
 * and @length bytes of payload.
 */

#ifndef HW_MISC_VGPU_STUB_PROTOCOL_H
#define HW_MISC_VGPU_STUB_PROTOCOL_H

#define VGPU_PROTOCOL_VERSION 1

struct vgpu_frame {
    uint32_t length;
    /* VGPU_FRAME_*. */
    uint16_t type;
    uint16_t slot;
    uint32_t sequence;
    uint32_t status;
};

/* From the device: who it is, whenever that has changed. struct vgpu_hello. */
#define VGPU_FRAME_HELLO 1
/* From the device: a message of the guest. */
#define VGPU_FRAME_REQUEST 2
/* From the device: the request of that slot and sequence wants no answer any more. */
#define VGPU_FRAME_CANCEL 3
/* From the backend: the answer to the request of that slot and sequence. */
#define VGPU_FRAME_RESPONSE 4

/* Registers of the device as they are, but for @version. */
struct vgpu_hello {
    uint32_t version;
    uint32_t vm_id;
    uint32_t pool_id;
    uint32_t priority;
    /* The number of slots, and the longest payload of a request and of a response. */
    uint32_t slots;
    uint32_t request_max;
    uint32_t response_max;
};

#endif /* HW_MISC_VGPU_STUB_PROTOCOL_H */
