/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * travel.h - how packets of a pair travel between the tunnel and a LAN.
 *
 * The mode is chosen for each pair of a source and a destination LAN, never for a node alone. The
 * source is a LAN or a device; a device never needs a mode at its own end.
 * Threads: pure functions of their arguments. */
#ifndef NET_TRAVEL_H
#define NET_TRAVEL_H

#include <stdint.h>

#include "base/attr.h"
#include "base/enum.h"
#include "net/model.h"

/* A new mode is one row here; each switch that lacks it does not compile. */
#define TL_TRAVELS(X) \
        X(TL_TRAVEL_NATIVE, 0, native, "packets keep their addresses") \
        X(TL_TRAVEL_SNAT, 1, snat, "the node replaces the source by its own address in the LAN") \
        X(TL_TRAVEL_IMPOSSIBLE, 2, impossible, "packets cannot get there") \
        X(TL_TRAVEL_VIA_GATEWAY, 3, via_gateway, \
          "the node sends packets through the LAN's router, which then sees both directions") \
        X(TL_TRAVEL_VIRTUAL, 4, virtual, "an address of the LAN stands for the destination") \
        X(TL_TRAVEL_BLOCK, 5, block, "a block of the LAN stands for the destination's prefix")
WG_ENUM_DECLARE(tl_travel, TL_TRAVELS)

/* What stands in the way, or why this mode. */
#define TL_TRAVEL_REASONS(X) \
        X(TL_TRAVEL_NODE_IS_ROUTER, 0, node_is_router, "the node is the LAN's router") \
        X(TL_TRAVEL_HAS_ROUTES, 1, has_routes, "the LAN's router has the routes") \
        X(TL_TRAVEL_DEVICES_HAVE_ROUTES, 2, devices_have_routes, "DHCP gives devices the routes") \
        X(TL_TRAVEL_NO_ROUTES, 3, no_routes, "the LAN's router sends replies elsewhere") \
        X(TL_TRAVEL_LACKS_ROUTE, 4, lacks_route, "the LAN's router lacks a static route") \
        X(TL_TRAVEL_DROPS_HALF, 5, drops_half, \
          "the LAN's router drops connections of which it sees only one direction") \
        X(TL_TRAVEL_HAS_STAND_IN, 7, has_stand_in, \
          "the LAN's router cannot be changed, but an address of the LAN stands for it") \
        X(TL_TRAVEL_NO_FAMILY, 6, no_family, "the LAN has no address of this family")
WG_ENUM_DECLARE(tl_travel_reason, TL_TRAVEL_REASONS)

struct tl_travel_choice {
        enum tl_travel mode;
        enum tl_travel_reason reason;
        struct tl_place at; /* the line of the file that decides */
};

/* Into a LAN: connections from `from`, a prefix of the network as it is in the tunnel. */
struct tl_travel_choice tl_travel_in(const struct tl_model *model, uint32_t lan,
                                     const struct wg_prefix *from) WG_MUST_USE;

/* Out of a LAN: connections that devices of the LAN open to `to`, a prefix of the network as it is
 * in the tunnel. */
struct tl_travel_choice tl_travel_out(const struct tl_model *model, uint32_t lan,
                                      const struct wg_prefix *to) WG_MUST_USE;

#endif
