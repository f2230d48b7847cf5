// SPDX-License-Identifier: GPL-2.0
/*
 * Sees the host change the identity of a device of revision 2 that it has in use.
 *
 *	live CHANGES
 *
 * prints 'ready' and follows the device by all the ways there are, until the host has
 * changed it CHANGES times: poll of an attribute, records from the node, and uevents.
 * None of them may lose the last change; how many came at once is told.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/vgpu_stub.h>

#include "device.h"
#include "ktap.h"

/* Longer than any change takes to arrive. */
#define PATIENCE_MS 60000

enum way { ATTRIBUTE, NODE, UEVENT, WAYS };

static const char *const names[WAYS] = { "poll of the attribute", "read of the node", "uevents" };

static char device[64];
static struct pollfd ways[WAYS];
static int unpolled;
/* The generation that each has told last, and how often it has told one. */
static uint32_t last[WAYS];
static unsigned long told[WAYS];

/* By a file of the caller's own: a read is the end of what its poll has to say. */
static uint32_t generation(int fd)
{
	char text[32] = "";
	ssize_t got = pread(fd, text, sizeof(text) - 1, 0);

	ktap_check(got > 0, "config_generation: errno %d", errno);
	return strtoul(text, NULL, 10);
}

static void tell(enum way way, uint32_t now)
{
	ktap_check((int32_t)(now - last[way]) >= 0, "%s: from %u back to %u", names[way], last[way],
		   now);
	last[way] = now;
	told[way]++;
}

static void attribute(void)
{
	tell(ATTRIBUTE, generation(ways[ATTRIBUTE].fd));
}

static void node(void)
{
	struct vgpu_event events[2];
	ssize_t got = read(ways[NODE].fd, events, sizeof(events));
	ssize_t i;

	ktap_check(got > 0 && got % (ssize_t)sizeof(*events) == 0, "read gave %zd, errno %d", got,
		   errno);
	for (i = 0; i < got / (ssize_t)sizeof(*events); i++) {
		ktap_check(events[i].type == VGPU_EVENT_CONFIG_CHANGED, "type %u", events[i].type);
		/* Nothing is left out without being counted. */
		ktap_check(events[i].value - last[NODE] == events[i].count, "%u after %u, count %u",
			   events[i].value, last[NODE], events[i].count);
		tell(NODE, events[i].value);
	}
}

static void uevent(void)
{
	static const char action[] = "change@";
	char text[8192];
	ssize_t got = recv(ways[UEVENT].fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	if (got < 0) {
		/* The kernel drops what nobody fetches in time, and says so. */
		ktap_check(errno == ENOBUFS || errno == EAGAIN, "recv: errno %d", errno);
		return;
	}
	text[got] = '\0';
	if (!strncmp(text, action, sizeof(action) - 1) && strstr(text, device))
		tell(UEVENT, generation(unpolled));
}

static void open_all(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	char path[512];

	snprintf(path, sizeof(path), CLASS_DIR "/%s/config_generation", device);
	ways[ATTRIBUTE] = (struct pollfd){ .fd = open(path, O_RDONLY), .events = POLLPRI };
	unpolled = open(path, O_RDONLY);
	ways[NODE] = (struct pollfd){ .fd = open_node(device, O_RDONLY), .events = POLLIN };
	ways[UEVENT] = (struct pollfd){
		.fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT),
		.events = POLLIN,
	};
	if (ways[ATTRIBUTE].fd < 0 || unpolled < 0 || ways[NODE].fd < 0 || ways[UEVENT].fd < 0 ||
	    bind(ways[UEVENT].fd, (struct sockaddr *)&address, sizeof(address)))
		ktap_bail_out("%s cannot be followed: errno %d", device, errno);
}

int main(int argc, char **argv)
{
	static void (*const look[WAYS])(void) = { attribute, node, uevent };
	uint32_t changes = argc > 1 ? strtoul(argv[1], NULL, 0) : 1;
	uint32_t first, end;
	int way, ready;

	if (!find_device(device, sizeof(device)))
		ktap_bail_out("there is no device in " CLASS_DIR);
	open_all();
	/* A poll wakes up for what comes after a read. */
	first = generation(ways[ATTRIBUTE].fd);
	end = first + changes;
	for (way = 0; way < WAYS; way++)
		last[way] = first;
	printf("ready\n");
	fflush(stdout);
	ktap_plan(WAYS);

	while (last[ATTRIBUTE] != end || last[NODE] != end || last[UEVENT] != end) {
		ready = poll(ways, WAYS, PATIENCE_MS);
		if (ready <= 0) {
			ktap_note("nothing for %u ms: errno %d", PATIENCE_MS, errno);
			break;
		}
		for (way = 0; way < WAYS; way++)
			if (ways[way].revents)
				look[way]();
	}
	for (way = 0; way < WAYS; way++) {
		ktap_note("%s: told %lu times of %u changes", names[way], told[way], changes);
		ktap_check(last[way] == end, "the last was %u, not %u", last[way], end);
		ktap_result(names[way]);
	}
	return ktap_end();
}
