/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * handover.h - passes handshake messages, and packets without a session, from workers to the
 * engine.
 *
 * If an inbox is full, the message or packet is dropped and counted.
 * Threads: workers put, the engine takes. */
#ifndef DAEMON_HANDOVER_H
#define DAEMON_HANDOVER_H

#include "core/receive.h"
#include "core/send.h"
#include "daemon/inbox.h"

struct tl_handover {
        struct tl_inbox handshakes;
        struct tl_inbox preferred; /* handshake messages to take before those */
        struct tl_inbox unsent;    /* packets without a session */
};

/* Returns 0 or -ENOMEM. */
int tl_handover_init(struct tl_handover *handover) WG_MUST_USE;

/* Accepts zeroed memory. */
void tl_handover_done(struct tl_handover *handover);

/* Pass a message or packet on, and make the worker wake the engine. */
void tl_handover_handshake(struct tl_handover *handover, struct wg_worker *worker,
                           const struct wg_receive_slot *slot, uint64_t now_ns);
void tl_handover_unsent(struct tl_handover *handover, struct wg_worker *worker,
                        const struct wg_send_slot *slot, uint64_t now_ns);

/* Whether all inboxes are empty. */
bool tl_handover_is_empty(struct tl_handover *handover) WG_MUST_USE;

#endif
