/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * pathmtu.h - the MTU of a node's link, and of paths through the tunnel.
 *
 * An uplink has the MTU that the file gives for its node, otherwise TL_NETWORK_MTU. A path is as
 * narrow as the narrowest uplink on it: those of both ends, and of the hubs between them. What it
 * carries is shorter by the outer headers, but never below the minimum of IPv6, if the network has
 * IPv6 addresses.
 *
 * All MTUs are in bytes of inner packets, unless they are an uplink's.
 * Source: RFC 8200, section 5. Threads: pure functions of their arguments. */
#ifndef NET_PATHMTU_H
#define NET_PATHMTU_H

#include <stdint.h>

#include "base/attr.h"
#include "net/model.h"

enum {
        TL_PATHMTU_OVERHEAD = 80,     /* bytes of outer headers: IPv6 40, UDP 8, WireGuard 32 */
        TL_PATHMTU_IPV6_LEAST = 1280, /* the minimum for IPv6 */
        TL_PATHMTU_IPV4_LEAST = 576,  /* what every IPv4 host accepts */
};

/* The MTU of the uplink of a node, as all nodes know it. */
uint32_t tl_pathmtu_uplink(const struct tl_node *node) WG_MUST_USE;

/* The MTU of a node's link. `own_uplink` is the MTU of the machine's own uplink, in addition to
 * what the file says; 0: not known. Stock devices have one MTU for all destinations: that of their
 * narrowest path. */
uint32_t tl_pathmtu_link(const struct tl_model *model, uint32_t node,
                         uint32_t own_uplink) WG_MUST_USE;

/* The MTU of the path from one node to another. */
uint32_t tl_pathmtu_between(const struct tl_model *model, uint32_t from, uint32_t to) WG_MUST_USE;

#endif
