/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * handshake.h - WireGuard's first two messages: made, and read.
 *
 * Nothing of a peer's state changes before its message has proven to be authentic and new. Who
 * responds derives the session at once and keeps no handshake.
 *
 * When both begin at once, both initiations are answered and both sessions come to be: each side
 * sends under the one it began and receives under either. The kernel drops its own initiation when
 * another's comes in; two that both do so refuse each other's response, and where the way takes
 * longer than the jitter of the retries they do it again for ever. One that does not is enough.
 *
 * Source: WireGuard paper 5.4.2, 5.4.3, 5.1 (time stamps).
 * Threads: the engine's. */
#ifndef CORE_HANDSHAKE_H
#define CORE_HANDSHAKE_H

#include "core/engine.h"

/* Writes an initiation, but for its MACs, and begins a handshake in place of any other. Returns false
 * when the peer's public key is of low order, or there is no memory; nothing is to be sent then. */
bool wg_handshake_create_initiation(struct wg_peer *peer, struct wg_now now,
                                    uint8_t message[WG_INITIATION_LEN]) WG_MUST_USE;

/* ---- messages that arrived, step by step (hsjob.h) ---- */

/* Prepare the first step for an initiation, or a response, whose mac1 verified. Return HANDSHAKE, or why
 * it is refused at once. */
enum wg_verdict wg_handshake_begin_initiation(struct wg_engine *engine,
                                              struct wg_handshake_job *job,
                                              const struct wg_hsqueue_item *item);
enum wg_verdict wg_handshake_begin_response(struct wg_engine *engine, struct wg_handshake_job *job,
                                            const struct wg_hsqueue_item *item);

/* After a step: prepares the next one and returns true, or finds that there is none. No
 * response is prepared for who gets one among `jobs` already: two at once are one too many. */
bool wg_handshake_go_on(struct wg_engine *engine, struct wg_handshake_job *job, struct wg_now now,
                        const struct wg_handshake_job *jobs, size_t count) WG_MUST_USE;

/* ---- and judged ----
 *
 * When no step is left. These return HANDSHAKE_DONE, or why the message is refused; nothing of the peer's
 * state changed then. */

/* Accepts an initiation. */
enum wg_verdict wg_handshake_accept_initiation(struct wg_handshake_job *job, struct wg_now now);

/* For an initiation that was just accepted: writes the response, but for its MACs, and begins the
 * session that waits for its proof. */
enum wg_verdict wg_handshake_finish_response(struct wg_handshake_job *job, struct wg_now now,
                                             uint8_t message[WG_RESPONSE_LEN]);

/* Accepts a response and begins the session. */
enum wg_verdict wg_handshake_accept_response(struct wg_engine *engine, struct wg_handshake_job *job,
                                             struct wg_now now);

/* Forgets a handshake that is under way, if any. */
void wg_handshake_clear(struct wg_peer *peer);

#endif
