/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "sim/events.h"

#include <stdlib.h>

#include "base/attr.h"
#include "sim/memory.h"

static bool is_before(const struct sim_event *a, const struct sim_event *b)
{
        return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

void sim_events_done(struct sim_events *events)
{
        free(events->heap);
        *events = (struct sim_events){.heap = NULL};
}

void sim_events_add(struct sim_events *events, uint64_t at_ns,
                    void (*run)(void *object, uint64_t word), void *object, uint64_t word)
{
        struct sim_event event = {at_ns, events->added++, run, object, word};
        size_t i = events->count++;

        events->heap = sim_grow(events->heap, &events->room, events->count, sizeof(event));
        for (; i && is_before(&event, &events->heap[(i - 1) / 2]); i = (i - 1) / 2)
                events->heap[i] = events->heap[(i - 1) / 2];
        events->heap[i] = event;
}

uint64_t sim_events_next(const struct sim_events *events)
{
        return events->count ? events->heap[0].at_ns : UINT64_MAX;
}

struct sim_event sim_events_take(struct sim_events *events)
{
        struct sim_event first, last;
        size_t i = 0, child;

        WG_ASSERT(events->count);
        first = events->heap[0];
        last = events->heap[--events->count];
        while ((child = 2 * i + 1) < events->count) {
                if (child + 1 < events->count &&
                    is_before(&events->heap[child + 1], &events->heap[child]))
                        child++;
                if (!is_before(&events->heap[child], &last))
                        break;
                events->heap[i] = events->heap[child];
                i = child;
        }
        events->heap[i] = last;
        return first;
}
