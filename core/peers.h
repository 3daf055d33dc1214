/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * peers.h - the peers of an interface: the table by public key, the memory for those to come, and the
 * end of those that were removed.
 * Threads: the engine's. */
#ifndef CORE_PEERS_H
#define CORE_PEERS_H

#include "core/engine.h"

/* Makes an empty table of a zeroed engine, whose env is set. */
void wg_peers_init(struct wg_engine *engine);

/* Frees the table, in which no peer is left. */
void wg_peers_done(struct wg_engine *engine);

/* Takes the memory that adding so many more peers may need, beside what was reserved before. Returns
 * false, and takes nothing, when there is not so much. */
bool wg_peers_reserve(struct wg_engine *engine, size_t peers) WG_MUST_USE;

/* Frees at most `most` reserved peers. Returns how many: fewer than most, when that was all. */
size_t wg_peers_unreserve(struct wg_engine *engine, size_t most);

/* The peer with a public key, or NULL. */
struct wg_peer *wg_peers_find(const struct wg_engine *engine, const uint8_t public_key[WG_KEY_LEN]);

/* Makes a peer that does not exist yet, out of reserved memory. It is the last in order. */
struct wg_peer *wg_peers_add(struct wg_engine *engine, const uint8_t public_key[WG_KEY_LEN]);

/* Makes a peer the last in order, under a new serial. */
void wg_peers_move_last(struct wg_engine *engine, struct wg_peer *peer);

/* Takes a peer out of the table, to those that are leaving. */
void wg_peers_remove(struct wg_engine *engine, struct wg_peer *peer);

/* Retires a peer that is leaving, which no worker finds any more. */
void wg_peers_retire(struct wg_engine *engine, struct wg_peer *peer);

/* Frees a peer that was removed and released, once its last keypairs, the list of notes and packets
 * on their way through the engine no longer refer to it. Call it whenever one of these lets go of
 * the peer. */
void wg_peer_free_unused(struct wg_peer *peer);

/* Counts packets of a peer out of the engine: they were sent or dropped. May free the peer. */
void wg_peer_let_pass(struct wg_peer *peer, uint32_t packets);

/* Drops what is staged for a peer, counted by this verdict. Returns how many packets that were. */
uint32_t wg_peer_drop_staged(struct wg_peer *peer, enum wg_verdict verdict);

#endif
