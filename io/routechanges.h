/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * routechanges.h - the flows that routing messages of the kernel may affect.
 *
 * They are a set of pairs (destinations, sources). The set may contain flows that are not affected:
 * when it is full, pairs are widened. It misses an affected flow only if a rule is added or deleted
 * that is the target of `goto` rules and does not select the flow itself. The kernel does not
 * announce every change: it silently removes and restores IPv4 routes when a link or an address is
 * added or removed. Such events therefore affect every flow.
 * Source: rtnetlink(7), linux/fib_rules.h. Threads: plain values; one owner. */
#ifndef IO_ROUTECHANGES_H
#define IO_ROUTECHANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/endpoint.h"
#include "base/prefix.h"

enum { TL_ROUTE_CHANGES_MAX = 64, TL_ROUTE_LINKS = 256 };

/* The properties other than addresses by which the kernel routes our datagrams. */
struct tl_route_sender {
        uint32_t fwmark;
        uint32_t uid;  /* owner of the UDP sockets */
        uint16_t port; /* our own, host order; 0: unknown */
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

/* The last known state of links, so that messages which do not change it can be ignored. A link
 * that is not in the table counts as changed. Zeroed memory is an empty table. */
struct tl_route_links {
        struct {
                uint32_t ifindex, flags, master, group;
        } known[TL_ROUTE_LINKS];
};

/* Adds the flows of the sender that the messages of one datagram may affect. */
void tl_route_changes_heed(struct tl_route_changes *changes, struct tl_route_links *links,
                           const struct tl_route_sender *sender, const void *messages, size_t len);

/* Add a pair, and every flow of both families. */
void tl_route_changes_add(struct tl_route_changes *changes, const struct tl_route_change *change);
void tl_route_changes_add_all(struct tl_route_changes *changes);

/* Whether the set contains the flow to endpoint->ip from endpoint->source. */
bool tl_route_changes_touch(const struct tl_route_changes *changes,
                            const struct wg_endpoint *endpoint) WG_MUST_USE;

#endif
