/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * worker.h - what one thread that runs packets brings along: scratch memory, counters, and whether
 * the engine has to be woken.
 * Threads: one owner; the counters may be read by any thread. */
#ifndef CORE_WORKER_H
#define CORE_WORKER_H

#include <stdatomic.h>

#include "core/peer.h"
#include "core/verdict.h"
#include "crypto/aead.h"

#define WG_BATCH_MAX 128 /* slots a call of wg_send() or wg_receive() */

struct wg_worker {
        struct wg_engine *engine;
        const struct wg_aead_backend *aead;
        _Atomic uint64_t counters[WG_VERDICT_END]; /* by enum wg_verdict */
        bool wants_engine; /* set by the core; the caller wakes the engine and clears it */
        struct wg_aead_packet packets[WG_BATCH_MAX];
        struct wg_keypair *keypairs[WG_BATCH_MAX];
};

void wg_worker_init(struct wg_worker *worker, struct wg_engine *engine,
                    const struct wg_aead_backend *aead);

/* Counts one packet or message. Only the owner adds, so no locked instruction is needed. */
static inline void wg_worker_count(struct wg_worker *worker, enum wg_verdict verdict)
{
        _Atomic uint64_t *counter = &worker->counters[verdict];

        atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
                              memory_order_relaxed);
}

/* Tells the engine something about a peer, unless it knows already. */
void wg_worker_note(struct wg_worker *worker, struct wg_peer *peer, enum wg_note note);

/* The worker's own share of what a packet means for the timers; see timers.h for the engine's.
 * `is_data` is false for keepalives and handshake messages. */
void wg_worker_sent(struct wg_worker *worker, struct wg_peer *peer, bool is_data, uint64_t now_ns);
void wg_worker_received(struct wg_worker *worker, struct wg_peer *peer, bool is_data,
                        uint64_t now_ns);

#endif
