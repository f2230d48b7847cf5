# SPDX-License-Identifier: GPL-2.0
#
# Make of a module's counters, as counters.sh copied them, the file that a program
# would have written at its end, of version 10: that of LLVM 19.
#
#   profraw.py DIR >FILE.profraw

import struct
import sys

MAGIC = int.from_bytes(b"\xfflprofr\x81", "big")
VERSION = 10
# A record of the data: of one function.
RECORD = 64
# The last of the kinds of values that are profiled, of which none is.
LAST_KIND = 2


def section(name):
    path = f"{sys.argv[1]}/__llvm_prf_{name}"
    return open(path, "rb").read(), int(open(path + ".address").read(), 16)


counters, counters_at = section("cnts")
data, data_at = section("data")
names, names_at = section("names")
header = {
    "magic": MAGIC,
    "version": VERSION,
    "size of binary ids": 0,
    "records": len(data) // RECORD,
    "padding before counters": 0,
    "counters": len(counters) // 8,
    "padding after counters": 0,
    "size of bitmaps": 0,
    "padding after bitmaps": 0,
    "size of names": len(names),
    "from data to counters": (counters_at - data_at) % 2**64,
    "from data to bitmaps": 0,
    "names are at": names_at,
    "virtual tables": 0,
    "size of their names": 0,
    "last kind of values": LAST_KIND,
}
out = sys.stdout.buffer
out.write(struct.pack(f"<{len(header)}Q", *header.values()))
out.write(data + counters + names + bytes(-len(names) % 8))
