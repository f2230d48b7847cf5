// SPDX-License-Identifier: GPL-2.0
/*
 * Sends messages to the host, and looks at each answer.
 *
 *	calls NUMBER [THREADS [TIMEOUT_MS]]
 *
 * The backend answers as the tests' own does: with the message, each byte of which has
 * the value of ~byte, and its length as the status. How many calls have ended in which way
 * is told in one line:
 *
 *	# calls: answered 97 ETIMEDOUT 3
 *
 * An answer that is wrong, and any other errno, fails the test.
 */

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/vgpu_stub.h>

#include "device.h"
#include "ktap.h"

#define MOST 64

static const struct {
	int number;
	const char *name;
} ends[] = {
	{ 0, "answered" },
	{ ETIMEDOUT, "ETIMEDOUT" },
	{ ENOTCONN, "ENOTCONN" },
	{ ECANCELED, "ECANCELED" },
	{ EBUSY, "EBUSY" },
	{ ENODEV, "ENODEV" },
	{ EIO, "EIO" },
	{ EOPNOTSUPP, "EOPNOTSUPP" },
};

static unsigned long counts[ARRAY_SIZE(ends)];
static long left;
static uint32_t timeout_ms;
static int fd;

static void count(int number)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ends); i++) {
		if (ends[i].number == number) {
			__atomic_fetch_add(&counts[i], 1, __ATOMIC_RELAXED);
			return;
		}
	}
	ktap_check(0, "CALL: %s", strerror(number));
}

/* One call with a message of its own. Returns an errno. */
static int call(uint32_t *seed)
{
	uint8_t in[VGPU_MSG_IN_MAX], out[VGPU_MSG_OUT_MAX];
	struct vgpu_call request = {
		.in_addr = (uintptr_t)in,
		.out_addr = (uintptr_t)out,
		.out_len = sizeof(out),
		.timeout_ms = timeout_ms,
	};
	uint32_t i, wrong = 0;

	*seed = *seed * 1664525 + 1013904223;
	/* Mostly short, at times as long as can be. */
	request.in_len = *seed >> 29 ? (*seed >> 8) % 64 : (*seed >> 8) % (VGPU_MSG_IN_MAX + 1);
	for (i = 0; i < request.in_len; i++)
		in[i] = (*seed >> 16) + i * 7;
	memset(out, 0x11, sizeof(out));
	if (ioctl(fd, VGPU_IOC_CALL, &request))
		return errno;
	ktap_check(request.status == request.in_len && request.out_len == request.in_len,
		   "status %u and %u bytes for %u", request.status, request.out_len,
		   request.in_len);
	for (i = 0; i < request.in_len; i++)
		wrong += out[i] != (uint8_t)~in[i];
	for (; i < sizeof(out); i++)
		wrong += out[i] != 0x11;
	ktap_check(!wrong, "%u bytes of the answer are wrong", wrong);
	return 0;
}

static void *caller(void *argument)
{
	uint32_t seed = (uintptr_t)argument * 2654435761u;

	while (__atomic_sub_fetch(&left, 1, __ATOMIC_RELAXED) >= 0)
		count(call(&seed));
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[MOST];
	char device[64];
	unsigned long i, number = 1;
	size_t end;

	ktap_plan(1);
	left = argc > 1 ? strtol(argv[1], NULL, 0) : 1;
	if (argc > 2)
		number = strtoul(argv[2], NULL, 0);
	if (argc > 3)
		timeout_ms = strtoul(argv[3], NULL, 0);
	if (!number || number > MOST || !find_device(device, sizeof(device)))
		ktap_bail_out("no device, or not 1 to %u threads", MOST);
	fd = open_node(device, O_RDWR);
	if (fd < 0)
		ktap_bail_out("/dev/%s: %s", device, strerror(errno));
	for (i = 0; i < number; i++)
		if (pthread_create(&threads[i], NULL, caller, (void *)(i + 1)))
			ktap_bail_out("no thread: %s", strerror(errno));
	for (i = 0; i < number; i++)
		pthread_join(threads[i], NULL);
	printf("# calls:");
	for (end = 0; end < ARRAY_SIZE(ends); end++)
		if (counts[end])
			printf(" %s %lu", ends[end].name, counts[end]);
	printf("\n");
	ktap_result("Every call ends with its own answer, or with an errno that says why not");
	return ktap_end();
}
