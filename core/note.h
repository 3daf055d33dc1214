/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * note.h - what workers tell the engine about a peer: bits, and times that go with some of them.
 *
 * A worker writes down when something happened, then sets a bit. A bit that goes from clear to set
 * puts the peer into the engine's list, and a peer that was in no list wakes the engine. A bit stays
 * set as long as the engine has a timer running that will look at the time again, so steady traffic
 * wakes nobody and changes no word that it shares.
 *
 * No event is lost. A worker writes a time, then reads the bits; the engine clears a bit, then reads
 * the time. A full barrier stands between the two on either side, so that at least one of them sees
 * what the other wrote: either the engine finds the time, or the worker finds the bit clear and lists
 * the peer again. The source marks both barriers.
 *
 * Threads: as marked. */
#ifndef CORE_NOTE_H
#define CORE_NOTE_H

#include "base/enum.h"
#include "base/std.h"

#define WG_NOTES(X) \
        X(WG_NOTE_DATA_SENT, 0x01, data_sent, "data went out: an answer is due") \
        X(WG_NOTE_DATA_RECEIVED, 0x02, data_received, "data came in: the peer waits for a sign") \
        X(WG_NOTE_REKEY, 0x04, rekey, "the session we began is old or nearly used up") \
        X(WG_NOTE_REKEY_LATE, 0x08, rekey_late, "as old, and we only receive") \
        X(WG_NOTE_CONFIRMED, 0x10, confirmed, "the peer proved the session it began") \
        X(WG_NOTE_QUEUED, 0x80, queued, "the peer is in the engine's list of notes")
WG_FLAGS_DECLARE(wg_note, WG_NOTES)

#define WG_NOTE_ALL ((enum wg_note)UINT32_MAX)
#define WG_NOTE_ALL_BUT_QUEUED ((enum wg_note) ~(uint32_t)WG_NOTE_QUEUED)

/* The notes of one peer. Zeroed memory: none. */
struct wg_notes {
        /* Any thread. */
        _Atomic uint32_t bits; /* enum wg_note */
        struct wg_notes
                *next; /* in the list; owned by the worker that set QUEUED, then the engine */
        /* Times in ns; 0: not since. */
        _Atomic uint64_t unanswered_ns;     /* first data sent since anything was received */
        _Atomic uint64_t unacknowledged_ns; /* first data received since anything was sent */
        _Atomic uint64_t data_received_ns;  /* last data received */
        _Atomic uint64_t traversal_ns;      /* last authenticated packet, either way */

        /* Engine. */
        uint32_t seen; /* of the bits, those that are dealt with or watched */
};

/* The peers with QUEUED. Zeroed memory is an empty list. */
struct wg_note_list {
        _Atomic(struct wg_notes *) first; /* workers add, the engine takes all */
        struct wg_notes *taken;           /* engine: the rest of what it took */
};

/* ---- workers ---- */

/* Sets a bit. Returns whether the engine must be woken. */
bool wg_note_set(struct wg_note_list *list, struct wg_notes *notes, enum wg_note note) WG_MUST_USE;

/* Write down that something authentic was sent to the peer or received from it; `is_data` is false
 * for keepalives and handshake messages. Return whether the engine must be woken. */
bool wg_note_sent(struct wg_note_list *list, struct wg_notes *notes, bool is_data,
                  uint64_t now_ns) WG_MUST_USE;
bool wg_note_received(struct wg_note_list *list, struct wg_notes *notes, bool is_data,
                      uint64_t now_ns) WG_MUST_USE;

/* ---- engine ---- */

bool wg_note_list_is_empty(const struct wg_note_list *list) WG_MUST_USE;

/* Takes the notes of one peer out of the list, where they stay QUEUED; NULL: the list is empty. */
struct wg_notes *wg_note_take(struct wg_note_list *list);

/* Whether the notes are QUEUED, so that their memory must stay. */
bool wg_note_is_queued(const struct wg_notes *notes) WG_MUST_USE;

/* Ends QUEUED of notes that were taken and returns all bits; *news are those that the engine has not
 * seen yet. */
uint32_t wg_note_read(struct wg_notes *notes, uint32_t *news);

/* Clears bits, so that workers set them anew. */
void wg_note_forget(struct wg_notes *notes, enum wg_note which);

/* Clears bits, and all times but that of the last data received. */
void wg_note_forget_times(struct wg_notes *notes, enum wg_note which);

/* The functions below are about DATA_SENT and its time, unanswered_ns, or DATA_RECEIVED and
 * unacknowledged_ns. */

/* The time, or 0. In that case the bit is clear from now on, so the next event wakes the engine. */
uint64_t wg_note_since(struct wg_notes *notes, enum wg_note note);

/* Clears the bit and the time: the engine has dealt with it, and the next event wakes it. */
void wg_note_done(struct wg_notes *notes, enum wg_note note);

/* Sets the bit and the time, as if a worker had and the engine had seen it. */
void wg_note_expect(struct wg_notes *notes, enum wg_note note, uint64_t now_ns);

#endif
