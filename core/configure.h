/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * configure.h - the settings of an interface and its peers.
 *
 * Changes cannot fail once wg_engine_reserve() has taken the memory they may need: so a set of changes
 * happens whole or not at all. wg_engine_commit() ends it. None of them sends by itself; what they make
 * due, wg_engine_work() does, and it may run between the changes of a large set.
 * Threads: the engine's. */
#ifndef CORE_CONFIGURE_H
#define CORE_CONFIGURE_H

#include "core/engine.h"

/* Takes the memory that so many more add_peer() and wg_engine_allow() calls may need, beside what was
 * reserved before; a prefix that wg_allowedips_is_known() knows needs none. Returns false, and takes
 * nothing, when there is not so much. */
bool wg_engine_reserve(struct wg_engine *engine, size_t peers, size_t prefixes) WG_MUST_USE;

/* Gives back what was reserved and not used, but no more than `most` pieces of it. Returns how many:
 * fewer than most, when that was all. */
size_t wg_engine_unreserve(struct wg_engine *engine, size_t most);

/* Ends a set of changes: workers see the allowed IPs as they are now, and removed peers go. No address
 * is without its peer, or with another one, for a moment, if that is the same before and after the
 * set (allowedips.h). Does no more than `most` steps; returns how many: fewer than most, when all is
 * done. */
size_t wg_engine_commit(struct wg_engine *engine, size_t most);

/* Replaces the private key (NULL: none) and takes over `identity`. The peer that has its public key
 * goes. The same key again changes nothing. */
void wg_engine_set_identity(struct wg_engine *engine, struct wg_identity *identity,
                            struct wg_now now);

/* Makes a peer that does not exist yet, out of reserved memory. Its key must not be our own. */
struct wg_peer *wg_engine_add_peer(struct wg_engine *engine, const uint8_t public_key[WG_KEY_LEN]);

/* Removes a peer: it is not found by its key from now on. Until the commit it keeps its sessions, for
 * packets that workers still find it for; then it is freed in time. */
void wg_engine_remove_peer(struct wg_engine *engine, struct wg_peer *peer);

/* What remains of a peer when all peers are replaced and it is among the new ones, under the same
 * preshared key: its sessions, its counters, and, while it has a session, where it is. It is the last
 * in order from now on, and has a new serial. All other settings are to be made anew. */
void wg_engine_renew_peer(struct wg_engine *engine, struct wg_peer *peer);

/* Settings of a peer. The endpoint's source is ignored. */
void wg_engine_set_preshared_key(struct wg_peer *peer, const uint8_t key[WG_KEY_LEN]);
void wg_engine_set_endpoint(struct wg_peer *peer, const struct wg_endpoint *endpoint);
void wg_engine_set_keepalive(struct wg_peer *peer, uint16_t seconds, struct wg_now now);
void wg_engine_allow(struct wg_peer *peer, const struct wg_prefix *prefix);
void wg_engine_disallow(struct wg_peer *peer, const struct wg_prefix *prefix);

/* Takes the first `most` prefixes away. Returns how many: fewer than most, when none is left. */
size_t wg_engine_disallow_first(struct wg_peer *peer, size_t most);

/* To be called after all settings of a peer: sends what may have been waiting for them. */
void wg_engine_peer_changed(struct wg_peer *peer, struct wg_now now);

/* Forgets from which addresses peers were reached: the way out has changed (mark, port). */
void wg_engine_unpin_all(struct wg_engine *engine);

/* The link went up or down. Down forgets sessions, timers and staged packets. */
void wg_engine_set_up(struct wg_engine *engine, bool is_up, struct wg_now now);

/* The greatest inner packet, in bytes; packets are not padded beyond it. */
void wg_engine_set_mtu(struct wg_engine *engine, uint32_t mtu);

/* The system has slept: all sessions are forgotten. */
void wg_engine_suspended(struct wg_engine *engine, struct wg_now now);

#endif
