/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * waiting.h - how many packets of a peer are on their way through the engine.
 *
 * A packet without a session goes to the engine and waits there. Later packets of its peer must not
 * leave before it, even once there is a session. While the engine holds packets of a peer, workers
 * therefore hand it all later ones too, and it seals them in order. A packet is counted from when
 * wg_send() finds that it must wait until it is dropped, or sent by the caller that performs the
 * engine's actions. While it is counted, its peer stays in memory.
 *
 * The engine is slower than the workers and might never catch up with a fast stream. So there is a
 * bound. Once it is reached the way through the engine is closed: later packets are dropped if
 * there is a session, until none waits and packets go directly again.
 *
 * Threads: any. */
#ifndef CORE_WAITING_H
#define CORE_WAITING_H

#include "base/attr.h"
#include "base/std.h"
#include "core/limits.h"

/* Zeroed memory: none wait. */
struct wg_waiting {
        _Atomic uint32_t word; /* how many, and whether the way is closed */
};

/* Whether any wait. If not, all packets that this thread counted have been sent or dropped. */
WG_MUST_USE static inline bool wg_waiting_has_some(const struct wg_waiting *waiting)
{
        return atomic_load_explicit(&waiting->word, memory_order_acquire) != 0;
}

/* Adds `count` packets. Returns false, and adds none, if they exceed the bound, or if `has_session`
 * and the way is closed: the caller then drops them. */
bool wg_waiting_add(struct wg_waiting *waiting, uint32_t count, bool has_session) WG_MUST_USE;

/* Subtracts `count` packets, which were sent or dropped. */
void wg_waiting_remove(struct wg_waiting *waiting, uint32_t count);

/* Subtracts one packet that was dropped for lack of room in the inbox, and closes the way if others
 * wait. */
void wg_waiting_refuse(struct wg_waiting *waiting);

/* The number of packets. */
uint32_t wg_waiting_count(const struct wg_waiting *waiting) WG_MUST_USE;

#endif
