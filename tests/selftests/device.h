/* SPDX-License-Identifier: GPL-2.0 */
/* Finding a vGPU, and reading what sysfs says of it. */
#ifndef DEVICE_H
#define DEVICE_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CLASS_DIR "/sys/class/vgpu"
#define DRIVER_DIR "/sys/bus/pci/drivers/vgpu_stub"

#define NAME_SIZE 64

/*
 * The number of a device that was unplugged may be taken: names are looked up.
 * Returns how many there are, up to SIZE.
 */
static inline int list_devices(char names[][NAME_SIZE], int size)
{
	DIR *dir = opendir(CLASS_DIR);
	struct dirent *entry;
	int count = 0;

	if (!dir)
		return 0;
	while (count < size && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || strlen(entry->d_name) >= NAME_SIZE)
			continue;
		memcpy(names[count++], entry->d_name, strlen(entry->d_name) + 1);
	}
	closedir(dir);
	return count;
}

/* Finds the first one by name. */
static inline int find_device(char *name, size_t size)
{
	char names[64][NAME_SIZE];
	int count = list_devices(names, 64);
	const char *first = names[0];
	int i;

	for (i = 1; i < count; i++)
		if (strcmp(names[i], first) < 0)
			first = names[i];
	if (!count || strlen(first) >= size)
		return 0;
	memcpy(name, first, strlen(first) + 1);
	return 1;
}

/*
 * Reads an attribute without its newline. Returns 0 or an errno, of open or of
 * read.
 */
static inline int read_attribute(const char *device, const char *attribute,
				 char *value, size_t size)
{
	char path[512];
	ssize_t got;
	int fd, error = 0;

	snprintf(path, sizeof(path), CLASS_DIR "/%s/%s", device, attribute);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return errno;
	got = read(fd, value, size - 1);
	if (got < 0)
		error = errno;
	else
		value[got] = '\0';
	close(fd);
	if (!error && got > 0 && value[got - 1] == '\n')
		value[got - 1] = '\0';
	return error;
}

static inline int open_node(const char *device, int flags)
{
	char path[512];

	snprintf(path, sizeof(path), "/dev/%s", device);
	return open(path, flags);
}

/* Finds the PCI address of a device. Returns 0 or an errno. */
static inline int find_address(const char *device, char *address, size_t size)
{
	char path[512], target[512];
	ssize_t length;

	snprintf(path, sizeof(path), CLASS_DIR "/%s/device", device);
	length = readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		return errno;
	target[length] = '\0';
	snprintf(address, size, "%s", strrchr(target, '/') + 1);
	return 0;
}

/*
 * Writes a PCI address to a file of the driver's directory, bind or unbind. Returns 0
 * or an errno.
 */
static inline int tell_driver(const char *file, const char *address)
{
	char path[256];
	int fd, error = 0;

	snprintf(path, sizeof(path), DRIVER_DIR "/%s", file);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return errno;
	if (write(fd, address, strlen(address)) < 0)
		error = errno;
	close(fd);
	return error;
}

#endif /* DEVICE_H */
