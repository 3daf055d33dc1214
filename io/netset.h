/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * netset.h - lists and changes the routes and addresses of a network namespace, many at a time.
 *
 * Threads: any. Source: rtnetlink(7); ip-route(8), ip-address(8). */
#ifndef IO_NETSET_H
#define IO_NETSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/prefix.h"

enum { TL_NETSET_MAIN = 254, TL_NETSET_IPV6_METRIC = 1024 /* of IPv6 routes without one */ };

struct tl_netset_route {
        struct wg_prefix prefix;
        struct wg_ip via;    /* NONE: none */
        uint32_t ifindex;    /* 0: none */
        uint32_t table;      /* 0 in a change: TL_NETSET_MAIN */
        uint32_t metric;     /* 0: the kernel's default, which the list has as 0 or 1024 */
        uint8_t protocol;    /* the program that added it (rt_protos) */
        bool is_unreachable; /* answers "unreachable"; has no link */
        bool is_other;       /* in lists: of a kind that changes cannot make, such as blackhole */
};

struct tl_netset_address {
        struct wg_ip ip;
        uint8_t cidr;
        uint32_t ifindex;
};

/* Lists the routes of all tables and both families that have this protocol; 0: any. Routes that the
 * kernel clones are left out. The caller frees *routes. Returns 0 or -errno. */
int tl_netset_list_routes(uint8_t protocol, struct tl_netset_route **routes,
                          size_t *count) WG_MUST_USE;

/* Lists the addresses of a link; 0: of all links. The caller frees *addresses. */
int tl_netset_list_addresses(uint32_t ifindex, struct tl_netset_address **addresses,
                             size_t *count) WG_MUST_USE;

struct tl_netset_change {
        bool is_removal;
        bool is_address;
        union {
                struct tl_netset_route route;
                struct tl_netset_address address;
        };
        int error; /* written by tl_netset_change(): 0 or -errno */
};

/* Makes changes in their order. Each is independent of the others: those after one that fails are
 * made too. A route never replaces another: -EEXIST, if there is one with its prefix and metric.
 * Removing what is not there, and adding an address that is, count as success. Addresses imply no
 * route, and are used at once: the kernel does not look for duplicates. Returns 0, or the first
 * error. */
int tl_netset_change(struct tl_netset_change *changes, size_t count) WG_MUST_USE;

#endif
