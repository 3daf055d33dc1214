/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * plan_routes.h - the routes, rules and proxies of a node's plan.
 *
 * The main table leads to the pools and to the LANs of other sites. A LAN that a network of this
 * machine hides (tl_presence) is in a table of its own, together with rules that select what must
 * not get to that network: packets from the node's addresses in the tunnel and from its LANs, and
 * packets that come out of the tunnel.
 *
 * Source: ip-route(8), ip-rule(8), ip-neighbour(8), Linux ip-sysctl. Threads: pure functions of
 * their arguments. */
#ifndef NET_PLAN_ROUTES_H
#define NET_PLAN_ROUTES_H

#include <stdbool.h>

#include "base/attr.h"
#include "conf/findings.h"
#include "net/local.h"
#include "net/model.h"
#include "net/nodeplan.h"

/* Adds routes, rules and proxies to a plan that has the MTU of its link. `local` may be NULL: links
 * and routers are then unknown, unless the file has them. Otherwise a link or router that is needed
 * but not known is a finding, which is not a failure. Returns false if there is no memory. */
bool tl_plan_routes(struct tl_nodeplan *plan, const struct tl_model *model,
                    const struct tl_local *local, struct tl_findings *findings) WG_MUST_USE;

#endif
