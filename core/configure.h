/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * configure.h - the settings of an interface and its peers.
 *
 * Once wg_engine_reserve() has taken the memory, no change can fail, so a set of changes happens
 * completely or not at all. wg_engine_commit() ends the set. Changes send nothing themselves;
 * wg_engine_work() does the work that they make due, and may run between the changes of a large
 * set.
 * Threads: the engine's. */
#ifndef CORE_CONFIGURE_H
#define CORE_CONFIGURE_H

#include "core/engine.h"

/* Allocates memory for `peers` more calls of wg_engine_add_peer() and `prefixes` more of
 * wg_engine_allow(), on top of earlier reservations. A prefix that wg_allowedips_is_known() reports
 * needs none. Returns false and reserves nothing if memory is short. */
bool wg_engine_reserve(struct wg_engine *engine, size_t peers, size_t prefixes) WG_MUST_USE;

/* Frees at most `most` pieces of memory that were reserved and not used. Returns how many; fewer
 * than `most` means that none is left. */
size_t wg_engine_unreserve(struct wg_engine *engine, size_t most);

/* Ends a set of changes: workers see the new allowed IPs, and removed peers are retired. An address
 * whose peer is the same before and after the set keeps it at every moment (allowedips.h). Takes at
 * most `most` steps and returns how many; fewer than `most` means that everything is done. */
size_t wg_engine_commit(struct wg_engine *engine, size_t most);

/* Replaces the private key (NULL: none); the engine owns `identity` from now on. Removes the peer
 * with the same public key, if any. Setting the same key again changes nothing. */
void wg_engine_set_identity(struct wg_engine *engine, struct wg_identity *identity,
                            struct wg_now now);

/* Adds a peer that does not exist yet, using reserved memory. Its key must not be our own. */
struct wg_peer *wg_engine_add_peer(struct wg_engine *engine, const uint8_t public_key[WG_KEY_LEN]);

/* Removes a peer: its key no longer finds it. It keeps its sessions until the commit, because
 * workers still find it for packets. It is freed some time after that. */
void wg_engine_remove_peer(struct wg_engine *engine, struct wg_peer *peer);

/* Renews a peer if all peers are replaced and it is among the new ones with the same preshared key.
 * It keeps its sessions and counters, and its endpoint if it has a session. It becomes the last in
 * order and gets a new serial. The caller sets everything else again. */
void wg_engine_renew_peer(struct wg_engine *engine, struct wg_peer *peer);

/* Settings of a peer. set_endpoint() ignores the endpoint's source. */
void wg_engine_set_preshared_key(struct wg_peer *peer, const uint8_t key[WG_KEY_LEN]);
void wg_engine_set_endpoint(struct wg_peer *peer, const struct wg_endpoint *endpoint);
void wg_engine_set_keepalive(struct wg_peer *peer, uint16_t seconds, struct wg_now now);
void wg_engine_allow(struct wg_peer *peer, const struct wg_prefix *prefix);
void wg_engine_disallow(struct wg_peer *peer, const struct wg_prefix *prefix);

/* Removes a peer's first `most` prefixes. Returns how many; fewer than `most` means that none is
 * left. */
size_t wg_engine_disallow_first(struct wg_peer *peer, size_t most);

/* Call it after all settings of a peer. The next round sends packets that waited for these
 * settings. */
void wg_engine_peer_changed(struct wg_peer *peer, struct wg_now now);

/* Clears the source of all peers' endpoints. Call it when the mark or port has changed. */
void wg_engine_unpin_all(struct wg_engine *engine);

/* Sets whether the link is up. Going down drops sessions, timers and staged packets. */
void wg_engine_set_up(struct wg_engine *engine, bool is_up, struct wg_now now);

/* Sets the size of the largest inner packet, in bytes. Packets are not padded beyond it. */
void wg_engine_set_mtu(struct wg_engine *engine, uint32_t mtu);

/* Call it after the system has slept: drops all sessions. */
void wg_engine_suspended(struct wg_engine *engine, struct wg_now now);

#endif
