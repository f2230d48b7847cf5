/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The messages of a vGPU stub of revision 3.
 *
 * A register access changes who owns a slot, and nothing else: what a slot contains
 * is read, sent, and answered in a bottom half, and only while the machine runs. So
 * a slot that the guest has taken back is not accessed any more.
 *
 * Each slot is in one state, and what is to be sent follows from those: nothing is
 * queued, and there is nothing that a guest or a backend could make grow.
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/log.h"
#include "vgpu-stub-messages.h"

#define VGPU_MSG_SLOT_SIZE (1 << VGPU_MSG_SLOT_SHIFT)
#define VGPU_MSG_WINDOW_SIZE (VGPU_MSG_SLOTS * VGPU_MSG_SLOT_SIZE)

QEMU_BUILD_BUG_ON(VGPU_MSG_SLOTS > VGPU_MSG_SLOTS_MAX);
QEMU_BUILD_BUG_ON(VGPU_MSG_IN_OFFSET != sizeof(struct vgpu_msg_header));
QEMU_BUILD_BUG_ON(VGPU_MSG_IN_OFFSET + VGPU_MSG_IN_MAX > VGPU_MSG_OUT_OFFSET);
QEMU_BUILD_BUG_ON(VGPU_MSG_OUT_OFFSET + VGPU_MSG_OUT_MAX > VGPU_MSG_SLOT_SIZE);

static void vgpu_messages_schedule(VGPUMessages *m)
{
    if (m->bh) {
        qemu_bh_schedule(m->bh);
    }
}

static bool vgpu_messages_dma(VGPUMessages *m, unsigned int slot, size_t offset,
                              void *buf, size_t len, DMADirection dir)
{
    return vgpu_stub_dma(m->pci_dev,
                         m->base + slot * VGPU_MSG_SLOT_SIZE + offset, buf, len,
                         dir);
}

static bool vgpu_messages_put(VGPUMessages *m, unsigned int slot, size_t offset,
                              const void *buf, size_t len)
{
    return vgpu_messages_dma(m, slot, offset, (void *)buf, len,
                             DMA_DIRECTION_FROM_DEVICE);
}

static bool vgpu_messages_get(VGPUMessages *m, unsigned int slot, size_t offset,
                              void *buf, size_t len)
{
    return vgpu_messages_dma(m, slot, offset, buf, len,
                             DMA_DIRECTION_TO_DEVICE);
}

/* Gives a slot back: all of it is written, or the guest is told of a fault. */
static void vgpu_messages_give_back(VGPUMessages *m, unsigned int slot,
                                    bool in_memory)
{
    if (!in_memory) {
        m->fault = VGPU_MSG_STATUS_FAULT;
        qemu_log_mask(LOG_GUEST_ERROR, "vgpu-stub: slot %u of the window at "
                      "0x%" PRIx64 " is not in memory\n", slot, m->base);
    }
    m->slots[slot].state = VGPU_SLOT_FREE;
    m->done |= 1U << slot;
}

/* Writes what has become of a message, the state of it last. */
static bool vgpu_messages_put_state(VGPUMessages *m, unsigned int slot,
                                    uint32_t state, uint32_t out_len,
                                    uint32_t status)
{
    uint32_t answer[] = { cpu_to_le32(out_len), cpu_to_le32(status) };
    uint32_t last = cpu_to_le32(state);

    return vgpu_messages_put(m, slot, offsetof(struct vgpu_msg_header, out_len),
                             answer, sizeof(answer)) &&
           vgpu_messages_put(m, slot, offsetof(struct vgpu_msg_header, state),
                             &last, sizeof(last));
}

static void vgpu_messages_fail(VGPUMessages *m, unsigned int slot,
                               uint32_t state)
{
    vgpu_messages_give_back(m, slot,
                            vgpu_messages_put_state(m, slot, state, 0, 0));
}

/* The guest has no use for a slot's answer any more. */
static void vgpu_messages_take_back(VGPUMessages *m, unsigned int slot)
{
    VGPUSlot *s = &m->slots[slot];

    if (s->state == VGPU_SLOT_SENT) {
        s->cancel = true;
        s->cancelled = s->sequence;
        vgpu_messages_schedule(m);
    }
    s->state = VGPU_SLOT_FREE;
}

static uint32_t vgpu_messages_active(VGPUMessages *m)
{
    uint32_t active = 0;
    unsigned int i;

    for (i = 0; i < VGPU_MSG_SLOTS; i++) {
        if (m->slots[i].state != VGPU_SLOT_FREE) {
            active |= 1U << i;
        }
    }
    return active;
}

static void vgpu_messages_cancel(VGPUMessages *m, uint32_t slots)
{
    unsigned int i;

    for (i = 0; i < VGPU_MSG_SLOTS; i++) {
        if (slots & (1U << i)) {
            vgpu_messages_take_back(m, i);
        }
    }
}

void vgpu_messages_reset(VGPUMessages *m)
{
    vgpu_messages_cancel(m, UINT32_MAX);
    m->base = 0;
    m->control = 0;
    m->done = 0;
    m->fault = 0;
}

/*
 * Takes the answers that have come. One that nobody waits for is dropped: what it
 * answers may have been cancelled while it was on its way.
 */
static void vgpu_messages_receive(VGPUMessages *m)
{
    struct vgpu_frame frame;
    const void *payload;

    while ((payload = vgpu_backend_receive(&m->backend, &frame))) {
        VGPUSlot *s = &m->slots[frame.slot % VGPU_MSG_SLOTS];

        if (frame.type != VGPU_FRAME_RESPONSE) {
            vgpu_backend_refuse(&m->backend, "a frame that is no response");
            return;
        }
        if (frame.slot >= VGPU_MSG_SLOTS) {
            vgpu_backend_refuse(&m->backend, "a response for no slot");
            return;
        }
        if ((s->state == VGPU_SLOT_SENT || s->state == VGPU_SLOT_LOST) &&
            s->sequence == frame.sequence) {
            vgpu_messages_give_back(m, frame.slot,
                vgpu_messages_put(m, frame.slot, VGPU_MSG_OUT_OFFSET, payload,
                                  frame.length) &&
                vgpu_messages_put_state(m, frame.slot, VGPU_MSG_STATE_ANSWERED,
                                        frame.length, frame.status));
        }
        vgpu_backend_consume(&m->backend, &frame);
    }
}

/* Tells the guest of the messages that there will be no answer to. */
static void vgpu_messages_lose(VGPUMessages *m)
{
    unsigned int i;

    for (i = 0; i < VGPU_MSG_SLOTS; i++) {
        if (m->slots[i].state == VGPU_SLOT_LOST) {
            vgpu_messages_fail(m, i, VGPU_MSG_STATE_LOST);
        } else if (m->slots[i].state == VGPU_SLOT_RUNG &&
                   !m->backend.connected) {
            vgpu_messages_fail(m, i, VGPU_MSG_STATE_NOT_CONNECTED);
        }
    }
}

/* Sends the message of a slot, or gives it back as none. */
static void vgpu_messages_send_request(VGPUMessages *m, unsigned int slot)
{
    VGPUSlot *s = &m->slots[slot];
    uint32_t head[2];
    uint32_t in_len;

    QEMU_BUILD_BUG_ON(offsetof(struct vgpu_msg_header, in_len) != 0 ||
                      offsetof(struct vgpu_msg_header, flags) != 4);
    if (!vgpu_messages_get(m, slot, 0, head, sizeof(head))) {
        vgpu_messages_give_back(m, slot, false);
        return;
    }
    in_len = le32_to_cpu(head[0]);
    if (in_len > VGPU_MSG_IN_MAX || head[1]) {
        vgpu_messages_fail(m, slot, VGPU_MSG_STATE_INVALID);
        return;
    }
    if (!vgpu_messages_get(m, slot, VGPU_MSG_IN_OFFSET,
                           vgpu_backend_payload(&m->backend), in_len)) {
        vgpu_messages_give_back(m, slot, false);
        return;
    }
    s->state = VGPU_SLOT_SENT;
    vgpu_backend_send(&m->backend, VGPU_FRAME_REQUEST, slot, s->sequence,
                      in_len);
}

/* The slot that has waited longest to be sent, or -1. */
static int vgpu_messages_next(VGPUMessages *m)
{
    int next = -1;
    unsigned int i;

    for (i = 0; i < VGPU_MSG_SLOTS; i++) {
        VGPUSlot *s = &m->slots[i];

        if (s->state == VGPU_SLOT_RUNG &&
            (next < 0 ||
             (int32_t)(s->sequence - m->slots[next].sequence) < 0)) {
            next = i;
        }
    }
    return next;
}

/* Sends one cancellation. False if there is none. */
static bool vgpu_messages_send_cancel(VGPUMessages *m)
{
    unsigned int i;

    for (i = 0; i < VGPU_MSG_SLOTS; i++) {
        VGPUSlot *s = &m->slots[i];

        if (s->cancel) {
            s->cancel = false;
            vgpu_backend_send(&m->backend, VGPU_FRAME_CANCEL, i, s->cancelled,
                              0);
            return true;
        }
    }
    return false;
}

/*
 * Sends what there is, as far as the backend takes it: first who the device is, then
 * what it need not answer any more, at last what it is to answer. So a slot's
 * cancellation goes before its next message.
 */
static void vgpu_messages_send(VGPUMessages *m, bool running)
{
    int next;

    while (vgpu_backend_can_send(&m->backend)) {
        if (m->hello_due) {
            m->hello_due = false;
            memcpy(vgpu_backend_payload(&m->backend), &m->hello,
                   sizeof(m->hello));
            vgpu_backend_send(&m->backend, VGPU_FRAME_HELLO, 0, 0,
                              sizeof(m->hello));
        } else if (!vgpu_messages_send_cancel(m)) {
            next = running ? vgpu_messages_next(m) : -1;
            if (next < 0) {
                return;
            }
            vgpu_messages_send_request(m, next);
        }
    }
}

static void vgpu_messages_work(void *opaque)
{
    VGPUMessages *m = opaque;
    bool running = runstate_is_running();
    uint32_t before = m->done;

    /* Who the device is will come with its state. */
    if (runstate_check(RUN_STATE_INMIGRATE)) {
        return;
    }
    if (running) {
        vgpu_messages_receive(m);
    }
    vgpu_messages_send(m, running);
    /* Last: sending may have found that the connection has gone. */
    if (running) {
        vgpu_messages_lose(m);
    }
    if (m->done & ~before) {
        m->done_cb(m->pci_dev);
    }
}

static void vgpu_messages_vm_change(void *opaque, VGPU_STUB_RUNNING running,
                                    RunState state)
{
    vgpu_messages_schedule(opaque);
}

static void vgpu_messages_ready(void *opaque)
{
    vgpu_messages_schedule(opaque);
}

/* A backend that comes knows nothing of what an earlier one was asked. */
static void vgpu_messages_changed(void *opaque, bool connected)
{
    VGPUMessages *m = opaque;
    unsigned int i;

    for (i = 0; i < VGPU_MSG_SLOTS; i++) {
        m->slots[i].cancel = false;
        if (m->slots[i].state == VGPU_SLOT_SENT) {
            m->slots[i].state = VGPU_SLOT_LOST;
        }
    }
    m->hello_due = connected;
    vgpu_messages_schedule(m);
}

static const VGPUBackendOps vgpu_messages_backend_ops = {
    .changed = vgpu_messages_changed,
    .ready = vgpu_messages_ready,
};

void vgpu_messages_realize(VGPUMessages *m, PCIDevice *pci_dev,
                           void (*done_cb)(PCIDevice *pci_dev))
{
    m->pci_dev = pci_dev;
    m->done_cb = done_cb;
    m->bh = qemu_bh_new_guarded(vgpu_messages_work, m,
                                &DEVICE(pci_dev)->mem_reentrancy_guard);
    m->vm_change = qemu_add_vm_change_state_handler(vgpu_messages_vm_change, m);
    vgpu_backend_init(&m->backend, &vgpu_messages_backend_ops, m);
}

void vgpu_messages_unrealize(VGPUMessages *m)
{
    if (!m->bh) {
        return;
    }
    vgpu_messages_reset(m);
    qemu_bh_delete(m->bh);
    m->bh = NULL;
    qemu_del_vm_change_state_handler(m->vm_change);
    vgpu_backend_deinit(&m->backend);
}

void vgpu_messages_identify(VGPUMessages *m, uint32_t vm_id, uint32_t pool_id,
                            uint32_t priority)
{
    m->hello = (struct vgpu_hello) {
        .version = cpu_to_le32(VGPU_PROTOCOL_VERSION),
        .vm_id = cpu_to_le32(vm_id),
        .pool_id = cpu_to_le32(pool_id),
        .priority = cpu_to_le32(priority),
        .slots = cpu_to_le32(VGPU_MSG_SLOTS),
        .request_max = cpu_to_le32(VGPU_MSG_IN_MAX),
        .response_max = cpu_to_le32(VGPU_MSG_OUT_MAX),
    };
    m->hello_due = m->backend.connected;
    vgpu_messages_schedule(m);
}

/* An access to the window must not leave the 64 bits of an address. */
static bool vgpu_messages_is_window(uint64_t base)
{
    return QEMU_IS_ALIGNED(base, VGPU_MSG_WINDOW_ALIGN) &&
           base <= UINT64_MAX - (VGPU_MSG_WINDOW_SIZE - 1);
}

static void vgpu_messages_set_control(VGPUMessages *m, uint32_t val)
{
    if (!(val & VGPU_MSG_CONTROL_ENABLE)) {
        vgpu_messages_cancel(m, UINT32_MAX);
        m->control = 0;
        m->done = 0;
        m->fault = 0;
    } else if (!vgpu_messages_is_window(m->base)) {
        m->fault = VGPU_MSG_STATUS_FAULT;
        qemu_log_mask(LOG_GUEST_ERROR, "vgpu-stub: no window of messages can "
                      "be at 0x%" PRIx64 "\n", m->base);
    } else {
        m->control = VGPU_MSG_CONTROL_ENABLE;
        m->fault = 0;
    }
}

static void vgpu_messages_ring(VGPUMessages *m, uint32_t slot)
{
    if (!m->control || slot >= VGPU_MSG_SLOTS ||
        m->slots[slot].state != VGPU_SLOT_FREE) {
        qemu_log_mask(LOG_GUEST_ERROR, "vgpu-stub: doorbell of slot %" PRIu32
                      " ignored\n", slot);
        return;
    }
    m->slots[slot].state = VGPU_SLOT_RUNG;
    m->slots[slot].sequence = m->next_sequence++;
    m->done &= ~(1U << slot);
    vgpu_messages_schedule(m);
}

static void vgpu_messages_set_base(VGPUMessages *m, uint32_t val,
                                   unsigned int shift)
{
    if (m->control) {
        qemu_log_mask(LOG_GUEST_ERROR, "vgpu-stub: the window of messages is "
                      "enabled and stays where it is\n");
        return;
    }
    m->base = deposit64(m->base, shift, 32, val);
}

bool vgpu_messages_read(VGPUMessages *m, hwaddr addr, uint32_t *val)
{
    switch (addr) {
    case VGPU_REG_MSG_LAYOUT:
        *val = VGPU_MSG_SLOTS | VGPU_MSG_SLOT_SHIFT << 8;
        return true;
    case VGPU_REG_MSG_BASE_LOW:
        *val = extract64(m->base, 0, 32);
        return true;
    case VGPU_REG_MSG_BASE_HIGH:
        *val = extract64(m->base, 32, 32);
        return true;
    case VGPU_REG_MSG_CONTROL:
        *val = m->control;
        return true;
    case VGPU_REG_MSG_ACTIVE:
        *val = vgpu_messages_active(m);
        return true;
    case VGPU_REG_MSG_DONE:
        *val = m->done;
        return true;
    case VGPU_REG_MSG_STATUS:
        *val = m->fault | (m->backend.connected ? VGPU_MSG_STATUS_LINK : 0);
        return true;
    default:
        return false;
    }
}

bool vgpu_messages_write(VGPUMessages *m, hwaddr addr, uint32_t val)
{
    switch (addr) {
    case VGPU_REG_MSG_BASE_LOW:
        vgpu_messages_set_base(m, val, 0);
        return true;
    case VGPU_REG_MSG_BASE_HIGH:
        vgpu_messages_set_base(m, val, 32);
        return true;
    case VGPU_REG_MSG_CONTROL:
        vgpu_messages_set_control(m, val);
        return true;
    case VGPU_REG_MSG_DOORBELL:
        vgpu_messages_ring(m, val);
        return true;
    case VGPU_REG_MSG_DONE:
        m->done &= ~val;
        return true;
    case VGPU_REG_MSG_CANCEL:
        vgpu_messages_cancel(m, val);
        return true;
    default:
        return false;
    }
}

/* Where the state is loaded, nobody knows what has become of what was sent. */
static int vgpu_messages_pre_save(void *opaque)
{
    VGPUMessages *m = opaque;
    unsigned int i;

    m->rung = 0;
    m->lost = 0;
    for (i = 0; i < VGPU_MSG_SLOTS; i++) {
        if (m->slots[i].state == VGPU_SLOT_RUNG) {
            m->rung |= 1U << i;
        } else if (m->slots[i].state != VGPU_SLOT_FREE) {
            m->lost |= 1U << i;
        }
    }
    return 0;
}

static int vgpu_messages_pre_load(void *opaque)
{
    VGPUMessages *m = opaque;

    /* What was asked before is not asked in the state that comes. */
    vgpu_messages_reset(m);
    return 0;
}

/* A stream may come from anywhere: it is not to say what a guest cannot do. */
static int vgpu_messages_post_load(void *opaque, int version_id)
{
    VGPUMessages *m = opaque;
    uint32_t slots = m->rung | m->lost | m->done;
    unsigned int i;

    if (!m->bh) {
        return -ENODEV;
    }
    if ((m->control & ~VGPU_MSG_CONTROL_ENABLE) ||
        (m->fault & ~VGPU_MSG_STATUS_FAULT) ||
        (m->control ? !vgpu_messages_is_window(m->base) : slots) ||
        (m->rung & m->lost) || ((m->rung | m->lost) & m->done) ||
        (slots & ~MAKE_64BIT_MASK(0, VGPU_MSG_SLOTS))) {
        return -EINVAL;
    }
    for (i = 0; i < VGPU_MSG_SLOTS; i++) {
        if ((m->rung | m->lost) & (1U << i)) {
            m->slots[i].state = m->lost & (1U << i) ? VGPU_SLOT_LOST
                                                    : VGPU_SLOT_RUNG;
            m->slots[i].sequence = m->next_sequence++;
        }
    }
    vgpu_messages_schedule(m);
    return 0;
}

const VMStateDescription vgpu_messages_vmstate = {
    .name = "vgpu-stub/messages",
    .version_id = 1,
    .minimum_version_id = 1,
    .pre_load = vgpu_messages_pre_load,
    .pre_save = vgpu_messages_pre_save,
    .post_load = vgpu_messages_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT64(base, VGPUMessages),
        VMSTATE_UINT32(control, VGPUMessages),
        VMSTATE_UINT32(done, VGPUMessages),
        VMSTATE_UINT32(fault, VGPUMessages),
        VMSTATE_UINT32(rung, VGPUMessages),
        VMSTATE_UINT32(lost, VGPUMessages),
        VMSTATE_END_OF_LIST()
    },
};
