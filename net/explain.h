/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * explain.h - walks a connection through the model, hop by hop, in both directions, and says where
 * and why it breaks.
 *
 * The walk reads the same plans that nodes carry out: a hop asks the routes, allowed IPs, policy
 * and NAT of its node's plan, so that the explanation and the network cannot differ.
 * Threads: pure functions of their arguments. */
#ifndef NET_EXPLAIN_H
#define NET_EXPLAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/enum.h"
#include "conf/arena.h"
#include "conf/findings.h"
#include "conf/flow.h"
#include "net/course.h"
#include "net/plans.h"

/* Why a connection breaks, or needs no tunnel. The names are in --json and must not change. */
#define TL_CAUSES(X) \
        X(TL_CAUSE_NONE, 0, none, "it works") \
        X(TL_CAUSE_SAME, 1, same, "both ends are the same machine") \
        X(TL_CAUSE_SAME_LAN, 2, same_lan, "both ends are at one site: the tunnel is not involved") \
        X(TL_CAUSE_POLICY, 3, policy, "no rule of the policy allows it") \
        X(TL_CAUSE_SERVICE_PORT, 4, service_port, "the service does not offer this port") \
        X(TL_CAUSE_GATEWAY_ROUTE, 5, gateway_route, "the LAN's router has no route to it") \
        X(TL_CAUSE_GATEWAY_UNTOUCHABLE, 6, gateway_untouchable, \
          "nobody can give the LAN's router a route") \
        X(TL_CAUSE_GATEWAY_DROPS, 7, gateway_drops, \
          "the LAN's router drops packets of connections that it sees half of") \
        X(TL_CAUSE_RETURN_ROUTE, 8, return_route, "replies have no way back") \
        X(TL_CAUSE_NO_FAMILY, 9, no_family, "the ends have no address family in common") \
        X(TL_CAUSE_NO_KEY, 10, no_key, "a node on the way has no key in the file yet") \
        X(TL_CAUSE_NOT_IN_NETWORK, 11, not_in_network, "the address belongs to no entry") \
        X(TL_CAUSE_ALLOWED_IPS, 12, allowed_ips, \
          "a node does not send it to, or accept it from, " \
          "the next one") \
        X(TL_CAUSE_OVERLAP, 13, overlap, "two LANs have the same addresses") \
        X(TL_CAUSE_NO_DEVICE, 14, no_device, "the person or group has no device in the file") \
        X(TL_CAUSE_MTU, 15, mtu, "it works, but an uplink carries less than the file says")
WG_ENUM_DECLARE(tl_cause, TL_CAUSES)

struct tl_hop {
        const char *where;  /* "b", "shenzhen's router", "a", "z" */
        const char *text;   /* what happens there, for people: a predicate, without a full stop */
        bool is_return;     /* on the way back */
        bool is_broken;     /* the last hop of a connection that breaks */
        struct tl_place at; /* the line of the file that decides; line 0: none */
};

/* A rule of the policy that almost allows a connection. */
struct tl_near_rule {
        const char *text; /* "has other ports: developers to beijing (22/tcp)" */
        struct tl_place at;
};

struct tl_explanation {
        struct tl_arena arena;
        bool is_reachable;
        enum tl_cause cause;
        const char *message; /* the cause in this case: one sentence, without a full stop */
        const char *fix;     /* the smallest change that mends it; NULL: none */
        struct tl_place at;  /* the line of the file that breaks it, or allows it; line 0: none */
        struct tl_near_rule near[3]; /* if the policy denies it, closest first */
        uint32_t near_count;
        const char *note[2]; /* why a name stands for this address, of SRC and DST; NULL: clear */
        struct tl_hop *hops; /* none if the ends cannot be placed in the network */
        uint32_t hop_count, hop_capacity;
        uint32_t mtu; /* of the path, in bytes of inner packets; 0: not computed */
        const char *from_name, *to_name; /* as shown: "b", "e/laptop" */
        struct wg_ip from, to;           /* their own addresses; family NONE: none */
        struct tl_walk_end source, destination;
        struct tl_course course; /* zero if there is none: its ends are at one site, or nowhere */
        const char *why;         /* "b uses ADDRESS for d, because ..."; NULL: its own address */
        struct wg_ip seen;       /* the source address that the destination sees; NONE: none */
        uint8_t protocol;        /* as asked */
        uint16_t port;           /* of the destination; 0 without ports */
};

/* Explains a flow between names or addresses of the file. A name with several addresses (a person
 * with two devices, a site, a service with several ports) stands for the first one, as `note` says.
 * IPv6 is used only if the ends have no IPv4 in common, or flow->as is one. Only a node can
 * claim an address of another machine. `at` is the place of the flow for findings;
 * line 0: it is not in the file. Returns false with a finding if an end is unknown, or memory runs
 * out. The caller releases *explanation either way. */
bool tl_explain(struct tl_explanation *explanation, struct tl_plans *plans,
                const struct tl_flow *flow, struct tl_place at,
                struct tl_findings *findings) WG_MUST_USE;

void tl_explain_done(struct tl_explanation *explanation);

/* ---- the matrix ---- */

/* Whether a connection works: the same answer as tl_explain(), without texts. The source is given
 * by its address in the tunnel, the destination by the one that the source dials. *cause may be
 * NULL. Returns false, with TL_CAUSE_NOT_IN_NETWORK, if memory runs out. */
bool tl_explain_reaches(struct tl_plans *plans, const struct wg_ip *from, const struct wg_ip *to,
                        uint8_t protocol, uint16_t port, enum tl_cause *cause) WG_MUST_USE;

#endif
