/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * lock.h - a 32-bit lock, for objects too numerous for a mutex of libc each. Hold it briefly.
 *
 * A thread that finds the lock taken tries a few more times, then sleeps in the kernel. So a
 * preempted holder, even one of lower priority, gets the processor instead of its waiters.
 * Threads: any.
 * Source: futex(2); Drepper, "Futexes are tricky". */
#ifndef IO_LOCK_H
#define IO_LOCK_H

#include <stdatomic.h>
#include <stdint.h>

/* Take and release a lock. A lock is a word that is initially 0. */
void tl_lock_take(_Atomic uint32_t *word);
void tl_lock_release(_Atomic uint32_t *word);

#endif
