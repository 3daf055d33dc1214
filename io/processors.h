/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * processors.h - the number of processors that we may use.
 * Threads: any.
 * Source: sched_getaffinity(2). */
#ifndef IO_PROCESSORS_H
#define IO_PROCESSORS_H

/* The number of processors that this thread may run on, at least 1. */
unsigned int tl_processors_count(void);

#endif
