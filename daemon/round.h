/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * round.h - one round of the engine's thread: takes messages and packets from the inboxes, calls
 * the core, performs the actions it returns, and continues all work that is done in slices.
 * Threads: the engine's. */
#ifndef DAEMON_ROUND_H
#define DAEMON_ROUND_H

#include "daemon/apply.h"
#include "daemon/link.h"
#include "daemon/pins.h"
#include "daemon/shared.h"
#include "daemon/stamp.h"
#include "io/server.h"

struct tl_round {
        /* Constant, set by the owner. */
        struct tl_shared *shared;
        struct tl_helper *helper;
        struct tl_followed_link *link;
        struct tl_stamp *stamp;
        struct tl_pins *pins;
        struct tl_apply_queue *changes;
        struct tl_events *events;
        struct tl_server *servers; /* TL_LISTENER_COUNT */

        struct wg_actions actions;
        uint8_t *scratch; /* one record of an inbox */
};

/* Allocates memory. Returns 0 or -ENOMEM. */
int tl_round_init(struct tl_round *round) WG_MUST_USE;

/* Gives the engine the packets that are still in its inbox, and frees the memory. No worker may be
 * running. Accepts a round whose init failed. */
void tl_round_done(struct tl_round *round);

/* One round. Returns when the next one is due. */
uint64_t tl_round_work(struct tl_round *round);

#endif
