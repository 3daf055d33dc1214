/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * events.h - the latest events of an interface, for the clients that watch it.
 *
 * Events are kept in a ring, as blocks of the control protocol. A client that reads too slowly
 * loses the oldest ones, but delays no other. Without watchers there is no ring, and an event costs
 * one comparison.
 * Threads: the engine's. */
#ifndef DAEMON_EVENTS_H
#define DAEMON_EVENTS_H

#include "core/action.h"

enum { TL_EVENTS_KEPT = 512, TL_EVENT_MAX = 400 };

struct tl_event {
        uint8_t peer[WG_KEY_LEN];
        bool has_peer;
        uint16_t len;
        char text[TL_EVENT_MAX]; /* the lines of a block, without the blank one */
};

/* Zeroed memory has no events and no watchers. */
struct tl_events {
        uint64_t count;        /* of all events so far; the ring has the latest ones */
        struct tl_event *ring; /* NULL: no watchers */
        unsigned int watchers;
};

/* Adds a watcher: events are kept from now on. Returns false if there is no memory. Call
 * tl_events_unwatch() once for each watcher. */
bool tl_events_watch(struct tl_events *events) WG_MUST_USE;
void tl_events_unwatch(struct tl_events *events);

/* Adds an event that the engine reports. */
void tl_events_add_action(struct tl_events *events, const struct wg_action *action);

/* Adds an event of the interface: a name for programs, and a text for people. Does nothing if
 * `events` is NULL. */
void tl_events_add(struct tl_events *events, const char *name, const char *text);

/* Returns the event with that number, or the oldest later one that is still in the ring. Advances
 * *number past it, and adds the number of events missed to *lost. NULL: there is none yet. */
const struct tl_event *tl_events_next(const struct tl_events *events, uint64_t *number,
                                      uint64_t *lost);

#endif
