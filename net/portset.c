/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "net/portset.h"

#include <stdlib.h>

#include "base/ip.h"

enum { PORT_MOST = 65535 };

void tl_port_spans_add(struct tl_port_spans *spans, uint8_t protocol, uint16_t first, uint16_t last)
{
        if (spans->count == spans->capacity) {
                uint32_t capacity = spans->capacity ? 2 * spans->capacity : 8;
                struct tl_port_span *larger = realloc(spans->items,
                                                      (size_t)capacity * sizeof(*larger));

                if (!larger) {
                        spans->has_no_memory = true;
                        return;
                }
                spans->items = larger;
                spans->capacity = capacity;
        }
        spans->items[spans->count++] = (struct tl_port_span){
                .protocol = protocol, .first = first, .last = last};
}

void tl_port_spans_add_all(struct tl_port_spans *spans)
{
        tl_port_spans_add(spans, WG_PROTOCOL_ICMP, 0, 0);
        tl_port_spans_add(spans, WG_PROTOCOL_TCP, 0, PORT_MOST);
        tl_port_spans_add(spans, WG_PROTOCOL_UDP, 0, PORT_MOST);
}

void tl_port_spans_done(struct tl_port_spans *spans)
{
        free(spans->items);
        *spans = (struct tl_port_spans){0};
}

/* ---- numbers ---- */

/* The order of spans, and their form in the collection. */
static uint64_t pack(const struct tl_port_span *span)
{
        return (uint64_t)span->protocol << 32 | (uint64_t)span->first << 16 | span->last;
}

static struct tl_port_span unpack(uint64_t item)
{
        return (struct tl_port_span){
                .protocol = (uint8_t)(item >> 32),
                .first = (uint16_t)(item >> 16),
                .last = (uint16_t)item,
        };
}

static int compare(const void *left, const void *right)
{
        uint64_t a = pack(left), b = pack(right);

        return (a > b) - (a < b);
}

/* Joins spans that overlap or touch each other. They are sorted. */
static void join(struct tl_port_spans *spans)
{
        uint32_t kept = 0;

        for (uint32_t i = 0; i < spans->count; i++) {
                struct tl_port_span *last = kept ? &spans->items[kept - 1] : NULL;
                const struct tl_port_span *span = &spans->items[i];

                if (!last || last->protocol != span->protocol || span->first > last->last + 1)
                        spans->items[kept++] = *span;
                else if (span->last > last->last)
                        last->last = span->last;
        }
        spans->count = kept;
}

uint32_t tl_portset_make(struct tl_intern *sets, struct tl_port_spans *spans)
{
        uint32_t set = 0;

        sets->has_no_memory |= spans->has_no_memory;
        if (spans->count == 0)
                return 0;
        qsort(spans->items, spans->count, sizeof(*spans->items), compare);
        join(spans);
        for (uint32_t i = 0; i < spans->count; i++)
                set = tl_intern_add(sets, set, pack(&spans->items[i]));
        return set;
}

void tl_portset_list(const struct tl_intern *sets, uint32_t set, struct tl_port_spans *spans)
{
        spans->count = 0;
        while (set != 0) {
                struct tl_intern_item last = tl_intern_last(sets, set);
                struct tl_port_span span = unpack(last.item);

                tl_port_spans_add(spans, span.protocol, span.first, span.last);
                set = last.before;
        }
        for (uint32_t i = 0; i < spans->count / 2; i++) {
                struct tl_port_span swap = spans->items[i];

                spans->items[i] = spans->items[spans->count - 1 - i];
                spans->items[spans->count - 1 - i] = swap;
        }
}

/* ---- difference ---- */

/* Adds what is left of a span without those of `b`, which are sorted. */
static void add_rest(struct tl_port_spans *rest, struct tl_port_span span,
                     const struct tl_port_spans *b)
{
        uint32_t first = span.first; /* of what is left; may pass the last port */

        for (uint32_t i = 0; i < b->count && first <= span.last; i++) {
                const struct tl_port_span *gone = &b->items[i];

                if (gone->protocol != span.protocol || gone->last < first ||
                    gone->first > span.last)
                        continue;
                if (gone->first > first)
                        tl_port_spans_add(rest, span.protocol, (uint16_t)first,
                                          (uint16_t)(gone->first - 1));
                first = (uint32_t)gone->last + 1;
        }
        if (first <= span.last)
                tl_port_spans_add(rest, span.protocol, (uint16_t)first, span.last);
}

uint32_t tl_portset_minus(struct tl_intern *sets, uint32_t a, uint32_t b)
{
        struct tl_port_spans from = {0}, gone = {0}, rest = {0};
        uint32_t set;

        tl_portset_list(sets, a, &from);
        tl_portset_list(sets, b, &gone);
        for (uint32_t i = 0; i < from.count; i++)
                add_rest(&rest, from.items[i], &gone);
        rest.has_no_memory |= from.has_no_memory || gone.has_no_memory;
        set = tl_portset_make(sets, &rest);
        tl_port_spans_done(&from);
        tl_port_spans_done(&gone);
        tl_port_spans_done(&rest);
        return set;
}
