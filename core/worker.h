/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * worker.h - the state of one thread that runs the packet paths: scratch memory, counters, and
 * whether it must wake the engine.
 * Threads: one owner; any thread may read the counters. */
#ifndef CORE_WORKER_H
#define CORE_WORKER_H

#include "base/std.h"
#include "core/peer.h"
#include "core/verdict.h"
#include "crypto/aead.h"

#define WG_BATCH_MAX 128 /* slots per call of wg_send() or wg_receive() */

struct wg_worker {
        struct wg_engine *engine;
        struct wg_note_list *noted; /* the engine's */
        const struct wg_aead_backend *aead;
        _Atomic uint64_t counters[WG_VERDICT_END]; /* by enum wg_verdict */
        _Atomic uint64_t tx_bytes, rx_bytes;       /* this worker's share of the peers' counters */
        bool wants_engine; /* the core sets it; the caller wakes the engine and clears it */
        struct wg_aead_packet packets[WG_BATCH_MAX];
        struct wg_keypair *keypairs[WG_BATCH_MAX];
};

void wg_worker_init(struct wg_worker *worker, struct wg_engine *engine,
                    const struct wg_aead_backend *aead);

/* Adds to a counter. Only the owner writes it, so no locked instruction is needed. */
static inline void wg_worker_add(_Atomic uint64_t *counter, uint64_t amount)
{
        atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + amount,
                              memory_order_relaxed);
}

/* Count one packet or message, or several, under a verdict. */
static inline void wg_worker_count(struct wg_worker *worker, enum wg_verdict verdict)
{
        wg_worker_add(&worker->counters[verdict], 1);
}

static inline void wg_worker_count_many(struct wg_worker *worker, enum wg_verdict verdict,
                                        uint32_t packets)
{
        wg_worker_add(&worker->counters[verdict], packets);
}

/* Count bytes of UDP payload sent to a peer, or authentic bytes received from it. */
static inline void wg_worker_count_sent(struct wg_worker *worker, struct wg_peer *peer,
                                        uint64_t bytes)
{
        atomic_fetch_add_explicit(&peer->tx_bytes, bytes, memory_order_relaxed);
        wg_worker_add(&worker->tx_bytes, bytes);
}

static inline void wg_worker_count_received(struct wg_worker *worker, struct wg_peer *peer,
                                            uint64_t bytes)
{
        atomic_fetch_add_explicit(&peer->rx_bytes, bytes, memory_order_relaxed);
        wg_worker_add(&worker->rx_bytes, bytes);
}

/* Drops a packet with NO_SESSION because the inbox of the engine is full. */
void wg_worker_refuse(struct wg_worker *worker, struct wg_peer *peer);

/* Sets a note of a peer, unless it is set already. */
static inline void wg_worker_note(struct wg_worker *worker, struct wg_peer *peer, enum wg_note note)
{
        if (wg_note_set(worker->noted, &peer->notes, note))
                worker->wants_engine = true;
}

/* Record for the timers that an authentic packet was sent or received (note.h). `is_data` is false
 * for keepalives and handshake messages. */
static inline void wg_worker_sent(struct wg_worker *worker, struct wg_peer *peer, bool is_data,
                                  uint64_t now_ns)
{
        if (wg_note_sent(worker->noted, &peer->notes, is_data, now_ns))
                worker->wants_engine = true;
}

static inline void wg_worker_received(struct wg_worker *worker, struct wg_peer *peer, bool is_data,
                                      uint64_t now_ns)
{
        if (wg_note_received(worker->noted, &peer->notes, is_data, now_ns))
                worker->wants_engine = true;
}

#endif
