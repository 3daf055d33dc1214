/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * peers.h - the peers of an interface: the table by public key, memory reserved for new peers, and
 * the end of removed ones.
 * Threads: the engine's. */
#ifndef CORE_PEERS_H
#define CORE_PEERS_H

#include "core/engine.h"

/* Makes the empty table of a zeroed engine whose env is set. */
void wg_peers_init(struct wg_engine *engine);

/* Frees the table, which must be empty. */
void wg_peers_done(struct wg_engine *engine);

/* Takes the memory for adding `peers` more peers, on top of earlier reservations. Returns false and
 * reserves nothing if memory is short. */
bool wg_peers_reserve(struct wg_engine *engine, size_t peers) WG_MUST_USE;

/* Frees at most `most` reserved peers. Returns how many; fewer than `most` means that none is
 * left. */
size_t wg_peers_unreserve(struct wg_engine *engine, size_t most);

/* Returns the peer with a public key, or NULL. */
struct wg_peer *wg_peers_find(const struct wg_engine *engine, const uint8_t public_key[WG_KEY_LEN]);

/* Makes a peer that does not exist yet, from reserved memory, as the last in order. */
struct wg_peer *wg_peers_add(struct wg_engine *engine, const uint8_t public_key[WG_KEY_LEN]);

/* Makes a peer the last in order and gives it a new serial. */
void wg_peers_move_last(struct wg_engine *engine, struct wg_peer *peer);

/* Moves a peer from the table to the list `leaving`. */
void wg_peers_remove(struct wg_engine *engine, struct wg_peer *peer);

/* Retires a peer in `leaving`. No worker can find it any more. */
void wg_peers_retire(struct wg_engine *engine, struct wg_peer *peer);

/* Frees a peer that was removed and released, unless keypairs, the list of notes or packets on
 * their way through the engine still refer to it. Call it whenever one of these lets go of the
 * peer. */
void wg_peer_free_unused(struct wg_peer *peer);

/* Subtracts packets that were sent or dropped from a peer's count of waiting packets. May free the
 * peer. */
void wg_peer_let_pass(struct wg_peer *peer, uint32_t packets);

/* Drops a peer's staged packets and counts them under a verdict. Returns how many there were. */
uint32_t wg_peer_drop_staged(struct wg_peer *peer, enum wg_verdict verdict);

#endif
