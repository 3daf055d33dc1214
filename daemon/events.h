/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * events.h - the latest events of an interface, for the clients that watch it.
 *
 * Events are kept in a ring, as blocks of the control protocol. A client that reads too slowly finds
 * that the oldest are gone; it delays nobody. While nobody watches there is no ring, and an event
 * costs a comparison.
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
        struct tl_event *ring; /* NULL: nobody watches */
        unsigned int watchers;
};

/* Events are kept from now on. Returns false if there is no memory. Each call is undone by
 * tl_events_unwatch(). */
bool tl_events_watch(struct tl_events *events) WG_MUST_USE;
void tl_events_unwatch(struct tl_events *events);

/* Adds what the engine reports. */
void tl_events_add_action(struct tl_events *events, const struct wg_action *action);

/* Adds an event of the interface: a name for programs, and a text for people. NULL: there is
 * nowhere to add it. */
void tl_events_add(struct tl_events *events, const char *name, const char *text);

/* The event of that number, or the oldest after it that is still there. Advances *number past it,
 * and adds the number of events that are gone to *lost. NULL: there is none yet. */
const struct tl_event *tl_events_next(const struct tl_events *events, uint64_t *number,
                                      uint64_t *lost);

#endif
