/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * engine.h - one WireGuard interface without any input or output.
 *
 * Bytes, packets and the time go in; sealed datagrams, inner packets and a list of actions come out.
 * The packet paths are in send.h and receive.h, and any number of threads may run them. Everything
 * else is here, and belongs to one thread, the engine's:
 *
 *         wg_engine_offer()  handshake messages that wg_receive() met
 *         wg_engine_stage()  packets for which wg_send() had no session
 *         wg_engine_work()   does what is due: at deadline(), after the above, when a worker's
 *                            wants_engine says so, and after any change of configuration
 *
 * Changes of configuration cannot fail once wg_engine_reserve() has taken the memory they may need:
 * so a set of changes happens whole or not at all. wg_engine_commit() ends it. None of them sends by
 * itself; what they make due, work() does, and it may run between the changes of a large set.
 *
 * Source: the WireGuard paper; where it is silent, the behaviour of the kernel's implementation. */
#ifndef CORE_ENGINE_H
#define CORE_ENGINE_H

#include "base/siphash.h"
#include "core/action.h"
#include "core/hsjob.h"
#include "core/ratelimit.h"
#include "core/worker.h"

struct wg_engine {
        /* Constant. */
        const struct wg_env *env;
        struct wg_noise noise_initial; /* with WireGuard's identifier as prologue */
        uint8_t bucket_key[WG_SIPHASH_KEY_LEN];

        /* Any thread reads; the engine writes, but for `noted`, which workers add to. */
        _Atomic(struct wg_identity *) identity; /* NULL: no private key */
        struct wg_index_table indices;
        struct wg_allowedips allowed;
        _Atomic uint32_t mtu;
        _Atomic bool is_up;
        _Atomic(struct wg_peer *) noted;

        /* Engine. */
        struct wg_worker worker; /* its own, for what it seals and counts itself */
        struct wg_list peers;    /* in order of creation */
        struct wg_list leaving;  /* peers that were removed since the last commit */
        size_t peer_count;       /* in both */
        size_t session_count;    /* keypairs in slots of peers */
        size_t peers_in_session; /* that have one or more */
        uint64_t peers_made;
        uint64_t stamped_ns;      /* since 1970: no initiation to any peer bore a later time */
        struct wg_peer **buckets; /* peers by public key */
        size_t bucket_count;      /* a power of two, or 0 */
        struct wg_peer *spare;    /* reserved, by next_in_bucket */
        size_t spares;            /* how many */
        struct wg_peer *to_do;    /* taken from `noted`, by next_noted */
        struct wg_heap due;       /* peers, by their earliest deadline */
        struct wg_cookie_maker cookie_maker;
        struct wg_ratelimit ratelimit;
        uint64_t collect_ns; /* when to collect resting sources; 0: there are none */
        struct wg_hsqueue handshakes;
        struct wg_handshake_job jobs[WG_HANDSHAKE_JOBS]; /* messages under way within a work() */
        struct wg_staged_pool staged_pool;
};

/* Makes an interface that is down, without key or peers. The env and the back-end are borrowed until
 * done(). Returns false when there is no memory. */
bool wg_engine_init(struct wg_engine *engine, const struct wg_env *env,
                    const struct wg_aead_backend *aead) WG_MUST_USE;

/* Tells the engine the latest time, in ns since 1970, in initiations that an earlier engine may
 * have sent under the same key. All initiations of this one will bear a later time, whatever the
 * clock says. Call it before there are peers. The time to tell the next engine is in
 * `stamped_ns`. */
void wg_engine_set_stamped(struct wg_engine *engine, uint64_t real_ns);

/* Removes everything. No worker may run any more, and wg_engine_stage() must have been called for
 * all packets that were meant for it; the env releases what was retired before its memory goes.
 * Takes a zeroed engine. */
void wg_engine_done(struct wg_engine *engine);

/* ---- input ---- */

/* Queues a handshake message of verdict HANDSHAKE. Returns HANDSHAKE, or why it was dropped. */
enum wg_verdict wg_engine_offer(struct wg_engine *engine, const uint8_t *message, size_t len,
                                const struct wg_endpoint *from, uint64_t now_ns);

/* Takes a packet that wg_send() gave NO_SESSION and `peer`; call it once for each. Keeps a copy
 * until the peer has a session. If allowed IPs have changed, that is the peer it belongs to now.
 * Returns STAGED, or why it was dropped. */
enum wg_verdict wg_engine_stage(struct wg_engine *engine, struct wg_peer *peer,
                                const uint8_t *packet, uint32_t len, uint64_t now_ns);

/* Drops what is staged for a peer, counted by this verdict. Returns how many packets that were. */
uint32_t wg_engine_drop_staged(struct wg_peer *peer, enum wg_verdict verdict);

/* The system has slept: all sessions are forgotten. */
void wg_engine_suspended(struct wg_engine *engine, struct wg_now now);

/* ---- work ---- */

/* Does what is due, as much as the list of actions has room for. Empties the list first. Returns
 * whether more is due at once. */
bool wg_engine_work(struct wg_engine *engine, struct wg_now now, struct wg_actions *actions);

/* When work() is due next: CLOCK_BOOTTIME in ns; 0: at once; UINT64_MAX: never. */
uint64_t wg_engine_deadline(const struct wg_engine *engine) WG_MUST_USE;

/* ---- configuration ---- */

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

/* The peer with a public key, or NULL. */
struct wg_peer *wg_engine_find_peer(const struct wg_engine *engine,
                                    const uint8_t public_key[WG_KEY_LEN]);

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

#endif
