/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The contract of the vGPU stub: PCI ids, the registers of BAR0 and the ioctls
 * of /dev/vgpuN.
 *
 * The device model, the driver, the library and the tests take their numbers
 * from here. All of it is ABI: things are added, never changed.
 */
#ifndef _UAPI_LINUX_VGPU_STUB_H
#define _UAPI_LINUX_VGPU_STUB_H

#include <linux/ioctl.h>
#include <linux/types.h>

/*
 * PCI identity. The vendor's registry reserves the device id without giving it
 * to anybody, so a driver checks the class as well before it binds.
 */
#define VGPU_PCI_VENDOR_ID		0x1af4
#define VGPU_PCI_DEVICE_ID		0x1111
#define VGPU_PCI_SUBSYSTEM_VENDOR_ID	0x1af4
#define VGPU_PCI_SUBSYSTEM_ID		0x1100
/* Processing accelerator: base class and subclass, without the interface. */
#define VGPU_PCI_CLASS			0x1200
#define VGPU_PCI_REVISION_1		0x01
#define VGPU_PCI_REVISION_2		0x02
#define VGPU_PCI_REVISION_3		0x03

/* BAR0: 32-bit, non-prefetchable memory of little-endian 32-bit registers. */
#define VGPU_BAR0_SIZE			0x1000

/* RW. The last command written; writing submits. 0 after reset. */
#define VGPU_REG_COMMAND		0x000
/* RO. VGPU_STATUS_* bits. 0 after reset. */
#define VGPU_REG_STATUS			0x004
/* RO. The ASCII code of the pool's letter. */
#define VGPU_REG_POOL_ID		0x008
/* RO. One of VGPU_PRIORITY_*. */
#define VGPU_REG_PRIORITY		0x00c
/* RO. The VM's number. */
#define VGPU_REG_VM_ID			0x010
/* From here on revision 1 reads 0 and ignores writes. */
#define VGPU_REG_RESERVED		0x014

/* Revision 2 and later. */

/* RO. VGPU_FEATURE_* bits. */
#define VGPU_REG_FEATURES		0x014
/* RW1C. VGPU_IRQ_* bits: what has happened. 0 after reset. */
#define VGPU_REG_IRQ_STATUS		0x018
/* RW. VGPU_IRQ_* bits: what interrupts. 0 after reset. */
#define VGPU_REG_IRQ_ENABLE		0x01c
/* RO. Number of commands accepted since reset, wraps. */
#define VGPU_REG_SUBMITTED		0x020
/* RO. Number of commands completed since reset, wraps. */
#define VGPU_REG_COMPLETED		0x024
/* RO. Result of the last command that was completed; 0 is success. */
#define VGPU_REG_RESULT			0x028
/*
 * RO. Number of live changes of POOL_ID, PRIORITY and VM_ID since the device
 * was made, wraps; a reset does not clear it. The same value before and after
 * reading those three means that they belong together.
 */
#define VGPU_REG_CONFIG_GENERATION	0x02c
/* From here on revision 2 reads 0 and ignores writes. */
#define VGPU_REG_RESERVED_2		0x030

/* Revision 3 and later. */

/* RO. VGPU_MSG_LAYOUT_*: how the window of messages is laid out. */
#define VGPU_REG_MSG_LAYOUT		0x030
/*
 * RW. Bus address of the window, a multiple of VGPU_MSG_WINDOW_ALIGN. Writes are
 * ignored while messages are enabled. 0 after reset.
 */
#define VGPU_REG_MSG_BASE_LOW		0x034
#define VGPU_REG_MSG_BASE_HIGH		0x038
/*
 * RW. VGPU_MSG_CONTROL_* bits. 0 after reset. When a write of 0 returns, the device
 * has given up all slots and does not access the window any more.
 */
#define VGPU_REG_MSG_CONTROL		0x03c
/* WO. Number of a slot: it belongs to the device until its bit in MSG_DONE is set. */
#define VGPU_REG_MSG_DOORBELL		0x040
/* RO. Bitmap of the slots that belong to the device. 0 after reset. */
#define VGPU_REG_MSG_ACTIVE		0x044
/*
 * RW1C. Bitmap of the slots that the device has given back. Ringing the doorbell of
 * a slot clears its bit. 0 after reset.
 */
#define VGPU_REG_MSG_DONE		0x048
/*
 * WO. Bitmap of slots to take back. When the write returns, the device does not
 * access them any more; their bits in MSG_DONE are not set.
 */
#define VGPU_REG_MSG_CANCEL		0x04c
/* RO. VGPU_MSG_STATUS_* bits. */
#define VGPU_REG_MSG_STATUS		0x050
/* From here on revision 3 reads 0 and ignores writes. */
#define VGPU_REG_RESERVED_3		0x054

/* The last command that was accepted is done. */
#define VGPU_STATUS_DONE		0x00000001
/* Revision 2: a command was accepted and is not done. */
#define VGPU_STATUS_BUSY		0x00000002
/*
 * Revision 2: a command came while another one was not done, and was ignored.
 * Goes when the next one is accepted.
 */
#define VGPU_STATUS_DROPPED		0x00000004

/* There are interrupts. */
#define VGPU_FEATURE_IRQ		0x00000001
/* A command may take its time. */
#define VGPU_FEATURE_ASYNC		0x00000002
/* The host may change POOL_ID, PRIORITY and VM_ID at any time. */
#define VGPU_FEATURE_LIVE_CONFIG	0x00000004
/* Revision 3: there are messages to the host, by DMA. */
#define VGPU_FEATURE_MESSAGES		0x00000008

/*
 * A command was completed; and POOL_ID, PRIORITY or VM_ID have changed. By
 * MSI-X, each has a vector, and interrupts when its bit in IRQ_STATUS and
 * IRQ_ENABLE becomes set in both. By INTx, the line is active as long as any
 * bit is set in both.
 */
#define VGPU_IRQ_COMMAND_DONE		0x00000001
#define VGPU_IRQ_CONFIG_CHANGED		0x00000002
/* Revision 3: a bit of MSG_DONE was set. */
#define VGPU_IRQ_MESSAGE_DONE		0x00000004

#define VGPU_MSIX_COMMAND_DONE		0
#define VGPU_MSIX_CONFIG_CHANGED	1
#define VGPU_MSIX_VECTORS		2
/* Revision 3. */
#define VGPU_MSIX_MESSAGE_DONE		2
#define VGPU_MSIX_VECTORS_3		3

/* Number of slots, 1 to VGPU_MSG_SLOTS_MAX, and log2 of the size of each. */
#define VGPU_MSG_LAYOUT_SLOTS		0x000000ff
#define VGPU_MSG_LAYOUT_SLOT_SHIFT	0x0000ff00

#define VGPU_MSG_SLOTS_MAX		32
#define VGPU_MSG_WINDOW_ALIGN		4096

/* Those of the device as it is. */
#define VGPU_MSG_SLOTS			8
#define VGPU_MSG_SLOT_SHIFT		13

/*
 * A slot begins with struct vgpu_msg_header. What the guest sends and what it gets
 * are at these offsets from there, and have at most so many bytes.
 */
#define VGPU_MSG_IN_OFFSET		64
#define VGPU_MSG_IN_MAX			4032
#define VGPU_MSG_OUT_OFFSET		4096
#define VGPU_MSG_OUT_MAX		4096

/*
 * Messages are enabled. The device refuses, and reads back 0, if the window is not
 * aligned or does not end below 2^64.
 */
#define VGPU_MSG_CONTROL_ENABLE		0x00000001

/* Somebody on the host answers messages. */
#define VGPU_MSG_STATUS_LINK		0x00000001
/*
 * Enabling was refused, or a slot that the device has given back was not in memory:
 * the device could not read it, or could not write it. Goes with a write to
 * MSG_CONTROL that is not refused.
 */
#define VGPU_MSG_STATUS_FAULT		0x00000002

/* What has become of a message. */

/* Set by the guest, before it rings: found in a slot that came back, it is a FAULT. */
#define VGPU_MSG_STATE_PENDING		1
/* The host has answered. */
#define VGPU_MSG_STATE_ANSWERED		2
/* Nobody on the host answers messages. This one was not delivered. */
#define VGPU_MSG_STATE_NOT_CONNECTED	3
/* The header is not one of a message. It was not delivered. */
#define VGPU_MSG_STATE_INVALID		4
/*
 * It may have been delivered, and there will be no answer: who answers has gone, or
 * the VM has been migrated or restored since.
 */
#define VGPU_MSG_STATE_LOST		5

#define VGPU_POOL_ID_A			0x41
#define VGPU_POOL_ID_B			0x42

#define VGPU_PRIORITY_LOW		0
#define VGPU_PRIORITY_MEDIUM		1
#define VGPU_PRIORITY_HIGH		2

/*
 * What hardware gives for every register once it is gone, or while its memory
 * decoding is off. QEMU gives 0 then. POOL_ID tells: it is never one of the two.
 */
#define VGPU_REG_GONE			0xffffffff

/**
 * struct vgpu_msg_header - the first 64 bytes of a slot, little-endian
 * @in_len: written by the guest: number of bytes at VGPU_MSG_IN_OFFSET
 * @flags: written by the guest: 0
 * @out_len: written by the device: number of bytes at VGPU_MSG_OUT_OFFSET; 0 unless
 *	@state is VGPU_MSG_STATE_ANSWERED
 * @status: written by the device: what the host says of the message beside its
 *	answer, 0 is success; 0 unless @state is VGPU_MSG_STATE_ANSWERED
 * @state: written by both: one of VGPU_MSG_STATE_*; by the device last
 * @reserved: not accessed by the device
 */
struct vgpu_msg_header {
	__u32 in_len;
	__u32 flags;
	__u32 out_len;
	__u32 status;
	__u32 state;
	__u32 reserved[11];
};

/**
 * struct vgpu_info - one consistent view of a device
 * @revision: PCI revision of the device, 1 or higher
 * @features: what the device offers beyond revision 1; 0 on revision 1
 * @pool_id: raw value of the POOL_ID register
 * @priority: raw value of the PRIORITY register
 * @vm_id: raw value of the VM_ID register
 * @command: raw value of the COMMAND register: the last command
 * @status: raw value of the STATUS register
 * @config_generation: number of live changes of pool_id, priority and vm_id
 *	since the device was made; 0 on revision 1
 * @reserved: 0
 */
struct vgpu_info {
	__u32 revision;
	__u32 features;
	__u32 pool_id;
	__u32 priority;
	__u32 vm_id;
	__u32 command;
	__u32 status;
	__u32 config_generation;
	__u32 reserved[8];
};

/* Bounds of struct vgpu_submit.timeout_ms, and what 0 there stands for. */
#define VGPU_TIMEOUT_DEFAULT_MS		5000
#define VGPU_TIMEOUT_MAX_MS		600000

/**
 * struct vgpu_submit - a command and what became of it
 * @command: in: the value for the COMMAND register
 * @timeout_ms: in: how long to wait, for the turn and for the completion
 *	together; at most VGPU_TIMEOUT_MAX_MS, 0 is VGPU_TIMEOUT_DEFAULT_MS
 * @flags: in: 0
 * @status: out: raw value of the STATUS register after completion
 * @result: out: the device's result, 0 is success; always 0 on revision 1
 * @sequence: out: number of this command on this device since the driver bound
 *	it, from 1, wraps
 * @reserved: 0
 */
struct vgpu_submit {
	__u32 command;
	__u32 timeout_ms;
	__u32 flags;
	__u32 status;
	__u32 result;
	__u32 sequence;
	__u32 reserved[2];
};

/**
 * struct vgpu_call - a message to the host and its answer
 * @in_addr: in: address of the message
 * @out_addr: in: address of a buffer for the answer
 * @in_len: in: number of bytes of the message, at most VGPU_MSG_IN_MAX
 * @out_len: in: size of the buffer; out: number of bytes of the answer, of which as
 *	many were copied as fit. VGPU_MSG_OUT_MAX bytes are enough for any.
 * @timeout_ms: in: how long to wait, for a free slot and for the answer together; at
 *	most VGPU_TIMEOUT_MAX_MS, 0 is VGPU_TIMEOUT_DEFAULT_MS
 * @flags: in: 0
 * @status: out: what the host says of the message beside its answer, 0 is success
 * @reserved: 0
 */
struct vgpu_call {
	__u64 in_addr;
	__u64 out_addr;
	__u32 in_len;
	__u32 out_len;
	__u32 timeout_ms;
	__u32 flags;
	__u32 status;
	__u32 reserved[3];
};

#define VGPU_EVENT_CONFIG_CHANGED	1
#define VGPU_EVENT_COMMAND_DONE		2

/**
 * struct vgpu_event - what a read of the node gives, on revision 2
 * @type: VGPU_EVENT_CONFIG_CHANGED: pool_id, priority or vm_id have changed;
 *	VGPU_EVENT_COMMAND_DONE: the device has completed a command, anybody's
 * @count: how often since the last record of that type or, for the first one,
 *	since the file was opened; more than 1 if the reader was slower
 * @value: config_generation; or the number of commands completed since the
 *	driver bound the device, wraps
 * @reserved: 0
 *
 * read(2) gives as many whole records as fit and there are, and waits for the
 * first. A new type may come: ignore what is not known.
 *
 * Return: number of bytes, or -1 with errno
 *	ENODEV: the device is gone, or went while waiting
 *	EAGAIN: there is none and the file is non-blocking; always on revision 1
 *	EINVAL: not one record fits
 *	EINTR: a signal came first
 *	EFAULT: bad pointer
 */
struct vgpu_event {
	__u32 type;
	__u32 count;
	__u32 value;
	__u32 reserved;
};

/* Nobody else's in the kernel's Documentation/userspace-api/ioctl/ioctl-number.rst. */
#define VGPU_IOC_MAGIC			0xe1
#define VGPU_IOC_NR_GET_INFO		0x00
#define VGPU_IOC_NR_SUBMIT		0x01
#define VGPU_IOC_NR_CALL		0x02

/**
 * VGPU_IOC_GET_INFO - take a snapshot of the device
 *
 * Return: 0, or -1 with errno
 *	ENODEV: the device is gone
 *	EFAULT: bad pointer
 */
#define VGPU_IOC_GET_INFO \
	_IOR(VGPU_IOC_MAGIC, VGPU_IOC_NR_GET_INFO, struct vgpu_info)

/**
 * VGPU_IOC_SUBMIT - submit a command and wait for its completion
 *
 * Commands of one device are executed one at a time, in order of arrival.
 *
 * Return: 0, or -1 with errno
 *	ENODEV: the device is gone, or went while waiting
 *	EBADF: the file is not open for writing
 *	EINVAL: flags or reserved is not 0, or the timeout is too long
 *	EBUSY: other commands took the whole timeout; nothing was submitted
 *	EIO: the device has ignored a command, this one or another one: somebody
 *		uses it past the driver
 *	ETIMEDOUT: submitted, but the device did not complete it in time
 *	ECANCELED: submitted, but the device was reset before it completed it
 *	EINTR: a signal came first; the command may have been submitted
 *	EFAULT: bad pointer
 */
#define VGPU_IOC_SUBMIT \
	_IOWR(VGPU_IOC_MAGIC, VGPU_IOC_NR_SUBMIT, struct vgpu_submit)

/**
 * VGPU_IOC_CALL - send a message to the host and wait for its answer
 *
 * As many calls as the device has slots are under way at the same time; more of them
 * wait for their turn, in order of arrival.
 *
 * Return: 0, or -1 with errno
 *	ENODEV: the device is gone, or went while waiting
 *	EBADF: the file is not open for writing
 *	EOPNOTSUPP: the device has no messages, or memory for them could not be had
 *	EINVAL: flags or reserved is not 0, or the timeout is too long
 *	EMSGSIZE: the message is too long
 *	EBUSY: other calls took the whole timeout; nothing was sent
 *	ENOTCONN: nobody on the host answers messages; it was not delivered
 *	ETIMEDOUT: there was no answer in time; it may have been delivered
 *	ECANCELED: it may have been delivered, and there will be no answer: who
 *		answers has gone, or the device was reset, or the VM was migrated or
 *		restored
 *	EINTR: a signal came first; it may have been delivered
 *	EIO: the device did not do what it should
 *	ENOMEM
 *	EFAULT: bad pointer; the message may have been delivered
 */
#define VGPU_IOC_CALL \
	_IOWR(VGPU_IOC_MAGIC, VGPU_IOC_NR_CALL, struct vgpu_call)

#endif /* _UAPI_LINUX_VGPU_STUB_H */
