/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * waiting.h - the number of a peer's packets on their way through the engine.
 *
 * A packet without a session goes to the engine and waits there. Later packets of its peer must not
 * overtake it, even once there is a session. So while the engine holds packets of a peer, workers
 * pass it all later ones too, and it seals them in order. A packet counts from the moment wg_send()
 * finds that it must wait, until it is dropped or the caller has performed the action that sends
 * it. While it counts, its peer stays in memory.
 *
 * The engine is slower than the workers and might never catch up with a fast stream, so there is a
 * bound. At the bound, the way through the engine is closed: if there is a session, later packets
 * are dropped until none waits, and then go directly again.
 *
 * Threads: any. */
#ifndef CORE_WAITING_H
#define CORE_WAITING_H

#include "base/attr.h"
#include "base/std.h"
#include "core/limits.h"

/* Zeroed memory: no packet waits. */
struct wg_waiting {
        _Atomic uint32_t word; /* the count, and whether the way is closed */
};

/* Whether any packet waits. If not, all packets that this thread added have been sent or
 * dropped. */
WG_MUST_USE static inline bool wg_waiting_has_some(const struct wg_waiting *waiting)
{
        return atomic_load_explicit(&waiting->word, memory_order_acquire) != 0;
}

/* Adds `count` packets. Returns false and adds none if they exceed the bound, or if `has_session`
 * is set and the way is closed. The caller then drops them. */
bool wg_waiting_add(struct wg_waiting *waiting, uint32_t count, bool has_session) WG_MUST_USE;

/* Subtracts `count` packets, which were sent or dropped. */
void wg_waiting_remove(struct wg_waiting *waiting, uint32_t count);

/* Subtracts one packet that was dropped for lack of room in the inbox, and closes the way if others
 * wait. */
void wg_waiting_refuse(struct wg_waiting *waiting);

/* The number of packets. */
uint32_t wg_waiting_count(const struct wg_waiting *waiting) WG_MUST_USE;

#endif
