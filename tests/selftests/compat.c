// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls as a 32-bit program sees them, on a 64-bit kernel.
 *
 * It is made without a C library, so that no 32-bit one has to be installed; the
 * device is /dev/vgpu0 or what the first argument names.
 */

#include <linux/vgpu_stub.h>

#define NR_EXIT 1
#define NR_WRITE 4
#define NR_OPEN 5
#define NR_IOCTL 54
#define O_RDWR 2
#define RESERVED (sizeof(((struct vgpu_info *)0)->reserved) / 4)

_Static_assert(sizeof(void *) == 4, "build it with -m32");
_Static_assert(sizeof(struct vgpu_info) == 64, "struct vgpu_info");
_Static_assert(sizeof(struct vgpu_submit) == 32, "struct vgpu_submit");

static long syscall3(long number, long a, long b, long c)
{
	long result;

	asm volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c) : "memory");
	return result;
}

static void say(const char *text)
{
	long length = 0;

	while (text[length])
		length++;
	syscall3(NR_WRITE, 1, (long)text, length);
}

static int failed;

static void result(const char *number_and_name, int good)
{
	say(good ? "ok " : "not ok ");
	say(number_and_name);
	failed |= !good;
}

__attribute__((used)) static void run(long *stack)
{
	const char *node = stack[0] > 1 ? (const char *)stack[2] : "/dev/vgpu0";
	struct vgpu_info info = { .reserved = { 1, 2, 3, 4, 5, 6, 7, 8 } };
	struct vgpu_submit submit = { .command = 0x32323232 };
	long fd = syscall3(NR_OPEN, (long)node, O_RDWR, 0);
	int i, zero = 1;

	say("KTAP version 1\n1..2\n");
	if (fd < 0) {
		say("Bail out! the node cannot be opened\n");
		syscall3(NR_EXIT, 1, 0, 0);
	}
	i = !syscall3(NR_IOCTL, fd, VGPU_IOC_SUBMIT, (long)&submit);
	result("1 - SUBMIT from 32 bits\n",
	       i && submit.status & VGPU_STATUS_DONE && submit.sequence);
	i = !syscall3(NR_IOCTL, fd, VGPU_IOC_GET_INFO, (long)&info);
	for (unsigned int j = 0; j < RESERVED; j++)
		zero &= !info.reserved[j];
	result("2 - GET_INFO from 32 bits\n",
	       i && zero && info.revision && info.command == 0x32323232);
	syscall3(NR_EXIT, failed, 0, 0);
}

asm(".globl _start\n_start:\n\tmov %esp, %eax\n\tpush %eax\n\tcall run\n");
