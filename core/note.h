/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * note.h - how workers tell the engine what happened to a peer: bits, and times for some of them.
 *
 * A worker records the time of an event, then sets a bit. Setting a clear bit puts the peer into
 * the engine's list and wakes the engine, unless the peer is already in the list. A bit stays set
 * while the engine has a timer that will look at the time again, so steady traffic neither wakes
 * the engine nor sets bits again.
 *
 * No event is lost. A worker writes a time, then reads the bits; the engine clears a bit, then
 * reads the time. On both sides a full barrier separates the two, so at least one side sees the
 * other's write: either the engine finds the time, or the worker finds the bit clear and lists the
 * peer again. The source marks both barriers.
 *
 * Threads: workers and the engine, as marked. */
#ifndef CORE_NOTE_H
#define CORE_NOTE_H

#include "base/enum.h"
#include "base/std.h"

#define WG_NOTES(X) \
        X(WG_NOTE_DATA_SENT, 0x01, data_sent, "data sent: an answer is due") \
        X(WG_NOTE_DATA_RECEIVED, 0x02, data_received, "data received: acknowledge it in time") \
        X(WG_NOTE_REKEY, 0x04, rekey, "the session we began is old, or its counter high") \
        X(WG_NOTE_REKEY_LATE, 0x08, rekey_late, "the same, and we only receive") \
        X(WG_NOTE_CONFIRMED, 0x10, confirmed, "the peer has used the session it began") \
        X(WG_NOTE_QUEUED, 0x80, queued, "the peer is in the engine's list of notes")
WG_FLAGS_DECLARE(wg_note, WG_NOTES)

#define WG_NOTE_ALL ((enum wg_note)UINT32_MAX)
#define WG_NOTE_ALL_BUT_QUEUED ((enum wg_note) ~(uint32_t)WG_NOTE_QUEUED)

/* The notes of one peer. Zeroed memory: none. */
struct wg_notes {
        /* Any thread. */
        _Atomic uint32_t bits; /* enum wg_note */
        /* In the list. The worker that set QUEUED owns it, then the engine. */
        struct wg_notes *next;
        /* Times in ns; 0: none. */
        _Atomic uint64_t unanswered_ns;     /* first data sent after the last packet received */
        _Atomic uint64_t unacknowledged_ns; /* first data received after the last packet sent */
        _Atomic uint64_t data_received_ns;  /* last data received */
        _Atomic uint64_t traversal_ns;      /* last authenticated packet, either way */

        /* Engine. */
        uint32_t seen; /* the bits that the engine has handled or watches with a timer */
};

/* The peers that are QUEUED. Zeroed memory is an empty list. */
struct wg_note_list {
        _Atomic(struct wg_notes *) first; /* workers add, the engine takes all */
        struct wg_notes *taken;           /* engine: taken, but not handled yet */
};

/* ---- workers ---- */

/* Sets a bit. Returns whether the caller must wake the engine. */
bool wg_note_set(struct wg_note_list *list, struct wg_notes *notes, enum wg_note note) WG_MUST_USE;

/* Record that an authentic packet was sent to the peer or received from it. `is_data` is false for
 * keepalives and handshake messages. Return whether the caller must wake the engine. */
bool wg_note_sent(struct wg_note_list *list, struct wg_notes *notes, bool is_data,
                  uint64_t now_ns) WG_MUST_USE;
bool wg_note_received(struct wg_note_list *list, struct wg_notes *notes, bool is_data,
                      uint64_t now_ns) WG_MUST_USE;

/* ---- engine ---- */

bool wg_note_list_is_empty(const struct wg_note_list *list) WG_MUST_USE;

/* Takes one peer's notes out of the list; they stay QUEUED until wg_note_read(). NULL: the list is
 * empty. */
struct wg_notes *wg_note_take(struct wg_note_list *list);

/* Whether the notes are QUEUED; their memory must not be freed then. */
bool wg_note_is_queued(const struct wg_notes *notes) WG_MUST_USE;

/* Clears QUEUED in notes that were taken, and returns the bits; *news gets those that the engine
 * has not seen yet. */
uint32_t wg_note_read(struct wg_notes *notes, uint32_t *news);

/* Clears bits; workers will set them again. */
void wg_note_forget(struct wg_notes *notes, enum wg_note which);

/* Clears bits, and all times except that of the last data received. */
void wg_note_forget_times(struct wg_notes *notes, enum wg_note which);

/* The functions below take DATA_SENT, whose time is unanswered_ns, or DATA_RECEIVED, whose time is
 * unacknowledged_ns. */

/* Returns the time. If it is 0, the bit is clear from now on, so the next event wakes the
 * engine. */
uint64_t wg_note_since(struct wg_notes *notes, enum wg_note note);

/* Clears the bit and the time: the engine has handled it, and the next event wakes the engine. */
void wg_note_done(struct wg_notes *notes, enum wg_note note);

/* Sets the bit and the time, as a worker would, but without listing the peer. */
void wg_note_expect(struct wg_notes *notes, enum wg_note note, uint64_t now_ns);

#endif
