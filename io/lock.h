/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * lock.h - a lock of 32 bits, for what is held briefly and too often there for a mutex of libc.
 *
 * Who finds it taken looks a few times more, then sleeps in the kernel. So a holder that was
 * preempted, even one of lower priority, gets the processor that its waiters would spin on.
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
