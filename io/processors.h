/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * processors.h - how many processors there are for us.
 * Threads: any.
 * Source: sched_getaffinity(2). */
#ifndef IO_PROCESSORS_H
#define IO_PROCESSORS_H

/* How many this thread may run on, at least 1. */
unsigned int tl_processors_count(void);

#endif
