// SPDX-License-Identifier: GPL-2.0
/*
 * Trips to the host and back, for those who measure what one costs: of a message to a vGPU,
 * or of the same bytes through a port of virtio-serial.
 *
 *	trips THREADS NUMBER LENGTH NODE...
 *
 * So many threads make NUMBER trips together, of LENGTH bytes each, which the host sends
 * back. A thread takes the node that is its number's in turn. A node is a vGPU's if its
 * path has vgpu in it. A port is a stream of bytes: a trip there is its length in four
 * bytes and the bytes, both ways, and those who share a port make theirs one by one.
 *
 * Each line of output is a name and a number, of ticks of the time stamp counter: the
 * median of a trip, and that of all trips together, divided by their number.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/vgpu_stub.h>

#include "ticks.h"

#define MOST 64

static struct node {
	int fd;
	int is_vgpu;
	pthread_mutex_t lock;
} nodes[MOST];

static unsigned int node_count, length, trips;
static unsigned int next_trip;
static uint64_t *taken;

static void fail(const char *what)
{
	fprintf(stderr, "trips: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void call(struct node *node, const uint8_t *message, uint8_t *answer)
{
	struct vgpu_call request = {
		.in_addr = (uintptr_t)message,
		.in_len = length,
		.out_addr = (uintptr_t)answer,
		.out_len = length,
	};

	if (ioctl(node->fd, VGPU_IOC_CALL, &request))
		fail("VGPU_IOC_CALL");
	if (request.out_len != length || request.status) {
		fprintf(stderr, "trips: an answer of %u bytes\n", request.out_len);
		exit(1);
	}
}

static void pass(struct node *node, const uint8_t *message, uint8_t *answer)
{
	uint8_t frame[sizeof(length) + VGPU_MSG_IN_MAX];
	size_t whole = sizeof(length) + length, done;
	ssize_t part;

	memcpy(frame, &length, sizeof(length));
	memcpy(frame + sizeof(length), message, length);
	pthread_mutex_lock(&node->lock);
	for (done = 0; done < whole; done += part) {
		part = write(node->fd, frame + done, whole - done);
		if (part <= 0)
			fail("write");
	}
	for (done = 0; done < whole; done += part) {
		part = read(node->fd, frame + done, whole - done);
		if (part <= 0)
			fail("read");
	}
	pthread_mutex_unlock(&node->lock);
	memcpy(answer, frame + sizeof(length), length);
}

static void *traveller(void *argument)
{
	uintptr_t number = (uintptr_t)argument;
	struct node *node = &nodes[number % node_count];
	uint8_t message[VGPU_MSG_IN_MAX], answer[VGPU_MSG_IN_MAX];
	unsigned int trip;
	uint64_t start;

	while ((trip = __atomic_fetch_add(&next_trip, 1, __ATOMIC_RELAXED)) < trips) {
		memset(message, trip + number, length);
		start = now();
		if (node->is_vgpu)
			call(node, message, answer);
		else
			pass(node, message, answer);
		taken[trip] = now() - start;
		if (memcmp(message, answer, length)) {
			fprintf(stderr, "trips: an answer is another one's\n");
			exit(1);
		}
	}
	return NULL;
}

static unsigned int parse(const char *text, unsigned int most)
{
	unsigned long value = strtoul(text, NULL, 10);

	if (!value || value > most) {
		fprintf(stderr, "trips: '%s' is not 1 to %u\n", text, most);
		exit(2);
	}
	return value;
}

int main(int argc, char **argv)
{
	pthread_t threads[MOST];
	unsigned int number, i;
	uint64_t start, all;

	if (argc < 5 || argc - 4 > MOST) {
		fprintf(stderr, "usage: trips THREADS NUMBER LENGTH NODE...\n");
		return 2;
	}
	number = parse(argv[1], MOST);
	trips = parse(argv[2], INT32_MAX);
	length = parse(argv[3], VGPU_MSG_IN_MAX);
	for (; node_count < (unsigned int)argc - 4; node_count++) {
		const char *path = argv[4 + node_count];
		struct node *node = &nodes[node_count];

		node->fd = open(path, O_RDWR);
		if (node->fd < 0)
			fail(path);
		node->is_vgpu = !!strstr(path, "vgpu");
		pthread_mutex_init(&node->lock, NULL);
	}
	taken = calloc(trips, sizeof(*taken));
	if (!taken)
		fail("memory");
	start = now();
	for (i = 0; i < number; i++)
		if (pthread_create(&threads[i], NULL, traveller, (void *)(uintptr_t)i))
			fail("a thread");
	for (i = 0; i < number; i++)
		pthread_join(threads[i], NULL);
	all = now() - start;
	printf("median %llu\n", (unsigned long long)median(taken, trips));
	printf("mean-of-all %llu\n", (unsigned long long)all / trips);
	return 0;
}
