/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * events.h - future events of a simulated world, ordered by time and then by insertion. Events
 * cannot be cancelled: a receiver ignores an event that it no longer wants.
 * Threads: one owner at a time. */
#ifndef SIM_EVENTS_H
#define SIM_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_event {
        uint64_t at_ns;
        uint64_t order;
        void (*run)(void *object, uint64_t word);
        void *object;
        uint64_t word;
};

/* Zeroed memory is an empty queue. */
struct sim_events {
        struct sim_event *heap; /* event i is due no earlier than event (i - 1) / 2 */
        size_t count, room;
        uint64_t added;
};

void sim_events_done(struct sim_events *events);

/* Schedules a call of run(object, word) at at_ns. */
void sim_events_add(struct sim_events *events, uint64_t at_ns,
                    void (*run)(void *object, uint64_t word), void *object, uint64_t word);

/* When the first event is due; UINT64_MAX if there is none. */
uint64_t sim_events_next(const struct sim_events *events);

/* Removes and returns the first event. There must be one. */
struct sim_event sim_events_take(struct sim_events *events);

#endif
