// SPDX-License-Identifier: GPL-2.0
/*
 * A device goes away in the middle of everything.
 *
 *	removal unbind [ROUNDS]	takes the device from the driver by itself
 *	removal unplug [ROUNDS]	says "ready" and waits for somebody to unplug it,
 *				says "gone" and waits for somebody to plug it in
 *
 * In every round one thread reads attributes, one polls the node, one submits
 * commands, one waits in a read, and one file is just open. All of them must
 * have noticed within two seconds, each in the way that its call has to say it.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <linux/vgpu_stub.h>

#include "device.h"
#include "ktap.h"

#define NOTICE_MS 2000
#define PATIENCE_MS 30000

static char device[64];
static char address[64];

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A thread, and when it noticed. */
struct watcher {
	const char *name;
	void *(*run)(void *watcher);
	int fd;
	pthread_t thread;
	int running;
	long noticed_ms;
};

static void noticed(struct watcher *watcher)
{
	__atomic_store_n(&watcher->noticed_ms, now_ms(), __ATOMIC_RELEASE);
}

static void *read_attributes(void *argument)
{
	static const char * const names[] = {
		"pool_id", "priority", "vm_id", "command", "status",
	};
	struct watcher *watcher = argument;
	char value[64];
	size_t i;
	int error;

	for (i = 0;; i = (i + 1) % ARRAY_SIZE(names)) {
		error = read_attribute(device, names[i], value, sizeof(value));
		watcher->running = 1;
		if (!error)
			continue;
		ktap_check(error == ENODEV || error == ENOENT, "%s: %s", names[i],
			   strerror(error));
		break;
	}
	noticed(watcher);
	return NULL;
}

static void *poll_node(void *argument)
{
	struct watcher *watcher = argument;
	struct pollfd poller = { .fd = watcher->fd, .events = POLLIN };
	struct vgpu_event event;

	watcher->running = 1;
	/* Revision 2 tells of the commands of the others. */
	do {
		ktap_check(poll(&poller, 1, PATIENCE_MS) == 1, "poll timed out");
	} while (poller.revents == POLLIN && read(watcher->fd, &event, sizeof(event)) > 0 &&
		 event.type == VGPU_EVENT_COMMAND_DONE);
	if (poller.revents == POLLIN)
		poll(&poller, 1, 0);
	ktap_check(poller.revents == (POLLIN | POLLERR | POLLHUP), "revents 0x%x",
		   poller.revents);
	noticed(watcher);
	return NULL;
}

static void *submit_commands(void *argument)
{
	struct watcher *watcher = argument;
	struct vgpu_submit submit;
	unsigned int i;

	for (i = 0;; i++) {
		submit = (struct vgpu_submit){ .command = i };
		if (ioctl(watcher->fd, VGPU_IOC_SUBMIT, &submit))
			break;
		watcher->running = 1;
	}
	ktap_check(errno == ENODEV, "SUBMIT: %s", strerror(errno));
	noticed(watcher);
	return NULL;
}

static void *wait_in_read(void *argument)
{
	struct watcher *watcher = argument;
	char buffer[64];

	watcher->running = 1;
	while (read(watcher->fd, buffer, sizeof(buffer)) > 0)
		;
	ktap_check(errno == ENODEV, "read: %s", strerror(errno));
	noticed(watcher);
	return NULL;
}

static struct watcher watchers[] = {
	{ .name = "attributes", .run = read_attributes },
	{ .name = "poll", .run = poll_node },
	{ .name = "submit", .run = submit_commands },
	{ .name = "read", .run = wait_in_read },
};

#define WATCHERS ARRAY_SIZE(watchers)

static void check_idle_file(int fd)
{
	struct pollfd poller = { .fd = fd, .events = POLLIN };
	char buffer[64];

	ktap_check(ioctl(fd, VGPU_IOC_GET_INFO, &(struct vgpu_info){ 0 }) && errno == ENODEV,
		   "GET_INFO: %s", strerror(errno));
	ktap_check(ioctl(fd, VGPU_IOC_SUBMIT, &(struct vgpu_submit){ 0 }) && errno == ENODEV,
		   "SUBMIT: %s", strerror(errno));
	ktap_check(read(fd, buffer, sizeof(buffer)) < 0 && errno == ENODEV, "read: %s",
		   strerror(errno));
	ktap_check(poll(&poller, 1, 0) == 1 && poller.revents & POLLHUP, "revents 0x%x",
		   poller.revents);
}

static void tell(const char *file)
{
	int error = tell_driver(file, address);

	ktap_check(!error, "%s: %s", file, strerror(error));
}

static int wait_for_device(void)
{
	long end = now_ms() + PATIENCE_MS;

	while (now_ms() < end) {
		char node[80];

		if (find_device(device, sizeof(device))) {
			snprintf(node, sizeof(node), "/dev/%s", device);
			if (!access(node, R_OK | W_OK))
				return 1;
		}
		usleep(5000);
	}
	return 0;
}

static void play_round(int unbind, int number)
{
	long first = LONG_MAX, last = 0, end;
	char name[80];
	size_t i;
	int idle;

	if (find_address(device, address, sizeof(address)))
		ktap_bail_out("%s has no parent: %s", device, strerror(errno));
	idle = open_node(device, O_RDWR);
	ktap_check(idle >= 0, "/dev/%s: %s", device, strerror(errno));
	for (i = 0; i < WATCHERS; i++) {
		watchers[i].running = 0;
		watchers[i].noticed_ms = 0;
		watchers[i].fd = open_node(device, O_RDWR);
		pthread_create(&watchers[i].thread, NULL, watchers[i].run, &watchers[i]);
	}
	for (i = 0; i < WATCHERS; i++)
		while (!__atomic_load_n(&watchers[i].running, __ATOMIC_ACQUIRE))
			usleep(1000);

	/* An unplug begins elsewhere: the first to notice starts the clock. */
	if (unbind) {
		first = now_ms();
		tell("unbind");
	} else {
		printf("ready %d\n", number);
	}
	end = now_ms() + PATIENCE_MS;
	for (i = 0; i < WATCHERS;) {
		if (__atomic_load_n(&watchers[i].noticed_ms, __ATOMIC_ACQUIRE)) {
			i++;
			continue;
		}
		if (now_ms() > end)
			ktap_bail_out("round %d: %s has not noticed", number, watchers[i].name);
		usleep(1000);
	}
	for (i = 0; i < WATCHERS; i++) {
		pthread_join(watchers[i].thread, NULL);
		close(watchers[i].fd);
		first = watchers[i].noticed_ms < first ? watchers[i].noticed_ms : first;
		last = watchers[i].noticed_ms > last ? watchers[i].noticed_ms : last;
	}
	ktap_check(last - first <= NOTICE_MS, "the last noticed after %ld ms",
		   last - first);
	check_idle_file(idle);
	/* Every second round the file outlives the next device, too. */
	if (number % 2)
		close(idle);

	if (unbind)
		tell("bind");
	else
		printf("gone %d\n", number);
	ktap_check(wait_for_device(), "no device came back");
	if (!(number % 2)) {
		check_idle_file(idle);
		close(idle);
	}
	ktap_check(!read_attribute(device, "pool_id", name, sizeof(name)), "pool_id: %s",
		   strerror(errno));
	snprintf(name, sizeof(name), "round %d: all calls end and the next device works", number);
	ktap_result(name);
}

int main(int argc, char **argv)
{
	int rounds = argc > 2 ? atoi(argv[2]) : 3;
	int unbind, i;

	if (argc < 2 || (strcmp(argv[1], "unbind") && strcmp(argv[1], "unplug"))) {
		fprintf(stderr, "usage: removal unbind|unplug [ROUNDS]\n");
		return 2;
	}
	unbind = !strcmp(argv[1], "unbind");
	ktap_plan(rounds);
	if (!wait_for_device())
		ktap_bail_out("no device in " CLASS_DIR "; is vgpu_stub loaded?");
	for (i = 1; i <= rounds; i++)
		play_round(unbind, i);
	return ktap_end();
}
