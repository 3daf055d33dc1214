/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * turns.h - shares a worker's time between the directions that packets come from.
 *
 * A direction that has packets gets a turn of bounded length, then the one that had the least time
 * so far goes on. So however busy one is, another waits for about one turn of each of the others,
 * and those that stay busy get equal shares of the time, whatever their batches cost. One that was
 * idle has saved nothing up.
 * Source: Goyal, Vin, Cheng, "Start-time fair queueing".
 * Threads: one owner. */
#ifndef DAEMON_TURNS_H
#define DAEMON_TURNS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

enum tl_direction { TL_FROM_TUN, TL_FROM_IPV4, TL_FROM_IPV6, TL_DIRECTIONS };

/* How long a turn goes on before another direction may have one. With shorter ones, acknowledgements of a
 * bulk transfer leave in smaller groups: 0.25 ms took 9% more processor time a gigabit. */
#define TL_TURN_NS UINT64_C(1000000)

/* A longer turn is charged as one of this length: the thread was not running all the time. */
#define TL_TURN_CHARGE_MAX_NS UINT64_C(10000000)

/* Zeroed memory is valid: nothing is ready. */
struct tl_turns {
        uint64_t used_ns[TL_DIRECTIONS]; /* time each had; after idleness, no less than from_ns */
        uint64_t from_ns;                /* what the direction of the latest turn had before it */
        uint32_t ready;                  /* bit n: direction n has packets */
};

/* A direction has packets. Harmless for one that is ready already. */
void tl_turns_set_ready(struct tl_turns *turns, enum tl_direction direction);

/* It has none, without having had a turn: its socket is gone. */
void tl_turns_clear_ready(struct tl_turns *turns, enum tl_direction direction);

/* Whether any direction is ready. */
static inline bool tl_turns_are_due(const struct tl_turns *turns)
{
        return turns->ready != 0;
}

/* Whose turn it is. One is ready. */
enum tl_direction tl_turns_begin(struct tl_turns *turns) WG_MUST_USE;

/* The turn took so long, and leaves more or nothing to do. */
void tl_turns_end(struct tl_turns *turns, enum tl_direction direction, uint64_t took_ns,
                  bool has_more);

#endif
