/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * conflicts.h - prefixes and addresses that cannot be used together.
 *
 * Each class has one row. Findings name both lines of the file, or the line and the local fact,
 * and a way out. Overlaps of IPv4 LANs, among each other or with networks that nodes are in, are
 * warnings: mapped prefixes make up for them.
 * Threads: pure functions of their arguments. */
#ifndef NET_CONFLICTS_H
#define NET_CONFLICTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/enum.h"
#include "conf/change.h"
#include "conf/findings.h"
#include "net/local.h"
#include "net/model.h"

#define TL_CONFLICTS(X) \
        X(TL_CONFLICT_SITE_SITE, 0, site_site, "LANs of two sites overlap") \
        X(TL_CONFLICT_SAME_SITE, 1, same_site, "two LANs of one site overlap") \
        X(TL_CONFLICT_SITE_POOL, 2, site_pool, "a LAN overlaps the network's own addresses") \
        X(TL_CONFLICT_SITE_MAPPED, 3, site_mapped, "a LAN overlaps the mapped prefixes") \
        X(TL_CONFLICT_POOL_MAPPED, 4, pool_mapped, \
          "the network's own addresses overlap the mapped prefixes") \
        X(TL_CONFLICT_ADDRESS_ADDRESS, 5, address_address, "two entries have one address") \
        X(TL_CONFLICT_DEFAULT_ROUTE, 6, default_route, "a prefix covers the whole Internet") \
        X(TL_CONFLICT_RESERVED, 7, reserved, "a prefix is reserved for other uses") \
        X(TL_CONFLICT_ENDPOINT_ROUTED, 8, endpoint_routed, \
          "an endpoint lies in a prefix that is routed into the tunnel") \
        X(TL_CONFLICT_ENDPOINT_ENDPOINT, 9, endpoint_endpoint, "two nodes have one endpoint") \
        X(TL_CONFLICT_PRESENT_LAN, 10, present_lan, \
          "the LAN that this machine is in overlaps a prefix of the network") \
        X(TL_CONFLICT_LOCAL_NET, 11, local_net, \
          "another network of this machine, such as docker0, overlaps a prefix of the network") \
        X(TL_CONFLICT_FOREIGN_ROUTE, 12, foreign_route, \
          "another program's route takes packets for a prefix of the network") \
        X(TL_CONFLICT_OTHER_SITE, 13, other_site, \
          "a hub or node of a site is in the LAN of another site: often it has the wrong key") \
        X(TL_CONFLICT_ADDRESS_LAN, 14, address_lan, "a tunnel address is in a LAN")
WG_ENUM_DECLARE(tl_conflict, TL_CONFLICTS)

/* Finds conflicts within the model: of several prefixes around one, only the closest is reported.
 * Returns whether there are none. Takes n log n in the number of prefixes and addresses. */
bool tl_conflicts_find(const struct tl_model *model, struct tl_findings *findings) WG_MUST_USE;

/* Finds conflicts between the model and the facts of the machine that is (or becomes) this node.
 * The LANs of its own site are its own business, unless a second link overlaps one of them. */
bool tl_conflicts_find_local(const struct tl_model *model, uint32_t node,
                             const struct tl_local *local,
                             struct tl_findings *findings) WG_MUST_USE;

/* Finds endpoints in the plan of a node whose names resolve, on this machine, to addresses that the
 * tunnel routes: then its own packets would go into it. `device` is that of its plan, with names
 * resolved. */
bool tl_conflicts_find_resolved(const struct tl_model *model, uint32_t node,
                                const struct tl_change *device,
                                struct tl_findings *findings) WG_MUST_USE;

#endif
