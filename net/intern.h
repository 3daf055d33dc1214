/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * intern.h - numbers for sequences of items: equal sequences have the same number.
 *
 * A sequence is another one with one item added; the empty one is 0. The numbers of two sequences
 * can be compared instead of their items, in constant time.
 * Threads: one owner at a time. */
#ifndef NET_INTERN_H
#define NET_INTERN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct tl_intern_item {
        uint64_t item;   /* the last one */
        uint32_t before; /* the sequence without it */
};

/* Zeroed memory is a collection of the empty sequence only. */
struct tl_intern {
        struct tl_intern_item *items; /* by number, from 1 */
        uint32_t *slots;              /* open addressing; 0: free */
        uint32_t count, capacity;     /* of items; there are twice as many slots */
        bool has_no_memory;           /* numbers mean nothing any more */
};

/* The number of a sequence with one item added. Takes constant time. Returns 0, and sets
 * has_no_memory, if there is no memory. */
uint32_t tl_intern_add(struct tl_intern *intern, uint32_t sequence, uint64_t item);

/* The last item of a sequence that is not empty, and the sequence without it. */
static inline struct tl_intern_item tl_intern_last(const struct tl_intern *intern,
                                                   uint32_t sequence)
{
        return intern->items[sequence];
}

/* Frees everything. Accepts zeroed memory. */
void tl_intern_done(struct tl_intern *intern);

#endif
