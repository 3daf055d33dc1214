/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * state.h - everything of a network that one machine has or shall have, in one form for both.
 *
 * A running state is read from the kernel and the daemon (node/running.h), a desired one is made
 * from a plan. An empty one is that of a machine that is no node.
 * Threads: one owner at a time. */
#ifndef NODE_STATE_H
#define NODE_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "conf/arena.h"
#include "conf/change.h"
#include "net/nodeplan.h"

struct tl_state {
        struct tl_arena arena;
        bool has_link; /* and a daemon that serves it */
        bool is_up;
        bool has_key; /* of a running state: the daemon has the machine's private key */
        uint32_t mtu;
        struct tl_planned_address *addresses; /* sorted */
        uint32_t address_count, address_capacity;
        struct tl_change device;         /* without the private key */
        struct tl_planned_route *routes; /* sorted */
        uint32_t route_count, route_capacity;
        struct tl_planned_setting *settings; /* only those that the plan or the journal names */
        uint32_t setting_count, setting_capacity;
        const char *table;      /* nft(8) text, ready to be loaded; NULL: there is none */
        const char *table_form; /* its canonical form: one line per object (host/nft.h) */
};

/* Makes the state that a plan describes; it borrows from the plan. Returns false if there is no
 * memory. The caller releases *state either way. */
bool tl_state_of_plan(struct tl_state *state, const struct tl_nodeplan *plan) WG_MUST_USE;

/* Wipes and frees everything. Accepts zeroed memory. */
void tl_state_done(struct tl_state *state);

#endif
