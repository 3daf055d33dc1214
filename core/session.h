/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * session.h - a peer's three keypair slots: previous, current, next.
 *
 * The initiator of a handshake knows from the response that the responder has the keys, and sends
 * under them at once. The responder cannot know that of the initiator, so its new keypair waits in
 * `next` until a packet under it arrives.
 *
 * The engine owns the slots. Only `peer->current` is shared. Workers send under it, and the worker
 * that opens the first packet under `next` makes that keypair current before it delivers the
 * packet. It does so by a compare-and-swap from the keypair that was current when `next` was made.
 * The engine changes `current` by the same kind of swap, so the side that loses a race looks again;
 * `current_known` is what the engine last saw. A late worker may thus bring a keypair back into
 * `current` once after it left all slots. Nothing is sent under it then (may_send), and the engine
 * removes it again when it notices, at the latest when the keypair is released.
 *
 * If both sides began at once, each has its own session as current, and also the other's. They must
 * not keep using two, because each new handshake would cut off packets in flight under one of them.
 * So the side with the smaller public key switches to the other's session once that is proven.
 *
 * Source: WireGuard paper 5.4.6 and 6.3; the rules of the slots are the kernel's, except the last.
 * Threads: any worker may call wg_session_prove(); the rest is the engine's. */
#ifndef CORE_SESSION_H
#define CORE_SESSION_H

#include "core/peer.h"

/* Makes a keypair for a peer, in no slot and no table yet. Pass it to wg_session_begin() or
 * wg_session_free(). Returns NULL if memory is short. */
struct wg_keypair *wg_session_new(struct wg_peer *peer, const struct wg_noise *noise,
                                  bool is_initiator, uint32_t remote_index,
                                  uint64_t now_ns) WG_MUST_USE;

/* Publishes a new keypair in the index table and puts it into its slot. The initiator's becomes
 * current and takes over the index of the handshake; the responder's becomes next and gets a new
 * index. Keypairs that drop out of the slots are retired. Returns false and changes nothing if
 * memory is short. */
bool wg_session_begin(struct wg_peer *peer, struct wg_keypair *kp) WG_MUST_USE;

/* Wipes and frees a keypair at once. */
void wg_session_free(struct wg_keypair *kp);

/* Call it when a worker has opened a packet under kp. If kp was waiting for that, makes it current.
 * Returns whether this call did. */
bool wg_session_prove(struct wg_peer *peer, struct wg_keypair *kp);

/* Updates the slots after a worker may have changed `current`. */
void wg_session_reconcile(struct wg_peer *peer);

/* Stops sending under all keypairs of a peer, but not receiving. */
void wg_session_stop_sending(struct wg_peer *peer);

/* Retires all keypairs. */
void wg_session_clear(struct wg_peer *peer);

#endif
