/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * action.h - the list of actions that wg_engine_work() returns. The caller performs them in order.
 * Threads: the engine's. */
#ifndef CORE_ACTION_H
#define CORE_ACTION_H

#include "core/peer.h"
#include "core/verdict.h"

/* Events, for logs. */
#define WG_EVENTS(X) \
        X(WG_EVENT_INITIATION_SENT, 1, initiation_sent, "sending handshake initiation") \
        X(WG_EVENT_RESPONSE_SENT, 2, response_sent, "sending handshake response") \
        X(WG_EVENT_COOKIE_SENT, 3, cookie_sent, "under load: sending cookie reply") \
        X(WG_EVENT_HANDSHAKE_COMPLETE, 4, handshake_complete, "handshake complete") \
        X(WG_EVENT_SESSION_PROVEN, 5, session_proven, "the peer uses the new session") \
        X(WG_EVENT_SILENCE, 7, silence, "no answer for 15 seconds, trying a new handshake") \
        X(WG_EVENT_GAVE_UP, 8, gave_up, "no response to 20 initiations, giving up") \
        X(WG_EVENT_KEYS_FORGOTTEN, 9, keys_forgotten, "session keys erased: unused for too long") \
        X(WG_EVENT_COOKIE_STORED, 10, cookie_stored, "the peer is under load: cookie stored") \
        X(WG_EVENT_HANDSHAKE_REFUSED, 11, handshake_refused, "handshake message refused")
WG_ENUM_DECLARE(wg_event, WG_EVENTS)

#define WG_EVENT_END 12 /* the greatest value + 1 */

#define WG_ACTION_KINDS(X) \
        X(WG_ACTION_SEND, 1, send, "send bytes[0..len) to `to`") \
        X(WG_ACTION_SEND_STAGED, 2, send_staged, "send each datagram of `staged` to `to`") \
        X(WG_ACTION_EVENT, 3, event, "log `event`")
WG_ENUM_DECLARE(wg_action_kind, WG_ACTION_KINDS)

/* TOS byte of handshake messages: DSCP AF41, so that they get past congested queues. */
#define WG_HANDSHAKE_TOS 0x88

struct wg_action {
        enum wg_action_kind kind;
        struct wg_peer *peer;  /* NULL: unknown, or not to be counted */
        struct wg_endpoint to; /* EVENT: the remote that caused it, if any */

        /* SEND. If there is a peer, call wg_worker_count_sent() once it is sent. */
        uint8_t tos;
        uint8_t len;
        uint8_t bytes[WG_HANDSHAKE_LEN_MAX];

        /* SEND_STAGED: sealed datagrams, chained by `next`, each with its own len and tos. */
        struct wg_staged *staged;

        /* EVENT */
        enum wg_event event;
        enum wg_verdict verdict; /* HANDSHAKE_REFUSED: why */
        uint32_t number;         /* INITIATION_SENT: attempt, from 1; GAVE_UP: packets dropped */
};

#define WG_ACTIONS_MAX 288
#define WG_ACTIONS_A_STEP 8 /* the most that one step of the engine adds */

/* The actions, and the objects that they point to, are valid until the next call into the engine.
 * Zeroed memory is an empty list. */
struct wg_actions {
        size_t count;
        struct wg_action items[WG_ACTIONS_MAX];
};

/* Whether the list has room for `steps` more steps of the engine. */
static inline bool wg_actions_has_room(const struct wg_actions *actions, size_t steps)
{
        return actions->count + steps * WG_ACTIONS_A_STEP <= WG_ACTIONS_MAX;
}

/* Adds a zeroed action to the list, which must have room. */
struct wg_action *wg_actions_add(struct wg_actions *actions, enum wg_action_kind kind,
                                 struct wg_peer *peer);

/* Adds an event, with the peer's endpoint if there is a peer. */
struct wg_action *wg_actions_add_event(struct wg_actions *actions, struct wg_peer *peer,
                                       enum wg_event event);

/* Empties a list and frees its packets. Call it as soon as all actions have been performed: until
 * then, workers pass further packets for these peers to the engine. wg_engine_work() also does this
 * first. */
void wg_actions_clear(struct wg_engine *engine, struct wg_actions *actions);

#endif
