/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * recorded.h - finds the values of a lock by name.
 * Threads: pure functions of their arguments. */
#ifndef NET_RECORDED_H
#define NET_RECORDED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "conf/arena.h"
#include "conf/lock.h"

/* Borrows the lock's items, which must not move meanwhile. */
struct tl_recorded {
        struct tl_lock_address **addresses; /* sorted by name; retired ones after others */
        uint32_t address_count;
        struct tl_lock_mapped **mapped; /* sorted by site and LAN, in the same way */
        uint32_t mapped_count;
};

/* Sorts the values of a lock, in the arena. Returns false if there is no memory. */
bool tl_recorded_init(struct tl_recorded *recorded, const struct tl_lock *lock,
                      struct tl_arena *arena) WG_MUST_USE;

/* The addresses of a node, or the mapped prefix of a site's LAN. A retired value is returned only
 * if there is no other. NULL: there is none. */
struct tl_lock_address *tl_recorded_address(const struct tl_recorded *recorded, const char *name);
struct tl_lock_mapped *tl_recorded_mapped(const struct tl_recorded *recorded, const char *site,
                                          const struct wg_prefix *lan);

#endif
