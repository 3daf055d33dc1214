/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * transmit.h - everything that the engine sends: handshake messages, cookie replies, keepalives,
 * and packets that waited for a session.
 *
 * Each function adds at most two actions to the list.
 * Source: WireGuard paper 6.1, 6.4, 6.5; the order is the kernel's.
 * Threads: the engine's. */
#ifndef CORE_TRANSMIT_H
#define CORE_TRANSMIT_H

#include "core/handshake.h"

/* Why an initiation is sent. A retry counts towards giving up; WANTED restarts the count. */
enum wg_initiation_reason { WG_INITIATION_WANTED, WG_INITIATION_RETRY };

/* Sends an initiation, unless the last handshake message to the peer is too recent, its endpoint is
 * unknown, the link is down, or there is no private key. Returns true only if it was too recent. */
bool wg_transmit_initiation(struct wg_peer *peer, enum wg_initiation_reason reason,
                            struct wg_now now, struct wg_actions *actions);

/* Sends the response to an accepted initiation. Returns HANDSHAKE_DONE, or why it could not. */
enum wg_verdict wg_transmit_response(struct wg_handshake_job *job, struct wg_now now,
                                     struct wg_actions *actions);

/* Sends a cookie reply to a message that arrived under load. */
void wg_transmit_cookie(struct wg_engine *engine, const struct wg_hsqueue_item *item,
                        struct wg_now now, struct wg_actions *actions);

/* Sends the staged packets or, if there are none and `keepalive` is set, a keepalive. Begins a
 * handshake if there is no session. */
void wg_transmit_staged(struct wg_peer *peer, bool keepalive, struct wg_now now,
                        struct wg_actions *actions);

#endif
