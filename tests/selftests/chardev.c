// SPDX-License-Identifier: GPL-2.0
/* The ioctls, poll and read of /dev/vgpuN, while the device stays. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include <linux/vgpu_stub.h>

#include "device.h"
#include "ktap.h"

#define THREADS 8
#define COMMANDS 200

static char device[64];
static int fd;

/* Calls an ioctl and returns 0 or its errno. */
static int call(int on, unsigned long request, void *argument)
{
	return ioctl(on, request, argument) ? errno : 0;
}

static unsigned long number_of(const char *attribute)
{
	char value[64] = "";
	int error = read_attribute(device, attribute, value, sizeof(value));

	ktap_check(!error, "%s: %s", attribute, strerror(error));
	return strtoul(value, NULL, 0);
}

static void test_info_agrees_with_sysfs(void)
{
	static const char * const priorities[] = { "low", "medium", "high" };
	struct vgpu_info info;
	char value[64] = "";
	size_t i;

	memset(&info, 0xa5, sizeof(info));
	ktap_check(!call(fd, VGPU_IOC_GET_INFO, &info), "%s", strerror(errno));
	read_attribute(device, "pool_id", value, sizeof(value));
	ktap_check(value[0] == (char)info.pool_id && !value[1],
		   "pool_id '%s' and 0x%x", value, info.pool_id);
	read_attribute(device, "priority", value, sizeof(value));
	ktap_check(info.priority < 3 && !strcmp(value, priorities[info.priority]),
		   "priority '%s' and %u", value, info.priority);
	ktap_check(number_of("vm_id") == info.vm_id, "vm_id %u", info.vm_id);
	ktap_check(number_of("command") == info.command, "command %u", info.command);
	ktap_check(number_of("status") == info.status, "status %u", info.status);
	ktap_check(info.revision >= 1, "revision %u", info.revision);
	ktap_check(info.revision > 1 || (!info.features && !info.config_generation),
		   "features 0x%x, generation %u", info.features, info.config_generation);
	for (i = 0; i < ARRAY_SIZE(info.reserved); i++)
		ktap_check(!info.reserved[i], "reserved[%zu] = 0x%x", i, info.reserved[i]);
	ktap_result("GET_INFO says what sysfs says, and 0 in what is reserved");
}

static void test_submit(void)
{
	struct vgpu_submit submit = { .command = 0xdeadbeef };
	uint32_t sequence;

	ktap_check(!call(fd, VGPU_IOC_SUBMIT, &submit), "%s", strerror(errno));
	ktap_check(submit.status & VGPU_STATUS_DONE, "status 0x%x", submit.status);
	ktap_check(submit.result == 0, "result %u", submit.result);
	ktap_check(number_of("command") == 0xdeadbeef, "command 0x%lx", number_of("command"));
	ktap_check(number_of("status") & VGPU_STATUS_DONE, "status 0x%lx", number_of("status"));

	sequence = submit.sequence;
	submit.command = 0xffffffff;
	submit.timeout_ms = VGPU_TIMEOUT_MAX_MS;
	ktap_check(!call(fd, VGPU_IOC_SUBMIT, &submit), "%s", strerror(errno));
	ktap_check(submit.sequence == sequence + 1, "%u after %u", submit.sequence, sequence);
	ktap_check(number_of("command") == 0xffffffff, "command 0x%lx", number_of("command"));
	ktap_result("SUBMIT completes a command and counts it");
}

static int has_messages(void)
{
	char text[32];

	return !read_attribute(device, "link", text, sizeof(text));
}

/* What is refused before anything is sent. */
static void test_bad_calls(void)
{
	char message[VGPU_MSG_IN_MAX + 1] = "";
	struct vgpu_call request = { .in_addr = (uintptr_t)message };
	int reader = open_node(device, O_RDONLY);

	ktap_check(call(reader, VGPU_IOC_CALL, &request) == EBADF, "%s", strerror(errno));
	close(reader);
	if (!has_messages()) {
		ktap_check(call(fd, VGPU_IOC_CALL, &request) == EOPNOTSUPP, "%s", strerror(errno));
		ktap_result("CALL is refused by a device without messages");
		return;
	}
	request.flags = 1;
	ktap_check(call(fd, VGPU_IOC_CALL, &request) == EINVAL, "flags: %s", strerror(errno));
	request.flags = 0;
	request.reserved[2] = 1;
	ktap_check(call(fd, VGPU_IOC_CALL, &request) == EINVAL, "reserved: %s", strerror(errno));
	request.reserved[2] = 0;
	request.timeout_ms = VGPU_TIMEOUT_MAX_MS + 1;
	ktap_check(call(fd, VGPU_IOC_CALL, &request) == EINVAL, "timeout: %s", strerror(errno));
	request.timeout_ms = 0;
	request.in_len = sizeof(message);
	ktap_check(call(fd, VGPU_IOC_CALL, &request) == EMSGSIZE, "%s", strerror(errno));
	request.in_len = UINT32_MAX;
	ktap_check(call(fd, VGPU_IOC_CALL, &request) == EMSGSIZE, "%s", strerror(errno));
	request.in_len = 8;
	request.in_addr = 8;
	ktap_check(call(fd, VGPU_IOC_CALL, &request) == EFAULT, "%s", strerror(errno));
	request.in_addr = UINT64_MAX;
	ktap_check(call(fd, VGPU_IOC_CALL, &request) == EFAULT, "%s", strerror(errno));
	ktap_check(call(fd, VGPU_IOC_CALL, (void *)8) == EFAULT, "%s", strerror(errno));
	ktap_result("CALL refuses what it does not know, what is too long and bad pointers");
}

static void test_bad_input(void)
{
	struct vgpu_submit submit = { .command = 1, .flags = 1 };
	int reader = open_node(device, O_RDONLY);
	char byte = 0;

	ktap_check(call(fd, VGPU_IOC_SUBMIT, &submit) == EINVAL, "flags: %s", strerror(errno));
	submit = (struct vgpu_submit){ .command = 1, .reserved = { 0, 1 } };
	ktap_check(call(fd, VGPU_IOC_SUBMIT, &submit) == EINVAL, "reserved: %s", strerror(errno));
	submit = (struct vgpu_submit){ .command = 1, .timeout_ms = VGPU_TIMEOUT_MAX_MS + 1 };
	ktap_check(call(fd, VGPU_IOC_SUBMIT, &submit) == EINVAL, "timeout: %s", strerror(errno));
	ktap_result("SUBMIT refuses flags, reserved fields and timeouts it does not know");

	submit = (struct vgpu_submit){ .command = 1 };
	ktap_check(call(reader, VGPU_IOC_SUBMIT, &submit) == EBADF, "%s", strerror(errno));
	ktap_check(!call(reader, VGPU_IOC_GET_INFO, &(struct vgpu_info){ 0 }), "%s",
		   strerror(errno));
	close(reader);
	ktap_result("A file opened for reading gets information and submits nothing");

	ktap_check(call(fd, VGPU_IOC_GET_INFO, (void *)8) == EFAULT, "%s", strerror(errno));
	ktap_check(call(fd, VGPU_IOC_SUBMIT, (void *)8) == EFAULT, "%s", strerror(errno));
	ktap_check(call(fd, VGPU_IOC_SUBMIT, NULL) == EFAULT, "%s", strerror(errno));
	ktap_result("A bad pointer is EFAULT");

	ktap_check(call(fd, _IO(VGPU_IOC_MAGIC, 0x7f), NULL) == ENOTTY, "%s", strerror(errno));
	ktap_check(call(fd, _IOR(VGPU_IOC_MAGIC, VGPU_IOC_NR_GET_INFO, char), &byte) == ENOTTY,
		   "%s", strerror(errno));
	ktap_check(call(fd, TCGETS, &byte) == ENOTTY, "%s", strerror(errno));
	ktap_result("An unknown ioctl is ENOTTY, and so is a known one of another size");
}

static void on_alarm(int signal)
{
	(void)signal;
}

static void test_read_and_poll(void)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct itimerval soon = { .it_value = { .tv_usec = 100000 } };
	struct pollfd poller = { .fd = fd, .events = POLLIN | POLLPRI };
	int nonblocking = open_node(device, O_RDWR | O_NONBLOCK);
	char buffer[64];

	/* Revision 2 tells of the commands that were submitted before. */
	while (poll(&poller, 1, 0) > 0 && poller.revents == POLLIN)
		ktap_check(read(fd, buffer, sizeof(buffer)) > 0, "%s", strerror(errno));
	ktap_check(poll(&poller, 1, 20) == 0, "revents 0x%x", poller.revents);
	ktap_result("poll has nothing to say of a device that stays");

	ktap_check(read(nonblocking, buffer, sizeof(buffer)) < 0 && errno == EAGAIN, "%s",
		   strerror(errno));
	ktap_check(read(fd, buffer, 0) == 0, "%s", strerror(errno));
	close(nonblocking);
	ktap_result("A read that must not wait is EAGAIN");

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	ktap_check(read(fd, buffer, sizeof(buffer)) < 0 && errno == EINTR, "%s", strerror(errno));
	ktap_result("A signal ends a read that waits");

	ktap_check(lseek(fd, 0, SEEK_SET) < 0 && errno == ESPIPE, "%s", strerror(errno));
	ktap_check(write(fd, "1", 1) < 0 && errno == EINVAL, "%s", strerror(errno));
	ktap_check(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED &&
		   errno == ENODEV, "%s", strerror(errno));
	ktap_result("The node cannot be sought in, written to or mapped");
}

static void *submit_many(void *sequences)
{
	uint32_t *sequence = sequences;
	int i;

	for (i = 0; i < COMMANDS; i++) {
		struct vgpu_submit submit = { .command = i };

		ktap_check(!call(fd, VGPU_IOC_SUBMIT, &submit), "%s", strerror(errno));
		ktap_check(submit.command == (uint32_t)i, "command %u", submit.command);
		sequence[i] = submit.sequence;
	}
	return NULL;
}

static int by_number(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

static void test_many_submitters(void)
{
	static uint32_t sequences[THREADS][COMMANDS];
	uint32_t *all = &sequences[0][0];
	pthread_t threads[THREADS];
	int i, j;

	for (i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, submit_many, sequences[i]);
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < THREADS; i++)
		for (j = 1; j < COMMANDS; j++)
			ktap_check(sequences[i][j] > sequences[i][j - 1], "thread %d: %u after %u",
				   i, sequences[i][j], sequences[i][j - 1]);
	qsort(all, THREADS * COMMANDS, sizeof(*all), by_number);
	for (i = 1; i < THREADS * COMMANDS; i++)
		ktap_check(all[i] == all[i - 1] + 1, "%u after %u", all[i], all[i - 1]);
	ktap_result("Threads that submit on one file each get every completion of their own");
}

int main(void)
{
	ktap_plan(12);
	if (!find_device(device, sizeof(device)))
		ktap_bail_out("no device in " CLASS_DIR "; is vgpu_stub loaded?");
	fd = open_node(device, O_RDWR);
	if (fd < 0)
		ktap_bail_out("/dev/%s: %s", device, strerror(errno));

	test_info_agrees_with_sysfs();
	test_submit();
	test_bad_calls();
	test_bad_input();
	test_read_and_poll();
	test_many_submitters();
	return ktap_end();
}
