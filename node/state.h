/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * state.h - everything of a network that one machine has or shall have, in one form for both.
 *
 * A running state is read from the kernel and the daemon (node/running.h), a desired one is made
 * from a plan. Zeroed memory is the state of a machine that is no node.
 * Rules are as the kernel has them; routes and proxies name links, not their numbers.
 * Threads: one owner at a time. */
#ifndef NODE_STATE_H
#define NODE_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "conf/arena.h"
#include "conf/change.h"
#include "io/rule.h"
#include "net/nodeplan.h"

struct tl_state {
        struct tl_arena arena;
        bool has_link; /* and a daemon that serves it */
        bool is_up;
        bool has_key;                         /* the daemon has this machine's private key */
        uint32_t mtu;                         /* 0: not known */
        struct tl_planned_address *addresses; /* sorted */
        uint32_t address_count;
        const struct tl_change *device; /* without the private key; NULL: no link */
        uint32_t tables[WG_ENUM_COUNT(tl_planned_table)]; /* their numbers */
        struct tl_planned_route *routes; /* sorted; the metric is as the kernel shows it */
        uint32_t route_count;
        struct tl_rule *rules; /* sorted */
        uint32_t rule_count;
        struct tl_planned_proxy *proxies; /* sorted; a link that is not known is "" */
        uint32_t proxy_count;
        struct tl_planned_setting *settings; /* a running state has the values of now */
        uint32_t setting_count;
        const char *table_name; /* of nft, family inet; NULL: there is none */
        const char *table;      /* text that nft -f can load; NULL: not known */
        const char *table_form; /* canonical form (host/nft.h) */

        /* What only a running state has. */
        struct tl_planned_proxy *others; /* sorted: proxy entries that are not the network's */
        uint32_t other_count;
        struct tl_change own_device;
};

/* Makes the state that a plan describes, but for the form of its table; it borrows from the plan.
 * Returns false if there is no memory. The caller releases *state either way. */
bool tl_state_of_plan(struct tl_state *state, const struct tl_nodeplan *plan) WG_MUST_USE;

/* Sorts its lists. */
void tl_state_sort(struct tl_state *state);

/* The order of the lists. Less than, equal to, or greater than 0, as qsort(3) wants it. Addresses:
 * by family, address and length. Routes: by table, the main one last; unreachable ones first; by
 * prefix and metric: two that are equal in this may differ in how they lead there. Rules: by
 * priority, then by everything else. Proxies: by address, then link. */
int tl_state_compare_addresses(const void *a, const void *b);
int tl_state_compare_routes(const void *a, const void *b);
int tl_state_compare_rules(const void *a, const void *b);
int tl_state_compare_proxies(const void *a, const void *b);

/* Whether two equal routes lead there in the same way. */
bool tl_state_is_same_way(const struct tl_planned_route *a,
                          const struct tl_planned_route *b) WG_MUST_USE;

/* Sets the numbers of the tables. */
void tl_state_number_tables(struct tl_state *state, const char *network);

/* Wipes and frees everything. Accepts zeroed memory. */
void tl_state_done(struct tl_state *state);

#endif
