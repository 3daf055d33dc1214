/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * netset.h - changes the routes, addresses, rules of policy routing and neighbour proxy entries of
 * a network namespace, many at a time, and lists them (rules: io/rule.h).
 *
 * Threads: any. Source: rtnetlink(7); ip-route(8), ip-address(8), ip-rule(8), ip-neighbour(8). */
#ifndef IO_NETSET_H
#define IO_NETSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/prefix.h"
#include "io/rule.h"

enum { TL_NETSET_MAIN = 254, TL_NETSET_IPV6_METRIC = 1024 /* of IPv6 routes without one */ };

struct tl_netset_route {
        struct wg_prefix prefix;
        struct wg_ip via;    /* NONE: none */
        uint32_t ifindex;    /* 0: none */
        uint32_t table;      /* 0 in a change: TL_NETSET_MAIN */
        uint32_t metric;     /* 0: the kernel's default, which the list has as 0 or 1024 */
        uint32_t mtu;        /* of packets that take the route; 0: that of the link */
        uint8_t protocol;    /* the program that added it (rt_protos) */
        bool is_unreachable; /* answers "unreachable"; has no link */
        bool is_other;       /* in lists: of a kind that changes cannot make, such as blackhole */
};

struct tl_netset_address {
        struct wg_ip ip;
        uint8_t cidr;
        uint32_t ifindex;
};

/* An address of others that the machine answers for on a link: proxy ARP, or proxy NDP. */
struct tl_netset_proxy {
        struct wg_ip ip;
        uint32_t ifindex; /* 0, in lists: any link */
        uint8_t protocol; /* the program that added it; 0: unknown */
};

/* Lists the routes of all tables and both families that have this protocol; 0: any. Routes that the
 * kernel clones are left out. The caller frees *routes. Returns 0 or -errno. */
int tl_netset_list_routes(uint8_t protocol, struct tl_netset_route **routes,
                          size_t *count) WG_MUST_USE;

/* Lists the addresses of a link; 0: of all links. The caller frees *addresses. */
int tl_netset_list_addresses(uint32_t ifindex, struct tl_netset_address **addresses,
                             size_t *count) WG_MUST_USE;

/* Lists the neighbour proxy entries of both families. The caller frees *proxies. */
int tl_netset_list_proxies(struct tl_netset_proxy **proxies, size_t *count) WG_MUST_USE;

enum tl_netset_kind { TL_NETSET_ROUTE, TL_NETSET_ADDRESS, TL_NETSET_RULE, TL_NETSET_PROXY };
enum tl_netset_verb {
        TL_NETSET_ADD,
        TL_NETSET_REMOVE,
        TL_NETSET_REPLACE, /* of routes only: no packet sees the table without the route */
};

struct tl_netset_change {
        enum tl_netset_kind kind;
        enum tl_netset_verb verb;
        union {
                struct tl_netset_route route;
                struct tl_netset_address address;
                struct tl_rule rule; /* what tl_rule_compose() takes */
                struct tl_netset_proxy proxy;
        };
        int error; /* written by tl_netset_change(): 0 or -errno */
};

/* Makes changes in their order. Each is independent of the others: those after one that fails are
 * made too. An added route never replaces another: -EEXIST, if its table has one with its prefix
 * and metric; a replacement replaces that one, whoever made it. An added proxy entry takes the
 * place of another program's. Removing what is not there counts as success, and so does adding an
 * address, rule or proxy entry that is. Addresses imply no route, and are used at once: the kernel
 * does not look for duplicates. Returns 0, or the first error. */
int tl_netset_change(struct tl_netset_change *changes, size_t count) WG_MUST_USE;

#endif
