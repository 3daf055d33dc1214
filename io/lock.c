/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "io/lock.h"

#include <linux/futex.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FREE, TAKEN, AWAITED }; /* AWAITED: taken, and waiters may be asleep */

enum { LOOKS = 100 }; /* tries before sleeping: about as long as a running thread holds the lock */

_Static_assert(sizeof(_Atomic uint32_t) == sizeof(uint32_t), "futex(2) needs a plain 32-bit word");

static void futex(_Atomic uint32_t *word, int operation, uint32_t value)
{
        syscall(SYS_futex, word, operation | FUTEX_PRIVATE_FLAG, value, NULL, NULL, 0);
}

static bool take_if_free(_Atomic uint32_t *word)
{
        uint32_t found = FREE;

        return atomic_compare_exchange_strong_explicit(word, &found, TAKEN, memory_order_acquire,
                                                       memory_order_relaxed);
}

void tl_lock_take(_Atomic uint32_t *word)
{
        for (int i = 0; i < LOOKS; i++)
                if (atomic_load_explicit(word, memory_order_relaxed) == FREE && take_if_free(word))
                        return;
        /* A waiter cannot know whether others are asleep, so it always marks the lock as
         * awaited. */
        while (atomic_exchange_explicit(word, AWAITED, memory_order_acquire) != FREE)
                futex(word, FUTEX_WAIT, AWAITED);
}

void tl_lock_release(_Atomic uint32_t *word)
{
        if (atomic_exchange_explicit(word, FREE, memory_order_release) == AWAITED)
                futex(word, FUTEX_WAKE, 1);
}
