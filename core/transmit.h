/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * transmit.h - what the engine sends by itself: handshakes, cookie replies, keepalives, and the packets
 * that waited for a session.
 *
 * Each function adds at most two actions to the list.
 * Source: WireGuard paper 6.1, 6.4, 6.5; the kernel for the order of things.
 * Threads: the engine's. */
#ifndef CORE_TRANSMIT_H
#define CORE_TRANSMIT_H

#include "core/handshake.h"

/* Why an initiation is sent. A retry counts towards giving up; everything else starts the count
 * anew. */
enum wg_initiation_reason { WG_INITIATION_WANTED, WG_INITIATION_RETRY };

/* Sends an initiation, unless the last handshake message to the peer is too recent, its endpoint is
 * unknown, or there is no private key. Returns whether the first of these was the reason. */
bool wg_transmit_initiation(struct wg_peer *peer, enum wg_initiation_reason reason,
                            struct wg_now now, struct wg_actions *actions);

/* Answers an initiation that was accepted. Returns HANDSHAKE_DONE, or why it could not. */
enum wg_verdict wg_transmit_response(struct wg_handshake_job *job, struct wg_now now,
                                     struct wg_actions *actions);

/* Answers a message under load by a cookie. */
void wg_transmit_cookie(struct wg_engine *engine, const struct wg_hsqueue_item *item,
                        struct wg_now now, struct wg_actions *actions);

/* Sends what is staged, or, where nothing is and `keepalive` says so, an empty packet. Without a
 * session, asks for one. */
void wg_transmit_staged(struct wg_peer *peer, bool keepalive, struct wg_now now,
                        struct wg_actions *actions);

#endif
