/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The connection of a vGPU stub to its backend: frames over a chardev.
 *
 * Neither side is trusted to read: what is being sent is one frame, and what was
 * received is read no further than to the end of the longest one, until the device
 * has taken it. The rest waits with whoever wants to send it.
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/error-report.h"
#include "vgpu-stub-backend.h"

static bool vgpu_backend_parse(const uint8_t *in, size_t len,
                               struct vgpu_frame *frame)
{
    if (len < sizeof(*frame)) {
        return false;
    }
    memcpy(frame, in, sizeof(*frame));
    frame->length = le32_to_cpu(frame->length);
    frame->type = le16_to_cpu(frame->type);
    frame->slot = le16_to_cpu(frame->slot);
    frame->sequence = le32_to_cpu(frame->sequence);
    frame->status = le32_to_cpu(frame->status);
    return true;
}

/* The number of bytes that are whole frames, up to the first that is too long. */
static size_t vgpu_backend_whole(VGPUBackend *b)
{
    struct vgpu_frame frame;
    size_t at = 0;

    while (vgpu_backend_parse(b->in + at, b->in_len - at, &frame) &&
           frame.length <= b->in_len - at - sizeof(frame)) {
        at += sizeof(frame) + frame.length;
    }
    return at;
}

static void vgpu_backend_unwatch(VGPUBackend *b)
{
    if (b->watch) {
        g_source_remove(b->watch);
        b->watch = 0;
    }
}

static void vgpu_backend_closed(VGPUBackend *b)
{
    if (!b->connected) {
        return;
    }
    b->connected = false;
    vgpu_backend_unwatch(b);
    b->out_len = 0;
    b->out_sent = 0;
    /* Answers that have come are answers; the beginning of one is none. */
    b->in_len = vgpu_backend_whole(b);
    b->ops->changed(b->opaque, false);
}

static void vgpu_backend_event(void *opaque, VGPU_STUB_CHR_EVENT event)
{
    VGPUBackend *b = opaque;

    if (event == CHR_EVENT_OPENED) {
        vgpu_backend_closed(b);
        b->connected = true;
        b->ops->changed(b->opaque, true);
    } else if (event == CHR_EVENT_CLOSED) {
        vgpu_backend_closed(b);
    }
}

/* Nobody is kept waiting who has been told that this is over. */
static int vgpu_backend_can_read(void *opaque)
{
    VGPUBackend *b = opaque;

    return b->connected ? sizeof(b->in) - b->in_len : sizeof(b->in);
}

static void vgpu_backend_read(void *opaque, const uint8_t *buf, int size)
{
    VGPUBackend *b = opaque;

    if (b->connected && size > 0 && size <= sizeof(b->in) - b->in_len) {
        memcpy(b->in + b->in_len, buf, size);
        b->in_len += size;
        b->ops->ready(b->opaque);
    }
}

void vgpu_backend_init(VGPUBackend *b, const VGPUBackendOps *ops, void *opaque)
{
    b->ops = ops;
    b->opaque = opaque;
    b->in_len = 0;
    qemu_chr_fe_set_handlers(&b->chr, vgpu_backend_can_read, vgpu_backend_read,
                             vgpu_backend_event, NULL, b, NULL, true);
}

void vgpu_backend_deinit(VGPUBackend *b)
{
    qemu_chr_fe_disconnect(&b->chr);
    vgpu_backend_closed(b);
    qemu_chr_fe_set_handlers(&b->chr, NULL, NULL, NULL, NULL, NULL, NULL, true);
}

void vgpu_backend_refuse(VGPUBackend *b, const char *why)
{
    warn_report_once("vgpu-stub: the backend has sent %s; its connection is "
                     "closed", why);
    b->in_len = 0;
    qemu_chr_fe_disconnect(&b->chr);
    /* A chardev that has nothing to close is no longer listened to. */
    vgpu_backend_closed(b);
}

static gboolean vgpu_backend_writable(VGPU_STUB_WATCH_SOURCE *source,
                                      GIOCondition condition, void *opaque)
{
    VGPUBackend *b = opaque;

    b->watch = 0;
    b->ops->ready(b->opaque);
    return G_SOURCE_REMOVE;
}

/* True when nothing waits to be sent any more. */
static bool vgpu_backend_flush(VGPUBackend *b)
{
    while (b->out_sent < b->out_len) {
        int n = qemu_chr_fe_write(&b->chr, b->out + b->out_sent,
                                  b->out_len - b->out_sent);

        /* Writing finds out that the connection has gone. */
        if (!b->connected) {
            return false;
        }
        if (n <= 0) {
            if (!b->watch) {
                b->watch = qemu_chr_fe_add_watch(&b->chr, G_IO_OUT | G_IO_HUP,
                                                 vgpu_backend_writable, b);
            }
            return false;
        }
        b->out_sent += n;
    }
    b->out_len = 0;
    b->out_sent = 0;
    return true;
}

bool vgpu_backend_can_send(VGPUBackend *b)
{
    return b->connected && vgpu_backend_flush(b);
}

void *vgpu_backend_payload(VGPUBackend *b)
{
    return b->out + sizeof(struct vgpu_frame);
}

void vgpu_backend_send(VGPUBackend *b, uint16_t type, uint16_t slot,
                       uint32_t sequence, uint32_t length)
{
    struct vgpu_frame frame = {
        .length = cpu_to_le32(length),
        .type = cpu_to_le16(type),
        .slot = cpu_to_le16(slot),
        .sequence = cpu_to_le32(sequence),
    };

    memcpy(b->out, &frame, sizeof(frame));
    b->out_len = sizeof(frame) + length;
    b->out_sent = 0;
    vgpu_backend_flush(b);
}

const void *vgpu_backend_receive(VGPUBackend *b, struct vgpu_frame *frame)
{
    if (!vgpu_backend_parse(b->in, b->in_len, frame)) {
        return NULL;
    }
    if (frame->length > VGPU_MSG_OUT_MAX) {
        vgpu_backend_refuse(b, "a frame that is too long");
        return NULL;
    }
    if (frame->length > b->in_len - sizeof(*frame)) {
        return NULL;
    }
    return b->in + sizeof(*frame);
}

void vgpu_backend_consume(VGPUBackend *b, const struct vgpu_frame *frame)
{
    size_t used = sizeof(*frame) + frame->length;

    b->in_len -= used;
    memmove(b->in, b->in + used, b->in_len);
    qemu_chr_fe_accept_input(&b->chr);
}
