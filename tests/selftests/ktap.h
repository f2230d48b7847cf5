/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Results in KTAP, for test programs in C.
 *
 * A program plans its tests, reports each of them once, and ends with
 * ktap_end(). A check that fails says where and why, and its test goes on, so
 * that one fault does not hide the next.
 */
#ifndef KTAP_H
#define KTAP_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

static unsigned int ktap_planned, ktap_done, ktap_failed;
static int ktap_bad;

static inline void ktap_plan(unsigned int tests)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	ktap_planned = tests;
	printf("KTAP version 1\n1..%u\n", tests);
}

__attribute__((format(printf, 1, 2)))
static inline void ktap_note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("# ");
	vprintf(format, args);
	printf("\n");
	va_end(args);
}

/* Checks a condition of the current test. May be called from any thread. */
#define ktap_check(condition, format, ...)				\
	do {								\
		if (!(condition)) {					\
			ktap_note("%s:%d: " format, __FILE__, __LINE__,	\
				  ##__VA_ARGS__);			\
			__atomic_store_n(&ktap_bad, 1, __ATOMIC_RELAXED); \
		}							\
	} while (0)

/* Ends the current test, which holds if all its checks did. */
static inline void ktap_result(const char *name)
{
	int bad = __atomic_exchange_n(&ktap_bad, 0, __ATOMIC_RELAXED);

	printf("%s %u - %s\n", bad ? "not ok" : "ok", ++ktap_done, name);
	ktap_failed += !!bad;
}

__attribute__((noreturn, format(printf, 1, 2)))
static inline void ktap_bail_out(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("Bail out! ");
	vprintf(format, args);
	printf("\n");
	va_end(args);
	exit(1);
}

/* Returns the exit status of the program. */
static inline int ktap_end(void)
{
	printf("# Totals: pass:%u fail:%u\n", ktap_done - ktap_failed, ktap_failed);
	return ktap_failed || ktap_done != ktap_planned;
}

#endif /* KTAP_H */
