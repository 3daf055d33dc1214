/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * clock.h - the time, and whether the machine was suspended.
 * Threads: functions that read a clock: any; a struct tl_suspend has one owner.
 * Source: clock_gettime(2), timerfd_create(2). */
#ifndef IO_CLOCK_H
#define IO_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

#define TL_NS_PER_S UINT64_C(1000000000)
#define TL_NS_PER_MS UINT64_C(1000000)

/* Nanoseconds since boot, including suspend; never 0. */
uint64_t tl_clock_boot_ns(void);

/* Nanoseconds since 1970, UTC. It may jump either way. */
uint64_t tl_clock_real_ns(void);

/* Nanoseconds of processor time that the calling thread has used. */
uint64_t tl_clock_thread_ns(void);

/* Detects that the machine was suspended. `fd` becomes readable when it wakes up or the clock is
 * set: watch it in a loop, and call tl_suspend_check() then. */
struct tl_suspend {
        int fd;
        uint64_t slept_ns; /* time suspended since boot, at the last check */
};

/* Starts watching. Returns 0 or -errno. */
int tl_suspend_init(struct tl_suspend *suspend) WG_MUST_USE;

/* Closes fd. Accepts NULL, and an object whose init failed. */
void tl_suspend_done(struct tl_suspend *suspend);

/* Whether the machine was suspended since init or the last call: true once per suspend. Clears
 * `fd`; never blocks. False if the clock was merely set. */
bool tl_suspend_check(struct tl_suspend *suspend) WG_MUST_USE;

#endif
