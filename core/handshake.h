/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * handshake.h - makes and reads WireGuard's two handshake messages.
 *
 * A peer's state does not change until its message has proven authentic and new. A responder
 * derives the session at once and keeps no handshake.
 *
 * If both sides begin at once, both initiations are answered and both sessions are established:
 * each side sends under the session it began and receives under either. The kernel drops its own
 * initiation when another arrives. If both sides do so, each refuses the other's response, and if
 * the path's delay exceeds the jitter of their retries, they never agree. It is enough that one
 * side keeps its initiation.
 *
 * Source: WireGuard paper 5.4.2, 5.4.3, 5.1 (time stamps).
 * Threads: the engine's. */
#ifndef CORE_HANDSHAKE_H
#define CORE_HANDSHAKE_H

#include "core/engine.h"

/* Writes an initiation without its MACs and begins a handshake, replacing any other. Returns false
 * if the peer's public key has low order or memory is short; then there is nothing to send. */
bool wg_handshake_create_initiation(struct wg_peer *peer, struct wg_now now,
                                    uint8_t message[WG_INITIATION_LEN]) WG_MUST_USE;

/* ---- received messages, step by step (hsjob.h) ---- */

/* Prepare the first step for an initiation or a response whose mac1 verified. Return HANDSHAKE, or
 * why the message is refused at once. */
enum wg_verdict wg_handshake_begin_initiation(struct wg_engine *engine,
                                              struct wg_handshake_job *job,
                                              const struct wg_hsqueue_item *item);
enum wg_verdict wg_handshake_begin_response(struct wg_engine *engine, struct wg_handshake_job *job,
                                            const struct wg_hsqueue_item *item);

/* Call it after a step. Prepares the next step and returns true, or returns false if there is none.
 * A peer that already gets a response among `jobs` gets no second one. */
bool wg_handshake_go_on(struct wg_engine *engine, struct wg_handshake_job *job, struct wg_now now,
                        const struct wg_handshake_job *jobs, size_t count) WG_MUST_USE;

/* ---- verdicts on received messages ----
 *
 * Call these when no step is left. They return HANDSHAKE_DONE, or why the message is refused; in
 * that case the peer's state has not changed. */

/* Accepts an initiation. */
enum wg_verdict wg_handshake_accept_initiation(struct wg_handshake_job *job, struct wg_now now);

/* Writes the response, without its MACs, to an initiation that was just accepted, and begins a
 * session that awaits its proof. */
enum wg_verdict wg_handshake_finish_response(struct wg_handshake_job *job, struct wg_now now,
                                             uint8_t message[WG_RESPONSE_LEN]);

/* Accepts a response and begins the session. */
enum wg_verdict wg_handshake_accept_response(struct wg_engine *engine, struct wg_handshake_job *job,
                                             struct wg_now now);

/* Forgets our handshake with a peer, if one is under way. */
void wg_handshake_clear(struct wg_peer *peer);

#endif
