/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * keypair.h - the two keys of one session and the limits of their use: send counter, replay window,
 * age.
 * Source: WireGuard paper 5.4.5, 5.4.6, 6.1. */
#ifndef CORE_KEYPAIR_H
#define CORE_KEYPAIR_H

#include "base/std.h"
#include "core/index.h"
#include "core/limits.h"
#include "core/replay.h"
#include "crypto/aead.h"

/* Kinds of objects that contain an entry of the index table. */
enum { WG_INDEX_HANDSHAKE = 1, WG_INDEX_KEYPAIR = 2 };

struct wg_keypair {
        /* Constant once published. */
        struct wg_index_entry entry; /* our index, and the peer */
        uint32_t remote_index;
        bool is_initiator; /* we began this session */
        uint64_t born_ns;
        uint8_t send_key[WG_AEAD_KEY_LEN];
        uint8_t receive_key[WG_AEAD_KEY_LEN];

        /* Atomic: any thread. */
        _Atomic uint64_t send_counter; /* the next nonce */
        _Atomic bool may_send;         /* false once our key changed, or it left its slots */
        _Atomic bool awaits_proof;     /* we responded; no packet under it has arrived yet */
        /* The current keypair that it may replace; only compared, never followed. */
        _Atomic(struct wg_keypair *) replaces;

        /* Under env->lock(window_lock). */
        _Atomic uint32_t window_lock;
        struct wg_replay window;

        /* Engine. */
        struct wg_retired retired;
        const struct wg_env *env;
        bool is_crossed; /* we responded while our own initiation was under way */
        bool came_back;  /* became current again after it had left its slot */
};

/* Whether the keys are younger than WG_REJECT_AFTER_TIME. Threads: any. */
WG_MUST_USE static inline bool wg_keypair_is_fresh(const struct wg_keypair *kp, uint64_t now_ns)
{
        return now_ns < kp->born_ns + WG_REJECT_AFTER_TIME;
}

/* Takes `count` consecutive nonces, at most WG_BATCH_MAX, and returns the first. The caller must
 * check each: nonces from WG_REJECT_AFTER_MESSAGES on must not be used. Gaps are harmless. The
 * counter stops at that limit: even if many threads see room below it at once, only one passes it,
 * and by no more than its own count. So the counter never wraps round to a used nonce. Threads:
 * any. */
WG_MUST_USE static inline uint64_t wg_keypair_take_nonces(struct wg_keypair *kp, uint64_t count)
{
        uint64_t nonce = atomic_load_explicit(&kp->send_counter, memory_order_relaxed);

        while (nonce < WG_REJECT_AFTER_MESSAGES &&
               !atomic_compare_exchange_weak_explicit(&kp->send_counter, &nonce, nonce + count,
                                                      memory_order_relaxed, memory_order_relaxed))
                ;
        return nonce;
}

#endif
