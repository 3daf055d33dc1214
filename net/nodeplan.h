/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * nodeplan.h - everything that one machine must have, to be a node of the network: addresses,
 * peers, routes, nftables rules, kernel settings, MTU.
 *
 * The plan is a desired state, in a canonical order. node/ compares it with the running state.
 * Routes, and rules of policy routing, carry TL_NODEPLAN_PROTOCOL. Each remote prefix also has an
 * unreachable route with a high metric, so that nothing leaks or loops while the link is gone.
 *
 * Source: ip-route(8), nft(8), Linux ip-sysctl. Threads: pure functions of their arguments. */
#ifndef NET_NODEPLAN_H
#define NET_NODEPLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/enum.h"
#include "base/prefix.h"
#include "conf/arena.h"
#include "conf/change.h"
#include "conf/findings.h"
#include "net/local.h"
#include "net/model.h"
#include "net/policy.h"

enum {
        TL_NODEPLAN_PROTOCOL = 109,           /* of routes and rules; 108 is tieline-quick's */
        TL_NODEPLAN_KEEPALIVE_S = 25,         /* on the side that is behind NAT */
        TL_NODEPLAN_HIGH_METRIC = 0x7f000000, /* of unreachable routes */
        TL_NODEPLAN_PRIORITY = 1090,          /* of rules for HIDDEN; 1 more: for RETURN */
};

#define TL_NODEPLAN_TABLE_PREFIX "tieline-" /* of the name of the nft table */

#define TL_PLANNED_ROUTES(X) \
        X(TL_PLANNED_LINK, 0, link, "into the tunnel") \
        X(TL_PLANNED_UNREACHABLE, 1, unreachable, "nowhere, while the tunnel is gone") \
        X(TL_PLANNED_GATEWAY, 2, gateway, "into a LAN, through its router")
WG_ENUM_DECLARE(tl_planned_route_kind, TL_PLANNED_ROUTES)

/* The tables of routes that only rules lead to. Their numbers depend on the network's name, so that
 * two networks on one machine do not share them. */
#define TL_PLANNED_TABLES(X) \
        X(TL_PLANNED_MAIN, 0, main, "the main table") \
        X(TL_PLANNED_HIDDEN, 1, hidden, \
          "prefixes that a network of this machine hides, for packets that must not get there") \
        X(TL_PLANNED_RETURN, 2, way_back, "LANs whose router must see both directions")
WG_ENUM_DECLARE(tl_planned_table, TL_PLANNED_TABLES)

struct tl_planned_route {
        struct wg_prefix prefix;
        enum tl_planned_route_kind kind;
        enum tl_planned_table table;
        uint32_t metric;  /* 0: the kernel's default */
        uint32_t mtu;     /* of the path, if it is less than the link's; else 0 */
        struct wg_ip via; /* GATEWAY: the router; else NONE */
        const char *link; /* GATEWAY: the link of the LAN; NULL: the network's own, or not known */
};

/* A rule of policy routing. Its priority is that of its table. */
struct tl_planned_rule {
        uint8_t family;
        bool is_from_link;         /* only packets that come out of the tunnel */
        struct wg_prefix from, to; /* family NONE: any */
        enum tl_planned_table table;
};

/* An address that the machine answers for on a link: proxy ARP, or proxy NDP. */
struct tl_planned_proxy {
        struct wg_ip ip;
        const char *link; /* NULL: not known */
};

struct tl_planned_address {
        struct wg_ip ip;
        uint8_t cidr; /* 32 or 128: routes are planned, not implied */
};

/* A kernel setting, named by its path below /proc/sys. */
struct tl_planned_setting {
        const char *path;
        const char *value;
        const char *only_if; /* change it only if it has this value now; NULL: always */
};

struct tl_nodeplan {
        struct tl_arena arena;
        uint32_t node;      /* its index in the model */
        const char *ifname; /* the network's name */
        const char *table;  /* of nft, family inet: "tieline-NAME" */
        uint32_t mtu;
        uint16_t listen_port; /* 0: any */

        struct tl_planned_address *addresses;
        uint32_t address_count, address_capacity;
        struct tl_change device; /* peers, their allowed IPs, endpoints as names, keepalives, port;
                                   * replace_peers is set; without the private key */
        struct tl_planned_route *routes; /* sorted by table, prefix, then metric */
        uint32_t route_count, route_capacity;
        struct tl_planned_rule *rules; /* sorted (tl_nodeplan_compare_rules) */
        uint32_t rule_count, rule_capacity;
        struct tl_planned_proxy *proxies; /* sorted by address */
        uint32_t proxy_count, proxy_capacity;
        char *nft; /* the whole table, for `nft -f`: "table inet NAME { ... }"; NULL: planned
                    * without a policy */
        struct tl_planned_setting *settings;
        uint32_t setting_count, setting_capacity;
};

/* Plans a node. The policy is NULL for one that cannot have rules: a stock device. `local` may be
 * NULL, when planning for another machine. Returns whether the plan can be carried out. Peers
 * without a key and drops of other programs are findings; conflicts must have been found before
 * (net/conflicts.h). The caller releases *plan either way. */
bool tl_nodeplan_make(struct tl_nodeplan *plan, const struct tl_model *model,
                      const struct tl_policy *policy, uint32_t node, const struct tl_local *local,
                      struct tl_findings *findings) WG_MUST_USE;

void tl_nodeplan_done(struct tl_nodeplan *plan);

/* The number of a table of a network, as the kernel knows it. */
uint32_t tl_nodeplan_table(const char *network, enum tl_planned_table table) WG_MUST_USE;

/* Orders rules by table, family, is_from_link, from and to. As qsort(3) wants it. */
int tl_nodeplan_compare_rules(const void *a, const void *b) WG_MUST_USE;

/* Parts of a plan, without making it; of stock devices, too. */

/* The interval of the keepalives that a node sends to its peers; 0: none. */
uint16_t tl_nodeplan_keepalive_s(const struct tl_node *node) WG_MUST_USE;

#endif
