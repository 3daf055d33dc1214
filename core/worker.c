/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core/worker.h"

#include "base/mem.h"
#include "core/engine.h"

WG_FLAGS_DEFINE(wg_note, WG_NOTES)

void wg_worker_init(struct wg_worker *worker, struct wg_engine *engine,
                    const struct wg_aead_backend *aead)
{
        memset(worker, 0, sizeof(*worker));
        worker->engine = engine;
        worker->aead = aead;
}

void wg_worker_refuse(struct wg_worker *worker, struct wg_peer *peer)
{
        wg_worker_count(worker, WG_VERDICT_STAGED_FULL);
        wg_waiting_refuse(&peer->waiting);
}

void wg_worker_note(struct wg_worker *worker, struct wg_peer *peer, enum wg_note note)
{
        _Atomic(struct wg_peer *) *list = &worker->engine->noted;
        /* The engine takes a note back, then looks at the times once more; we wrote the time, then
         * look at the note. In one order of all of these, one of us sees the other. */
        uint32_t before = atomic_load_explicit(&peer->notes, memory_order_seq_cst);

        if (before & note)
                return;
        before = atomic_fetch_or_explicit(&peer->notes, (uint32_t)note | WG_NOTE_QUEUED,
                                          memory_order_seq_cst);
        if (before & WG_NOTE_QUEUED)
                return;
        peer->next_noted = atomic_load_explicit(list, memory_order_relaxed);
        while (!atomic_compare_exchange_weak_explicit(list, &peer->next_noted, peer,
                                                      memory_order_release, memory_order_relaxed))
                ;
        worker->wants_engine = true;
}

/* These words change once a batch at most, and mostly do not: look before storing. */
static void set_if_zero(_Atomic uint64_t *word, uint64_t value)
{
        if (!atomic_load_explicit(word, memory_order_relaxed))
                atomic_store_explicit(word, value, memory_order_seq_cst);
}

static void zero_if_set(_Atomic uint64_t *word)
{
        if (atomic_load_explicit(word, memory_order_relaxed))
                atomic_store_explicit(word, 0, memory_order_relaxed);
}

void wg_worker_sent(struct wg_worker *worker, struct wg_peer *peer, bool is_data, uint64_t now_ns)
{
        atomic_store_explicit(&peer->traversal_ns, now_ns, memory_order_relaxed);
        zero_if_set(&peer->unacknowledged_ns);
        if (!is_data)
                return;
        set_if_zero(&peer->unanswered_ns, now_ns);
        wg_worker_note(worker, peer, WG_NOTE_DATA_SENT);
}

void wg_worker_received(struct wg_worker *worker, struct wg_peer *peer, bool is_data,
                        uint64_t now_ns)
{
        atomic_store_explicit(&peer->traversal_ns, now_ns, memory_order_relaxed);
        zero_if_set(&peer->unanswered_ns);
        if (!is_data)
                return;
        atomic_store_explicit(&peer->data_received_ns, now_ns, memory_order_relaxed);
        set_if_zero(&peer->unacknowledged_ns, now_ns);
        wg_worker_note(worker, peer, WG_NOTE_DATA_RECEIVED);
}
