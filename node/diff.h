/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * diff.h - what separates two states of this machine: the changes that lead from one to the other,
 * in the order in which they are made.
 *
 * Nothing is opened that should be closed: policy comes first, then the rules that keep packets
 * from networks of this machine, with the routes that they lead to, then peers, then forwarding,
 * then other routes. The machine answers for an address only while there is a route to it.
 * Threads: pure functions of their arguments. */
#ifndef NODE_DIFF_H
#define NODE_DIFF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/enum.h"
#include "conf/arena.h"
#include "net/model.h"
#include "node/state.h"

/* What changes. */
#define TL_DIFF_KINDS(X) \
        X(TL_DIFF_TABLE, 0, table, "nft table inet") \
        X(TL_DIFF_DAEMON, 1, daemon, "daemon") \
        X(TL_DIFF_KEY, 2, key, "private key") \
        X(TL_DIFF_PORT, 3, port, "UDP port") \
        X(TL_DIFF_MTU, 4, mtu, "MTU") \
        X(TL_DIFF_ADDRESS, 5, address, "address") \
        X(TL_DIFF_LINK, 6, link, "link") \
        X(TL_DIFF_PEER, 7, peer, "peer") \
        X(TL_DIFF_SETTING, 8, setting, "setting") \
        X(TL_DIFF_ROUTE, 9, route, "route") \
        X(TL_DIFF_RULE, 10, rule, "ip rule") \
        X(TL_DIFF_PROXY, 11, proxy, "ip neigh proxy")
WG_ENUM_DECLARE(tl_diff_kind, TL_DIFF_KINDS)

#define TL_DIFF_VERBS(X) \
        X(TL_DIFF_ADD, 0, add, "add") \
        X(TL_DIFF_CHANGE, 1, change, "change") \
        X(TL_DIFF_REMOVE, 2, remove, "remove")
WG_ENUM_DECLARE(tl_diff_verb, TL_DIFF_VERBS)

struct tl_difference {
        enum tl_diff_kind kind;
        enum tl_diff_verb verb;
        const char *what;   /* "e/laptop", "192.168.200.0/24" */
        const char *detail; /* "2 entries differ", "1420 -> 1280"; "": nothing to add */
        uint32_t index;     /* in the array of the state that has it: `from` if it is removed */
};

struct tl_diff {
        struct tl_arena arena;
        struct tl_difference *items;
        uint32_t count, capacity;
};

/* Compares two states. The model (NULL: none) gives peers their names. Returns false if there is no
 * memory. The caller releases *diff either way. */
bool tl_diff_make(struct tl_diff *diff, const struct tl_state *from, const struct tl_state *to,
                  const struct tl_model *model) WG_MUST_USE;

/* One line for people, such as "route 192.168.200.0/24: add". Returns the text, in the arena of the
 * diff; NULL: no memory. */
const char *tl_diff_text(struct tl_diff *diff, uint32_t i) WG_MUST_USE;

/* Frees everything. Accepts zeroed memory. */
void tl_diff_done(struct tl_diff *diff);

#endif
