/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * walk.h - takes a connection through the plans of the nodes, hop by hop, there and back, until it
 * arrives or breaks. It makes no texts (net/words does) and takes no memory, but for plans.
 *
 * The first packet goes there, the reply comes back, and the third packet goes there again: a
 * router that sees half of the connection drops that one.
 * Threads: as net/plans. */
#ifndef NET_WALK_H
#define NET_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/enum.h"
#include "net/course.h"
#include "net/explain.h"
#include "net/plans.h"
#include "net/travel.h"

/* The machine that does something. */
#define TL_WALK_ACTORS(X) \
        X(TL_WALK_SOURCE, 0, source, "the source") \
        X(TL_WALK_DESTINATION, 1, destination, "the destination") \
        X(TL_WALK_ROUTER, 2, router, "the router of a LAN") \
        X(TL_WALK_NODE, 3, node, "a node")
WG_ENUM_DECLARE(tl_walk_actor, TL_WALK_ACTORS)

/* What is done with a packet. A broken step says what is not done. */
#define TL_WALK_DEEDS(X) \
        X(TL_WALK_TO_ROUTER, 0, to_router, "sends to its default gateway") \
        X(TL_WALK_TO_NODE, 1, to_node, "sends to the node in its LAN") \
        X(TL_WALK_TO_PEER, 2, to_peer, "sends into the tunnel, to a peer") \
        X(TL_WALK_ACCEPT, 3, accept, "accepts the source address from a peer") \
        X(TL_WALK_POLICY, 4, policy, "asks the policy") \
        X(TL_WALK_TO_LAN, 5, to_lan, "hands over to its LAN") \
        X(TL_WALK_ARRIVE, 6, arrive, "gets the packet") \
        X(TL_WALK_THIRD, 7, third, "passes the third packet") \
        X(TL_WALK_SET_TO, 8, set_to, "replaces the destination address") \
        X(TL_WALK_SET_FROM, 9, set_from, "replaces the source address") \
        X(TL_WALK_TO_GATEWAY, 10, to_gateway, "hands over to the LAN's router") \
        X(TL_WALK_PASS, 11, pass, "passes it to the device") \
        X(TL_WALK_LOOK_HERE, 12, look_here, "looks for the address in a network that it is in")
WG_ENUM_DECLARE(tl_walk_deed, TL_WALK_DEEDS)

struct tl_walk_step {
        enum tl_walk_actor actor;
        enum tl_walk_deed deed;
        uint32_t node;              /* the actor, or the node that it sends to */
        uint32_t peer;              /* TO_PEER: the next node; ACCEPT: the node before; else NONE */
        uint32_t lan;               /* of a router or device; TO_LAN: the LAN; else NONE */
        uint32_t rule;              /* POLICY: index of the rule that allows it; NONE: no policy */
        struct wg_prefix prefix;    /* TO_PEER, ACCEPT: the allowed IP that decides; LOOK_HERE: the
                                   * network; else NONE */
        struct wg_ip before, after; /* SET_TO, SET_FROM: the address that is replaced; or NONE */
        struct tl_travel_choice travel; /* of routers, devices, and TO_LAN */
        struct tl_place at;             /* LOOK_HERE: of the network, if the file has it */
        bool is_return, is_broken;
};

enum { TL_WALK_STEPS = 64, TL_WALK_NODES = 8 /* more of them are a loop */ };

struct tl_walk {
        struct tl_walk_end from, to;
        struct wg_ip dialled; /* the address by which the source asks for the destination; family
                               * NONE: the one that it must use */
        uint8_t protocol;
        uint16_t port;
        struct tl_walk_step steps[TL_WALK_STEPS];
        uint32_t step_count;
        bool is_reachable;
        enum tl_cause cause;
        struct tl_course course; /* zero if both ends are at one site, or one is nowhere */
        uint32_t mtu;            /* smallest so far, in bytes of inner packets; 0: no tunnel */
        uint32_t narrow;     /* the node whose uplink carries less than the plans need; else NONE */
        uint32_t narrow_mtu; /* what it carries */
        struct wg_ip seen;   /* the source that the destination sees; NONE: nothing arrives */
        bool has_no_memory;
};

/* Finds out where an address in the tunnel is. Its node is TL_MODEL_NONE if the network does not
 * have it. */
struct tl_walk_end tl_walk_locate(const struct tl_model *model, const struct wg_ip *ip);

/* Whether an end is an address that stands for another one: nothing has it, and for a device of
 * that LAN it would have been the other one. */
bool tl_walk_is_stand_in(const struct tl_model *model, const struct tl_walk_end *end) WG_MUST_USE;

/* Walks from walk->from to walk->to, which are set, as are the dialled address, the protocol and
 * the port. The rest is output. Returns whether the connection works. */
bool tl_walk_run(struct tl_walk *walk, struct tl_plans *plans) WG_MUST_USE;

#endif
