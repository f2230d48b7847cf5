// SPDX-License-Identifier: GPL-2.0
/*
 * Calls that nobody in his right mind makes: random ioctl numbers, sizes, pointers,
 * offsets and flags, on the node and on the attributes, from several threads.
 *
 *	fuzz [CALLS [SEED [THREADS]]]
 *
 * What each ioctl has to return is known beforehand, whatever it is given. The
 * same seed and one thread make the same calls in the same order.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <linux/vgpu_stub.h>

#include "device.h"
#include "ktap.h"

#define THREADS_MAX 64
#define PAGE 4096

static char device[64];
static char command_path[512];
/* Calls that were made, ioctls among them, and commands that were executed. */
static unsigned long made, ioctls, submitted;

struct fuzzer {
	pthread_t thread;
	uint64_t state;
	unsigned long calls;
	/* Open for reading and writing, and for reading only. */
	int fd[2];
	int command;
	/* Two pages, behind them one that is closed, and one that can only be read. */
	unsigned char *memory, *constant;
};

/* xorshift64*, of Sebastiano Vigna. */
static uint64_t next(struct fuzzer *it)
{
	it->state ^= it->state >> 12;
	it->state ^= it->state << 25;
	it->state ^= it->state >> 27;
	return it->state * 0x2545f4914f6cdd1dull;
}

static uint64_t below(struct fuzzer *it, uint64_t limit)
{
	return (next(it) >> 16) % limit;
}

/* A number of the kind that code has its edges at. */
static uint64_t edge(struct fuzzer *it)
{
	static const uint64_t edges[] = {
		0, 1, 2, 7, 8, 31, 32, 63, 64, 65, 4095, 4096, 4097, INT32_MAX,
		(uint64_t)INT32_MAX + 1, UINT32_MAX, INT64_MAX, UINT64_MAX,
	};

	return below(it, 2) ? edges[below(it, ARRAY_SIZE(edges))] : next(it);
}

/* What a pointer is good for. */
struct target {
	void *address;
	/* So many bytes from it on can be read, and so many written. */
	size_t readable, writable;
};

static struct target nowhere(uint64_t address)
{
	return (struct target){ (void *)address, 0, 0 };
}

static struct target pointer(struct fuzzer *it)
{
	size_t length = below(it, 3) ? 2 * PAGE : below(it, 80);
	unsigned char *end = it->memory + 2 * PAGE;

	switch (below(it, 8)) {
	case 0:
		return nowhere(0);
	case 1:
		/* The kernel's own. */
		return nowhere(0xffff888000000000ull + below(it, 1ull << 32));
	case 2:
		/* No address at all. */
		return nowhere(0x0000800000000000ull + below(it, 1ull << 40));
	case 3:
		return (struct target){ end, 0, 0 };
	case 4:
		return (struct target){ it->constant, PAGE, 0 };
	default:
		return (struct target){ end - length, length, length };
	}
}

/* A command that is mostly one, so that it is not always refused for the same reason. */
static void fill(struct fuzzer *it, struct vgpu_submit *submit)
{
	*submit = (struct vgpu_submit){
		.command = next(it),
		.timeout_ms = below(it, 4) ? below(it, 2000) : edge(it),
		.flags = below(it, 4) ? 0 : edge(it),
		.status = next(it),
		.result = next(it),
		.sequence = next(it),
	};
	if (!below(it, 4))
		submit->reserved[below(it, 2)] = edge(it);
}

static int valid(const struct vgpu_submit *submit)
{
	return !submit->flags && !submit->reserved[0] && !submit->reserved[1] &&
	       submit->timeout_ms <= VGPU_TIMEOUT_MAX_MS;
}

static uint32_t request(struct fuzzer *it)
{
	uint32_t known = below(it, 2) ? VGPU_IOC_GET_INFO : VGPU_IOC_SUBMIT;

	switch (below(it, 4)) {
	case 0:
		return known ^ 1u << below(it, 32);
	case 1:
		return _IOC(below(it, 4), VGPU_IOC_MAGIC, below(it, 256), below(it, 1 << 14));
	default:
		return known;
	}
}

static void one_ioctl(struct fuzzer *it)
{
	int writable = below(it, 4) != 0;
	uint32_t number = request(it);
	struct target target = pointer(it);
	struct vgpu_submit submit = { 0 };
	int error, expected;

	if (number == VGPU_IOC_SUBMIT && target.writable >= sizeof(submit)) {
		fill(it, &submit);
		memcpy(target.address, &submit, sizeof(submit));
	} else if (number == VGPU_IOC_SUBMIT && target.readable >= sizeof(submit)) {
		memcpy(&submit, target.address, sizeof(submit));
	}
	error = ioctl(it->fd[!writable], number, target.address) ? errno : 0;
	__atomic_fetch_add(&ioctls, 1, __ATOMIC_RELAXED);

	if (number == VGPU_IOC_GET_INFO)
		expected = target.writable < sizeof(struct vgpu_info) ? EFAULT : 0;
	else if (number != VGPU_IOC_SUBMIT)
		expected = ENOTTY;
	else if (!writable)
		expected = EBADF;
	else if (target.readable < sizeof(submit))
		expected = EFAULT;
	else if (!valid(&submit))
		expected = EINVAL;
	else
		expected = target.writable < sizeof(submit) ? EFAULT : 0;
	/* A command may come too late, with others before it. */
	if (number == VGPU_IOC_SUBMIT && !expected && (error == EBUSY || error == ETIMEDOUT))
		return;
	ktap_check(error == expected, "ioctl %#x at %p (%zu, %zu bytes): errno %d, not %d", number,
		   target.address, target.readable, target.writable, error, expected);
	if (number == VGPU_IOC_SUBMIT && !error) {
		__atomic_fetch_add(&submitted, 1, __ATOMIC_RELAXED);
		memcpy(&submit, target.address, sizeof(submit));
		ktap_check(submit.status & VGPU_STATUS_DONE, "status %#x", submit.status);
	}
}

/* Everything else that a file can be asked for. What it returns depends; it returns. */
static void one_other(struct fuzzer *it)
{
	int fd = it->fd[below(it, 2)];
	struct target target = pointer(it);
	struct pollfd poll_for = { .fd = fd, .events = next(it) };
	struct iovec vector[4];
	unsigned int i;
	void *mapped;

	switch (below(it, 12)) {
	case 0:
		fcntl(fd, F_SETFL, O_NONBLOCK | (below(it, 2) ? 0 : O_APPEND));
		(void)!read(fd, target.address, edge(it));
		break;
	case 1:
		(void)!pread(fd, target.address, edge(it), edge(it));
		break;
	case 2:
		(void)!write(fd, target.address, edge(it));
		break;
	case 3:
		(void)!pwrite(fd, target.address, edge(it), edge(it));
		break;
	case 4:
		for (i = 0; i < ARRAY_SIZE(vector); i++) {
			target = pointer(it);
			vector[i] = (struct iovec){ target.address, edge(it) };
		}
		(void)!(below(it, 2) ? readv(fd, vector, below(it, 5)) :
				       writev(fd, vector, below(it, 5)));
		break;
	case 5:
		lseek(fd, edge(it), below(it, 8));
		break;
	case 6:
		poll(&poll_for, 1, 0);
		break;
	case 7:
		mapped = mmap(NULL, PAGE << below(it, 4), below(it, 8),
			      below(it, 2) ? MAP_SHARED : MAP_PRIVATE, fd,
			      edge(it) & ~(PAGE - 1ull));
		ktap_check(mapped == MAP_FAILED, "the node can be mapped");
		break;
	case 8:
		(void)!ftruncate(fd, edge(it));
		fsync(fd);
		break;
	case 9:
		splice(fd, NULL, it->fd[0], NULL, edge(it), SPLICE_F_NONBLOCK);
		break;
	case 10:
		/* Through the attribute, which takes one number. */
		(void)!pwrite(it->command, target.address, below(it, PAGE), edge(it));
		break;
	case 11:
		(void)!pread(it->command, target.address, edge(it), edge(it));
		break;
	}
}

static void *fuzz(void *argument)
{
	struct fuzzer *it = argument;
	unsigned long i;

	for (i = 0; i < it->calls; i++) {
		if (below(it, 2))
			one_ioctl(it);
		else
			one_other(it);
		__atomic_fetch_add(&made, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void *map(size_t pages, int protection)
{
	void *memory = mmap(NULL, pages * PAGE, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		ktap_bail_out("no memory: errno %d", errno);
	return memory;
}

static void prepare(struct fuzzer *it, unsigned long calls, uint64_t seed)
{
	/* The generator stays at 0 for ever. */
	it->state = seed ? seed : 1;
	it->calls = calls;
	it->fd[0] = open_node(device, O_RDWR | O_NONBLOCK);
	it->fd[1] = open_node(device, O_RDONLY | O_NONBLOCK);
	it->command = open(command_path, O_RDWR);
	if (it->fd[0] < 0 || it->fd[1] < 0 || it->command < 0)
		ktap_bail_out("%s cannot be opened: errno %d", device, errno);
	it->memory = map(3, PROT_READ | PROT_WRITE);
	mprotect(it->memory + 2 * PAGE, PAGE, PROT_NONE);
	it->constant = map(1, PROT_READ);
}

int main(int argc, char **argv)
{
	unsigned long calls = argc > 1 ? strtoul(argv[1], NULL, 0) : 20000;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : (uint64_t)time(NULL);
	unsigned long threads = argc > 3 ? strtoul(argv[3], NULL, 0) : 4;
	struct vgpu_info before, after;
	struct vgpu_submit submit = { .command = 0x5a };
	static struct fuzzer all[THREADS_MAX];
	unsigned long i;
	int fd;

	ktap_plan(2);
	if (!calls || !threads || threads > ARRAY_SIZE(all))
		ktap_bail_out("usage: fuzz [CALLS [SEED [THREADS]]]");
	if (!find_device(device, sizeof(device)))
		ktap_bail_out("there is no device in " CLASS_DIR);
	snprintf(command_path, sizeof(command_path), CLASS_DIR "/%s/command", device);
	fd = open_node(device, O_RDWR);
	if (fd < 0 || ioctl(fd, VGPU_IOC_GET_INFO, &before))
		ktap_bail_out("%s does not answer: errno %d", device, errno);
	ktap_note("seed %llu, %lu threads", (unsigned long long)seed, threads);

	for (i = 0; i < threads; i++) {
		prepare(&all[i], calls / threads + (i < calls % threads), seed + i);
		if (pthread_create(&all[i].thread, NULL, fuzz, &all[i]))
			ktap_bail_out("no thread: errno %d", errno);
	}
	for (i = 0; i < threads; i++)
		pthread_join(all[i].thread, NULL);
	ktap_note("%lu calls, %lu ioctls among them, %lu commands executed", made, ioctls,
		  submitted);
	ktap_check(made == calls, "%lu calls were to be made", calls);
	ktap_check(submitted > 0, "no command was executed");
	ktap_result("Every call returns what it must");

	ktap_check(!ioctl(fd, VGPU_IOC_SUBMIT, &submit), "a command: errno %d", errno);
	ktap_check(!ioctl(fd, VGPU_IOC_GET_INFO, &after), "errno %d", errno);
	ktap_check(after.command == 0x5a, "the last command is %#x", after.command);
	before.command = after.command;
	before.status = after.status;
	ktap_check(!memcmp(&before, &after, sizeof(before)), "the identity has changed");
	ktap_result("The device is what it was, and works");
	return ktap_end();
}
