// SPDX-License-Identifier: GPL-2.0
/*
 * Whatever the kernel cannot have once, it does without, and leaves nothing.
 *
 *	faults device	binding the driver, and every call to the node and to sysfs
 *	faults module	loading the module, in a guest without a device
 *
 * Each of them is done again and again: first its first allocation or copy from or
 * to user space fails, then its second one, until it gets through without a failure.
 * After each failure it must work. Needs a kernel with fault injection, and root;
 * what was lost on the way is for kmemleak to say.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/vgpu_stub.h>

#include "device.h"
#include "ktap.h"

#define DEBUG_DIR "/sys/kernel/debug"
#define MODULE_DIR "/sys/module/vgpu_stub"
/* No operation has as many allocations. */
#define ENDLESS 5000
/* The driver core may take its time with the numbers of devices that are gone. */
#define PATIENCE 100

static char device[64], address[64], module[256];
static int fd = -1, fail_nth;

/* Returns 0, or what went wrong. */
typedef int (*operation)(void);

static void must_exist(const char *path, int wanted)
{
	struct stat status;
	int found = !stat(path, &status);

	ktap_check(found == wanted, "%s %s", path, found ? "is left" : "is not there");
}

static int file_has(const char *path, const char *text)
{
	char line[512];
	int found = 0;
	FILE *file = fopen(path, "r");

	ktap_check(file, "%s: %s", path, strerror(errno));
	while (file && !found && fgets(line, sizeof(line), file))
		found = !!strstr(line, text);
	if (file)
		fclose(file);
	return found;
}

/* The device, bound or not. */

static int bind_driver(void)
{
	return tell_driver("bind", address);
}

static void device_path(char *path, size_t size, const char *file)
{
	snprintf(path, size, "/sys/bus/pci/devices/%s/%s", address, file);
}

static void is_unbound(void)
{
	char path[256], node[80], enabled[8] = "";
	int file;

	device_path(path, sizeof(path), "driver");
	must_exist(path, 0);
	device_path(path, sizeof(path), "vgpu");
	must_exist(path, 0);
	ktap_check(!find_device(device, sizeof(device)), "%s is left in " CLASS_DIR, device);
	snprintf(node, sizeof(node), "/dev/%s", device);
	must_exist(node, 0);
	ktap_check(!file_has("/proc/iomem", "vgpu_stub"), "BAR0 is not given back");
	device_path(path, sizeof(path), "enable");
	file = open(path, O_RDONLY);
	ktap_check(read(file, enabled, sizeof(enabled) - 1) == 2 && enabled[0] == '0',
		   "enabled %s times", enabled);
	close(file);
}

static int works(void)
{
	char value[64];
	int error = find_device(device, sizeof(device)) ? 0 : ENODEV, file;

	if (!error)
		error = read_attribute(device, "pool_id", value, sizeof(value));
	if (error)
		return error;
	file = open_node(device, O_RDWR);
	/* devtmpfs may have had no memory for the node, which nobody is told. */
	if (file < 0)
		return errno == ENOENT ? 0 : errno;
	error = ioctl(file, VGPU_IOC_SUBMIT, &(struct vgpu_submit){ .command = 1 }) ? errno : 0;
	close(file);
	return error;
}

static int unbind_driver(void)
{
	int error = works() ?: tell_driver("unbind", address);

	is_unbound();
	return error;
}

/* The node. */

static int open_file(void)
{
	fd = open_node(device, O_RDWR | O_NONBLOCK);
	return fd < 0 ? errno : 0;
}

static int close_file(void)
{
	int error = ioctl(fd, VGPU_IOC_GET_INFO, &(struct vgpu_info){ 0 }) ? errno : 0;

	close(fd);
	return error;
}

static int get_info(void)
{
	struct vgpu_info info;

	if (ioctl(fd, VGPU_IOC_GET_INFO, &info))
		return errno;
	ktap_check(info.revision >= 1, "revision %u", info.revision);
	return 0;
}

static int submit(void)
{
	struct vgpu_submit submit = { .command = 7 };

	if (ioctl(fd, VGPU_IOC_SUBMIT, &submit))
		return errno;
	ktap_check(submit.status & VGPU_STATUS_DONE, "status 0x%x", submit.status);
	return 0;
}

static int poll_many(void)
{
	/* More than have a place on the kernel's stack. */
	struct pollfd files[200];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(files); i++)
		files[i] = (struct pollfd){ .fd = fd, .events = POLLIN };
	return poll(files, ARRAY_SIZE(files), 0) < 0 ? errno : 0;
}

/* Revision 2 tells once of the commands before; what could not be told is told again. */
static int read_events(void)
{
	struct vgpu_event events[2];

	return read(fd, events, sizeof(events)) < 0 && errno != EAGAIN ? errno : 0;
}

static int show(void)
{
	static const char * const names[] = {
		"pool_id", "priority", "vm_id", "command", "status", "uevent",
		"features", "config_generation", "commands_submitted", "commands_completed",
		"result",
	};
	char value[256];
	size_t i;
	int error = 0;

	for (i = 0; i < ARRAY_SIZE(names) && !error; i++) {
		error = read_attribute(device, names[i], value, sizeof(value));
		/* The last ones are not there on revision 1. */
		if (error == ENOENT && i > 5)
			error = 0;
	}
	return error;
}

static int store(void)
{
	char path[512];
	int file, error = 0;

	snprintf(path, sizeof(path), CLASS_DIR "/%s/command", device);
	file = open(path, O_WRONLY);
	if (file < 0)
		return errno;
	if (write(file, "7", 1) != 1)
		error = errno;
	close(file);
	return error;
}

/* The module. */

static int load_module(void)
{
	int file = open(module, O_RDONLY);
	int error;

	if (file < 0)
		return errno;
	error = syscall(SYS_finit_module, file, "", 0) ? errno : 0;
	close(file);
	return error;
}

static void is_unloaded(void)
{
	int patience;

	must_exist(MODULE_DIR, 0);
	must_exist(CLASS_DIR, 0);
	/* A driver that could not be added keeps its directory until the core releases it. */
	for (patience = PATIENCE; patience && !access(DRIVER_DIR, F_OK); patience--)
		usleep(100000);
	must_exist(DRIVER_DIR, 0);
	ktap_check(!file_has("/proc/devices", "vgpu"), "the major number is not given back");
}

static int unload_module(void)
{
	int error;

	must_exist(CLASS_DIR, 1);
	must_exist(DRIVER_DIR, 1);
	error = syscall(SYS_delete_module, "vgpu_stub", O_NONBLOCK) ? errno : 0;
	is_unloaded();
	return error;
}

static int nothing(void)
{
	return 0;
}

/* Does a step whose failure of this number is wanted; says whether it came to that. */
static int failing(operation step, unsigned int number, int *error)
{
	char text[16] = "";
	int left;

	snprintf(text, sizeof(text), "%u", number);
	if (pwrite(fail_nth, text, strlen(text), 0) < 0)
		ktap_bail_out("fail-nth: %s", strerror(errno));
	*error = step();
	/* What is left of the number may end here: these copy from and to user space, too. */
	if (pread(fail_nth, text, sizeof(text) - 1, 0) > 0)
		left = atoi(text);
	else if (errno == EFAULT)
		left = 1;
	else
		ktap_bail_out("fail-nth: %s", strerror(errno));
	if (left && pwrite(fail_nth, "0", 1, 0) < 0 && errno != EFAULT)
		ktap_bail_out("fail-nth: %s", strerror(errno));
	return !left;
}

/*
 * Whether something was refused for a reason that a lack of memory explains. Of a BAR
 * that cannot be noted down, the PCI core says that it is busy, and the driver core of
 * a module without a directory for its drivers that it is invalid.
 */
static int is_shortage(operation step, int error)
{
	return error == ENOMEM || error == EFAULT || error == ENOSPC || error == EAGAIN ||
	       error == EBUSY || (error == EINVAL && step == load_module);
}

static void test(const char *name, operation step, void (*after_failure)(void), operation undo)
{
	unsigned int number, failures = 0, patience;
	char result[128];
	int error, injected;

	for (number = 1; number < ENDLESS; number++) {
		injected = failing(step, number, &error);
		if (error) {
			ktap_check(injected && is_shortage(step, error), "failure %u: %s", number,
				   strerror(error));
			failures++;
			if (after_failure)
				after_failure();
			error = step();
			for (patience = PATIENCE; error == ENOSPC && patience; patience--) {
				usleep(100000);
				error = step();
			}
			ktap_check(!error, "after failure %u: %s", number, strerror(error));
		}
		error = undo();
		ktap_check(!error, "%u, undone: %s", number, strerror(error));
		if (!injected)
			break;
	}
	ktap_check(number < ENDLESS, "it has no end");
	snprintf(result, sizeof(result), "%s: %u places to fail, %u of them do", name, number - 1,
		 failures);
	ktap_result(result);
}

/* Writes to a file of a kind of failure; not every kind has every file. */
static void configure(const char *kind, const char *name, const char *value)
{
	char path[256];
	int file;

	snprintf(path, sizeof(path), DEBUG_DIR "/%s/%s", kind, name);
	file = open(path, O_WRONLY);
	if (file >= 0 && write(file, value, strlen(value)) < 0)
		ktap_bail_out("%s: %s", path, strerror(errno));
	if (file >= 0)
		close(file);
}

static const char * const kinds[] = { "failslab", "fail_page_alloc", "fail_usercopy" };

static void configure_all(const char *name, const char *value)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		configure(kinds[i], name, value);
}

/*
 * Has what functions of the kernel call fail alone (require), or not at all (reject):
 * those from one to another one, in the order of their addresses.
 */
static void filter(const char *kind, const char *function, const char *last)
{
	unsigned long start = 0, end = 0, seen = 0, at;
	char line[512], name[256], bound[32], file[32];
	FILE *symbols = fopen("/proc/kallsyms", "r");

	if (!symbols)
		ktap_bail_out("/proc/kallsyms: %s", strerror(errno));
	/* That is the order of the file; a slow kernel takes a minute for all of it. */
	while (!end && fgets(line, sizeof(line), symbols)) {
		if (sscanf(line, "%lx %*c %255s", &at, name) != 2)
			continue;
		if (!start && !strcmp(name, function))
			start = at;
		if (start && !strcmp(name, last))
			seen = at;
		else if (seen && at > seen)
			end = at;
	}
	fclose(symbols);
	if (!end)
		ktap_bail_out("/proc/kallsyms has no %s", function);
	snprintf(file, sizeof(file), "%s-start", kind);
	snprintf(bound, sizeof(bound), "0x%lx", start);
	configure_all(file, bound);
	snprintf(file, sizeof(file), "%s-end", kind);
	snprintf(bound, sizeof(bound), "0x%lx", end);
	configure_all(file, bound);
}

static void test_device(void)
{
	char features[32];
	int interrupts;

	ktap_plan(8);
	if (!find_device(device, sizeof(device)))
		ktap_bail_out("no device in " CLASS_DIR "; is vgpu_stub loaded?");
	test("Opening the node", open_file, NULL, close_file);
	if (open_file())
		ktap_bail_out("/dev/%s: %s", device, strerror(errno));
	test("GET_INFO", get_info, NULL, nothing);
	test("SUBMIT", submit, NULL, nothing);
	test("poll", poll_many, NULL, nothing);
	test("read", read_events, NULL, nothing);
	close(fd);
	test("Reading the attributes", show, NULL, nothing);
	test("Writing a command", store, NULL, nothing);

	interrupts = !read_attribute(device, "features", features, sizeof(features));
	find_address(device, address, sizeof(address));
	if (tell_driver("unbind", address))
		ktap_bail_out("unbind: %s", strerror(errno));
	/*
	 * Of the kernel itself, two things do not bear a lack of memory: the firmware's
	 * interpreter, and the files of an interrupt in /proc, of which it warns that
	 * they are not there when it takes them away. There is one filter: where there
	 * are interrupts, the firmware must have no part in them (pci=noacpi).
	 */
	if (interrupts)
		filter("reject", "register_handler_proc", "unregister_handler_proc");
	else
		filter("reject", "acpi_pci_irq_enable", "acpi_pci_irq_enable");
	test("Binding the driver", bind_driver, is_unbound, unbind_driver);
}

static void test_module(void)
{
	FILE *path = popen("modinfo -n vgpu_stub", "r");

	ktap_plan(1);
	if (!path || !fgets(module, sizeof(module), path))
		ktap_bail_out("there is no module");
	pclose(path);
	module[strcspn(module, "\n")] = '\0';
	is_unloaded();
	/* The module's own, without those of whoever loads it. */
	filter("require", "do_one_initcall", "do_one_initcall");
	test("Loading the module", load_module, is_unloaded, unload_module);
}

int main(int argc, char **argv)
{
	if (argc != 2 || (strcmp(argv[1], "device") && strcmp(argv[1], "module"))) {
		fprintf(stderr, "usage: faults device|module\n");
		return 2;
	}
	fail_nth = open("/proc/thread-self/fail-nth", O_RDWR);
	if (fail_nth < 0)
		ktap_bail_out("this kernel fails no allocation on request");
	configure_all("verbose", "0");
	configure_all("ignore-gfp-wait", "N");
	configure_all("ignore-gfp-highmem", "N");
	configure_all("min-order", "0");

	if (!strcmp(argv[1], "device"))
		test_device();
	else
		test_module();
	return ktap_end();
}
