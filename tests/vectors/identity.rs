// SPDX-License-Identifier: GPL-2.0

// How the identity registers are decoded. Included by the tests of all who do.

/// Values of the register POOL_ID, and the text of each.
const POOLS: [(u32, &str); 13] = [
    (0x41, "A"),
    (0x42, "B"),
    (0x5a, "Z"),
    (0x61, "a"),
    (0x30, "0"),
    (0x39, "9"),
    (0x00, "0x00"),
    (0x0a, "0x0a"),
    (0x20, "0x20"),
    (0x2d, "0x2d"),
    (0xe4, "0xe4"),
    (0x141, "0x141"),
    (0xffff_ffff, "0xffffffff"),
];

/// Values of the register PRIORITY, and the text of each.
const PRIORITIES: [(u32, &str); 6] = [
    (0, "low"),
    (1, "medium"),
    (2, "high"),
    (3, "3"),
    (0x100, "256"),
    (0xffff_ffff, "4294967295"),
];
