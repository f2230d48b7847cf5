// SPDX-License-Identifier: GPL-2.0
/*
 * Many who use one device at the same time, compared with one who has it for itself.
 *
 *	crowd NUMBER [SECONDS]
 *
 * NUMBER submitters together get at least half of the commands a second that a single
 * one gets, for at most four times the CPU a command; all of them get the same number of
 * turns. A single one also goes on beside NUMBER readers of events: each of them has a
 * record to read for each command, which is where most of the time goes.
 *
 * The device is to take its time for a command, and not none, so that a single submitter
 * leaves the CPU to others.
 */

#define _GNU_SOURCE /* pthread_tryjoin_np */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <linux/vgpu_stub.h>

#include "device.h"
#include "ktap.h"

#define MOST 1000
#define STACK_SIZE (64 * 1024)
/* Longer than the queue ever is. */
#define TIMEOUT_MS 60000
#define TRIES 3

struct member {
	pthread_t thread;
	void *(*run)(void *member);
	int fd;
	/* What it has done, and how much of that when the time began. */
	unsigned long done, before;
};

/* What a crowd has done. */
struct work {
	double seconds;
	double cpu_ms;
	unsigned long commands;
	unsigned long most, least;
};

static char device[64];
static struct member members[MOST];
static int stop;

/* Commands a second. */
static double rate(const struct work *work)
{
	return work->commands / work->seconds;
}

/* Milliseconds of CPU a command. */
static double cost(const struct work *work)
{
	return work->cpu_ms / (work->commands ? work->commands : 1);
}

static double now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

/* The CPU time of the threads of interrupts: they are no part of any process. */
static double irq_threads_ms(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	double all = 0;

	if (!proc)
		ktap_bail_out("/proc: %s", strerror(errno));
	while ((entry = readdir(proc))) {
		unsigned long long ns = 0;
		char path[300], name[32] = "";
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		file = fopen(path, "r");
		if (!file)
			continue;
		if (!fgets(name, sizeof(name), file))
			name[0] = '\0';
		fclose(file);
		if (strncmp(name, "irq/", 4))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/schedstat", entry->d_name);
		file = fopen(path, "r");
		if (!file || fscanf(file, "%llu", &ns) != 1)
			ktap_bail_out("%s: %s", path, strerror(errno));
		fclose(file);
		all += ns / 1e6;
	}
	closedir(proc);
	return all;
}

/* The CPU time that commands have cost, of all who have a part in them. */
static double cpu_ms(void)
{
	struct timespec own;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own);
	return own.tv_sec * 1e3 + own.tv_nsec / 1e6 + irq_threads_ms();
}

static int is_over(void)
{
	return __atomic_load_n(&stop, __ATOMIC_ACQUIRE);
}

static void *submit(void *argument)
{
	struct member *member = argument;
	struct vgpu_submit request;

	while (!is_over()) {
		request = (struct vgpu_submit){ .command = 1, .timeout_ms = TIMEOUT_MS };
		if (ioctl(member->fd, VGPU_IOC_SUBMIT, &request)) {
			ktap_check(0, "SUBMIT: %s", strerror(errno));
			break;
		}
		__atomic_fetch_add(&member->done, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void *read_events(void *argument)
{
	struct member *member = argument;
	struct vgpu_event event;

	while (!is_over()) {
		if (read(member->fd, &event, sizeof(event)) < 0) {
			ktap_check(errno == EINTR, "read: %s", strerror(errno));
			continue;
		}
		__atomic_fetch_add(&member->done, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void ignore(int signal)
{
	(void)signal;
}

static void start(struct member *member, void *(*run)(void *member))
{
	pthread_attr_t attributes;

	member->run = run;
	member->done = 0;
	member->fd = open_node(device, O_RDWR);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	if (member->fd < 0 || pthread_create(&member->thread, &attributes, run, member))
		ktap_bail_out("/dev/%s: %s", device, strerror(errno));
}

/* Notes what each of the submitters has done so far. */
static void begin_count(int submitters)
{
	int i;

	for (i = 0; i < submitters; i++)
		members[i].before = __atomic_load_n(&members[i].done, __ATOMIC_RELAXED);
}

/* Counts what they have done since. */
static void end_count(int submitters, struct work *work)
{
	unsigned long done;
	int i;

	for (i = 0; i < submitters; i++) {
		done = __atomic_load_n(&members[i].done, __ATOMIC_RELAXED) - members[i].before;
		work->commands += done;
		work->most = done > work->most ? done : work->most;
		work->least = done < work->least ? done : work->least;
	}
}

/* Has so many of each use the device for some seconds. */
static struct work play(const char *name, int submitters, int readers, double seconds)
{
	struct work work = { .least = ULONG_MAX };
	int all = submitters + readers, i;
	double begin;

	__atomic_store_n(&stop, 0, __ATOMIC_RELEASE);
	for (i = 0; i < all; i++)
		start(&members[i], i < submitters ? submit : read_events);
	/* Until all of them are there. */
	usleep(200 * 1000);
	begin = now();
	begin_count(submitters);
	work.cpu_ms = cpu_ms();
	while (now() - begin < seconds)
		usleep(50 * 1000);
	end_count(submitters, &work);
	work.cpu_ms = cpu_ms() - work.cpu_ms;
	work.seconds = now() - begin;

	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	for (i = 0; i < submitters; i++)
		pthread_join(members[i].thread, NULL);
	for (i = submitters; i < all; i++) {
		/* It may have been about to read, and not yet have slept. */
		while (pthread_tryjoin_np(members[i].thread, NULL)) {
			pthread_kill(members[i].thread, SIGUSR1);
			usleep(1000);
		}
	}
	for (i = 0; i < all; i++)
		close(members[i].fd);
	ktap_note("%s: %.0f commands/s, %.2f ms of CPU each", name, rate(&work), cost(&work));
	return work;
}

int main(int argc, char **argv)
{
	int number = argc > 1 ? atoi(argv[1]) : 0;
	double seconds = argc > 2 ? atof(argv[2]) : 2;
	struct sigaction action = { .sa_handler = ignore };
	struct work one, many, beside;
	int tries, good;

	if (number < 1 || number >= MOST || seconds <= 0) {
		fprintf(stderr, "usage: crowd NUMBER [SECONDS]\n");
		return 2;
	}
	ktap_plan(3);
	if (!find_device(device, sizeof(device)))
		ktap_bail_out("there is no device in " CLASS_DIR);
	sigaction(SIGUSR1, &action, NULL);

	for (tries = 1;; tries++) {
		one = play("one submitter", 1, 0, seconds);
		many = play("all together", number, 0, seconds);
		good = rate(&many) >= rate(&one) / 2 && cost(&many) <= cost(&one) * 4;
		/* What a machine has to do beside this is not the same all the time. */
		if (good || tries == TRIES)
			break;
	}
	ktap_check(good, "a single one gets %.1f times as many, at 1/%.1f of the CPU",
		   rate(&one) / rate(&many), cost(&many) / cost(&one));
	ktap_result("Many who submit get half of what one gets, for four times the CPU");
	ktap_note("most turns: %lu, least: %lu", many.most, many.least);
	/* Who was not back in the queue when its round began has missed one. */
	ktap_check(many.most <= many.least + 2, "%lu turns and %lu", many.most, many.least);
	ktap_result("Their turns come in order of arrival");
	beside = play("one beside many readers", 1, number, seconds);
	ktap_check(rate(&beside) >= rate(&one) / 100, "%.0f a second and %.0f", rate(&beside),
		   rate(&one));
	ktap_result("One who submits goes on beside many who read");
	return ktap_end();
}
