/* SPDX-License-Identifier: GPL-2.0 */
/* The time stamp counter, and the median of what was measured by it. */
#ifndef TICKS_H
#define TICKS_H

#include <stdint.h>
#include <stdlib.h>

static inline uint64_t now(void)
{
	uint32_t low, high;

	__asm__ volatile("lfence; rdtsc; lfence" : "=a"(low), "=d"(high) :: "memory");
	return (uint64_t)high << 32 | low;
}

static inline int compare_ticks(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

/* Sorts them. */
static inline uint64_t median(uint64_t *values, unsigned int count)
{
	qsort(values, count, sizeof(*values), compare_ticks);
	return values[count / 2];
}

#endif /* TICKS_H */
