/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * lock.h - a lock of 32 bits, for objects too numerous for a libc mutex each. Hold it briefly.
 *
 * A thread that finds the lock taken tries a few more times, then sleeps in the kernel. A preempted
 * holder, even one of lower priority, thus gets the processor that its waiters would spin on.
 * Threads: any.
 * Source: futex(2); Drepper, "Futexes are tricky". */
#ifndef IO_LOCK_H
#define IO_LOCK_H

#include <stdatomic.h>
#include <stdint.h>

/* A lock is a word that starts as 0. */
void tl_lock_take(_Atomic uint32_t *word);
void tl_lock_release(_Atomic uint32_t *word);

#endif
