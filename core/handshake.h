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

/* What a responder carries from the initiation to its response. Secret; wipe it. */
struct wg_handshake_request {
        struct wg_peer *peer;
        struct wg_noise noise;
        uint8_t ephemeral[WG_KEY_LEN];
        uint32_t sender;
};

/* Writes an initiation, but for its MACs, and begins a handshake in place of any other. Returns false
 * when the peer's public key is of low order, or there is no memory; nothing is to be sent then. */
bool wg_handshake_create_initiation(struct wg_peer *peer, struct wg_now now,
                                    uint8_t message[WG_INITIATION_LEN]) WG_MUST_USE;

/* Reads an initiation whose mac1 verified. Returns HANDSHAKE_DONE and fills *request, or why it is
 * refused. */
enum wg_verdict wg_handshake_consume_initiation(struct wg_engine *engine,
                                                const uint8_t message[WG_INITIATION_LEN],
                                                struct wg_now now,
                                                struct wg_handshake_request *request);

/* Writes the response, but for its MACs, and begins the session that waits for its proof. */
enum wg_verdict wg_handshake_create_response(struct wg_handshake_request *request,
                                             struct wg_now now, uint8_t message[WG_RESPONSE_LEN]);

/* Reads a response whose mac1 verified and begins the session. Returns HANDSHAKE_DONE and the peer,
 * or why it is refused. */
enum wg_verdict wg_handshake_consume_response(struct wg_engine *engine,
                                              const uint8_t message[WG_RESPONSE_LEN],
                                              struct wg_now now, struct wg_peer **peer);

/* Forgets a handshake that is under way, if any. */
void wg_handshake_clear(struct wg_peer *peer);

#endif
