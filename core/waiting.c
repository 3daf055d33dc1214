/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core/waiting.h"

#define CLOSED (UINT32_C(1) << 31)

static uint32_t count_of(uint32_t word)
{
        return word & ~CLOSED;
}

bool wg_waiting_add(struct wg_waiting *waiting, uint32_t count, bool has_session)
{
        uint32_t word = atomic_load_explicit(&waiting->word, memory_order_relaxed), next;
        bool fits;

        do {
                fits = count_of(word) + count <= WG_WAITING_PACKETS_MAX;
                next = fits ? word + count : word | CLOSED;
                if (has_session && (word & CLOSED))
                        return false;
        } while (!atomic_compare_exchange_weak_explicit(
                &waiting->word, &word, next, memory_order_relaxed, memory_order_relaxed));
        return fits;
}

static void leave(struct wg_waiting *waiting, uint32_t count, uint32_t and_set)
{
        uint32_t word = atomic_load_explicit(&waiting->word, memory_order_relaxed), next;

        do {
                WG_ASSERT(count_of(word) >= count);
                next = count_of(word) == count ? 0 : (word - count) | and_set;
        } while (!atomic_compare_exchange_weak_explicit(
                &waiting->word, &word, next, memory_order_release, memory_order_relaxed));
}

void wg_waiting_remove(struct wg_waiting *waiting, uint32_t count)
{
        if (count)
                leave(waiting, count, 0);
}

void wg_waiting_refuse(struct wg_waiting *waiting)
{
        leave(waiting, 1, CLOSED);
}

uint32_t wg_waiting_count(const struct wg_waiting *waiting)
{
        return count_of(atomic_load_explicit(&waiting->word, memory_order_relaxed));
}
