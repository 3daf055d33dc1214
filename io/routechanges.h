/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * routechanges.h - which flows the kernel's routing messages may have sent another way.
 *
 * A set of pairs (destinations, sources). It never misses a flow that may be affected, and may
 * hold more: when it is full, pairs are widened until they fit. The kernel does not announce all
 * that it does: it removes and revives IPv4 routes silently when a link or an address comes or
 * goes. So these events count for every flow.
 * Source: rtnetlink(7), linux/fib_rules.h. Threads: plain values; one owner. */
#ifndef IO_ROUTECHANGES_H
#define IO_ROUTECHANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/endpoint.h"

enum { TL_ROUTE_CHANGES_MAX = 64, TL_ROUTE_LINKS = 256 };

/* What the kernel routes our datagrams by, besides their addresses. */
struct tl_route_sender {
        uint32_t fwmark;
        uint32_t uid;  /* owner of the UDP sockets */
        uint16_t port; /* of our end, host order; 0: not known */
};

/* Both prefixes are of one family. */
struct tl_route_change {
        struct wg_prefix to, from;
};

/* Zeroed memory is an empty set. */
struct tl_route_changes {
        unsigned int count;
        struct tl_route_change items[TL_ROUTE_CHANGES_MAX];
};

/* The state of links as last heard, so that messages that change nothing about it are passed
 * over. A link that is not (or no longer) in this table is taken for one that changed. Zeroed
 * memory knows none. */
struct tl_route_links {
        struct {
                uint32_t ifindex, flags, master;
        } known[TL_ROUTE_LINKS];
};

/* Adds the flows that the messages of one datagram may affect, as far as the sender has such
 * flows. */
void tl_route_changes_heed(struct tl_route_changes *changes, struct tl_route_links *links,
                           const struct tl_route_sender *sender, const void *messages, size_t len);

/* Adds a pair; or every flow of both families. */
void tl_route_changes_add(struct tl_route_changes *changes, const struct tl_route_change *change);
void tl_route_changes_add_all(struct tl_route_changes *changes);

/* Whether the set holds what is sent to endpoint->ip from endpoint->source. */
bool tl_route_changes_touch(const struct tl_route_changes *changes,
                            const struct wg_endpoint *endpoint) WG_MUST_USE;

#endif
