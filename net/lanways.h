/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * lanways.h - how connections get into a LAN, and which routes somebody must enter for that.
 *
 * Both follow from net/travel, for all prefixes of the network that are not the site's own: the
 * LANs of other sites, and the pool. Only those of the LAN's family count.
 * Threads: pure functions of their arguments. */
#ifndef NET_LANWAYS_H
#define NET_LANWAYS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "conf/arena.h"
#include "net/model.h"
#include "net/prefixes.h"
#include "net/travel.h"

/* A way into a LAN. */
struct tl_lanway {
        enum tl_travel mode;
        enum tl_travel_reason reason;
        struct tl_prefixes from; /* the sources that travel so, in the order of the file */
};

struct tl_lanways {
        struct tl_lanway *items; /* more than one if the way depends on the source */
        uint32_t count, capacity;
};

/* Lists the ways into a LAN, in the arena. Returns false if there is no memory. */
bool tl_lanways_list(struct tl_lanways *ways, struct tl_arena *arena, const struct tl_model *model,
                     uint32_t lan) WG_MUST_USE;

/* Lists the prefixes of a family that the router of a site must route to the site's node, or DHCP
 * must give to its devices; without those that the router has according to the file. The list is
 * the shortest one; if it becomes the file's `routes:`, nothing is missing. It is empty if routes
 * are not needed, or nobody can enter them. Returns false if there is no memory. */
bool tl_lanways_routes(struct tl_prefixes *routes, struct tl_arena *arena,
                       const struct tl_model *model, uint32_t site, uint8_t family) WG_MUST_USE;

/* The first LAN of a family that a site has; TL_MODEL_NONE: it has none. Those in which the address
 * of the node is known come first. */
uint32_t tl_lanways_lan(const struct tl_model *model, uint32_t site, uint8_t family) WG_MUST_USE;

#endif
