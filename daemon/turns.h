/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * turns.h - shares a worker's time between the directions that packets come from.
 *
 * A direction with packets gets a turn of bounded length; the next turn goes to the ready direction
 * that has had the least time so far. However busy one direction is, another waits for about one
 * turn of each of the others. Directions that stay busy get equal shares of the time, whatever
 * their batches cost. Idle time earns no credit.
 * Source: Goyal, Vin, Cheng, "Start-time fair queueing".
 * Threads: one owner. */
#ifndef DAEMON_TURNS_H
#define DAEMON_TURNS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

enum tl_direction { TL_FROM_TUN, TL_FROM_IPV4, TL_FROM_IPV6, TL_DIRECTIONS };

/* The length of a turn. Shorter turns send the acknowledgements of a bulk transfer in smaller
 * groups: 0.25 ms took 9% more processor time per gigabit. */
#define TL_TURN_NS UINT64_C(1000000)

/* The most that a turn is charged: in a longer one the thread was preempted. */
#define TL_TURN_CHARGE_MAX_NS UINT64_C(10000000)

/* Zeroed memory is valid: no direction is ready. */
struct tl_turns {
        uint64_t used_ns[TL_DIRECTIONS]; /* time used by each; after idleness at least from_ns */
        uint64_t from_ns;                /* used_ns of the latest direction before its turn */
        uint32_t ready;                  /* bit n: direction n has packets */
};

/* Marks a direction as ready: it has packets. */
void tl_turns_set_ready(struct tl_turns *turns, enum tl_direction direction);

/* Marks a direction as not ready, without a turn: its socket is gone. */
void tl_turns_clear_ready(struct tl_turns *turns, enum tl_direction direction);

/* Whether any direction is ready. */
static inline bool tl_turns_are_due(const struct tl_turns *turns)
{
        return turns->ready != 0;
}

/* Returns the direction whose turn it is. At least one must be ready. */
enum tl_direction tl_turns_begin(struct tl_turns *turns) WG_MUST_USE;

/* Ends the turn, which took took_ns. `has_more`: the direction may have more packets. */
void tl_turns_end(struct tl_turns *turns, enum tl_direction direction, uint64_t took_ns,
                  bool has_more);

#endif
