/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "core/note.h"

#include "base/attr.h"

WG_FLAGS_DEFINE(wg_note, WG_NOTES)

bool wg_note_set(struct wg_note_list *list, struct wg_notes *notes, enum wg_note note)
{
        /* After the barrier in set_if_zero(): if the engine missed the new time, this finds the bit
         * clear. */
        uint32_t before = atomic_load_explicit(&notes->bits, memory_order_seq_cst);

        if (before & note)
                return false;
        before = atomic_fetch_or_explicit(&notes->bits, (uint32_t)note | WG_NOTE_QUEUED,
                                          memory_order_seq_cst);
        if (before & WG_NOTE_QUEUED)
                return false;
        notes->next = atomic_load_explicit(&list->first, memory_order_relaxed);
        while (!atomic_compare_exchange_weak_explicit(&list->first, &notes->next, notes,
                                                      memory_order_release, memory_order_relaxed))
                ;
        return true;
}

/* These words rarely change, and at most once per batch, so check before storing. */
static void set_if_zero(_Atomic uint64_t *word, uint64_t value)
{
        if (atomic_load_explicit(word, memory_order_relaxed))
                return;
        /* The worker's full barrier: seq_cst keeps this store before the load in wg_note_set(). It
         * pairs with the one in wg_note_forget(). */
        atomic_store_explicit(word, value, memory_order_seq_cst);
}

static void zero_if_set(_Atomic uint64_t *word)
{
        if (atomic_load_explicit(word, memory_order_relaxed))
                atomic_store_explicit(word, 0, memory_order_relaxed);
}

bool wg_note_sent(struct wg_note_list *list, struct wg_notes *notes, bool is_data, uint64_t now_ns)
{
        atomic_store_explicit(&notes->traversal_ns, now_ns, memory_order_relaxed);
        zero_if_set(&notes->unacknowledged_ns);
        if (!is_data)
                return false;
        set_if_zero(&notes->unanswered_ns, now_ns);
        return wg_note_set(list, notes, WG_NOTE_DATA_SENT);
}

bool wg_note_received(struct wg_note_list *list, struct wg_notes *notes, bool is_data,
                      uint64_t now_ns)
{
        atomic_store_explicit(&notes->traversal_ns, now_ns, memory_order_relaxed);
        zero_if_set(&notes->unanswered_ns);
        if (!is_data)
                return false;
        atomic_store_explicit(&notes->data_received_ns, now_ns, memory_order_relaxed);
        set_if_zero(&notes->unacknowledged_ns, now_ns);
        return wg_note_set(list, notes, WG_NOTE_DATA_RECEIVED);
}

bool wg_note_list_is_empty(const struct wg_note_list *list)
{
        return !list->taken && !atomic_load_explicit(&list->first, memory_order_relaxed);
}

struct wg_notes *wg_note_take(struct wg_note_list *list)
{
        struct wg_notes *notes = list->taken;

        if (!notes)
                notes = atomic_exchange_explicit(&list->first, NULL, memory_order_acquire);
        if (notes)
                list->taken = notes->next;
        return notes;
}

bool wg_note_is_queued(const struct wg_notes *notes)
{
        return atomic_load_explicit(&notes->bits, memory_order_acquire) & (uint32_t)WG_NOTE_QUEUED;
}

void wg_note_forget(struct wg_notes *notes, enum wg_note which)
{
        notes->seen &= ~(uint32_t)which;
        /* The engine's full barrier: seq_cst keeps this before the caller's later loads of bits and
         * times. It pairs with the one in set_if_zero(). */
        atomic_fetch_and_explicit(&notes->bits, ~(uint32_t)which, memory_order_seq_cst);
}

uint32_t wg_note_read(struct wg_notes *notes, uint32_t *news)
{
        uint32_t bits;

        /* Clear QUEUED before reading: a worker that sets a bit later then lists the peer again. */
        wg_note_forget(notes, WG_NOTE_QUEUED);
        bits = atomic_load_explicit(&notes->bits, memory_order_seq_cst);
        *news = bits & ~notes->seen;
        notes->seen |= bits;
        return bits;
}

void wg_note_forget_times(struct wg_notes *notes, enum wg_note which)
{
        /* Bits first. A time that a worker wrote before is cleared below; a worker that writes one
         * later finds the bit clear and lists the peer again. */
        wg_note_forget(notes, which);
        atomic_store_explicit(&notes->unanswered_ns, 0, memory_order_seq_cst);
        atomic_store_explicit(&notes->unacknowledged_ns, 0, memory_order_seq_cst);
        atomic_store_explicit(&notes->traversal_ns, 0, memory_order_seq_cst);
}

static _Atomic uint64_t *time_of(struct wg_notes *notes, enum wg_note note)
{
        WG_ASSERT(note == WG_NOTE_DATA_SENT || note == WG_NOTE_DATA_RECEIVED);
        return note == WG_NOTE_DATA_SENT ? &notes->unanswered_ns : &notes->unacknowledged_ns;
}

uint64_t wg_note_since(struct wg_notes *notes, enum wg_note note)
{
        _Atomic uint64_t *since = time_of(notes, note);
        uint64_t since_ns = atomic_load_explicit(since, memory_order_seq_cst);

        if (since_ns)
                return since_ns;
        /* A worker that found the bit still set has written its time before: read it once more. */
        wg_note_forget(notes, note);
        since_ns = atomic_load_explicit(since, memory_order_seq_cst);
        if (since_ns)
                atomic_fetch_or_explicit(&notes->bits, (uint32_t)note, memory_order_seq_cst);
        return since_ns;
}

void wg_note_done(struct wg_notes *notes, enum wg_note note)
{
        /* The bit before the time, so that a worker that writes a new time finds the bit clear. At
         * worst it wakes the engine for nothing. */
        wg_note_forget(notes, note);
        atomic_store_explicit(time_of(notes, note), 0, memory_order_seq_cst);
}

void wg_note_expect(struct wg_notes *notes, enum wg_note note, uint64_t now_ns)
{
        atomic_fetch_or_explicit(&notes->bits, (uint32_t)note, memory_order_seq_cst);
        atomic_store_explicit(time_of(notes, note), now_ns, memory_order_seq_cst);
}
