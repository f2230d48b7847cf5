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

/* The number of a device that was unplugged may be taken: names are looked up. */
static inline int find_device(char *name, size_t size)
{
	DIR *dir = opendir(CLASS_DIR);
	struct dirent *entry;
	int found = 0;

	if (!dir)
		return 0;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		if (strlen(entry->d_name) >= size)
			continue;
		if (!found || strcmp(entry->d_name, name) < 0)
			memcpy(name, entry->d_name, strlen(entry->d_name) + 1);
		found = 1;
	}
	closedir(dir);
	return found;
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

#endif /* DEVICE_H */
