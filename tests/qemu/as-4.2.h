/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes QEMU 5.2 look like 4.2 to vgpu-stub.c, in what the compatibility header
 * has for 4.2 alone: to be included before it, by the compiler's -include.
 */

#include "qemu/osdep.h"
#include "hw/pci/pci.h"
#include "hw/qdev-properties.h"
#include "migration/vmstate.h"

#define VGPU_STUB_QEMU 402

/* 4.2 has none. */
#undef OBJECT_DECLARE_SIMPLE_TYPE

/* It was renamed in 5.0, so that whoever still assigned to it took notice. */
#define props props_
