/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * session.h - the three slots of a peer: previous, current, next.
 *
 * Who began a handshake knows at its response that the other side has the keys, and sends under them
 * at once. Who responded does not: its new keypair waits in `next` until something comes under it.
 *
 * The engine owns the slots. Only `peer->current` is shared: workers send under it, and the worker
 * that opens the first packet under `next` makes that the current one before the packet is
 * delivered, by one compare-and-swap from what was current when `next` came. The engine changes
 * `current` by the same kind of swap, so whoever loses looks again; `current_known` is what the
 * engine last saw. A keypair that left all slots may thus come back into `current` once, by a worker
 * that was late. Nothing is sent under it then (may_send), and the engine takes it out again when
 * it notices, at the latest when the keypair is released.
 *
 * When both sides began at once, each has a session of its own making as the current one and the
 * other's beside it. So that they do not go on with two (each new handshake would then cut off what
 * is on its way under one of them), the side with the lesser public key goes over to the other's as
 * soon as that is proven.
 *
 * Source: WireGuard paper 5.4.6 and 6.3; the rules of the slots are the kernel's, but for the last.
 * Threads: wg_session_prove() any worker; the rest the engine. */
#ifndef CORE_SESSION_H
#define CORE_SESSION_H

#include "core/peer.h"

/* A keypair with its keys for a peer, in no slot and no table; NULL: no memory. Ends by
 * wg_session_begin() or wg_session_free(). */
struct wg_keypair *wg_session_new(struct wg_peer *peer, const struct wg_noise *noise,
                                  bool is_initiator, uint32_t remote_index,
                                  uint64_t now_ns) WG_MUST_USE;

/* Publishes a new keypair in the index table and puts it into its slot: current for who began, which
 * takes over the index of the handshake; next, with a fresh index, for who responded. What falls out
 * of the slots is retired. Returns false, and changes nothing, when there is no memory. */
bool wg_session_begin(struct wg_peer *peer, struct wg_keypair *kp) WG_MUST_USE;

/* Wipes and frees a keypair at once. */
void wg_session_free(struct wg_keypair *kp);

/* A worker has opened a packet under kp. Makes kp current if it waited for that; returns whether it
 * was this call that did. */
bool wg_session_prove(struct wg_peer *peer, struct wg_keypair *kp);

/* Takes note of what workers made current meanwhile. */
void wg_session_reconcile(struct wg_peer *peer);

/* From now on nothing is sent under any keypair of this peer; receiving goes on. */
void wg_session_stop_sending(struct wg_peer *peer);

/* Retires all keypairs. */
void wg_session_clear(struct wg_peer *peer);

#endif
