/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * waiting.h - how many packets of a peer are on their way through the engine.
 *
 * A packet without a session goes to the engine and waits there. What comes after it must not leave
 * before it, also when there is a session again: so as long as packets of a peer are on that way, workers
 * send all that follows the same way, and the engine seals it in its turn. A packet is counted from the
 * moment at which wg_send() finds that it must wait, and until it was dropped, or was sent by whoever
 * performs the engine's actions. While it is counted its peer stays in memory.
 *
 * The engine has less time for packets than workers have, and might never catch up with a fast stream. So
 * there is a bound; once it is reached the way is closed, and what follows is dropped if there is a session,
 * until all that waits has left and packets go directly again.
 *
 * Threads: any. */
#ifndef CORE_WAITING_H
#define CORE_WAITING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "core/limits.h"

/* Zeroed memory: none wait. */
struct wg_waiting {
        _Atomic uint32_t word; /* how many, and whether the way is closed */
};

/* Whether there are some. When not, all that this thread counted before has been sent or dropped. */
WG_MUST_USE static inline bool wg_waiting_has_some(const struct wg_waiting *waiting)
{
        return atomic_load_explicit(&waiting->word, memory_order_acquire) != 0;
}

/* Counts so many more. Returns false, and counts none, when they are too many, or `has_session` and the way
 * is closed: then they are to be dropped. */
bool wg_waiting_add(struct wg_waiting *waiting, uint32_t count, bool has_session) WG_MUST_USE;

/* So many of them were sent or dropped. */
void wg_waiting_remove(struct wg_waiting *waiting, uint32_t count);

/* One of them had to be dropped for want of room on the way, which closes it. */
void wg_waiting_refuse(struct wg_waiting *waiting);

/* How many there are. */
uint32_t wg_waiting_count(const struct wg_waiting *waiting) WG_MUST_USE;

#endif
