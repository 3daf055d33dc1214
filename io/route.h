/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * route.h - notices that routing changed, and asks by which link something would leave now.
 *
 * A socket that answers from a pinned address goes on doing so without an error when a better route
 * appears by another link; only asking shows it.
 * Threads: one owner. Source: rtnetlink(7). */
#ifndef IO_ROUTE_H
#define IO_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/endpoint.h"

struct mnl_socket;

struct tl_routes {
        int fd; /* readable when something changed: put it into a loop */
        struct mnl_socket *events, *questions;
        uint32_t sequence; /* of the last question */
};

/* Starts to listen for changes of routes, rules, addresses and links. Returns 0 or -errno. */
int tl_routes_init(struct tl_routes *routes) WG_MUST_USE;

/* Releases. Takes NULL, and one whose init failed. */
void tl_routes_done(struct tl_routes *routes);

/* Whether anything changed since the last call. Quiets fd; never blocks. */
bool tl_routes_have_changed(struct tl_routes *routes) WG_MUST_USE;

/* By which link (its number, in *ifindex) a datagram to endpoint->ip leaves from endpoint->source,
 * under a mark. Returns 0; -EINVAL, -ENETUNREACH and the like where it cannot leave at all; or
 * another -errno. */
int tl_routes_ask(struct tl_routes *routes, const struct wg_endpoint *endpoint, uint32_t fwmark,
                  uint32_t *ifindex) WG_MUST_USE;

/* The number of the link of that name, in *ifindex. Returns 0; -ENODEV: there is none; or another
 * -errno. Unlike if_nametoindex(3) it makes no socket. */
int tl_routes_find_link(struct tl_routes *routes, const char *name, uint32_t *ifindex) WG_MUST_USE;

#endif
