/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * route.h - receives events of routing changes, and queries the link by which a datagram would
 * leave now.
 *
 * If a better route by another link appears, a socket that sends from a pinned address continues on
 * the old route without an error. Only a query shows the difference.
 * Threads: one owner. Source: rtnetlink(7). */
#ifndef IO_ROUTE_H
#define IO_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/endpoint.h"
#include "io/routechanges.h"

struct mnl_socket;

struct tl_routes {
        int fd; /* readable after a change: watch it in a loop */
        struct mnl_socket *events, *questions;
        uint32_t sequence; /* of the last request */
        struct tl_route_links links;
};

/* Starts listening for changes of routes, nexthops, rules, addresses and links. With CAP_NET_ADMIN
 * the queue of unread events may exceed the system's limit. Returns 0 or -errno. */
int tl_routes_init(struct tl_routes *routes) WG_MUST_USE;

/* Closes the sockets. Accepts NULL, and an object whose init failed. */
void tl_routes_done(struct tl_routes *routes);

/* Reads up to `max` events, and adds to `changes` the flows of the sender that they may affect; if
 * events were lost, all flows. Returns the number of events: `max` if there may be more, fewer once
 * fd is quiet. Never blocks. */
unsigned int tl_routes_heed(struct tl_routes *routes, const struct tl_route_sender *sender,
                            struct tl_route_changes *changes, unsigned int max) WG_MUST_USE;

/* Finds the link (its number, in *ifindex) by which a datagram from endpoint->source to
 * endpoint->ip and port leaves. Rules that match protocol, ports, mark or user apply as they do for
 * a real datagram; those that match a traffic class apply as for class 0. Kernels before 4.18
 * ignore protocol and ports. Returns 0; -EINVAL: the source is not ours, or the route discards
 * packets; -ENETUNREACH or the like: there is no route; or another -errno. */
int tl_routes_ask(struct tl_routes *routes, const struct tl_route_sender *sender,
                  const struct wg_endpoint *endpoint, uint32_t *ifindex) WG_MUST_USE;

/* Finds the number of the link of that name, in *ifindex. Returns 0; -ENODEV: there is none; or
 * another -errno. Unlike if_nametoindex(3) it opens no socket. */
int tl_routes_find_link(struct tl_routes *routes, const char *name, uint32_t *ifindex) WG_MUST_USE;

#endif
