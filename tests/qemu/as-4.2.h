/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes QEMU 5.2 look like 4.2 to the device model, in what the compatibility header
 * has for 4.2 alone: to be included before it, by the compiler's -include.
 */

#include "qemu/osdep.h"

/* The type of a chardev's events was no type of its own to their handlers. */
#include "chardev/char.h"
#define QEMUChrEvent int
#include "chardev/char-fe.h"
#undef QEMUChrEvent

#include "hw/pci/pci.h"
#include "hw/qdev-properties.h"
#include "migration/vmstate.h"
#include "sysemu/runstate.h"

#define VGPU_STUB_QEMU 402

/* 4.2 has none. */
#undef OBJECT_DECLARE_SIMPLE_TYPE

/* It was renamed in 5.0, so that whoever still assigned to it took notice. */
#define props props_
