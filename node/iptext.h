/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * iptext.h - routes, rules and proxy entries in the words of ip(8), which administrators know.
 *
 * Each function returns a text in the arena, or NULL if there is no memory.
 * Source: ip-route(8), ip-rule(8), ip-neighbour(8). Threads: pure functions of their arguments. */
#ifndef NODE_IPTEXT_H
#define NODE_IPTEXT_H

#include <stdint.h>

#include "base/attr.h"
#include "conf/arena.h"
#include "io/rule.h"
#include "net/nodeplan.h"

/* "192.168.200.0/24 via 192.168.200.1 dev eth0 table 1829909594". Routes into the tunnel lack its
 * link, those of the main table the table; the MTU is left out. `table` is the table's number. */
const char *tl_iptext_route(struct tl_arena *arena, const struct tl_planned_route *route,
                            uint32_t table) WG_MUST_USE;

/* "via 192.168.200.1 dev eth0": how a route leads into a LAN. */
const char *tl_iptext_way(struct tl_arena *arena, const struct tl_planned_route *route) WG_MUST_USE;

/* "priority 1090 from 10.70.0.4 to 192.168.200.0/24 lookup 1829909593". From any address: "all",
 * or "::/0" for IPv6. */
const char *tl_iptext_rule(struct tl_arena *arena, const struct tl_rule *rule) WG_MUST_USE;

/* "192.168.201.240 dev eth0". */
const char *tl_iptext_proxy(struct tl_arena *arena,
                            const struct tl_planned_proxy *proxy) WG_MUST_USE;

#endif
