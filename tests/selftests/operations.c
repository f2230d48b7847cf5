// SPDX-License-Identifier: GPL-2.0
/*
 * Single operations on a vGPU, for those who count what one costs.
 *
 *	operations measure DEVICE [ROUNDS]	instructions of each
 *	operations once NAME DEVICE		do one of them once
 *	operations run COMMAND...		instructions of a process, its start included
 *	operations calls COMMAND...		system calls of a process of one thread
 *	operations herd DEVICE NUMBER COMMANDS	NUMBER threads submit COMMANDS together
 *
 * Instructions are what the time stamp counter counts in a guest under QEMU's -icount
 * shift=0. Each line of output is a name and a number: of an operation the median.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/vgpu_stub.h>

#include "ticks.h"

static unsigned int rounds = 500;
static int node, reader, null, status, uevent, pci;
static uint64_t woken_at;

static void fail(const char *what)
{
	fprintf(stderr, "operations: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void nothing(void)
{
}

static void do_getppid(void)
{
	syscall(SYS_getppid);
}

static void do_ioctl_null(void)
{
	ioctl(null, VGPU_IOC_GET_INFO, NULL);
}

static void do_info(void)
{
	struct vgpu_info info;

	if (ioctl(node, VGPU_IOC_GET_INFO, &info))
		fail("VGPU_IOC_GET_INFO");
}

static void do_submit(void)
{
	struct vgpu_submit submit = { .command = 5 };

	if (ioctl(node, VGPU_IOC_SUBMIT, &submit))
		fail("VGPU_IOC_SUBMIT");
}

static void read_from(int fd, const char *what)
{
	char text[4096];

	if (pread(fd, text, sizeof(text), 0) <= 0)
		fail(what);
}

static void do_status(void)
{
	read_from(status, "status");
}

static void do_uevent(void)
{
	read_from(uevent, "uevent");
}

static void do_pci(void)
{
	read_from(pci, "vendor");
}

static void do_poll(void)
{
	struct pollfd polled = { .fd = node, .events = POLLIN };

	if (poll(&polled, 1, 0) < 0)
		fail("poll");
}

static void do_read(void)
{
	struct vgpu_event event;

	if (read(reader, &event, sizeof(event)) >= 0 || errno != EAGAIN)
		fail("read");
}

static void drain(int fd)
{
	struct vgpu_event events[16];

	while (read(fd, events, sizeof(events)) > 0)
		;
}

static uint64_t measure(void (*operation)(void))
{
	uint64_t *taken = calloc(rounds, sizeof(*taken));
	uint64_t start, result;
	unsigned int i;

	if (!taken)
		fail("memory");
	/* What is made once. */
	for (i = 0; i < 20; i++)
		operation();
	for (i = 0; i < rounds; i++) {
		start = now();
		operation();
		taken[i] = now() - start;
	}
	result = median(taken, rounds);
	free(taken);
	return result;
}

static const struct operation {
	const char *name;
	void (*run)(void);
} operations[] = {
	/* What there is without a vGPU, to compare with. */
	{ "getppid", do_getppid },
	{ "ioctl-null", do_ioctl_null },
	{ "pread-pci", do_pci },
	{ "submit", do_submit },
	{ "info", do_info },
	{ "status", do_status },
	{ "uevent", do_uevent },
	{ "poll", do_poll },
	{ "read-again", do_read },
};

#define OPERATIONS (sizeof(operations) / sizeof(*operations))

/* Polls, and notes when it was woken up. */
static void *poller(void *unused)
{
	struct pollfd polled = { .fd = reader, .events = POLLIN };
	uint64_t at;

	for (;;) {
		if (poll(&polled, 1, -1) < 0)
			return unused;
		at = now();
		drain(reader);
		__atomic_store_n(&woken_at, at, __ATOMIC_RELEASE);
	}
}

/* From a command's submission until somebody who polls is back in user space. */
static void report_wakeup(void)
{
	uint64_t *taken = calloc(rounds, sizeof(*taken));
	pthread_t thread;
	uint64_t start, at;
	unsigned int i;

	if (!taken || pthread_create(&thread, NULL, poller, NULL))
		fail("a thread");
	usleep(20000);
	for (i = 0; i < rounds; i++) {
		__atomic_store_n(&woken_at, 0, __ATOMIC_RELEASE);
		start = now();
		do_submit();
		while (!(at = __atomic_load_n(&woken_at, __ATOMIC_ACQUIRE)))
			usleep(1000);
		taken[i] = at - start;
		usleep(1000);
	}
	printf("wakeup %llu\n", (unsigned long long)median(taken, rounds));
	free(taken);
}

static int open_or_fail(const char *path, int flags)
{
	int fd = open(path, flags);

	if (fd < 0)
		fail(path);
	return fd;
}

static int open_attribute(const char *device, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "/sys/class/vgpu/%s/%s", device, name);
	return open_or_fail(path, O_RDONLY);
}

static void open_device(const char *device)
{
	char path[64];

	snprintf(path, sizeof(path), "/dev/%s", device);
	node = open_or_fail(path, O_RDWR | O_NONBLOCK);
	reader = open_or_fail(path, O_RDWR | O_NONBLOCK);
	null = open_or_fail("/dev/null", O_RDWR);
	status = open_attribute(device, "status");
	uevent = open_attribute(device, "uevent");
	pci = open_attribute(device, "device/vendor");
}

static int is_revision_2(const char *device)
{
	char path[256];

	snprintf(path, sizeof(path), "/sys/class/vgpu/%s/features", device);
	return !access(path, F_OK);
}

static int measure_all(const char *device)
{
	uint64_t floor = measure(nothing);
	size_t i;

	for (i = 0; i < OPERATIONS; i++) {
		printf("%s %llu\n", operations[i].name,
		       (unsigned long long)(measure(operations[i].run) - floor));
		drain(node);
		drain(reader);
	}
	if (is_revision_2(device))
		report_wakeup();
	return 0;
}

static int do_once(const char *name)
{
	size_t i;

	for (i = 0; i < OPERATIONS; i++) {
		if (!strcmp(operations[i].name, name)) {
			operations[i].run();
			return 0;
		}
	}
	fprintf(stderr, "operations: there is no operation '%s'\n", name);
	return 2;
}

/* Becomes the command, which says nothing. */
static void execute(char **command)
{
	if (dup2(open_or_fail("/dev/null", O_WRONLY), STDOUT_FILENO) < 0)
		fail("stdout");
	execvp(command[0], command);
	fail(command[0]);
}

static int succeeded(char **command, int result)
{
	if (result)
		fprintf(stderr, "operations: %s: status 0x%x\n", command[0], result);
	return !result;
}

static int run(char **command)
{
	uint64_t start = now(), taken;
	pid_t child = fork();
	int result;

	if (child < 0)
		fail("fork");
	if (!child)
		execute(command);
	if (waitpid(child, &result, 0) < 0)
		fail("waitpid");
	taken = now() - start;
	if (!succeeded(command, result))
		return 1;
	printf("instructions %llu\n", (unsigned long long)taken);
	return 0;
}

static int count_calls(char **command)
{
	unsigned long stops = 0;
	pid_t child = fork();
	int result;

	if (child < 0)
		fail("fork");
	if (!child) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
			fail("ptrace");
		execute(command);
	}
	/* The first stop is the end of execve. */
	while (waitpid(child, &result, 0) == child && WIFSTOPPED(result)) {
		stops++;
		if (ptrace(PTRACE_SYSCALL, child, NULL, NULL))
			fail("ptrace");
	}
	if (!succeeded(command, result))
		return 1;
	/* Each call stops it twice, but for execve and exit_group, which do so once. */
	printf("calls %lu\n", stops / 2 + 1);
	return 0;
}

static unsigned int left;

static void *submitter(void *unused)
{
	while (__atomic_fetch_sub(&left, 1, __ATOMIC_RELAXED) - 1 < INT32_MAX)
		do_submit();
	return unused;
}

/* The context switches of the whole machine so far. */
static unsigned long long switches(void)
{
	char line[256];
	unsigned long long count = 0;
	FILE *file = fopen("/proc/stat", "r");

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "ctxt %llu", &count) == 1)
			break;
	if (!file || !count)
		fail("/proc/stat");
	fclose(file);
	return count;
}

static int herd(unsigned int number, unsigned int commands)
{
	pthread_t *threads = calloc(number, sizeof(*threads));
	unsigned long long before;
	uint64_t start;
	unsigned int i;

	if (!threads)
		fail("memory");
	left = commands;
	before = switches();
	start = now();
	for (i = 0; i < number; i++)
		if (pthread_create(&threads[i], NULL, submitter, NULL))
			fail("a thread");
	for (i = 0; i < number; i++)
		pthread_join(threads[i], NULL);
	printf("ticks %llu\n", (unsigned long long)(now() - start) / commands);
	printf("switches-per-1000 %llu\n", (switches() - before) * 1000 / commands);
	return 0;
}

static unsigned int parse(const char *text)
{
	unsigned long value = strtoul(text, NULL, 10);

	if (!value || value > INT32_MAX) {
		fprintf(stderr, "operations: '%s' is not 1 or more\n", text);
		exit(2);
	}
	return value;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "measure") && (argc == 3 || argc == 4)) {
		if (argc == 4)
			rounds = parse(argv[3]);
		open_device(argv[2]);
		return measure_all(argv[2]);
	}
	if (!strcmp(what, "once") && argc == 4) {
		open_device(argv[3]);
		return do_once(argv[2]);
	}
	if (!strcmp(what, "run") && argc > 2)
		return run(argv + 2);
	if (!strcmp(what, "calls") && argc > 2)
		return count_calls(argv + 2);
	if (!strcmp(what, "herd") && argc == 5) {
		open_device(argv[2]);
		return herd(parse(argv[3]), parse(argv[4]));
	}
	fputs("usage: operations measure|once|run|calls|herd ...\n", stderr);
	return 2;
}
