/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * virtual.h - virtual addresses of a site: those of its `auto` ranges, from which each machine that
 * the file names elsewhere gets one, unless the file gives it one by name.
 * Threads: pure functions of their arguments. */
#ifndef NET_VIRTUAL_H
#define NET_VIRTUAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "conf/arena.h"
#include "conf/lock.h"
#include "conf/network.h"
#include "net/machines.h"
#include "net/prefixes.h"

/* The ranges of one family at a site. */
struct tl_virtual {
        struct tl_prefixes ranges; /* without overlaps, sorted */
        struct tl_place at;        /* of the first one in the file */
        bool *is_wanted;           /* for each machine: whether it shall get an address */
};

/* Whether a site has ranges. */
bool tl_virtual_has_ranges(const struct tl_network_site *site) WG_MUST_USE;

/* Lists the ranges of one family at a site, an index in the file, and the machines that need
 * addresses from them. `is_wanted` is the caller's, and has room for all machines. Returns false if
 * there is no memory, which is taken from the arena. */
bool tl_virtual_list(struct tl_virtual *virtual, const struct tl_network *network, uint32_t site,
                     uint8_t family, const struct tl_machines *machines,
                     struct tl_arena *arena) WG_MUST_USE;

/* Whether an address is in one of the ranges. */
bool tl_virtual_contains(const struct tl_virtual *virtual, const struct wg_ip *ip) WG_MUST_USE;

/* Adds addresses to the lock, and retires those of machines that are gone. A machine keeps its
 * address while it is in a range. Retired ones are reused when no other is free. Machines for which
 * none is left get none. Adds the number of values that changed to *changes. Returns false if there
 * is no memory. */
bool tl_virtual_derive(struct tl_lock *lock, const struct tl_network *network,
                       uint32_t *changes) WG_MUST_USE;

#endif
