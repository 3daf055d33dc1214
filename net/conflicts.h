/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * conflicts.h - prefixes and addresses that cannot be used together.
 *
 * Each class has one row. Findings name both lines of the file, or the line and the local fact,
 * and a way out.
 * Threads: pure functions of their arguments. */
#ifndef NET_CONFLICTS_H
#define NET_CONFLICTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/enum.h"
#include "conf/findings.h"
#include "net/local.h"
#include "net/model.h"

#define TL_CONFLICTS(X) \
        X(TL_CONFLICT_SITE_SITE, 0, site_site, "two sites have overlapping LANs") \
        X(TL_CONFLICT_SITE_POOL, 1, site_pool, "a LAN overlaps the network's own addresses") \
        X(TL_CONFLICT_SITE_MAPPED, 2, site_mapped, "a LAN overlaps the mapped prefixes") \
        X(TL_CONFLICT_POOL_MAPPED, 3, pool_mapped, "the pools overlap each other") \
        X(TL_CONFLICT_ADDRESS_ADDRESS, 4, address_address, "two entries have one address") \
        X(TL_CONFLICT_DEFAULT_ROUTE, 5, default_route, "a LAN is a default route") \
        X(TL_CONFLICT_ENDPOINT_ROUTED, 6, endpoint_routed, \
          "an endpoint lies in a prefix that is routed into the tunnel") \
        X(TL_CONFLICT_SITE_PRESENT_LAN, 7, site_present_lan, \
          "a LAN overlaps the LAN that this machine is in") \
        X(TL_CONFLICT_SITE_LOCAL, 8, site_local, \
          "a LAN overlaps a network of this machine, such as docker0") \
        X(TL_CONFLICT_FOREIGN_ROUTE, 9, foreign_route, \
          "another program has a route for one of our prefixes")
WG_ENUM_DECLARE(tl_conflict, TL_CONFLICTS)

/* Finds conflicts within the model. Returns whether there are none. It takes time proportional to
 * n log n in the number of prefixes. */
bool tl_conflicts_find(const struct tl_model *model, struct tl_findings *findings) WG_MUST_USE;

/* Finds conflicts between the model and the facts of the machine that is (or becomes) this node. */
bool tl_conflicts_find_local(const struct tl_model *model, uint32_t node,
                             const struct tl_local *local,
                             struct tl_findings *findings) WG_MUST_USE;

#endif
