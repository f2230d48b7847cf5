#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Shows the vGPUs of this machine, and with a number gives each of them a command.

    vgpu.py [COMMAND [SECONDS]]

Takes nothing but the standard library and the driver: attributes in sysfs, ioctls and poll of
the device node. After a command it waits so many seconds for events, 5 without, and prints
them: the host may change the identity of a device of revision 2 or higher at any time.
"""

import fcntl
import os
import pathlib
import select
import struct
import sys
import time

CLASS = pathlib.Path("/sys/class/vgpu")
DRIVER = "vgpu_stub"

# The structures of linux/vgpu_stub.h.
INFO = struct.Struct("=8I32x")
SUBMIT = struct.Struct("=8I")
EVENT = struct.Struct("=4I")
EVENTS = {1: "identity changed", 2: "commands done"}


def request(direction, number, structure):
    """Returns the number of an ioctl, as _IOR and _IOWR make it."""
    return direction << 30 | structure.size << 16 | 0xE1 << 8 | number


VGPU_IOC_GET_INFO = request(2, 0, INFO)
VGPU_IOC_SUBMIT = request(3, 1, SUBMIT)


def devices():
    """Yields the directories of the vGPUs, which are none of another driver's of that name."""
    for path in sorted(CLASS.glob("vgpu*")):
        if (path / "device" / "driver").resolve().name == DRIVER:
            yield path


def attribute(device, name):
    """Reads an attribute; OSError if the device has gone."""
    return (device / name).read_text().strip()


def info(node):
    """Returns revision, features, pool_id, priority, vm_id, command, status and
    config_generation, as the registers have them."""
    buffer = bytearray(INFO.size)
    fcntl.ioctl(node, VGPU_IOC_GET_INFO, buffer)
    return INFO.unpack(buffer)


def submit(node, command, timeout_ms=0):
    """Submits a command and waits for it; returns its status, result and number."""
    buffer = bytearray(SUBMIT.pack(command, timeout_ms, 0, 0, 0, 0, 0, 0))
    fcntl.ioctl(node, VGPU_IOC_SUBMIT, buffer)
    return SUBMIT.unpack(buffer)[3:6]


def events(node, seconds):
    """Yields what has happened since the node was opened, for that long: what, how often, and
    the generation of the identity or the number of commands done."""
    poll = select.poll()
    poll.register(node, select.POLLIN)
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        # POLLHUP is a device that has gone: then read raises ENODEV.
        if poll.poll(left * 1000):
            for kind, count, value, _ in EVENT.iter_unpack(os.read(node, 16 * EVENT.size)):
                # A newer driver may tell of more.
                if kind in EVENTS:
                    yield EVENTS[kind], count, value


def main(arguments):
    for device in devices():
        name = device.name
        pool, priority, vm_id = (attribute(device, it) for it in ("pool_id", "priority", "vm_id"))
        print(f"{name}: pool {pool}, priority {priority}, VM {vm_id}")
        if not arguments:
            continue
        node = os.open(f"/dev/{name}", os.O_RDWR | os.O_CLOEXEC)
        try:
            status, result, sequence = submit(node, int(arguments[0], 0))
            print(f"{name}: command {sequence}: status {status:#010x}, result {result}")
            # One of revision 1 tells of nothing.
            if info(node)[0] > 1:
                seconds = float(arguments[1]) if len(arguments) > 1 else 5
                for what, count, value in events(node, seconds):
                    print(f"{name}: {what}, {count} times: {value}", flush=True)
        finally:
            os.close(node)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except OSError as error:
        sys.exit(f"vgpu.py: {error}")
