// SPDX-License-Identifier: GPL-2.0
/*
 * Calls end when they have to, on a device that never completes a command.
 *
 *	deadline DEVICE [attribute]
 *
 * A submitter has to return within 10 % of its timeout, whether it waits for its turn,
 * for a command of somebody else or for its own, and to die within 100 ms of SIGKILL.
 * 'attribute' also measures a write to the attribute, which takes the default timeout.
 *
 * A machine that is busy with something else makes a call late, too: what is measured
 * more than once counts as often as it was on time.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/vgpu_stub.h>

#include "device.h"
#include "ktap.h"

#define KILL_MS 100
/* For a call that is to be killed, or to be in the way of another one. */
#define LONG_MS 60000
/* What a call may take beyond its timeout before it is given up. */
#define PATIENCE_MS 5000
#define TRIES 3

enum way { IOCTL, ATTRIBUTE };

static const char *device;

/* What a child says of its call. */
struct outcome {
	int error;
	long ms;
};

struct child {
	pid_t pid;
	int pipe;
};

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct outcome submit(enum way way, int fd, uint32_t timeout_ms)
{
	struct vgpu_submit request = { .command = 1, .timeout_ms = timeout_ms };
	long start = now_ms();
	int failed;

	errno = 0;
	if (way == IOCTL)
		failed = ioctl(fd, VGPU_IOC_SUBMIT, &request);
	else
		failed = write(fd, "1", 1) != 1;
	return (struct outcome){ .error = failed ? errno : 0, .ms = now_ms() - start };
}

/* Starts a child that submits, and returns when it is about to. */
static struct child start(enum way way, uint32_t timeout_ms)
{
	struct outcome outcome = { 0 };
	char path[512];
	int ends[2];
	pid_t pid;
	int fd;

	if (pipe(ends))
		ktap_bail_out("pipe: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		ktap_bail_out("fork: %s", strerror(errno));
	if (!pid) {
		snprintf(path, sizeof(path), "%s/%s%s", way == IOCTL ? "/dev" : CLASS_DIR, device,
			 way == IOCTL ? "" : "/command");
		fd = open(path, O_RDWR);
		if (fd < 0)
			outcome.error = errno;
		if (write(ends[1], &outcome, sizeof(outcome)) != sizeof(outcome) || fd < 0)
			_exit(1);
		outcome = submit(way, fd, timeout_ms);
		_exit(write(ends[1], &outcome, sizeof(outcome)) != sizeof(outcome));
	}
	close(ends[1]);
	if (read(ends[0], &outcome, sizeof(outcome)) != sizeof(outcome) || outcome.error)
		ktap_bail_out("%s: %s", device, strerror(outcome.error));
	return (struct child){ .pid = pid, .pipe = ends[0] };
}

/* Waits for the end of a child's call; false if it does not come. */
static int finish(struct child child, uint32_t timeout_ms, struct outcome *outcome)
{
	struct pollfd poller = { .fd = child.pipe, .events = POLLIN };
	int ended = poll(&poller, 1, timeout_ms + PATIENCE_MS) == 1 &&
		    read(child.pipe, outcome, sizeof(*outcome)) == sizeof(*outcome);

	if (ended)
		waitpid(child.pid, NULL, 0);
	close(child.pipe);
	return ended;
}

/* Kills a child in the middle of its call, and returns how long it lived on. */
static long kill_child(struct child child)
{
	long start;

	/* By now it waits. */
	usleep(100 * 1000);
	start = now_ms();
	kill(child.pid, SIGKILL);
	while (!waitpid(child.pid, NULL, WNOHANG)) {
		if (now_ms() - start > PATIENCE_MS)
			ktap_bail_out("pid %d lives on %d ms after SIGKILL", child.pid,
				      PATIENCE_MS);
		usleep(1000);
	}
	close(child.pipe);
	return now_ms() - start;
}

static void check_timeout(enum way way, uint32_t timeout_ms, int tries)
{
	long limit = timeout_ms + timeout_ms / 10;
	struct outcome outcome = { 0 };
	long best = -1;

	while (tries-- > 0 && (best < 0 || best > limit)) {
		struct child child = start(way, timeout_ms);

		if (!finish(child, timeout_ms, &outcome)) {
			ktap_check(0, "%u ms: it does not return", timeout_ms);
			kill_child(child);
			return;
		}
		/* A command that was given up keeps the device busy. */
		ktap_check(outcome.error == ETIMEDOUT || outcome.error == EBUSY, "%u ms: %s",
			   timeout_ms, strerror(outcome.error));
		ktap_check(outcome.ms >= timeout_ms - timeout_ms / 10, "%u ms: after %ld ms",
			   timeout_ms, outcome.ms);
		if (best < 0 || outcome.ms < best)
			best = outcome.ms;
	}
	ktap_note("%u ms: %s after %ld ms", timeout_ms, strerror(outcome.error), best);
	ktap_check(best <= limit, "%u ms: after %ld ms at best", timeout_ms, best);
}

static void check_kill(enum way way)
{
	long best = -1, ms;
	int tries;

	for (tries = 0; tries < TRIES && (best < 0 || best > KILL_MS); tries++) {
		ms = kill_child(start(way, LONG_MS));
		if (best < 0 || ms < best)
			best = ms;
	}
	ktap_note("dead after %ld ms", best);
	ktap_check(best <= KILL_MS, "after %ld ms at best", best);
}

int main(int argc, char **argv)
{
	int attribute = argc == 3 && !strcmp(argv[2], "attribute");
	struct child first;

	if (argc < 2 || argc != 2 + attribute) {
		fprintf(stderr, "usage: deadline DEVICE [attribute]\n");
		return 2;
	}
	device = argv[1];
	ktap_plan(4 + attribute);

	check_timeout(IOCTL, 1000, TRIES);
	check_timeout(IOCTL, 200, TRIES);
	ktap_result("A command that is never completed ends with its timeout");
	if (attribute) {
		check_timeout(ATTRIBUTE, VGPU_TIMEOUT_DEFAULT_MS, 1);
		ktap_result("So does one that is written to the attribute");
	}
	first = start(IOCTL, LONG_MS);
	check_timeout(IOCTL, 200, TRIES);
	kill_child(first);
	ktap_result("So does one behind another one");
	check_kill(IOCTL);
	ktap_result("SIGKILL ends a submitter");
	check_kill(ATTRIBUTE);
	ktap_result("SIGKILL ends a writer of the attribute");
	return ktap_end();
}
