/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The connection of a vGPU stub to its backend: frames over a chardev.
 */

#ifndef HW_MISC_VGPU_STUB_BACKEND_H
#define HW_MISC_VGPU_STUB_BACKEND_H

#include "standard-headers/linux/vgpu_stub.h"
#include "vgpu-stub-compat.h"
#include "vgpu-stub-protocol.h"

/* The callbacks of who uses a connection. */
typedef struct VGPUBackendOps {
    /* It came, with nothing sent yet, or it went. */
    void (*changed)(void *opaque, bool connected);
    /* More may be received or sent now. */
    void (*ready)(void *opaque);
} VGPUBackendOps;

/* Only @chr, a property, and @connected, to be read, are of interest outside. */
typedef struct VGPUBackend {
    CharFrontend chr;
    const VGPUBackendOps *ops;
    void *opaque;
    bool connected;
    guint watch;

    /* The frame that is being sent, if any: one, however slow the backend is. */
    uint8_t out[sizeof(struct vgpu_frame) + VGPU_MSG_IN_MAX];
    size_t out_len;
    size_t out_sent;

    /* What was received and is not consumed: at least the longest frame fits. */
    uint8_t in[sizeof(struct vgpu_frame) + VGPU_MSG_OUT_MAX];
    size_t in_len;
} VGPUBackend;

void vgpu_backend_init(VGPUBackend *b, const VGPUBackendOps *ops, void *opaque);
void vgpu_backend_deinit(VGPUBackend *b);

/* Ends the connection, because of something that the backend has sent. */
void vgpu_backend_refuse(VGPUBackend *b, const char *why);

/* Whether a frame can be sent: there is a connection, and no other one waits. */
bool vgpu_backend_can_send(VGPUBackend *b);

/* Where the payload of the next frame is to be put, up to VGPU_MSG_IN_MAX bytes. */
void *vgpu_backend_payload(VGPUBackend *b);

/* Sends a frame, whose payload is there; only after vgpu_backend_can_send(). */
void vgpu_backend_send(VGPUBackend *b, uint16_t type, uint16_t slot,
                       uint32_t sequence, uint32_t length);

/*
 * Gives the next frame that was received as a whole, also after the connection has
 * gone; it stays until vgpu_backend_consume(). NULL if there is none.
 */
const void *vgpu_backend_receive(VGPUBackend *b, struct vgpu_frame *frame);
void vgpu_backend_consume(VGPUBackend *b, const struct vgpu_frame *frame);

#endif /* HW_MISC_VGPU_STUB_BACKEND_H */
