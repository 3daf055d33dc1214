/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * overlap.h - which LANs cannot keep their prefix in the tunnel, because it is not unique.
 * Threads: pure functions of their arguments. */
#ifndef NET_OVERLAP_H
#define NET_OVERLAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "conf/arena.h"
#include "net/model.h"

/* Sets `wire` and `overlap` of the LANs that have a mapped prefix and that overlap a LAN of another
 * site, or lie in the pool of tunnel addresses without filling it. All of several overlapping LANs
 * are mapped, so that the order of the file does not matter. Takes n log n. Returns false if there
 * is no memory, which is taken from the arena. */
bool tl_overlap_map(struct tl_lan *lans, uint32_t count, const struct tl_placed_prefix *pool,
                    struct tl_arena *arena) WG_MUST_USE;

#endif
