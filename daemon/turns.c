/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "daemon/turns.h"

static bool is_ready(const struct tl_turns *turns, unsigned int direction)
{
        return turns->ready >> direction & 1;
}

void tl_turns_set_ready(struct tl_turns *turns, enum tl_direction direction)
{
        if (is_ready(turns, direction))
                return;
        turns->ready |= 1u << direction;
        turns->used_ns[direction] = WG_MAX(turns->used_ns[direction], turns->from_ns);
}

void tl_turns_clear_ready(struct tl_turns *turns, enum tl_direction direction)
{
        turns->ready &= ~(1u << direction);
}

enum tl_direction tl_turns_begin(struct tl_turns *turns)
{
        unsigned int least = TL_DIRECTIONS;

        WG_ASSERT(turns->ready);
        for (unsigned int i = 0; i < TL_DIRECTIONS; i++)
                if (is_ready(turns, i) &&
                    (least == TL_DIRECTIONS || turns->used_ns[i] < turns->used_ns[least]))
                        least = i;
        turns->from_ns = turns->used_ns[least];
        return (enum tl_direction)least;
}

void tl_turns_end(struct tl_turns *turns, enum tl_direction direction, uint64_t took_ns,
                  bool has_more)
{
        turns->used_ns[direction] += WG_MIN(took_ns, TL_TURN_CHARGE_MAX_NS);
        if (!has_more)
                tl_turns_clear_ready(turns, direction);
}
