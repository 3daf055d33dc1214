/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * engine.h - one WireGuard interface, without input or output.
 *
 * Bytes, packets and the time go in; sealed datagrams, inner packets and a list of actions come
 * out. Any number of threads may run the packet paths in send.h and receive.h. Everything else
 * belongs to one thread, the engine's:
 *
 *         configure.h  settings, peers, the link's state
 *         hswork.h     wg_engine_offer() takes handshake messages that wg_receive() found
 *         work.h       wg_engine_stage() takes packets for which wg_send() had no session;
 *                      wg_engine_work() does everything that is due
 *
 * Source: the WireGuard paper; where it is silent, the behaviour of the kernel's implementation. */
#ifndef CORE_ENGINE_H
#define CORE_ENGINE_H

#include "base/siphash.h"
#include "core/action.h"
#include "core/hsjob.h"
#include "core/ratelimit.h"
#include "core/send.h"

struct wg_engine {
        /* Constant. */
        const struct wg_env *env;
        struct wg_noise noise_initial; /* with WireGuard's identifier as prologue */
        uint8_t bucket_key[WG_SIPHASH_KEY_LEN];

        /* Any thread reads; the engine writes. */
        _Atomic(struct wg_identity *) identity; /* NULL: no private key */
        struct wg_index_table indices;
        struct wg_allowedips allowed;
        _Atomic uint32_t mtu;
        _Atomic bool is_up;

        /* Workers add to it; the engine takes from it. */
        struct wg_note_list noted;

        /* Engine. */
        struct wg_worker worker; /* for packets that the engine itself seals or counts */
        struct wg_list peers;    /* in order of creation */
        struct wg_list leaving;  /* peers that were removed since the last commit */
        size_t peer_count;       /* in both */
        size_t session_count;    /* keypairs in the slots of peers */
        size_t peers_in_session; /* peers with at least one of them */
        uint64_t peers_made;
        uint64_t stamped_ns;      /* since 1970: no initiation carries a later time */
        struct wg_peer **buckets; /* peers by public key */
        size_t bucket_count;      /* a power of two, or 0 */
        struct wg_peer *spare;    /* reserved, by next_in_bucket */
        size_t spares;
        struct wg_heap due; /* peers, by their earliest deadline */
        struct wg_cookie_maker cookie_maker;
        struct wg_ratelimit ratelimit;
        uint64_t collect_ns; /* when to collect idle sources; 0: there are none */
        struct wg_hsqueue handshakes;
        struct wg_handshake_job jobs[WG_HANDSHAKE_JOBS]; /* messages of the current round */
        struct wg_staged_pool staged_pool;
        struct wg_send_slot slots[WG_STAGED_PACKETS_MAX]; /* for the staged packets of one peer */
};

/* Makes an interface that is down and has neither key nor peers. Borrows the env and the back-end
 * until done(). Returns false if memory is short. */
bool wg_engine_init(struct wg_engine *engine, const struct wg_env *env,
                    const struct wg_aead_backend *aead) WG_MUST_USE;

/* Sets the latest time, in ns since 1970, of initiations that an earlier engine may have sent under
 * the same key. All initiations of this engine carry a later time, whatever the clock says. Call it
 * before adding peers. Pass `stamped_ns` to the next engine. */
void wg_engine_set_stamped(struct wg_engine *engine, uint64_t real_ns);

/* Removes everything. No worker may be running, and every packet due for wg_engine_stage() must
 * have been passed to it. The env must release all retired objects before the engine's memory is
 * freed. Accepts a zeroed engine. */
void wg_engine_done(struct wg_engine *engine);

/* Whether the link is up. Any thread. */
static inline bool wg_engine_is_up(const struct wg_engine *engine)
{
        return atomic_load_explicit(&engine->is_up, memory_order_relaxed);
}

/* Our identity; NULL without a private key. Threads: the engine's; workers load it with acquire. */
static inline struct wg_identity *wg_engine_identity(const struct wg_engine *engine)
{
        return atomic_load_explicit(&engine->identity, memory_order_relaxed);
}

#endif
