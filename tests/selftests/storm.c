// SPDX-License-Identifier: GPL-2.0
/*
 * Everything at once, while devices come and go.
 *
 *	storm SECONDS
 *
 * Eight threads, each of which does one kind of thing again and again: attributes;
 * files of its own; waiting; commands, two of them on one file that a fifth replaces
 * meanwhile; files passed to a child and through a socket; and binding, unbinding,
 * loading and unloading. What each of them may be told is what a device that is
 * gone, or a module that is, may say. Somebody else may plug and unplug devices.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/vgpu_stub.h>

#include "device.h"
#include "ktap.h"

static int over;
/* No new files for a moment: one that is open keeps the module. */
static int no_files;
/* A file that two threads use, by a number that always is a file. */
static int shared;
static unsigned long loads, refusals, outlived;

/* Any device; the numbers of those that come back grow. */
static int any_device(char *name, size_t size)
{
	char names[16][NAME_SIZE];
	int count = list_devices(names, ARRAY_SIZE(names));

	if (!count) {
		usleep(1000);
		return 0;
	}
	snprintf(name, size, "%s", names[rand() % count]);
	return 1;
}

static int open_any(int flags)
{
	char name[64];
	int fd;

	if (__atomic_load_n(&no_files, __ATOMIC_RELAXED)) {
		usleep(1000);
		return -1;
	}
	if (!any_device(name, sizeof(name)))
		return -1;
	fd = open_node(name, flags);
	ktap_check(fd >= 0 || errno == ENOENT || errno == ENODEV || errno == ENXIO,
		   "open %s: %s", name, strerror(errno));
	return fd;
}

static int is_gone(int error)
{
	return error == ENODEV || error == ENOENT;
}

static void use_attributes(void)
{
	static const char * const names[] = {
		"pool_id", "priority", "vm_id", "command", "status", "uevent",
	};
	char name[64], path[512], value[256];
	size_t i;
	int fd, error;

	if (!any_device(name, sizeof(name)))
		return;
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		error = read_attribute(name, names[i], value, sizeof(value));
		ktap_check(!error || is_gone(error), "%s: %s", names[i], strerror(error));
	}
	snprintf(path, sizeof(path), CLASS_DIR "/%s/command", name);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return;
	ktap_check(write(fd, "0x7", 3) == 3 || is_gone(errno) || errno == EBUSY, "command: %s",
		   strerror(errno));
	close(fd);
}

static int get_info(int fd)
{
	struct vgpu_info info;

	if (ioctl(fd, VGPU_IOC_GET_INFO, &info))
		return errno;
	ktap_check(info.pool_id == VGPU_POOL_ID_A || info.pool_id == VGPU_POOL_ID_B,
		   "pool id 0x%x", info.pool_id);
	return 0;
}

static int submit(int fd)
{
	struct vgpu_submit submit = { .command = 9, .timeout_ms = 20000 };

	return ioctl(fd, VGPU_IOC_SUBMIT, &submit) ? errno : 0;
}

static void use_files(void)
{
	int fd = open_any(O_RDWR);
	int error;

	if (fd < 0)
		return;
	error = get_info(fd);
	ktap_check(!error || error == ENODEV, "GET_INFO: %s", strerror(error));
	error = submit(fd);
	ktap_check(!error || error == ENODEV, "SUBMIT: %s", strerror(error));
	close(fd);
}

/* Waits now and then for as long as the device is there, and keeps its file. */
static void wait_on_file(void)
{
	struct pollfd poller = { .fd = open_any(O_RDWR | O_NONBLOCK), .events = POLLIN };
	struct vgpu_event event;
	int ready;

	if (poller.fd < 0)
		return;
	ready = poll(&poller, 1, rand() % 500);
	/* Revision 2 tells of what the others do. */
	while (ready == 1 && poller.revents == POLLIN) {
		ktap_check(read(poller.fd, &event, sizeof(event)) == sizeof(event) ||
			   errno == ENODEV, "read: %s", strerror(errno));
		ready = poll(&poller, 1, 0);
	}
	if (ready == 1) {
		ktap_check(poller.revents == (POLLIN | POLLERR | POLLHUP), "revents 0x%x",
			   poller.revents);
		ktap_check(read(poller.fd, &event, sizeof(event)) < 0 && errno == ENODEV,
			   "read: %s", strerror(errno));
		ktap_check(get_info(poller.fd) == ENODEV, "GET_INFO of a device that is gone");
		__atomic_fetch_add(&outlived, 1, __ATOMIC_RELAXED);
	} else {
		/* There may be an event since. */
		ktap_check(read(poller.fd, &event, sizeof(event)) == sizeof(event) ||
			   errno == EAGAIN || errno == ENODEV, "read: %s", strerror(errno));
	}
	close(poller.fd);
}

/* The number may be that of /dev/null for a while. */
static void use_shared_file(void)
{
	int error = submit(shared);

	ktap_check(!error || error == ENODEV || error == ENOTTY, "SUBMIT: %s", strerror(error));
	error = get_info(shared);
	ktap_check(!error || error == ENODEV || error == ENOTTY, "GET_INFO: %s", strerror(error));
}

static void replace_shared_file(void)
{
	int fd = rand() % 2 ? open_any(O_RDWR) : -1;

	/* Now and then no file keeps the module. */
	if (fd < 0)
		fd = open("/dev/null", O_RDWR);
	dup2(fd, shared);
	close(fd);
	usleep(rand() % 20000);
}

static int send_file(int socket, int fd)
{
	char byte = 0, control[CMSG_SPACE(sizeof(int))] = "";
	struct iovec io = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &io, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(int));
	return sendmsg(socket, &message, 0) == 1;
}

static int receive_file(int socket)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec io = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &io, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	int fd = -1;

	if (recvmsg(socket, &message, 0) == 1 && CMSG_FIRSTHDR(&message))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
	return fd;
}

/* A child inherits one file, and gets it once more through a socket. */
static void pass_file(void)
{
	int fd = open_any(O_RDWR), sockets[2], status = 0;
	pid_t child;

	if (fd < 0)
		return;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets))
		ktap_bail_out("socketpair: %s", strerror(errno));
	ktap_check(send_file(sockets[0], fd), "SCM_RIGHTS: %s", strerror(errno));
	child = fork();
	if (!child) {
		int passed = receive_file(sockets[1]);
		int inherited_error = submit(fd), error = submit(passed);

		_exit(passed < 0 || (error && error != ENODEV) ||
		      (inherited_error && inherited_error != ENODEV));
	}
	/* What is in the socket is the last reference for a while. */
	close(fd);
	ktap_check(child > 0 && waitpid(child, &status, 0) == child && !status,
		   "a child's file: status 0x%x", status);
	close(sockets[0]);
	close(sockets[1]);
}

/* Whether the module has gone. */
static int unload(void)
{
	if (!syscall(SYS_delete_module, "vgpu_stub", O_NONBLOCK))
		return 1;
	ktap_check(errno == EAGAIN || errno == EBUSY, "delete_module: %s", strerror(errno));
	refusals++;
	return 0;
}

static void reload(void)
{
	int attempts, fd;

	/* A file keeps the module, even if its device goes meanwhile. */
	do {
		fd = open_any(O_RDWR);
	} while (fd < 0 && !__atomic_load_n(&over, __ATOMIC_RELAXED));
	if (fd >= 0) {
		if (unload())
			ktap_bail_out("the module of an open file was unloaded");
		close(fd);
	}

	__atomic_store_n(&no_files, rand() % 2, __ATOMIC_RELAXED);
	for (attempts = 0; attempts < 100; attempts++) {
		if (unload()) {
			loads++;
			if (system("modprobe vgpu_stub"))
				ktap_bail_out("modprobe vgpu_stub failed");
			break;
		}
		usleep(5000);
	}
	__atomic_store_n(&no_files, 0, __ATOMIC_RELAXED);
}

/* Now a device goes from the driver and comes back, now the module. */
static void disturb(void)
{
	static unsigned int times;
	char name[64], address[64];

	usleep(rand() % 100000);
	/* The module first, so that this has been tried however slow everything is. */
	if (!(times++ % 4)) {
		reload();
	} else if (any_device(name, sizeof(name)) &&
		   !find_address(name, address, sizeof(address))) {
		/* Another one may have been faster. */
		tell_driver("unbind", address);
		usleep(rand() % 20000);
		tell_driver("bind", address);
	}
}

static struct worker {
	const char *name;
	void (*work)(void);
	unsigned long rounds;
	pthread_t thread;
} workers[] = {
	{ .name = "attributes", .work = use_attributes },
	{ .name = "files", .work = use_files },
	{ .name = "waits", .work = wait_on_file },
	{ .name = "one file", .work = use_shared_file },
	{ .name = "the same file", .work = use_shared_file },
	{ .name = "replacements of that file", .work = replace_shared_file },
	{ .name = "files passed", .work = pass_file },
	{ .name = "disturbances", .work = disturb },
};

static void *run(void *argument)
{
	struct worker *worker = argument;

	while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
		worker->work();
		worker->rounds++;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	int seconds = argc == 2 ? atoi(argv[1]) : 0;
	char name[64];
	size_t i;

	if (seconds <= 0) {
		fprintf(stderr, "usage: storm SECONDS\n");
		return 2;
	}
	ktap_plan(2);
	if (!any_device(name, sizeof(name)))
		ktap_bail_out("no device in " CLASS_DIR "; is vgpu_stub loaded?");
	shared = open_node(name, O_RDWR);
	if (shared < 0)
		ktap_bail_out("/dev/%s: %s", name, strerror(errno));
	for (i = 0; i < ARRAY_SIZE(workers); i++)
		pthread_create(&workers[i].thread, NULL, run, &workers[i]);
	sleep(seconds);
	__atomic_store_n(&over, 1, __ATOMIC_RELAXED);
	for (i = 0; i < ARRAY_SIZE(workers); i++) {
		pthread_join(workers[i].thread, NULL);
		ktap_note("%lu times: %s", workers[i].rounds, workers[i].name);
		ktap_check(workers[i].rounds, "never done: %s", workers[i].name);
	}
	ktap_note("%lu files outlived their device", outlived);
	ktap_note("%lu times unloaded, %lu times refused", loads, refusals);
	ktap_check(refusals, "unloading was never refused");
	close(shared);
	ktap_result("All threads get through, and are told nothing that they must not be");

	ktap_check(any_device(name, sizeof(name)), "no device is left");
	shared = open_node(name, O_RDWR);
	ktap_check(!get_info(shared) && !submit(shared), "/dev/%s: %s", name, strerror(errno));
	close(shared);
	ktap_result("A device works after it");
	return ktap_end();
}
