/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * plans.h - the plans of all nodes of a model, each made when somebody first asks for it, with
 * lookups of routes and of allowed IPs.
 *
 * They are made without local facts. Lookups do what the kernel and tielined do with a plan: the
 * longest prefix wins, whatever the number of routes and peers.
 * Threads: one owner at a time. */
#ifndef NET_PLANS_H
#define NET_PLANS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/prefix.h"
#include "net/model.h"
#include "net/nodeplan.h"
#include "net/policy.h"

struct tl_plans_item;

struct tl_plans {
        const struct tl_model *model;
        const struct tl_policy *policy;
        struct tl_plans_item **items; /* per node; NULL: not made yet */

        /* A fact about one machine, for net/walk; the caller sets it after init(). */
        uint32_t uplink_node;
        uint32_t uplink_mtu; /* what the uplink of that node carries; 0: not known */
};

/* Makes an empty collection, which borrows the model and the policy. Returns false if there is no
 * memory. The caller releases *plans either way. */
bool tl_plans_init(struct tl_plans *plans, const struct tl_model *model,
                   const struct tl_policy *policy) WG_MUST_USE;

/* Frees everything. Accepts zeroed memory. */
void tl_plans_done(struct tl_plans *plans);

/* The plan of a node, borrowed until done(). NULL: no memory. */
const struct tl_nodeplan *tl_plans_get(struct tl_plans *plans, uint32_t node) WG_MUST_USE;

/* What a node's kernel routes a packet by. */
struct tl_plans_query {
        struct wg_ip from, to; /* from.family NONE: the source is chosen by the route */
        bool is_from_link;     /* the packet has come out of the tunnel */
};

/* The route that a node's plan has for a packet: that of the first table, by the plan's rules and
 * then the main one, that has any; there the longest prefix, then the lowest metric. NULL: it has
 * none, or there is no memory (tl_plans_get() tells which). */
const struct tl_planned_route *tl_plans_route(struct tl_plans *plans, uint32_t node,
                                              const struct tl_plans_query *query) WG_MUST_USE;

/* The node whose peer entry, in the plan of `node`, has the longest allowed IP that contains an
 * address; *prefix is that allowed IP (NULL: not wanted). TL_MODEL_NONE: no peer has one, or there
 * is no memory. */
uint32_t tl_plans_peer(struct tl_plans *plans, uint32_t node, const struct wg_ip *ip,
                       struct wg_prefix *prefix) WG_MUST_USE;

#endif
